"""The predictions file: one line an example."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bertkit.runs.atomic import json_text, write_text
from bertkit.tasks.base import Example, Prediction, Task


def write_predictions(
    path: Path, task: Task, examples: Sequence[Example], predictions: Sequence[Prediction]
) -> None:
    """Write id, prediction, reference and scores, in the order of the examples."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        json_text(_line(task, example, prediction))
        for example, prediction in zip(examples, predictions, strict=True)
    ]
    write_text(path, "".join(f"{line}\n" for line in lines))


def _line(task: Task, example: Example, prediction: Prediction) -> dict[str, object]:
    line: dict[str, object] = {"id": example.id, "prediction": prediction.value}
    line["reference"] = task.shown(example)
    if prediction.score is not None:
        line["score"] = prediction.score
    if prediction.scores:
        line["scores"] = dict(prediction.scores)
    return line
