"""What is found of one split, wherever its predictions come from: scores, notes, what a page needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from bertkit.evaluation.assessment import assess, why_undefined
from bertkit.evaluation.results import SplitResult
from bertkit.tasks.base import Example, Prediction, Task
from bertkit.workflows.events import Listener, Note

Groups = Callable[[Sequence[Example]], Mapping[str, Sequence[str]]]


@dataclass(frozen=True)
class Assessed:
    """A scored split, with what its scores are made of.

    Attributes:
        task: with the calibration it was decoded with.
        result: scores, parts, slices.
        examples: in the order of the rows.
        predictions: one an example.
        notes: what a reader of the scores has to know.
    """

    task: Task
    result: SplitResult
    examples: Sequence[Example]
    predictions: Sequence[Prediction]
    notes: Sequence[str] = field(default=())


def assess_split(
    task: Task,
    name: str,
    metrics: Sequence[str],
    examples: Sequence[Example],
    predictions: Sequence[Prediction],
    *,
    select: str | None,
    groups: Groups | None = None,
    listen: Listener,
) -> Assessed:
    """Score the predictions of a split; what is without a reference or a score is said.

    Args:
        task: compares.
        name: of the split.
        metrics: to report.
        examples: in the order of the rows.
        predictions: one an example.
        select: the metric that scores slices; None: the first one.
        groups: from the examples that have a reference to the group of each, by slice.
        listen: told the notes.
    """
    referenced = [example for example in examples if example.target is not None]
    hidden = len(examples) - len(referenced)
    notes: list[str] = []
    if hidden:
        text = f"{name}: {hidden:,} of {len(examples):,} rows have no label"
        listen(Note(text, warning=hidden == len(examples)))
        notes.append(text)
    if not referenced:
        return Assessed(task, SplitResult(name, len(examples), {}), examples, predictions, notes)
    predicted, expected = cast("tuple[Sequence[Any], Sequence[Any]]", task.compare(examples, predictions))
    questions = [example.texts[0] for example in referenced] if task.labels.problem == "answers" else ()
    result = assess(
        name, task.labels, metrics, predicted, expected, rows=len(examples), questions=questions,
        groups=groups(referenced) if groups is not None else None, select=select,
    )  # fmt: skip
    for text in undefined_notes(result, predicted, expected):
        listen(Note(text, warning=True))
        notes.append(text)
    return Assessed(task, result, examples, predictions, notes)


def undefined_notes(result: SplitResult, predicted: Sequence[Any], expected: Sequence[Any]) -> list[str]:
    """A sentence for each score that is no number."""
    return [
        f"{result.name}: {metric} is not defined: {why_undefined(metric, predicted, expected)}"
        for metric, score in result.scores.items()
        if score.value != score.value
    ]
