"""Which examples deserve a look: the surest of the errors, and labels that may themselves be wrong.

Both are orders in which a person reads, never verdicts: an example is in here because the model disagrees
with its label, and either of the two may be wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Of a normal distribution, 1.4826 times the median absolute deviation is the standard deviation.
_MAD_TO_DEVIATION = 1.4826
# Iglewicz and Hoaglin 1993, How to Detect and Handle Outliers: values this many deviations away.
OUTLIER_DEVIATIONS = 3.5


@dataclass(frozen=True)
class Suspect:
    """A label that may be wrong.

    Attributes:
        index: of the example.
        given: the class it is labelled with.
        likely: the class it looks like.
        given_probability: of the given class, by the model.
        likely_probability: of the other one.
    """

    index: int
    given: int
    likely: int
    given_probability: float
    likely_probability: float


def hardest_errors(confidence: ArrayLike, is_right: ArrayLike, count: int) -> list[int]:
    """The indices of the wrong predictions, the surest first, at most `count`; ties in their order."""
    sure, right = np.asarray(confidence, dtype=np.float64), np.asarray(is_right, dtype=bool)
    wrong = np.flatnonzero(~right)
    return [int(index) for index in wrong[np.argsort(-sure[wrong], kind="stable")][:count]]


def suspected_labels(probabilities: ArrayLike, given: ArrayLike) -> list[Suspect]:
    """The examples that confident learning counts as mislabelled, the surest first.

    A class has a threshold: the mean probability that the model gives it where it is the label. An example
    counts for the most probable of the classes whose threshold it reaches; where that is not its label, but
    more probable, the label is suspect. They are ordered by how far the probability of the label is behind.

    Northcutt, Jiang and Chuang 2021, Confident Learning: Estimating Uncertainty in Dataset Labels,
    https://doi.org/10.1613/jair.1.12125 (the off-diagonal of the confident joint). It wants probabilities of
    examples that the model was not trained on.

    Args:
        probabilities: (examples, classes).
        given: (examples,) the classes they are labelled with.
    """
    shares, labels = np.asarray(probabilities, dtype=np.float64), np.asarray(given, dtype=np.int64)
    if not len(labels):
        return []
    rows = np.arange(len(labels))
    own = shares[rows, labels]
    classes = shares.shape[1]
    counts = np.bincount(labels, minlength=classes)
    sums = np.bincount(labels, weights=own, minlength=classes)
    # A class that is no label here has no mean: nothing can count for it.
    thresholds = np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)
    reached = np.where(shares >= thresholds, shares, -np.inf)
    likely = reached.argmax(axis=1)
    best = shares[rows, likely]
    chosen = np.flatnonzero(np.isfinite(reached.max(axis=1)) & (likely != labels) & (best > own))
    order = chosen[np.argsort(-(best - own)[chosen], kind="stable")]
    return [
        Suspect(int(row), int(labels[row]), int(likely[row]), float(own[row]), float(best[row]))
        for row in order
    ]


def outliers(residuals: ArrayLike) -> list[int]:
    """The indices of residuals far from all others, the farthest first.

    Far is more than 3.5 deviations from the median, the deviation estimated from the median absolute one,
    so that the outliers do not hide themselves. Without any spread in half of them there are none.
    """
    values: NDArray[np.float64] = np.asarray(residuals, dtype=np.float64)
    if not len(values):
        return []
    away = np.abs(values - np.median(values))
    deviation = _MAD_TO_DEVIATION * float(np.median(away))
    if not deviation:
        return []
    far = np.flatnonzero(away > OUTLIER_DEVIATIONS * deviation)
    return [int(index) for index in far[np.argsort(-away[far], kind="stable")]]
