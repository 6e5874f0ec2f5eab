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
    best = best_threshold(gains, answerable, forced.no_answer_scores).value
    # Not at the score of one question, which would be decided by the rounding of its last digit.
    above = min((score for score in forced.no_answer_scores if score > best), default=1.0)
    return task.with_threshold((best + above) / 2)
