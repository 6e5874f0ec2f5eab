"""Tallies of numbers: errors, and the linear correlation."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from bertkit.evaluation.counts import Array
from bertkit.evaluation.tally import Tally, kinds_of_two, mean_tally

# A spread that is smaller, as a part of the squares, is a rounding error.
_CONSTANT = 1e-13
_NAN = float("nan")


def squared_errors(predictions: ArrayLike, references: ArrayLike, *, label_count: int) -> Tally:
    """Mean squared error; nan where a value is no finite number."""
    with np.errstate(over="ignore"):
        return mean_tally(_differences(predictions, references) ** 2, bounded=False)


def absolute_errors(predictions: ArrayLike, references: ArrayLike, *, label_count: int) -> Tally:
    """Mean absolute error; nan where a value is no finite number."""
    return mean_tally(np.abs(_differences(predictions, references)), bounded=False)


def _differences(predictions: ArrayLike, references: ArrayLike) -> Array:
    left, right = (_finite(np.asarray(side, np.float64)) for side in (predictions, references))
    return left - right


def _finite(values: Array) -> Array:
    """Infinities become nan, so that any sum with them is nan without a warning."""
    return np.where(np.isfinite(values), values, _NAN)


def products(predictions: ArrayLike, references: ArrayLike, *, label_count: int) -> Tally:
    """The sums that a Pearson correlation is made of; nan where a value is no finite number."""
    left, right = (_standardised(_finite(np.asarray(side, np.float64))) for side in (predictions, references))
    codes, pairs = kinds_of_two(left, right)
    left, right = pairs[:, 0], pairs[:, 1]
    statistics = [left, right, left * left, right * right, left * right, np.ones(len(left))]
    return Tally(codes, np.stack(statistics, axis=1), _pearson)


def _standardised(values: Array) -> Array:
    """With mean 0 and spread 1, which changes no correlation and keeps its sums exact; nan stays nan."""
    known = values[np.isfinite(values)]
    top = np.abs(known).max(initial=0.0)  # squares of 1e200 or 1e-200 leave the range of a float
    if not top or np.all(known == known[0]):
        return np.where(np.isfinite(values), 0.0, _NAN)
    known, values = known / top, values / top
    centred = known - known.mean()
    return np.asarray((values - known.mean()) / np.sqrt(np.mean(centred**2)))


def _pearson(totals: Array) -> Array:
    left, right, left_squares, right_squares, both, size = np.moveaxis(totals, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        covariance = both - left * right / size
        left_spread, right_spread = left_squares - left**2 / size, right_squares - right**2 / size
        # A constant sample has no correlation: its spread is 0, or what rounding leaves of it.
        varies = (left_spread > _CONSTANT * left_squares) & (right_spread > _CONSTANT * right_squares)
        correlation = covariance / np.where(varies, np.sqrt(left_spread) * np.sqrt(right_spread), np.nan)
    return np.asarray(np.clip(correlation, -1, 1))
