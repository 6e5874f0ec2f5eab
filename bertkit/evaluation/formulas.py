"""The formulas of the metrics: pure functions in plain numpy.

Every function is called as `function(predictions, references, label_count=...)`. What the arrays hold
depends on the problem:

- `single_label`: class indices in the order of the recipe's labels, integers, `(examples,)`;
- `multi_label`: 0 or 1 for each label, `(examples, labels)`;
- `regression`: numbers, `(examples,)`.

Scores are fractions (0.927, not 92.7). No input at all gives nan for every metric. Plain numpy, so that
scoring costs no import of scikit-learn; the tests compare with scikit-learn and scipy.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import wraps
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bertkit.errors import RecipeError

Array = NDArray[Any]
_NAN = float("nan")


class MetricFunction(Protocol):
    """What all metrics of the table have in common."""

    def __call__(self, predictions: ArrayLike, references: ArrayLike, *, label_count: int) -> float:
        """The score as a fraction; nan without any values; ValueError where the shapes differ."""
        ...


class _Formula(Protocol):
    def __call__(self, predictions: Array, references: Array, *, label_count: int) -> float: ...


def aligned(predictions: ArrayLike, references: ArrayLike) -> tuple[Array, Array]:
    """Both as arrays of one shape; ValueError where they differ."""
    predicted, expected = np.asarray(predictions), np.asarray(references)
    if predicted.shape[:1] != expected.shape[:1]:
        raise ValueError(f"{len(predicted)} predictions for {len(expected)} references")
    # Nothing and nothing agree, whatever their other dimensions: np.asarray([]) knows of no labels.
    if predicted.shape != expected.shape and len(expected):
        raise ValueError(f"predictions are {predicted.shape}, references {expected.shape}")
    return predicted, expected


def _guarded(formula: _Formula) -> MetricFunction:
    """Gives the formula arrays of one shape that are not empty; without any values the score is nan."""

    @wraps(formula)
    def function(predictions: ArrayLike, references: ArrayLike, *, label_count: int) -> float:
        predicted, expected = aligned(predictions, references)
        if predicted.size == 0 or expected.size == 0:
            return _NAN
        return formula(predicted, expected, label_count=label_count)

    return function


def _finite(formula: _Formula) -> _Formula:
    """Gives the formula float64; the score of a nan or an infinity is nan, an overflow is inf."""

    @wraps(formula)
    def function(predictions: Array, references: Array, *, label_count: int) -> float:
        predicted, expected = predictions.astype(np.float64), references.astype(np.float64)
        if not (np.isfinite(predicted).all() and np.isfinite(expected).all()):
            return _NAN
        with np.errstate(over="ignore"):
            return formula(predicted, expected, label_count=label_count)

    return function


def _two_labels(function: MetricFunction) -> MetricFunction:
    """Refuses any number of labels but two, before it looks at the values."""
    name: str = function.__name__  # type: ignore[attr-defined]
    others = "f1_macro" if name == "f1" else f"{name}_macro or f1_macro"

    @wraps(function)
    def checked(predictions: ArrayLike, references: ArrayLike, *, label_count: int) -> float:
        if label_count != 2:
            raise RecipeError(
                f"metric {name} scores exactly 2 labels, this task has {label_count}", hint=f"use {others}"
            )
        return function(predictions, references, label_count=label_count)

    return checked


@dataclass(frozen=True)
class _Counts:
    """For each label, `(labels,)`: how often right, predicted, and in the references.

    `averaged` marks the labels that a macro average runs over, as scikit-learn does by default: of
    single-label classes those that occur in the references or the predictions, of multi-label ones all.
    """

    right: Array
    predicted: Array
    actual: Array
    averaged: Array

    @property
    def precision(self) -> Array:
        return _ratio(self.right, self.predicted)

    @property
    def recall(self) -> Array:
        return _ratio(self.right, self.actual)

    @property
    def f1(self) -> Array:
        return _ratio(2 * self.right, self.predicted + self.actual)


def _ratio(numerator: Array, denominator: Array) -> Array:
    """Quotients, and 0 where the denominator is 0: a label never predicted has precision 0."""
    return np.divide(numerator, denominator, out=np.zeros(len(denominator)), where=denominator > 0)


def _counts(predictions: Array, references: Array, label_count: int) -> _Counts:
    if references.ndim == 2:
        predicted, actual = predictions.astype(bool), references.astype(bool)
        everywhere = np.ones(references.shape[1], dtype=bool)
        return _Counts(
            (predicted & actual).sum(axis=0), predicted.sum(axis=0), actual.sum(axis=0), everywhere
        )
    predicted, actual, right = (
        np.bincount(classes.astype(np.int64), minlength=label_count)
        for classes in (predictions, references, references[predictions == references])
    )
    return _Counts(right, predicted, actual, predicted + actual > 0)


@_guarded
def accuracy(predictions: Array, references: Array, *, label_count: int) -> float:
    """Share of examples whose class is right."""
    return float(np.mean(predictions == references))


@_guarded
def subset_accuracy(predictions: Array, references: Array, *, label_count: int) -> float:
    """Share of examples of which every label is right."""
    return float(np.mean((predictions == references).all(axis=1)))


@_two_labels
@_guarded
def f1(predictions: Array, references: Array, *, label_count: int) -> float:
    """F1 of class 1; 0 where class 1 is neither predicted nor in the references."""
    return float(_counts(predictions, references, label_count).f1[1])


@_two_labels
@_guarded
def precision(predictions: Array, references: Array, *, label_count: int) -> float:
    """Precision of class 1; 0 where class 1 is never predicted."""
    return float(_counts(predictions, references, label_count).precision[1])


@_two_labels
@_guarded
def recall(predictions: Array, references: Array, *, label_count: int) -> float:
    """Recall of class 1; 0 where class 1 is not in the references."""
    return float(_counts(predictions, references, label_count).recall[1])


@_guarded
def f1_macro(predictions: Array, references: Array, *, label_count: int) -> float:
    """Plain mean of the labels' F1, over the labels that occur (multi-label: over all labels)."""
    counts = _counts(predictions, references, label_count)
    return float(np.mean(counts.f1[counts.averaged]))


