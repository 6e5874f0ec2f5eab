"""Scores of tagged words: of the entities that the tags name, and of the tags themselves.

Both sides are tag names, a sequence a sentence. What counts as an entity follows conlleval, in any of the
schemes of `bertkit.data.tag_schemes`; `entity_report` also reads as `entity_readings` has it. An entity is
right where its label and both its ends are. Scores are fractions; without a single word every score is nan,
as in `formulas`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from bertkit.data.tag_schemes import entities_of
from bertkit.evaluation.entity_readings import Reading, reading, strict_scheme

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
    return _sum(_label_counts(predicted, expected, entities_of).values())


def _sum(counts: Collection[_Counts]) -> _Counts:
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


class EntityReport(dict[str, EntityScores]):
    """The scores of each label that occurs on either side, sorted by label, and those of all together.

    Attributes:
        mode: how the tags were read, of `entity_readings.MODES`.
        scheme: the scheme that strict mode read them in; None in the other modes.
        micro: of the entities of all labels together, CoNLL's scores.
        macro: plain mean of the labels; its `support` is that of all.
        weighted: mean of the labels, weighted by how often the references hold them.
        accuracy: share of words whose tag is right; nan without any word.
        unread: words of the references that are tagged, but in no entity as they were read. They are in no
            figure of this report: many of them mean that strict mode reads in the wrong scheme.
    """

    mode: str
    scheme: str | None
    micro: EntityScores
    macro: EntityScores
    weighted: EntityScores
    accuracy: float
    unread: int

    @property
    def reading(self) -> str:
        """How the tags were read, for people: `default`, or `strict, IOB2`."""
        return f"{self.mode}, {self.scheme}" if self.scheme else self.mode


def entity_report(
    predicted: Tagged,
    expected: Tagged,
    *,
    mode: str = "default",
    scheme: str | None = None,
    zero_division: float = 0.0,
) -> EntityReport:
    """Precision, recall and F1 of each label, and their averages.

    Args:
        predicted: tags, a sequence a sentence.
        expected: the references.
        mode: `default`, as seqeval and conlleval read IOB tags; `strict`, seqeval's; `conlleval`.
        scheme: for strict mode, of `entity_readings.STRICT_SCHEMES`; without it that of the references.
        zero_division: a precision without predictions, a recall without references, an F1 without both.

    Raises:
        ValueError: unequal sides, an unknown mode or scheme, a tag that strict mode's scheme does not know.
    """
    named = strict_scheme(expected, scheme) if mode == "strict" else None
    read = reading(mode, named)
    if not _words(predicted, expected):
        zero_division = _NAN
    counts = _label_counts(predicted, expected, read)
    report = EntityReport({label: _scores(count, zero_division) for label, count in counts.items()})
    report.mode, report.scheme = mode, named
    report.micro = _scores(_sum(counts.values()), zero_division)
    report.macro = _average(report, [1] * len(report), zero_division)
    report.weighted = _average(report, [scores.support for scores in report.values()], zero_division)
    report.accuracy = tag_accuracy(predicted, expected)
    report.unread = sum(_unread_words(tags, read) for tags in expected)
    return report


def _scores(count: _Counts, zero_division: float) -> EntityScores:
    return EntityScores(
        count.precision if count.predicted else zero_division,
        count.recall if count.actual else zero_division,
        count.f1 if count.predicted + count.actual else zero_division,
        count.actual,
    )


def _average(report: EntityReport, weights: Sequence[int], zero_division: float) -> EntityScores:
    """The mean over the labels; where all weights are 0, seqeval's: no entity is in the references."""
    support, total = report.micro.support, sum(weights)
    if not total:
        missed = zero_division if not report else 0.0
        return EntityScores(missed, zero_division, missed, support)
    pairs = list(zip(report.values(), weights, strict=True))
    return EntityScores(
        sum(scores.precision * weight for scores, weight in pairs) / total,
        sum(scores.recall * weight for scores, weight in pairs) / total,
        sum(scores.f1 * weight for scores, weight in pairs) / total,
        support,
    )


def _unread_words(tags: Sequence[str], read: Reading) -> int:
    tagged = sum(tag[:1] != "O" for tag in tags)
    return tagged - sum(entity.end - entity.start for entity in read(tags))
