"""Thresholds that suit a set of examples, found by the metric they are for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from bertkit.data.features import Features
from bertkit.evaluation.answers import best_threshold, question_scores
from bertkit.tasks.base import Abstaining, Example, Task


def calibrated(task: Task, kept: NDArray[Any], features: Features, examples: Sequence[Example]) -> Task:
    """The task with the no-answer threshold that gives these examples the best F1; itself if it has none.

    Args:
        task: decodes.
        kept: what it keeps of the model's outputs.
        features: of the examples.
        examples: those without a reference count nothing.
    """
    if not isinstance(task, Abstaining) or task.threshold is None:
        return task
    forced = task.forced(kept, features, examples)
    if not forced.answers:
        return task
    scores = question_scores(forced.answers, forced.references)
    answerable = [bool(references) for references in forced.references]
    gains = [score.f1 for score in scores]
    return task.with_threshold(best_threshold(gains, answerable, forced.no_answer_scores).value)