@_guarded
def precision_macro(predictions: Array, references: Array, *, label_count: int) -> float:
    """Plain mean of the labels' precision, over the same labels as `f1_macro`."""
    counts = _counts(predictions, references, label_count)
    return float(np.mean(counts.precision[counts.averaged]))


@_guarded
def recall_macro(predictions: Array, references: Array, *, label_count: int) -> float:
    """Plain mean of the labels' recall, over the same labels as `f1_macro`."""
    counts = _counts(predictions, references, label_count)
    return float(np.mean(counts.recall[counts.averaged]))


@_guarded
def f1_micro(predictions: Array, references: Array, *, label_count: int) -> float:
    """F1 of the counts of all labels together; of single-label classes this is the accuracy."""
    counts = _counts(predictions, references, label_count)
    total = counts.predicted.sum() + counts.actual.sum()
    return float(2 * counts.right.sum() / total) if total else 0.0


@_guarded
def f1_weighted(predictions: Array, references: Array, *, label_count: int) -> float:
    """Mean of the labels' F1, each weighted by how often the label is in the references."""
    counts = _counts(predictions, references, label_count)
    total = counts.actual.sum()
    return float(counts.f1 @ counts.actual / total) if total else 0.0


@_guarded
def balanced_accuracy(predictions: Array, references: Array, *, label_count: int) -> float:
    """Plain mean of the recall of the classes that are in the references."""
    counts = _counts(predictions, references, label_count)
    return float(np.mean(counts.recall[counts.actual > 0]))


@_guarded
def matthews(predictions: Array, references: Array, *, label_count: int) -> float:
    """Matthews correlation, for any number of classes; 0 where either side names one class only.

    The multi-class form: Gorodkin 2004, https://doi.org/10.1016/j.compbiolchem.2004.09.006
    """
    counts = _counts(predictions, references, label_count)
    square = len(references) ** 2
    covariance = counts.right.sum() * len(references) - counts.predicted @ counts.actual
    spread = (square - counts.predicted @ counts.predicted, square - counts.actual @ counts.actual)
    return float(covariance / (np.sqrt(spread[0]) * np.sqrt(spread[1]))) if all(spread) else 0.0


def _correlation(left: Array, right: Array) -> float:
    if np.all(left == left[0]) or np.all(right == right[0]):
        return _NAN
    # To at most 1 before and to length 1 after: squares of 1e200 or 1e-200 leave the range of a float.
    unit = []
    for values in (left, right):
        scaled = values / np.abs(values).max()
        centred = scaled - scaled.mean()
        unit.append(centred / np.linalg.norm(centred))
    return float(np.clip(unit[0] @ unit[1], -1.0, 1.0))


@_guarded
@_finite
def pearson(predictions: Array, references: Array, *, label_count: int) -> float:
    """Pearson correlation; nan where either side is constant or has fewer than 2 values."""
    return _correlation(predictions, references)


def _ranks(values: Array) -> Array:
    """Ranks from 1; equal values share the mean of their ranks."""
    _, position, count = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Array = (np.cumsum(count) - (count - 1) / 2)[position]
    return ranks


@_guarded
@_finite
def spearman(predictions: Array, references: Array, *, label_count: int) -> float:
    """Spearman rank correlation, ties sharing their mean rank; nan as for `pearson`."""
    return _correlation(_ranks(predictions), _ranks(references))


@_guarded
@_finite
def mse(predictions: Array, references: Array, *, label_count: int) -> float:
    """Mean squared error, in the square of the references' unit."""
    return float(np.mean((predictions - references) ** 2))


@_guarded
@_finite
def mae(predictions: Array, references: Array, *, label_count: int) -> float:
    """Mean absolute error, in the references' unit."""
    return float(np.mean(np.abs(predictions - references)))
