"""Scores of tagged words: of the entities that the tags name, and of the tags themselves.

Both sides are tag names, a sequence a sentence. What counts as an entity follows conlleval, in any of the
schemes of `bertkit.data.tag_schemes`; it is right where its label and both its ends are. Scores are
fractions; without a single word every score is nan, as in `formulas`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bertkit.data.tag_schemes import entities_of

Tagged = Sequence[Sequence[str]]
_NAN = float("nan")


@dataclass(frozen=True)
class EntityScores:
    """The scores of one label; `support` is how many entities of it the references hold."""

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class _Counts:
    """How many are right, predicted, and in the references; a score without a denominator is 0."""

    right: int
    predicted: int
    actual: int

    @property
    def precision(self) -> float:
        return self.right / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        return self.right / self.actual if self.actual else 0.0

    @property
    def f1(self) -> float:
        total = self.predicted + self.actual
        return 2 * self.right / total if total else 0.0


# What is counted: (label, place ...), each at most once a sentence.
_Items = Iterable[tuple[str, int] | tuple[str, int, int]]


def _tag_items(tags: Sequence[str]) -> list[tuple[str, int]]:
    return [(tag, place) for place, tag in enumerate(tags)]


def _words(predicted: Tagged, expected: Tagged) -> int:
    """The number of words; ValueError where the two sides do not have the same ones."""
    if len(predicted) != len(expected):
        raise ValueError(f"{len(predicted)} predictions for {len(expected)} references")
    for sentence, (left, right) in enumerate(zip(predicted, expected, strict=True)):
        if len(left) != len(right):
            raise ValueError(f"sentence {sentence} (from 0) has {len(left)} predicted tags for {len(right)}")
    return sum(map(len, expected))


def _label_counts(
    predicted: Tagged, expected: Tagged, items: Callable[[Sequence[str]], _Items]
) -> dict[str, _Counts]:
    """The counts of each label that occurs on either side, sorted by label."""
    right, guessed, actual = Counter[str](), Counter[str](), Counter[str]()
    for left, correct in zip(predicted, expected, strict=True):
        found, wanted = set(items(left)), set(items(correct))
        for counter, counted in ((right, found & wanted), (guessed, found), (actual, wanted)):
            counter.update(item[0] for item in counted)
    return {label: _Counts(right[label], guessed[label], actual[label]) for label in sorted(guessed | actual)}


def _entity_total(predicted: Tagged, expected: Tagged) -> _Counts | None:
    """The counts of all labels together; None without a single word."""
    if not _words(predicted, expected):
        return None
    counts = _label_counts(predicted, expected, entities_of).values()
    return _Counts(
        sum(count.right for count in counts),
        sum(count.predicted for count in counts),
        sum(count.actual for count in counts),
    )


def _mean_f1(predicted: Tagged, expected: Tagged, items: Callable[[Sequence[str]], _Items]) -> float:
    if not _words(predicted, expected):
        return _NAN
    counts = _label_counts(predicted, expected, items).values()
    return sum(count.f1 for count in counts) / len(counts) if counts else 0.0


def entity_f1(predicted: Tagged, expected: Tagged, *, label_count: int = 0) -> float:
    """F1 of the entities of all labels together, CoNLL's score; 0 where neither side has any."""
    total = _entity_total(predicted, expected)
    return total.f1 if total else _NAN


def entity_precision(predicted: Tagged, expected: Tagged, *, label_count: int = 0) -> float:
    """Share of the predicted entities that are right; 0 where none is predicted."""
    total = _entity_total(predicted, expected)
    return total.precision if total else _NAN


def entity_recall(predicted: Tagged, expected: Tagged, *, label_count: int = 0) -> float:
    """Share of the references' entities that are found; 0 where there are none."""
    total = _entity_total(predicted, expected)
    return total.recall if total else _NAN


def entity_f1_macro(predicted: Tagged, expected: Tagged, *, label_count: int = 0) -> float:
    """Plain mean of the labels' entity F1, over the labels that occur on either side."""
    return _mean_f1(predicted, expected, entities_of)


def tag_accuracy(predicted: Tagged, expected: Tagged, *, label_count: int = 0) -> float:
    """Share of words whose tag is right, those tagged `O` included."""
    words = _words(predicted, expected)
    pairs = zip(predicted, expected, strict=True)
    right = sum(tag == correct for left, other in pairs for tag, correct in zip(left, other, strict=True))
    return right / words if words else _NAN


def tag_f1_macro(predicted: Tagged, expected: Tagged, *, label_count: int = 0) -> float:
    """Plain mean of the F1 of the tags of words, `O` included, over the tags that occur on either side."""
    return _mean_f1(predicted, expected, _tag_items)


def entity_report(predicted: Tagged, expected: Tagged) -> dict[str, EntityScores]:
    """The scores of each label that occurs on either side, sorted by label."""
    _words(predicted, expected)
    return {
        label: EntityScores(counts.precision, counts.recall, counts.f1, counts.actual)
        for label, counts in _label_counts(predicted, expected, entities_of).items()
    }
