"""A metric in two parts: what is counted of each example, and what the score is of the sums.

Examples that count the same are one kind, so that a resample of a million predictions is a draw of a few
numbers: how often each kind occurs. That is what intervals (`intervals.py`) and paired tests
(`significance.py`) are made of. `finish` gives of the sums of all examples what the metric's own function
gives of the examples; the tests hold the two together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bertkit.data.tag_schemes import entities_of
from bertkit.evaluation.answers import AnswerScore, question_scores
from bertkit.evaluation.counts import (
    Array,
    ClassCounts,
    matthews_correlation,
    mean_over,
    micro_f1,
    ratio,
    weighted_f1,
)

Finish = Callable[[Array], Array]
# From so many labels on, the counts of a kind are nearly all 0 and are kept as a sparse matrix.
_SPARSE_LABELS = 64
# A spread that is smaller, as a part of the squares, is a rounding error.
_CONSTANT = 1e-13
_NAN = float("nan")


@dataclass(frozen=True)
class Tally:
    """The examples of one set, as one metric sees them.

    Attributes:
        codes: (examples,) the kind of each example, a row of `counts`.
        counts: (kinds, statistics) what an example of each kind adds; an array, or a scipy sparse one.
        finish: from sums (..., statistics) to scores (...).
        share: the score is the share of examples for which something holds: one statistic of 0 or 1, and how
            many examples it is asked of.
    """

    codes: NDArray[np.int64]
    counts: Any
    finish: Finish
    share: bool = False

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def frequencies(self) -> NDArray[np.int64]:
        """(kinds,) how many examples are of each kind."""
        return np.bincount(self.codes, minlength=self.counts.shape[0])

    @property
    def totals(self) -> Array:
        """(statistics,) the sums over all examples."""
        frequencies = self.frequencies
        # Only of the kinds that there are: those of another system may count nan.
        present = np.flatnonzero(frequencies)
        return np.asarray(frequencies[present] @ self.counts[present], dtype=np.float64)

    @property
    def score(self) -> float:
        """The score of the whole; nan without examples."""
        return float(self.finish(self.totals)) if len(self) else _NAN

    def part(self, chosen: NDArray[Any]) -> Tally:
        """The same of some examples: a mask or their numbers."""
        return replace(self, codes=self.codes[chosen])


TallyFunction = Callable[..., Tally]
_Formula = Callable[[ClassCounts], Array]


def _first_over_second(totals: Array) -> Array:
    return ratio(totals[..., 0], totals[..., 1])


def _kinds(statistics: Array) -> tuple[NDArray[np.int64], Array]:
    """(examples, statistics) as codes and the distinct rows."""
    if not len(statistics):
        return np.empty(0, np.int64), np.empty((0, statistics.shape[1]))
    rows, codes = np.unique(statistics, axis=0, return_inverse=True)
    return codes.reshape(-1).astype(np.int64), rows


def _kinds_of_two(left: Array, right: Array) -> tuple[NDArray[np.int64], Array]:
    """The same of two columns, which is five times as fast."""
    both = np.empty(len(left), dtype=np.complex128)
    both.real, both.imag = left, right
    pairs, codes = np.unique(both, return_inverse=True)
    return codes.reshape(-1).astype(np.int64), np.stack([pairs.real, pairs.imag], axis=1)


def mean_tally(values: ArrayLike, asked: ArrayLike | None = None, *, share: bool = False) -> Tally:
    """The mean of a value of each example; with `asked` only of those where it is true."""
    column = np.asarray(values, dtype=np.float64)
    weight = np.ones(len(column)) if asked is None else np.asarray(asked, dtype=np.float64)
    codes, counts = _kinds_of_two(np.where(weight > 0, column, 0.0), weight)
    return Tally(codes, counts, _first_over_second, share)


def agreement(predictions: ArrayLike, references: ArrayLike, *, label_count: int) -> Tally:
    """Share of examples whose class, or whose every label, is right."""
    equal = np.asarray(predictions) == np.asarray(references)
    return mean_tally(equal if equal.ndim == 1 else equal.all(axis=1), share=True)


def by_class(formula: _Formula) -> TallyFunction:
    """The tally of a score that is made of class counts."""

    def tally(predictions: ArrayLike, references: ArrayLike, *, label_count: int) -> Tally:
        return class_tally(predictions, references, label_count=label_count, formula=formula)

    return tally


def class_tally(
    predictions: ArrayLike, references: ArrayLike, *, label_count: int, formula: _Formula
) -> Tally:
    """What each example adds to the counts of the classes: right, predicted and actual, a third each."""
    predicted, expected = np.asarray(predictions), np.asarray(references)
    exclusive = expected.ndim == 1

    def finish(totals: Array) -> Array:
        return formula(counts_of(totals, exclusive=exclusive))

    if not exclusive:
        right = predicted * expected
        codes, counts = _kinds(np.concatenate([right, predicted, expected], axis=1).astype(np.float64))
        return Tally(codes, counts, finish)
    joint = predicted.astype(np.int64) * label_count + expected.astype(np.int64)
    pairs, codes = np.unique(joint, return_inverse=True)
    return Tally(
        codes.astype(np.int64), _class_rows(pairs // label_count, pairs % label_count, label_count), finish
    )


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


def squared_errors(predictions: ArrayLike, references: ArrayLike, *, label_count: int) -> Tally:
    """Mean squared error; nan where a value is no finite number."""
    with np.errstate(over="ignore"):
        return mean_tally(_differences(predictions, references) ** 2)


def absolute_errors(predictions: ArrayLike, references: ArrayLike, *, label_count: int) -> Tally:
    """Mean absolute error; nan where a value is no finite number."""
    return mean_tally(np.abs(_differences(predictions, references)))


def _differences(predictions: ArrayLike, references: ArrayLike) -> Array:
    left, right = (_finite(np.asarray(side, np.float64)) for side in (predictions, references))
    return left - right


def _finite(values: Array) -> Array:
    """Infinities become nan, so that any sum with them is nan without a warning."""
    return np.where(np.isfinite(values), values, _NAN)


def products(predictions: ArrayLike, references: ArrayLike, *, label_count: int) -> Tally:
    """The sums that a Pearson correlation is made of; nan where a value is no finite number."""
    left, right = (_standardised(_finite(np.asarray(side, np.float64))) for side in (predictions, references))
    codes, pairs = _kinds_of_two(left, right)
    left, right = pairs[:, 0], pairs[:, 1]
    statistics = [left, right, left * left, right * right, left * right, np.ones(len(left))]
    return Tally(codes, np.stack(statistics, axis=1), _pearson)


def _standardised(values: Array) -> Array:
    """With mean 0 and spread 1, which changes no correlation and keeps its sums exact; nan stays nan."""
    known = values[np.isfinite(values)]
    if not len(known) or np.ptp(known) == 0:
        return np.where(np.isfinite(values), 0.0, _NAN)
    top = np.abs(known).max()  # squares of 1e200 or 1e-200 leave the range of a float
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


Items = Callable[[Any], Any]
"""What is counted of one example: distinct items whose first part is their label."""


def item_rows(
    predicted: Sequence[Any], expected: Sequence[Any], items: Items
) -> tuple[tuple[str, ...], Array]:
    """Right, predicted and actual items of each example by label.

    Returns:
        the labels that occur on either side, sorted, and (examples, 3 x labels).
    """
    sides = [(set(items(left)), set(items(right))) for left, right in zip(predicted, expected, strict=True)]
    labels = tuple(sorted({item[0] for found, wanted in sides for item in found | wanted}))
    number = {label: place for place, label in enumerate(labels)}
    rows = np.zeros((len(sides), 3 * len(labels)))
    for row, (found, wanted) in zip(rows, sides, strict=True):
        for offset, counted in ((0, found & wanted), (1, found), (2, wanted)):
            for item in counted:
                row[offset * len(labels) + number[item[0]]] += 1
    return labels, rows


def item_tally(rows: Array, formula: _Formula) -> Tally:
    """The tally of rows as `item_rows` gives them."""
    codes, counts = _kinds(rows)
    return Tally(codes, counts, lambda totals: formula(counts_of(totals, exclusive=True)))


def by_item(items: Items, formula: _Formula) -> TallyFunction:
    """The tally of a score over items, as over the entities that the tags of each sentence name."""

    def tally(predicted: Sequence[Any], expected: Sequence[Any], *, label_count: int = 0) -> Tally:
        _, rows = item_rows(predicted, expected, items)
        return item_tally(rows, formula)

    return tally


def right_words(
    predicted: Sequence[Sequence[str]], expected: Sequence[Sequence[str]], *, label_count: int = 0
) -> Tally:
    """Share of words whose tag is right; resampled are sentences, whose words are not independent."""
    statistics = [
        (sum(tag == right for tag, right in zip(left, other, strict=True)), len(other))
        for left, other in zip(predicted, expected, strict=True)
    ]
    codes, counts = _kinds(np.asarray(statistics, np.float64).reshape(-1, 2))
    return Tally(codes, counts, _first_over_second)


def by_answer(field: str, *, answerable: bool | None = None) -> TallyFunction:
    """The tally of a mean over questions: `exact` or `f1`, of all or of those with or without an answer."""
    place = AnswerScore._fields.index(field)

    def tally(predicted: Sequence[str], expected: Sequence[Sequence[str]], *, label_count: int = 0) -> Tally:
        values = [score[place] for score in question_scores(predicted, expected)]
        asked = None if answerable is None else [bool(right) is answerable for right in expected]
        return mean_tally(values, asked, share=field == "exact")

    return tally


def right_frames(predicted: Sequence[Any], expected: Sequence[Any], *, label_count: int = 0) -> Tally:
    """Share of sentences whose intent and every tag are right."""
    pairs = zip(predicted, expected, strict=True)
    return mean_tally([left[0] == right[0] and list(left[1]) == list(right[1]) for left, right in pairs],
                      share=True)  # fmt: skip


def right_intents(predicted: Sequence[Any], expected: Sequence[Any], *, label_count: int = 0) -> Tally:
    """Share of sentences whose intent is right."""
    return mean_tally([left[0] == right[0] for left, right in zip(predicted, expected, strict=True)],
                      share=True)  # fmt: skip


def tag_items(tags: Sequence[str]) -> list[tuple[str, int]]:
    """Each word's tag, at its place."""
    return [(tag, place) for place, tag in enumerate(tags)]


