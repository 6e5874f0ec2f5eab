"""A metric in two parts: what is counted of each example, and what the score is of the sums.

Examples that count the same are one kind, so that a resample of a million predictions is a draw of a few
numbers: how often each kind occurs. That is what intervals (`intervals.py`) and paired tests
(`significance.py`) are made of. `finish` gives of the sums of all examples what the metric's own function
gives of the examples; the tests hold the two together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bertkit.evaluation.counts import Array, ratio

Finish = Callable[[Array], Array]
Asked = Callable[[Array], Any]
_NAN = float("nan")


@dataclass(frozen=True)
class Tally:
    """The examples of one set, as one metric sees them.

    Attributes:
        codes: (examples,) the kind of each example, a row of `counts`.
        counts: (kinds, statistics) what an example of each kind adds; an array, or a scipy sparse one.
        finish: from sums (..., statistics) to scores (...).
        asked: from sums (statistics,) to how many things the score is a share of, as the entities of a
            recall; 0 says that there is nothing to find. None for what is no share, as a squared error.
        share: of each example it is asked whether something holds: statistics are 0 or 1, and 1 where it is.
    """

    codes: NDArray[np.int64]
    counts: Any
    finish: Finish
    asked: Asked | None = None
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

    @property
    def size(self) -> float:
        """How many things the score is a share of; 0 for what is no share."""
        return float(self.asked(self.totals)) if self.asked is not None and len(self) else 0.0

    @property
    def says_nothing(self) -> bool:
        """True if there was nothing to find and nothing was found: its score of 0 is no fault."""
        return self.asked is not None and not self.size

    def part(self, chosen: NDArray[Any]) -> Tally:
        """The same of some examples: a mask or their numbers."""
        return replace(self, codes=self.codes[chosen])


TallyFunction = Callable[..., Tally]


def first_over_second(totals: Array) -> Array:
    """A sum by how many there are; 0 of none."""
    return ratio(totals[..., 0], totals[..., 1])


def kinds_of(statistics: Array) -> tuple[NDArray[np.int64], Array]:
    """(examples, statistics) as codes and the distinct rows."""
    if not len(statistics):
        return np.empty(0, np.int64), np.empty((0, statistics.shape[1]))
    # A row as one number, so that there is one to sort and not a row of them. Two rows with one number are as
    # good as impossible, and looked for.
    weights = np.random.default_rng(0).standard_normal(statistics.shape[1])
    _, first, codes = np.unique(statistics @ weights, return_index=True, return_inverse=True)
    rows, codes = np.asarray(statistics[first], dtype=np.float64), codes.reshape(-1).astype(np.int64)
    if not np.array_equal(rows[codes], statistics):
        rows, codes = np.unique(statistics, axis=0, return_inverse=True)
    return codes.reshape(-1).astype(np.int64), rows


def kinds_of_two(left: Array, right: Array) -> tuple[NDArray[np.int64], Array]:
    """The same of two columns, which is five times as fast."""
    both = np.empty(len(left), dtype=np.complex128)
    both.real, both.imag = left, right
    pairs, codes = np.unique(both, return_inverse=True)
    return codes.reshape(-1).astype(np.int64), np.stack([pairs.real, pairs.imag], axis=1)


def second(totals: Array) -> Array:
    """How many examples a mean is over."""
    return np.asarray(totals[..., 1])


def mean_tally(
    values: ArrayLike, asked: ArrayLike | None = None, *, share: bool = False, bounded: bool = True
) -> Tally:
    """The mean of a value of each example; with `asked` only of those where it is true.

    Args:
        values: (examples,) numbers.
        asked: (examples,) which of them count; None: all.
        share: they are 0 or 1.
        bounded: they lie between 0 and 1.
    """
    column = np.asarray(values, dtype=np.float64)
    weight = np.ones(len(column)) if asked is None else np.asarray(asked, dtype=np.float64)
    codes, counts = kinds_of_two(np.where(weight > 0, column, 0.0), weight)
    return Tally(codes, counts, first_over_second, second if bounded else None, share)
