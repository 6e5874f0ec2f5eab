"""Scores of classes from how often each was right, predicted and in the references.

Everything here works on many counts at once: arrays are `(..., labels)`, the score of one set of examples has
no leading axes, those of a thousand resamples have one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class ClassCounts:
    """For each label, `(..., labels)`: how often right, predicted, and in the references.

    Attributes:
        right: predicted where it is in the references.
        predicted: in the predictions.
        actual: in the references.
        exclusive: one label an example: macro averages then run over the labels that occur on either side, as
            scikit-learn does by default; else over all labels.
    """

    right: Array
    predicted: Array
    actual: Array
    exclusive: bool

    @property
    def averaged(self) -> Array:
        """Which labels a macro average runs over, `(..., labels)`."""
        if self.exclusive:
            return np.asarray(self.predicted + self.actual > 0)
        return np.ones(self.actual.shape, dtype=bool)

    @property
    def precision(self) -> Array:
        """Share of the predictions of a label that are right; 0 where it is never predicted."""
        return ratio(self.right, self.predicted)

    @property
    def recall(self) -> Array:
        """Share of the references of a label that are found; 0 where it is not in them."""
        return ratio(self.right, self.actual)

    @property
    def f1(self) -> Array:
        """The harmonic mean of both; 0 where the label is on neither side."""
        return ratio(2 * self.right, self.predicted + self.actual)


def ratio(numerator: Array, denominator: Array) -> Array:
    """Quotients, and 0 where the denominator is 0."""
    numerator, denominator = np.broadcast_arrays(numerator, denominator)
    return np.divide(numerator, denominator, out=np.zeros(numerator.shape), where=denominator > 0)


def mean_over(values: Array, chosen: Array) -> Array:
    """The plain mean of the chosen values of the last axis; 0 where none is chosen."""
    return ratio(np.where(chosen, values, 0.0).sum(axis=-1), chosen.sum(axis=-1))


def micro_f1(counts: ClassCounts) -> Array:
    """F1 of all labels together, `(...)`."""
    total = counts.predicted.sum(axis=-1) + counts.actual.sum(axis=-1)
    return ratio(2 * counts.right.sum(axis=-1), total)


def weighted_f1(counts: ClassCounts) -> Array:
    """Mean F1, each label weighted by how often it is in the references, `(...)`."""
    return ratio((counts.f1 * counts.actual).sum(axis=-1), counts.actual.sum(axis=-1))


def matthews_correlation(counts: ClassCounts) -> Array:
    """Matthews correlation for any number of classes, `(...)`; 0 where either side names one class only.

    The multi-class form: Gorodkin 2004, https://doi.org/10.1016/j.compbiolchem.2004.09.006
    """
    # Integers of Python's size are not needed: the squares of 1e7 examples still are exact in a float64.
    right, predicted, actual = (
        side.astype(np.float64) for side in (counts.right, counts.predicted, counts.actual)
    )
    size = actual.sum(axis=-1)
    covariance = right.sum(axis=-1) * size - (predicted * actual).sum(axis=-1)
    spread = [size**2 - (side**2).sum(axis=-1) for side in (predicted, actual)]
    return ratio(covariance, np.sqrt(spread[0] * spread[1]))
