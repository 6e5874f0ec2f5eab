"""Texts that are nearly the same, found in time that grows with the number of texts and no faster.

Texts are compared by their shingles, each three words in a row. MinHash gives each text a short signature in
which two texts agree as often as they share shingles; texts that agree in one band of it are compared
exactly. Broder, "On the resemblance and containment of documents", 1997.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]

# Near-duplicates share so much of their shingles (Jaccard), and texts of fewer words only count when equal.
ALIKE = 0.8
FEWEST_WORDS = 8
# A pair that shares 0.8 is met in one of the bands with a probability of 0.998, one that shares 0.3 of 0.04.
_BANDS, _BAND_ROWS = 16, 5
# Boilerplate meets itself everywhere: so many candidates of one text are compared and no more.
_MOST_CANDIDATES = 40
# Texts whose signatures are made at once: bounds the memory.
_CHUNK = 10_000
# A word is what stands between blanks and punctuation; scripts without blanks give one word a character.
_UNSPACED = "\u0e00-\u0eff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+")


def near_duplicates(
    known: Sequence[tuple[str, ...]], asked: Sequence[tuple[str, ...]]
) -> list[tuple[int, int]]:
    """Which of the asked texts are nearly one of the known ones.

    Args:
        known: single texts or pairs, as the training rows.
        asked: likewise, as the rows of an eval split. Of a pair both texts have to be alike.

    Returns:
        (number in asked, number in known), one a text of asked at most, in their order.
    """
    vocabulary: dict[str, int] = {}
    index, queries = _Shingles.of(known, vocabulary), _Shingles.of(asked, vocabulary)
    if not len(index.numbers) or not len(queries.numbers):
        return []
    pairs = []
    for query, candidates in enumerate(_candidates(index.bands(), queries.bands())):
        for candidate in candidates:
            if index.is_like(candidate, queries, query):
                pairs.append((int(queries.numbers[query]), int(index.numbers[candidate])))
                break
    return pairs


@dataclass(frozen=True)
class _Shingles:
    """Hashes of the shingles of the texts that are long enough.

    Attributes:
        numbers: (texts,) which of the given texts each is.
        hashes: of all texts one after the other.
        offsets: (texts + 1,) where each begins.
        parts: for each text of each: how many hashes it has, and whether it is long.
    """

    numbers: NDArray[np.int64]
    hashes: Words
    offsets: NDArray[np.int64]
    parts: list[tuple[tuple[int, bool], ...]]

    @classmethod
    def of(cls, texts: Sequence[tuple[str, ...]], vocabulary: dict[str, int]) -> _Shingles:
        """Cut texts into words and these into shingles."""
        numbers: list[int] = []
        pieces: list[Words] = []
        parts: list[tuple[tuple[int, bool], ...]] = []
        for number, row in enumerate(texts):
            words = [_WORD.findall(text.casefold()) for text in row]
            if max(map(len, words), default=0) < FEWEST_WORDS:
                continue
            hashed = [
                _hashes([vocabulary.setdefault(word, len(vocabulary) + 1) for word in text]) for text in words
            ]
            numbers.append(number)
            parts.append(
                tuple(
                    (len(part), len(text) >= FEWEST_WORDS) for part, text in zip(hashed, words, strict=True)
                )
            )
            pieces += hashed
        lengths = [sum(count for count, _ in part) for part in parts]
        return cls(
            np.asarray(numbers, dtype=np.int64),
            np.concatenate(pieces) if pieces else np.empty(0, dtype=np.uint64),
            np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64),
            parts,
        )

    def bands(self) -> Words:
        """(bands, texts) one number for each band of the signature of each text."""
        found = np.empty((_BANDS, len(self.numbers)), dtype=np.uint64)
        for first in range(0, len(self.numbers), _CHUNK):
            last = min(first + _CHUNK, len(self.numbers))
            begin, end = self.offsets[first], self.offsets[last]
            hashes, starts = self.hashes[begin:end], self.offsets[first:last] - begin
            for band in range(_BANDS):
                joined = np.zeros(last - first, dtype=np.uint64)
                for row in range(_BAND_ROWS):
                    order = _mixed(hashes ^ _SEEDS[band * _BAND_ROWS + row])
                    joined = _mixed(joined ^ np.minimum.reduceat(order, starts))
                found[band, first:last] = joined
        return found

    def is_like(self, text: int, other: _Shingles, number: int) -> bool:
        """Whether two are alike, text by text."""
        one, two = self.offsets[text], other.offsets[number]
        if len(self.parts[text]) != len(other.parts[number]):
            return False
        for (count, is_long), (others, other_is_long) in zip(
            self.parts[text], other.parts[number], strict=True
        ):
            mine, theirs = self.hashes[one : one + count], other.hashes[two : two + others]
            one, two = one + count, two + others
            wanted = ALIKE if is_long and other_is_long else 1.0
            if _jaccard(mine, theirs) < wanted:
                return False
        return True


def _hashes(words: Sequence[int]) -> Words:
    """One number for each three words in a row; a text of fewer gives one."""
    filled = np.asarray([*words, *[0] * (3 - len(words))], dtype=np.uint64)
    first, second, third = filled[:-2], filled[1:-1], filled[2:]
    return _mixed(_mixed(_mixed(first) ^ second) ^ third)


def _mixed(values: Words) -> Words:
    """A number that looks random for each number (the finaliser of SplitMix64, two rounds)."""
    mixed = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


_SEEDS = _mixed(np.arange(1, _BANDS * _BAND_ROWS + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15))


def _jaccard(one: Words, two: Words) -> float:
    mine, theirs = set(one.tolist()), set(two.tolist())
    return len(mine & theirs) / len(mine | theirs)


def _candidates(known: Words, asked: Words) -> Iterator[list[int]]:
    """For each asked text the known ones that it meets in a band, those met in more bands first."""
    orders = [np.argsort(band, kind="stable") for band in known]
    bounds = []
    for band, order, wanted in zip(known, orders, asked, strict=True):
        ordered = band[order]
        bounds.append(
            (np.searchsorted(ordered, wanted, side="left"), np.searchsorted(ordered, wanted, side="right"))
        )
    for text in range(asked.shape[1]):
        met: dict[int, int] = {}
        for order, (starts, ends) in zip(orders, bounds, strict=True):
            end = min(ends[text], starts[text] + _MOST_CANDIDATES)
            for candidate in order[starts[text] : end].tolist():
                met[candidate] = met.get(candidate, 0) + 1
        yield sorted(met, key=lambda one: -met[one])[:_MOST_CANDIDATES]
