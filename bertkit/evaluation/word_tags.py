"""The most frequent tag of each word: what taggers are measured against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertkit.tasks.base import Example
from bertkit.tasks.tag_names import OUTSIDE
from bertkit.tasks.tagging import TagDecoder, entities_in_text

Floats = NDArray[np.float64]

# A word that has several tags equally often gets the one that is more frequent among all words.
PRIOR_WEIGHT = 1e-6


class WordTags:
    """How often each word has each tag.

    Args:
        names: of the tags.
        scheme: of the task.
        train: examples.
        tags: the numbers of the tags of the words of each of them.
    """

    def __init__(
        self, names: Sequence[str], scheme: str, train: Sequence[Example], tags: Sequence[Sequence[int]]
    ) -> None:
        self._counts: dict[str, Floats] = {}
        for example, numbers in zip(train, tags, strict=True):
            for word, number in zip(words_of(example), numbers, strict=True):
                if word not in self._counts:
                    self._counts[word] = np.zeros(len(names))
                self._counts[word][number] += 1
        total = np.sum([np.zeros(len(names)), *self._counts.values()], axis=0)
        self._shares = total / max(1.0, total.sum())
        # A word never met is outside of all entities; where tags mark none, it has the most frequent one.
        self._unseen = np.eye(len(names))[names.index(OUTSIDE)] if OUTSIDE in names else self._shares
        self._decoder = TagDecoder(names, constrained=False, scheme=scheme)

    def tagged(self, example: Example, *, look: bool = True) -> tuple[list[str], Floats]:
        """The tags of the words and the share of each.

        Args:
            example: with its words.
            look: at the words; else each has the tag of a word never met.
        """
        counts = [self._counts.get(word) if look else None for word in words_of(example)]
        rows = [self._unseen if count is None else self._rates(count) for count in counts]
        return self._decoder.best(np.asarray(rows).reshape(len(rows), len(self._shares)))

    def _rates(self, counts: Floats) -> Floats:
        weighted: Floats = counts + PRIOR_WEIGHT * self._shares
        return np.asarray(weighted / weighted.sum())

    def value(self, example: Example, tags: Sequence[str], scores: Floats) -> Any:
        """Entities, or the tags where they mark none."""
        return tags if self._decoder.is_plain else entities_in_text(example, tags, scores)


def words_of(example: Example) -> list[str]:
    """The words of an example as they are written."""
    return [example.texts[0][start:end] for start, end in example.words]
