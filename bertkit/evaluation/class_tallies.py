"""Tallies of classes: of one label an example, or of several."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from bertkit.evaluation.counts import Array, ClassCounts
from bertkit.evaluation.tally import Tally, TallyFunction, kinds_of, mean_tally

Formula = Callable[[ClassCounts], Array]
# From so many labels on, the counts of a kind are nearly all 0 and are kept as a sparse matrix.
_SPARSE_LABELS = 64


def agreement(predictions: ArrayLike, references: ArrayLike, *, label_count: int) -> Tally:
    """Share of examples whose class, or whose every label, is right."""
    equal = np.asarray(predictions) == np.asarray(references)
    return mean_tally(equal if equal.ndim == 1 else equal.all(axis=1), share=True)


def by_class(formula: Formula, asked: Formula | None = None) -> TallyFunction:
    """The tally of a score that is made of class counts, and of what it is a share of."""

    def tally(predictions: ArrayLike, references: ArrayLike, *, label_count: int) -> Tally:
        return class_tally(predictions, references, label_count=label_count, formula=formula, asked=asked)

    return tally


def class_tally(
    predictions: ArrayLike,
    references: ArrayLike,
    *,
    label_count: int,
    formula: Formula,
    asked: Formula | None = None,
) -> Tally:
    """What each example adds to the counts of the classes: right, predicted and actual, a third each."""
    predicted, expected = np.asarray(predictions), np.asarray(references)
    exclusive = expected.ndim == 1

    finish = on_counts(formula, exclusive=exclusive)
    size = on_counts(asked, exclusive=exclusive) if asked is not None else None

    if not exclusive:
        right = predicted * expected
        codes, counts = kinds_of(np.concatenate([right, predicted, expected], axis=1))
        return Tally(codes, counts, finish, size)
    joint = predicted.astype(np.int64) * label_count + expected.astype(np.int64)
    pairs, codes = np.unique(joint, return_inverse=True)
    return Tally(
        codes.astype(np.int64),
        _class_rows(pairs // label_count, pairs % label_count, label_count),
        finish,
        size,
    )


def on_counts(formula: Formula, *, exclusive: bool) -> Callable[[Array], Array]:
    """A formula of class counts as one of their sums."""
    return lambda totals: formula(counts_of(totals, exclusive=exclusive))


def counts_of(totals: Array, *, exclusive: bool) -> ClassCounts:
    """The class counts (..., labels) that the sums (..., 3 x labels) of `class_tally` are."""
    right, predicted, actual = np.split(totals, 3, axis=-1)
    return ClassCounts(right, predicted, actual, exclusive)


def _class_rows(predicted: Array, expected: Array, label_count: int) -> Any:
    """(pairs, 3 x labels) what each pair of classes adds."""
    kinds = np.arange(len(predicted))
    agree = predicted == expected
    places = [kinds[agree], kinds, kinds]
    columns = [predicted[agree], predicted + label_count, expected + 2 * label_count]
    if label_count >= _SPARSE_LABELS:
        from scipy.sparse import csr_array

        row, column = np.concatenate(places), np.concatenate(columns)
        return csr_array((np.ones(len(row)), (row, column)), shape=(len(kinds), 3 * label_count))
    rows = np.zeros((len(kinds), 3 * label_count))
    for place, column in zip(places, columns, strict=True):
        rows[place, column] = 1.0
    return rows
