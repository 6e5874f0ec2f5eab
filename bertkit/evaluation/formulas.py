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

from functools import wraps
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from bertkit.errors import RecipeError
from bertkit.evaluation.counts import (
    Array,
    ClassCounts,
    matthews_correlation,
    mean_over,
    micro_f1,
    weighted_f1,
)

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


def class_counts(predictions: Array, references: Array, label_count: int) -> ClassCounts:
    """How often each label is right, predicted and in the references, of classes or of sets of labels."""
    if references.ndim == 2:
        predicted, actual = predictions.astype(bool), references.astype(bool)
        sums = ((predicted & actual).sum(axis=0), predicted.sum(axis=0), actual.sum(axis=0))
        return ClassCounts(*sums, exclusive=False)
    right, guessed, wanted = (
        np.bincount(classes.astype(np.int64), minlength=label_count)
        for classes in (references[predictions == references], predictions, references)
    )
    return ClassCounts(right, guessed, wanted, exclusive=True)


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
    return float(class_counts(predictions, references, label_count).f1[1])


@_two_labels
@_guarded
def precision(predictions: Array, references: Array, *, label_count: int) -> float:
    """Precision of class 1; 0 where class 1 is never predicted."""
    return float(class_counts(predictions, references, label_count).precision[1])


@_two_labels
@_guarded
def recall(predictions: Array, references: Array, *, label_count: int) -> float:
    """Recall of class 1; 0 where class 1 is not in the references."""
    return float(class_counts(predictions, references, label_count).recall[1])


@_guarded
def f1_macro(predictions: Array, references: Array, *, label_count: int) -> float:
    """Plain mean of the labels' F1, over the labels that occur (multi-label: over all labels)."""
    counts = class_counts(predictions, references, label_count)
    return float(mean_over(counts.f1, counts.averaged))


@_guarded
def precision_macro(predictions: Array, references: Array, *, label_count: int) -> float:
    """Plain mean of the labels' precision, over the same labels as `f1_macro`."""
    counts = class_counts(predictions, references, label_count)
    return float(mean_over(counts.precision, counts.averaged))


@_guarded
def recall_macro(predictions: Array, references: Array, *, label_count: int) -> float:
    """Plain mean of the labels' recall, over the same labels as `f1_macro`."""
    counts = class_counts(predictions, references, label_count)
    return float(mean_over(counts.recall, counts.averaged))


@_guarded
def f1_micro(predictions: Array, references: Array, *, label_count: int) -> float:
    """F1 of the counts of all labels together; of single-label classes this is the accuracy."""
    return float(micro_f1(class_counts(predictions, references, label_count)))


@_guarded
def f1_weighted(predictions: Array, references: Array, *, label_count: int) -> float:
    """Mean of the labels' F1, each weighted by how often the label is in the references."""
    return float(weighted_f1(class_counts(predictions, references, label_count)))


@_guarded
def balanced_accuracy(predictions: Array, references: Array, *, label_count: int) -> float:
    """Plain mean of the recall of the classes that are in the references."""
    counts = class_counts(predictions, references, label_count)
    return float(mean_over(counts.recall, counts.actual > 0))


@_guarded
def matthews(predictions: Array, references: Array, *, label_count: int) -> float:
    """Matthews correlation, for any number of classes; 0 where either side names one class only."""
    return float(matthews_correlation(class_counts(predictions, references, label_count)))


def _correlation(left: Array, right: Array) -> float:
    if np.all(left == left[0]) or np.all(right == right[0]):
        return _NAN
    # To at most 1 before and to length 1 after: squares of 1e200 or 1e-200 leave the range of a float. By a
    # power of two, which rounds nothing: far from 0 the differences between values are all that counts.
    unit = []
    for values in (left, right):
        scaled = np.ldexp(values, -np.frexp(np.abs(values).max())[1])
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
