"""What a report draws of probabilities: confusion counts, reliability, ROC and precision-recall curves.

All of it is plain numpy over arrays of numbers; none of it draws.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

# As many bins as Guo et al. 2017 draw and compute with.
RELIABILITY_BINS = 15


@dataclass(frozen=True)
class Curve:
    """The points of a curve and the one number that sums it up.

    Attributes:
        x: (points,) false positive rate, or recall; never falling.
        y: (points,) true positive rate, or precision.
        area: under the ROC curve, or the average precision; nan where the curve is not defined.
    """

    x: Floats
    y: Floats
    area: float


@dataclass(frozen=True)
class Reliability:
    """How far confidence can be taken at its word, over bins of equal width.

    Attributes:
        edges: (bins + 1,) from 0 to 1.
        counts: (bins,) how many predictions have that confidence.
        confidence: (bins,) their mean confidence; nan where there are none.
        accuracy: (bins,) the share of them that is right; nan where there are none.
        ece: the expected calibration error: the mean of |accuracy - confidence| over all predictions; nan
            without any.
    """

    edges: Floats
    counts: Counts
    confidence: Floats
    accuracy: Floats
    ece: float


def confusion_counts(expected: ArrayLike, predicted: ArrayLike, size: int) -> Counts:
    """(size, size) how often class `row` was predicted as class `column`.

    Raises:
        ValueError: classes outside of `range(size)`, or not as many predictions as references.
    """
    rows, columns = np.asarray(expected, dtype=np.int64), np.asarray(predicted, dtype=np.int64)
    if rows.shape != columns.shape:
        raise ValueError(f"{columns.shape} predictions for {rows.shape} references")
    for values in (rows, columns):
        if values.size and not 0 <= values.min() <= values.max() < size:
            raise ValueError(f"classes from {values.min()} to {values.max()}, of {size}")
    return np.bincount(rows * size + columns, minlength=size * size).reshape(size, size)


def reliability(confidence: ArrayLike, right: ArrayLike, *, bins: int = RELIABILITY_BINS) -> Reliability:
    """Accuracy beside confidence, in bins of equal width that include their upper edge.

    Guo et al. 2017, On Calibration of Modern Neural Networks, section 2, https://arxiv.org/abs/1706.04599

    Args:
        confidence: (predictions,) the probability of what was predicted.
        right: (predictions,) whether it is right; of a yes-or-no decision whose probability of "yes" is
            given as `confidence`, whether "yes" is right.
        bins: how many.

    Raises:
        ValueError: not as many of the one as of the other, or a confidence that is no probability.
    """
    given, is_right = np.asarray(confidence, dtype=np.float64), np.asarray(right, dtype=np.float64)
    if given.shape != is_right.shape:
        raise ValueError(f"{given.shape} confidences for {is_right.shape} decisions")
    if given.size and not (given.min() >= 0 and given.max() <= 1):
        raise ValueError("a confidence is not between 0 and 1")
    edges = np.linspace(0.0, 1.0, bins + 1)
    places = np.clip(np.searchsorted(edges, given, side="left") - 1, 0, bins - 1)
    counts = np.bincount(places, minlength=bins)
    filled = np.maximum(counts, 1)
    sums = [np.bincount(places, weights=values, minlength=bins) for values in (given, is_right)]
    means, shares = (np.where(counts > 0, each / filled, np.nan) for each in sums)
    gaps = np.abs(sums[1] - sums[0]).sum()
    return Reliability(edges, counts, means, shares, float(gaps / given.size) if given.size else float("nan"))


def roc_curve(is_positive: ArrayLike, scores: ArrayLike) -> Curve:
    """Share of the positives found against the share of the negatives mistaken, from the highest score down.

    Equal scores are one step, so that their order does not count; the area is that under straight lines.
    Undefined, with an area of nan, where one of the two kinds is missing.
    """
    hits, taken = _steps(is_positive, scores)
    misses = taken - hits
    if not len(hits) or not hits[-1] or not misses[-1]:
        return Curve(np.empty(0), np.empty(0), float("nan"))
    x = np.concatenate([[0.0], misses / misses[-1]])
    y = np.concatenate([[0.0], hits / hits[-1]])
    return Curve(x, y, float(np.trapezoid(y, x)))


def precision_recall_curve(is_positive: ArrayLike, scores: ArrayLike) -> Curve:
    """Precision against recall, from the highest score down; the area is the average precision.

    The average precision is the mean of the precisions, each weighted by the recall it adds, without lines
    between the points. Undefined, with an area of nan, without a positive.
    """
    hits, taken = _steps(is_positive, scores)
    if not len(hits) or not hits[-1]:
        return Curve(np.empty(0), np.empty(0), float("nan"))
    recall, precision = hits / hits[-1], hits / taken
    area = float(np.sum(np.diff(recall, prepend=0.0) * precision))
    return Curve(np.concatenate([[0.0], recall]), np.concatenate([precision[:1], precision]), area)


def _steps(is_positive: ArrayLike, scores: ArrayLike) -> tuple[Counts, Counts]:
    """How many positives, and how many in all, are above or at each different score, from the highest down.

    Raises:
        ValueError: not as many of the one as of the other, or a score that is nan.
    """
    positive, values = np.asarray(is_positive, dtype=bool), np.asarray(scores, dtype=np.float64)
    if positive.shape != values.shape:
        raise ValueError(f"{values.shape} scores for {positive.shape} references")
    if np.isnan(values).any():
        raise ValueError("a score is nan")
    order = np.argsort(-values, kind="stable")
    ordered = values[order]
    last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True)) if len(ordered) else np.empty(0, int)
    return np.cumsum(positive[order])[last], last + 1


def thinned(curve: Curve, points: int) -> Curve:
    """The same curve with at most so many points, the ends included: a page need not hold 100,000.

    The points kept are evenly spread over the way the curve goes, each with the one before it, so that a step
    stays a step.
    """
    if len(curve.x) <= points:
        return curve
    way = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(curve.x)) + np.abs(np.diff(curve.y)))])
    places = np.searchsorted(way, np.linspace(0.0, way[-1], max(2, points // 2)))
    kept = np.unique(np.clip(np.concatenate([places - 1, places]), 0, len(way) - 1))
    return Curve(curve.x[kept], curve.y[kept], curve.area)
