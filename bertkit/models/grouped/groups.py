"""Which sequences of a batch attend together: padded to the longest of their group, and only there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

# The price of one more group in query-key pairs of one head: two dozen calls, forth and back.
GROUP_PRICE = 90_000
# Query-key pairs of a group, all heads: more of them leave the processor's cache.
MAX_PAIRS = 2_000_000


@dataclass(frozen=True)
class Group:
    """Neighbouring sequences.

    Attributes:
        sequences: the first of them and the one after the last.
        tokens: the same in tokens.
        length: of the longest.
        take: (sequences * length,) the token that stands at each padded place; None where none is padded.
        put: (tokens,) the padded place of each token; None where none is padded.
        empty: the places that are padded; None where none is.
        padding: (sequences, 1, 1, length) 0 at tokens and -inf at padding; None where none is padded.
    """

    sequences: tuple[int, int]
    tokens: tuple[int, int]
    length: int
    take: torch.Tensor | None
    put: torch.Tensor | None
    empty: torch.Tensor | None
    padding: torch.Tensor | None

    @property
    def size(self) -> int:
        """How many sequences."""
        return self.sequences[1] - self.sequences[0]


def plan_groups(lengths: NDArray[np.int64], *, heads: int) -> list[Group]:
    """Cut sequences of falling length into groups such that padding and the number of groups cost least.

    Args:
        lengths: (sequences,) tokens of each, falling.
        heads: of the attention.
    """
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return [
        _group(lengths, offsets, first, last) for first, last in _cheapest_cuts(lengths.astype(float), heads)
    ]


def _cheapest_cuts(lengths: NDArray[np.float64], heads: int) -> list[tuple[int, int]]:
    """First and last + 1 of each group: the shortest path over all places to cut."""
    count = len(lengths)
    pairs = lengths**2 * heads
    best = np.zeros(count + 1)
    came_from = np.zeros(count + 1, dtype=np.int64)
    for end in range(1, count + 1):
        price = pairs[:end] * np.arange(end, 0, -1)
        # A single sequence is a group whatever its size.
        price[:-1][price[:-1] > MAX_PAIRS] = np.inf
        price += best[:end]
        came_from[end] = np.argmin(price)
        best[end] = price[came_from[end]] + GROUP_PRICE
    cuts = []
    end = count
    while end > 0:
        cuts.append((int(came_from[end]), end))
        end = int(came_from[end])
    return cuts[::-1]


def _group(lengths: NDArray[np.int64], offsets: NDArray[np.int64], first: int, last: int) -> Group:
    import torch

    length = int(lengths[first])
    sequences, tokens = (first, last), (int(offsets[first]), int(offsets[last]))
    if tokens[1] - tokens[0] == length * (last - first):
        return Group(sequences, tokens, length, None, None, None, None)
    places = np.arange(length)
    real = places < lengths[first:last, None]
    # Padding repeats the last token of its sequence: nothing attends to it, what it attends to is dropped.
    take = offsets[first:last, None] + np.minimum(places, lengths[first:last, None] - 1)
    padding = np.where(real, np.float32(0), np.float32(-np.inf))[:, None, None, :]
    return Group(
        sequences, tokens, length, torch.from_numpy(take.ravel()),
        torch.from_numpy(np.flatnonzero(real)), torch.from_numpy(np.flatnonzero(~real)),
        torch.from_numpy(padding),
    )  # fmt: skip