def slot_items(frame: Any) -> Any:
    """The slots that the tags of a frame name."""
    return entities_of(frame[1])


def _macro_f1(counts: ClassCounts) -> Array:
    return mean_over(counts.f1, counts.averaged)


def _all_precision(counts: ClassCounts) -> Array:
    return ratio(counts.right.sum(axis=-1), counts.predicted.sum(axis=-1))


def _all_recall(counts: ClassCounts) -> Array:
    return ratio(counts.right.sum(axis=-1), counts.actual.sum(axis=-1))


# Of each metric of `bertkit.evaluation.metrics` but the Spearman correlation, which is no function of sums.
TALLIES: dict[str, TallyFunction] = {
    "accuracy": agreement,
    "f1": by_class(lambda counts: counts.f1[..., 1]),
    "f1_macro": by_class(_macro_f1),
    "f1_micro": by_class(micro_f1),
    "f1_weighted": by_class(weighted_f1),
    "precision": by_class(lambda counts: counts.precision[..., 1]),
    "recall": by_class(lambda counts: counts.recall[..., 1]),
    "precision_macro": by_class(lambda counts: mean_over(counts.precision, counts.averaged)),
    "recall_macro": by_class(lambda counts: mean_over(counts.recall, counts.averaged)),
    "balanced_accuracy": by_class(lambda counts: mean_over(counts.recall, counts.actual > 0)),
    "matthews": by_class(matthews_correlation),
    "subset_accuracy": agreement,
    "pearson": products,
    "mse": squared_errors,
    "mae": absolute_errors,
    "entity_f1": by_item(entities_of, micro_f1),
    "entity_precision": by_item(entities_of, _all_precision),
    "entity_recall": by_item(entities_of, _all_recall),
    "entity_f1_macro": by_item(entities_of, _macro_f1),
    "tag_accuracy": right_words,
    "tag_f1_macro": by_item(tag_items, _macro_f1),
    "answer_f1": by_answer("f1"),
    "exact_match": by_answer("exact"),
    "answerable_f1": by_answer("f1", answerable=True),
    "answerable_exact": by_answer("exact", answerable=True),
    "unanswerable_accuracy": by_answer("exact", answerable=False),
    "frame_accuracy": right_frames,
    "intent_accuracy": right_intents,
    "slot_f1": by_item(slot_items, micro_f1),
}
