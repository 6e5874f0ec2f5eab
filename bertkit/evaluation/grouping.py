"""Ways to divide examples into groups: by a column of the data, or by what can be told from the texts.

Each gives one name an example. The scores of the groups are in `slices.py`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertkit.data.words import find_words

# A column with more different values than these is cut at its quartiles, or its rare values are put together.
MOST_GROUPS = 12
OTHERS = "(others)"
MISSING = "(none)"

_NEGATION = re.compile(
    r"\b(?:no|not|never|none|nobody|nothing|nowhere|neither|nor|cannot|without|hardly|\w*n['\u2019]t)\b",
    re.IGNORECASE,
)
_BARE_WORD = re.compile(r"\w+")
# Not all that float() takes: "1_000" and "infinity" are no measurements.
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
# How files write that a number is missing; in a column of words the same may be a name, as of Namibia.
_NO_NUMBER = frozenset({"", "na", "n/a", "nan", "none", "null"})
# Up to here a float holds every whole number.
_EXACT = 2**53


def word_count(texts: Sequence[str]) -> int:
    """How many words the texts of an example have together, signs of punctuation included."""
    return sum(len(find_words(text)) for text in texts)


def by_length(texts: Iterable[Sequence[str]]) -> list[str]:
    """A group of each example by its number of words: quarters of the examples, as far as lengths differ."""
    lengths = np.asarray([word_count(each) for each in texts])
    return _quarters(lengths, lambda low, high: f"{_span(low, high)} {'words' if high > 1 else 'word'}")


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


def text_slices(
    texts: Sequence[Sequence[str]], *, known: frozenset[str] | None = None
) -> Mapping[str, list[str]]:
    """The automatic groups that texts alone tell: length, negation, and unseen words if any are known."""
    found = {"length": by_length(texts), "negation": by_negation(texts)}
    if known:
        found["unseen-words"] = by_unseen_words(texts, known)
    return found


def by_value(values: Sequence[Any]) -> list[str]:
    """A group of each example by the value of a column.

    Numbers of many different values, also as texts, are cut into quarters; of many other values the rarest
    are put together. What is missing is a group of its own.
    """
    names = [MISSING if _missing(value) else str(value) for value in values]
    counts = Counter(names)
    if len(counts.keys() - {MISSING}) > MOST_GROUPS and (numbers := _numbers(values)) is not None:
        there = np.isfinite(numbers)
        quarters = iter(_quarters(numbers[there], _span))
        return [next(quarters) if present else MISSING for present in there]
    if len(counts) <= MOST_GROUPS:
        return names
    frequent = set(sorted(counts, key=lambda name: (-counts[name], name))[: MOST_GROUPS - 1])
    return [name if name in frequent else OTHERS for name in names]


def _missing(value: Any) -> bool:
    return value is None or value == "" or value != value


def _numbers(values: Sequence[Any]) -> NDArray[np.float64] | None:
    """All values as numbers, nan where one is missing; None where one that is there is no number."""
    found = np.full(len(values), np.nan)
    for place, value in enumerate(values):
        if _missing(value) or (isinstance(value, str) and value.strip().lower() in _NO_NUMBER):
            continue
        if isinstance(value, str) and not _NUMBER.fullmatch(value.strip()):
            return None
        if not isinstance(value, int | float | str):
            return None
        try:
            found[place] = float(value)
        except OverflowError:  # a whole number beyond all floats
            return None
        if not math.isfinite(found[place]):
            return None
    return found


def _quarters(values: NDArray[Any], named: Callable[[float, float], str]) -> list[str]:
    edges = np.unique(np.quantile(values, [0.25, 0.5, 0.75], method="lower")) if len(values) else values
    place = np.searchsorted(edges, values, side="left")
    names = {
        number: named(values[place == number].min(), values[place == number].max())
        for number in np.unique(place)
    }
    return [names[number] for number in place]


def _span(low: float, high: float) -> str:
    return _short(low) if low == high else f"{_short(low)} to {_short(high)}"


def _short(value: float) -> str:
    """Whole numbers in full, so that times and other large ones do not all look alike."""
    return f"{int(value):,}" if value == int(value) and abs(value) < _EXACT else f"{value:,.6g}"
