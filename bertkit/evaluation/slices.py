"""Scores of groups of examples, and how far the best is from the worst: where a model works, and for whom.

A slice is a way to divide the examples: a column of the data, or what can be told from the texts (their
length, negation, words that the training never showed). This is also the report of fairness: a gap between
groups of people is a gap between slices.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertkit.evaluation.intervals import RESAMPLES, interval
from bertkit.evaluation.metrics import METRICS
from bertkit.evaluation.results import Gap, Grouping, GroupScores
from bertkit.evaluation.tallies import TALLIES, Tally

# Groups below this many examples are shown, and are not what a gap is measured between.
ENOUGH = 10
# A column with more different values than these is cut at its quartiles, or its rare values are put together.
MOST_GROUPS = 12
OTHERS = "(others)"
MISSING = "(none)"

# A word is what blanks divide; each Chinese character and Japanese sign counts as one.
_WORD = re.compile(r"[一-鿿㐀-䶿぀-ヿ]|[^\s一-鿿㐀-䶿぀-ヿ]+")
_NEGATION = re.compile(
    r"\b(?:no|not|never|none|nobody|nothing|nowhere|neither|nor|cannot|without|hardly|\w*n['\u2019]t)\b",
    re.IGNORECASE,
)
_BARE_WORD = re.compile(r"\w+")


def word_count(texts: Sequence[str]) -> int:
    """How many words the texts of an example have together."""
    return sum(len(_WORD.findall(text)) for text in texts)


def by_length(texts: Iterable[Sequence[str]]) -> list[str]:
    """A group of each example by its number of words: quarters of the examples, as far as lengths differ."""
    lengths = np.asarray([word_count(each) for each in texts])
    return _quarters(lengths, lambda low, high: f"{_span(low, high)} {'words' if high > 1 else 'word'}")


def _span(low: float, high: float) -> str:
    return f"{low:,.6g}" if low == high else f"{low:,.6g} to {high:,.6g}"


def _quarters(values: NDArray[Any], named: Callable[[float, float], str]) -> list[str]:
    edges = np.unique(np.quantile(values, [0.25, 0.5, 0.75], method="lower")) if len(values) else values
    place = np.searchsorted(edges, values, side="left")
    names = {
        number: named(values[place == number].min(), values[place == number].max())
        for number in np.unique(place)
    }
    return [names[number] for number in place]


def by_negation(texts: Iterable[Sequence[str]]) -> list[str]:
    """Whether an English word of negation occurs."""
    return ["with" if any(map(_NEGATION.search, each)) else "without" for each in texts]


def vocabulary(texts: Iterable[Sequence[str]]) -> frozenset[str]:
    """The words of the training texts, in small letters."""
    return frozenset(word for each in texts for text in each for word in _BARE_WORD.findall(text.lower()))


def by_unseen_words(texts: Iterable[Sequence[str]], known: frozenset[str]) -> list[str]:
    """How many words of each example the training never showed: 0, 1, or more."""
    groups = []
    for each in texts:
        unseen = {word for text in each for word in _BARE_WORD.findall(text.lower())} - known
        groups.append(str(len(unseen)) if len(unseen) < 2 else "2 or more")
    return groups


def by_value(values: Sequence[Any]) -> list[str]:
    """A group of each example by the value of a column.

    Numbers of many different values are cut into quarters; of many other values the rarest are put together.
    """
    present = {value for value in values if isinstance(value, int | float | str | bool)}
    numbers = [value for value in values if isinstance(value, int | float) and value == value]
    if len(present) > MOST_GROUPS and len(numbers) == sum(value is not None for value in values):
        return _quarters(np.asarray(values, dtype=np.float64), _span) if len(numbers) == len(values) else [
            MISSING if value is None else "(a number)" for value in values
        ]  # fmt: skip
    names = [MISSING if value is None or value == "" else str(value) for value in values]
    found, counts = np.unique(names, return_counts=True)
    if len(found) <= MOST_GROUPS:
        return names
    frequent = {str(found[place]) for place in np.argsort(-counts, kind="stable")[: MOST_GROUPS - 1]}
    return [name if name in frequent else OTHERS for name in names]


def sliced(
    by: str,
    groups: Sequence[str],
    metric: str,
    predicted: Sequence[Any],
    expected: Sequence[Any],
    *,
    label_count: int,
) -> Grouping | None:
    """The score of each group by one metric, and the gap between them.

    Args:
        by: what the groups are made by.
        groups: one name an example.
        metric: of `TALLIES`.
        predicted: as metrics take them.
        expected: likewise.
        label_count: likewise.

    Returns:
        None where all examples are in one group.
    """
    names = np.asarray(groups)
    kinds, counts = np.unique(names, return_counts=True)
    if len(kinds) < 2:
        return None
    order = _reading_order(kinds, counts)
    whole = TALLIES[metric](predicted, expected, label_count=label_count)
    parts = {str(kind): whole.part(names == kind) for kind in order}
    scores = {kind: interval(part) for kind, part in parts.items()}
    found = tuple(GroupScores(kind, len(parts[kind]), {metric: scores[kind]}) for kind in parts)
    large = [
        part
        for part in parts.items()
        if len(part[1]) >= ENOUGH and scores[part[0]].value == scores[part[0]].value
    ]
    return Grouping(by, found, metric, _gap(large, metric) if len(large) > 1 else None)


def _reading_order(kinds: NDArray[Any], counts: NDArray[Any]) -> list[str]:
    """Spans of numbers as numbers run; names by their frequency, what has none or is the rest at the end."""

    def key(pair: tuple[Any, Any]) -> tuple[bool, float, int, str]:
        kind, count = str(pair[0]), int(pair[1])
        first = re.match(r"-?[\d,.]+(?:e[+-]?\d+)?", kind)
        number = float(first[0].replace(",", "").rstrip(".") or 0) if first else float("inf")
        return kind in (OTHERS, MISSING), number, -count, kind

    return [str(kind) for kind, _ in sorted(zip(kinds, counts, strict=True), key=key)]


def _gap(parts: Sequence[tuple[str, Tally]], metric: str) -> Gap:
    better = 1 if METRICS[metric].greater_is_better else -1
    scores = {name: part.score for name, part in parts}
    ranked = sorted(scores, key=lambda name: better * scores[name])
    difference = abs(scores[ranked[-1]] - scores[ranked[0]])
    return Gap(ranked[-1], ranked[0], difference, _chance([part for _, part in parts], difference))


def _chance(parts: Sequence[Tally], difference: float) -> float:
    """How often groups of these sizes differ as much, if all examples are dealt from one heap."""
    draws = np.random.default_rng(0)
    heap = sum((part.frequencies for part in parts), np.zeros(parts[0].counts.shape[0], np.int64))
    present = np.flatnonzero(heap)
    shares, counts = heap[present] / heap.sum(), parts[0].counts[present]
    step = max(1, 10_000_000 // len(present))
    spreads = []
    for first in range(0, RESAMPLES, step):
        size = min(step, RESAMPLES - first)
        drawn = [part.finish(draws.multinomial(len(part), shares, size=size) @ counts) for part in parts]
        spreads.append(np.ptp(np.stack(drawn), axis=0))
    spread = np.concatenate(spreads)
    return float((np.count_nonzero(spread >= difference - 1e-12) + 1) / (len(spread) + 1))


def text_slices(
    texts: Sequence[Sequence[str]], *, known: frozenset[str] | None = None
) -> Mapping[str, list[str]]:
    """The automatic groups that texts alone tell: length, negation, and unseen words if any are known."""
    found = {"length": by_length(texts), "negation": by_negation(texts)}
    if known:
        found["unseen-words"] = by_unseen_words(texts, known)
    return found
