"""From predictions and references to all that is reported of a split: scores, intervals, parts, slices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bertkit.data.labels import LabelSet
from bertkit.evaluation.intervals import interval, resampled_interval
from bertkit.evaluation.metrics import METRICS, score
from bertkit.evaluation.parts import parts_of
from bertkit.evaluation.results import Interval, SplitResult
from bertkit.evaluation.slices import sliced
from bertkit.evaluation.tallies import TALLIES

# What scores a slice in which only one class occurs.
_BY_LABEL = {"single_label": "accuracy", "frames": "frame_accuracy"}


def assess(
    name: str,
    labels: LabelSet,
    metrics: Sequence[str],
    predicted: Sequence[Any],
    expected: Sequence[Any],
    *,
    rows: int | None = None,
    questions: Sequence[str] = (),
    groups: Mapping[str, Sequence[str]] | None = None,
    select: str | None = None,
) -> SplitResult:
    """What there is to say of the predictions of one split.

    Args:
        name: of the split.
        labels: of the task.
        metrics: to report, in their order.
        predicted: as metrics take them, of the examples that have a reference.
        expected: likewise.
        rows: examples of the split, those without a reference included; None: as many as references.
        questions: of `answers`: the question of each example.
        groups: for each slice the group of each example; `label` is scored by its share of right ones.
        select: the metric that scores slices; None: the first one.
    """
    size = len(expected)
    if not size:
        return SplitResult(name, rows or 0, {})
    scores = score(metrics, predicted, expected, problem=labels.problem, label_count=labels.outputs)
    found = []
    for by, names in (groups or {}).items():
        metric = select or metrics[0]
        if metric not in TALLIES:  # of ranks: the linear correlation stands for them
            metric = "pearson"
        if by == "label":
            metric = _BY_LABEL.get(labels.problem, metric)
        grouping = sliced(by, names, metric, predicted, expected, label_count=labels.outputs)
        found += [grouping] if grouping is not None else []
    return SplitResult(
        name,
        size if rows is None else rows,
        {metric: _interval(metric, value, labels, predicted, expected) for metric, value in scores.items()},
        parts_of(labels, predicted, expected, questions),
        tuple(found),
    )


def _interval(
    metric: str, value: float, labels: LabelSet, predicted: Sequence[Any], expected: Sequence[Any]
) -> Interval:
    if metric in TALLIES:
        return interval(TALLIES[metric](predicted, expected, label_count=labels.outputs), value=value)
    left, right = np.asarray(predicted), np.asarray(expected)
    function = METRICS[metric].function
    return resampled_interval(
        lambda rows: function(left[rows], right[rows], label_count=labels.outputs),
        len(right), value=value,
    )  # fmt: skip


def why_undefined(metric: str, predicted: Sequence[Any], expected: Sequence[Any]) -> str:
    """The reason why a score is nan, in words."""
    if not len(expected):
        return "there are no references to compare with"
    if metric in ("pearson", "spearman"):
        for side, values in (("predictions", predicted), ("references", expected)):
            numbers = np.asarray(values, dtype=np.float64)
            if not np.isfinite(numbers).all():
                return f"not all {side} are finite numbers"
            if np.ptp(numbers) == 0:
                count = (
                    f"all {len(numbers):,} {side} are"
                    if len(numbers) > 1
                    else f"the only one of the {side} is"
                )
                return f"{count} {numbers[0]:.6g}, and what does not vary correlates with nothing"
    if metric in ("mse", "mae"):
        return "not all predictions and references are finite numbers"
    return "there is nothing to score"
