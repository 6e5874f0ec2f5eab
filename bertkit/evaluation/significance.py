"""Is one system better than another, or was it luck?  Paired tests over the same examples.

Approximate randomisation (Noreen 1989; for our field: Riezler and Maxwell 2005,
https://aclanthology.org/W05-0908): if both systems were alike, it would not matter which of them said what.
So the two predictions of each example are swapped at random, ten thousand times, and the p-value is how often
the scores then differ at least as much as they do. Differences that are just as large count half ("mid-p",
docs/decisions/0013-intervals.md): on a few examples the test is else far stricter than it says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bertkit.evaluation.counts import Array
from bertkit.evaluation.intervals import enclosing
from bertkit.evaluation.results import Interval
from bertkit.evaluation.tallies import Tally

SHUFFLES = 10_000
_DRAWS_AT_ONCE = 10_000_000
# Differences that are equal but for rounding are equal.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class PairedTest:
    """What a comparison of two systems on the same examples says.

    Attributes:
        difference: the second score less the first, with its 95 % bootstrap interval.
        p_value: how likely so large a difference is between two systems that are alike; nan where a score is.
        differing: examples on which the two do not count the same.
    """

    difference: Interval
    p_value: float
    differing: int


@dataclass(frozen=True)
class _Pairs:
    """The kinds of pairs of predictions: what each side adds, and how many examples there are of each."""

    first: Array
    second: Array
    frequencies: NDArray[np.int64]


def paired_test(first: Tally, second: Tally, *, shuffles: int = SHUFFLES, seed: int = 0) -> PairedTest:
    """Compare two systems by the same metric on the same examples in the same order.

    Args:
        first: of one system.
        second: of the other one; both are parts of one tally, so that their kinds are the same.
        shuffles: random swaps, and a tenth as many resamples for the interval.
        seed: of the draws.

    Raises:
        ValueError: the two are not of as many examples, or not parts of one tally.
    """
    if len(first) != len(second) or first.counts is not second.counts:
        raise ValueError("a paired test needs one metric over the same examples")
    difference = second.score - first.score
    pairs = _pairs(first, second)
    differs = np.any(pairs.first != pairs.second, axis=1)
    differing = int(pairs.frequencies[differs].sum())
    if difference != difference:
        return PairedTest(Interval(difference, difference, difference), difference, differing)
    resampled = _resampled_differences(first, pairs, second, shuffles // 10, seed)
    interval = enclosing(difference, resampled, size=0)
    if not differing:
        return PairedTest(Interval(difference, difference, difference), 1.0, 0)
    shuffled = np.abs(_shuffled_differences(first, pairs, second, differs, shuffles, seed))
    shuffled = shuffled[np.isfinite(shuffled)]
    larger = (shuffled > abs(difference) + _ROUNDING).sum()
    equal = (np.abs(shuffled - abs(difference)) <= _ROUNDING).sum()
    # The arrangement that was seen is one of those that chance could give: it counts itself.
    p_value = (larger + (equal + 1) / 2) / (len(shuffled) + 1)
    return PairedTest(interval, float(min(1.0, p_value)), differing)


def _dense(counts: Array | object, rows: NDArray[np.int64]) -> Array:
    chosen = counts[rows]  # type: ignore[index]
    return np.asarray(chosen.toarray() if hasattr(chosen, "toarray") else chosen, dtype=np.float64)


def _pairs(first: Tally, second: Tally) -> _Pairs:
    kinds = second.counts.shape[0]
    joint, frequencies = np.unique(first.codes * kinds + second.codes, return_counts=True)
    return _Pairs(_dense(first.counts, joint // kinds), _dense(second.counts, joint % kinds), frequencies)


def _pieces(count: int, kinds: int) -> Sequence[int]:
    """How many draws to make at a time, so that memory stays small."""
    step = max(1, _DRAWS_AT_ONCE // max(1, kinds))
    return [min(step, count - done) for done in range(0, count, step)]


def _shuffled_differences(
    first: Tally, pairs: _Pairs, second: Tally, differs: Array, shuffles: int, seed: int
) -> Array:
    draws = np.random.default_rng(seed)
    moved = pairs.second[differs] - pairs.first[differs]
    frequencies = pairs.frequencies[differs]
    found = []
    for count in _pieces(shuffles, len(frequencies)):
        swapped = draws.binomial(frequencies, 0.5, size=(count, len(frequencies))) @ moved
        found.append(second.finish(second.totals - swapped) - first.finish(first.totals + swapped))
    return np.concatenate(found)


def _resampled_differences(first: Tally, pairs: _Pairs, second: Tally, resamples: int, seed: int) -> Array:
    draws = np.random.default_rng(seed)
    shares = pairs.frequencies / pairs.frequencies.sum()
    found = []
    for count in _pieces(resamples, len(shares)):
        weights = draws.multinomial(len(first), shares, size=count)
        found.append(second.finish(weights @ pairs.second) - first.finish(weights @ pairs.first))
    return np.concatenate(found)


def joined(systems: Sequence[Sequence[Tally]]) -> list[Tally]:
    """One tally a system, where each has several runs over the same examples: each example counts their mean.

    For metrics that are means over examples the score is the mean of the runs' scores; for others, such as
    F1, that of their counts together.

    Args:
        systems: the tallies of the runs of each; all are parts of one tally.
    """
    rows = [sum(_dense(run.counts, run.codes) for run in runs) / len(runs) for runs in systems]
    distinct, codes = np.unique(np.concatenate(rows), axis=0, return_inverse=True)
    whole = Tally(codes.reshape(-1).astype(np.int64), distinct, systems[0][0].finish)
    size = len(systems[0][0])
    return [whole.part(np.arange(number * size, (number + 1) * size)) for number in range(len(systems))]


def over_seeds(first: Sequence[float], second: Sequence[float]) -> float:
    """Welch's t-test of the scores of two systems over their seeds, two-sided; nan below two seeds each.

    Welch 1947, https://doi.org/10.1093/biomet/34.1-2.28
    """
    if min(len(first), len(second)) < 2:
        return float("nan")
    if np.ptp(first) == 0 and np.ptp(second) == 0:
        return 1.0 if first[0] == second[0] else 0.0
    from scipy.stats import ttest_ind

    return float(ttest_ind(second, first, equal_var=False).pvalue)
