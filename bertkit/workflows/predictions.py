"""The predictions file: one line an example, which holds all that scoring it again needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bertkit.runs.atomic import json_text, write_text
from bertkit.tasks.base import Example, Prediction, Task


def write_predictions(
    path: Path, task: Task, examples: Sequence[Example], predictions: Sequence[Prediction]
) -> None:
    """Write id, prediction, reference and scores, in the order of the examples.

    Where words are tagged, both sides' tags stand beside the entities, which do not tell how many words there
    are; where a question may have no answer, so does the score of that.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    tags = _reference_tags(task, examples, predictions)
    lines = [
        json_text(_line(task, example, prediction, tags))
        for example, prediction in zip(examples, predictions, strict=True)
    ]
    write_text(path, "".join(f"{line}\n" for line in lines))


def _reference_tags(
    task: Task, examples: Sequence[Example], predictions: Sequence[Prediction]
) -> Iterator[Any]:
    """The tags of the examples that have a reference, in their order."""
    if task.labels.problem not in ("tags", "frames"):
        return iter(())
    _, expected = task.compare(examples, predictions)
    return iter(expected if task.labels.problem == "tags" else [tags for _, tags in expected])


def _line(task: Task, example: Example, prediction: Prediction, tags: Iterator[Any]) -> dict[str, object]:
    line: dict[str, object] = {"id": example.id, "prediction": prediction.value}
    line["reference"] = task.shown(example)
    if prediction.score is not None:
        line["score"] = prediction.score
    if prediction.scores:
        line["scores"] = dict(prediction.scores)
    if task.labels.problem in ("tags", "frames"):
        line["tags"] = prediction.details["tags"]
        line["reference_tags"] = next(tags) if example.target is not None else None
    if "no_answer_score" in prediction.details:
        line["no_answer_score"] = prediction.details["no_answer_score"]
    return line
