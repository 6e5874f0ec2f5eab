"""Is one system better than another, or was it luck?  Paired tests over the same examples.

Approximate randomisation (Noreen 1989; for our field: Riezler and Maxwell 2005,
https://aclanthology.org/W05-0908): if both systems were alike, it would not matter which of them said what.
So the two predictions of each example are swapped at random, ten thousand times, and the p-value is how often
the scores then differ at least as much as they do. Differences that are just as large count half ("mid-p",
docs/decisions/0013-intervals.md): on a few examples the test is else far stricter than it says.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bertkit.evaluation.counts import Array
from bertkit.evaluation.intervals import around, paired_shares
from bertkit.evaluation.resampling import Sample, sample_of, side_by_side
from bertkit.evaluation.results import Interval
from bertkit.evaluation.tally import Tally

SHUFFLES = 10_000
# Values that are looked at, over all shuffles, where there are no sums to draw.
_ROWS_AT_MOST = 10_000_000
# Differences that are equal but for rounding are equal.
_ROUNDING = 1e-12
_NAN = float("nan")


@dataclass(frozen=True)
class PairedTest:
    """What a comparison of two systems on the same examples says.

    Attributes:
        difference: the second score less the first, with its 95 % interval.
        p_value: how likely so large a difference is between two systems that are alike; nan where a score is.
        differing: examples on which the two do not count the same.
    """

    difference: Interval
    p_value: float
    differing: int


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
    differs = first.codes != second.codes
    differing = int(differs.sum())
    if not math.isfinite(difference):
        return PairedTest(Interval(_NAN, _NAN, _NAN), _NAN, differing)
    interval = Interval(difference, difference, difference)
    if first.share:
        interval = _interval_of_shares(first, second, difference)
    if not differing:
        return PairedTest(interval, 1.0, 0)
    draws = np.random.default_rng(seed)
    swapped = _swapped_differences(first, second, differs, shuffles, draws)
    if not first.share:
        interval = _drawn_interval(first, second, difference, shuffles // 10, draws)
    return PairedTest(interval, mid_p(difference, swapped), differing)


def mid_p(difference: float, swapped: Array) -> float:
    """The p-value of a difference, two-sided.

    Args:
        difference: as it is.
        swapped: (shuffles,) as chance makes it; those that are nan are left out.
    """
    sizes = np.abs(swapped[np.isfinite(swapped)])
    larger = (sizes > abs(difference) + _ROUNDING).sum()
    equal = (np.abs(sizes - abs(difference)) <= _ROUNDING).sum()
    # The arrangement that was seen is one of those that chance could give: it counts itself.
    return float((larger + (equal + 1) / 2) / (len(sizes) + 1))


def _pairs(first: Tally, second: Tally, chosen: NDArray[np.bool_], draws: np.random.Generator) -> Sample:
    """The pairs of predictions of the chosen examples: what the first adds, then what the second does."""
    kinds = second.counts.shape[0]
    joint, codes = np.unique(first.codes[chosen] * kinds + second.codes[chosen], return_inverse=True)
    counts = side_by_side([first.counts[joint // kinds], second.counts[joint % kinds]])
    return sample_of(codes.reshape(-1), counts, draws)


def _swapped_differences(
    first: Tally, second: Tally, differs: NDArray[np.bool_], shuffles: int, draws: np.random.Generator
) -> Array:
    pairs, width = _pairs(first, second, differs, draws), first.counts.shape[1]
    moved = pairs.counts[:, width:] - pairs.counts[:, :width]
    found = []
    for count in pairs.pieces(shuffles):
        swapped = draws.binomial(pairs.frequencies, 0.5, size=(count, len(pairs.frequencies))) @ moved
        found.append(second.finish(second.totals - swapped) - first.finish(first.totals + swapped))
    return np.concatenate(found)


def _drawn_interval(
    first: Tally, second: Tally, difference: float, resamples: int, draws: np.random.Generator
) -> Interval:
    pairs, width = _pairs(first, second, np.ones(len(first), dtype=bool), draws), first.counts.shape[1]

    def finish(totals: Array) -> Array:
        return np.asarray(second.finish(totals[..., width:]) - first.finish(totals[..., :width]))

    drawn = np.concatenate([finish(totals) for totals in pairs.drawn(resamples, draws)])
    return around(difference, drawn, size=len(first))


def _interval_of_shares(first: Tally, second: Tally, difference: float) -> Interval:
    """Of two shares of the same examples; `counts` are (holds, asked)."""
    asked = first.counts[first.codes, 1] > 0
    left, right = first.counts[first.codes, 0], second.counts[second.codes, 0]
    low, high = paired_shares(int((asked & (left < right)).sum()), int((asked & (left > right)).sum()),
                              int(asked.sum()))  # fmt: skip
    return Interval(difference, min(low, difference), max(high, difference))


def paired_test_of_rows(
    score: Callable[[NDArray[Any], NDArray[Any]], float],
    first: Sequence[ArrayLike],
    second: Sequence[ArrayLike],
    references: ArrayLike,
    *,
    shuffles: int = SHUFFLES // 10,
    seed: int = 0,
) -> PairedTest:
    """The same for a score that is no function of sums, as of ranks; slower, so with fewer shuffles.

    Args:
        score: from predictions and references to the score.
        first: (examples,) the predictions of each run of one system; the mean of their scores is its score.
        second: of the other one.
        references: (examples,).
        shuffles: random swaps, and as many resamples; fewer on many examples.
        seed: of the draws.
    """
    expected = np.asarray(references)
    length = math.lcm(len(first), len(second))
    left, right = (_repeated([np.asarray(run) for run in runs], length) for runs in (first, second))
    differs = np.any(left != right, axis=0)

    def gap(one: NDArray[Any], other: NDArray[Any], asked: NDArray[Any]) -> float:
        return float(np.mean([score(b, asked) for b in other]) - np.mean([score(a, asked) for a in one]))

    difference, differing = gap(left, right, expected), int(differs.sum())
    if not math.isfinite(difference):
        return PairedTest(Interval(_NAN, _NAN, _NAN), _NAN, differing)
    if not differing:
        return PairedTest(Interval(difference, difference, difference), 1.0, 0)
    draws = np.random.default_rng(seed)
    size = len(expected)
    count = max(100, min(shuffles, _ROWS_AT_MOST // (size * length)))
    swapped, drawn = np.empty(count), np.empty(count)
    for number in range(count):
        swap = draws.random(size) < 0.5
        swapped[number] = gap(np.where(swap, right, left), np.where(swap, left, right), expected)
        rows = draws.integers(0, size, size)
        drawn[number] = gap(left[:, rows], right[:, rows], expected[rows])
    return PairedTest(around(difference, drawn, size=size), mid_p(difference, swapped), differing)


def _repeated(runs: Sequence[Any], length: int) -> NDArray[Any]:
    """(length, examples) the runs over and over, each as often."""
    return np.stack([runs[number % len(runs)] for number in range(length)])


def joined(systems: Sequence[Sequence[Tally]]) -> list[Tally]:
    """One tally a system, whose score is the mean of the scores of its runs over the same examples.

    An example then counts in all runs of a system at once: what is drawn or swapped are examples. Where
    systems have different numbers of runs, each run is repeated, so that there are as many of all.

    Args:
        systems: the tallies of the runs of each; all are parts of one tally.
    """
    length = math.lcm(*map(len, systems))
    if length == 1:
        return [runs[0] for runs in systems]
    model, size = systems[0][0], len(systems[0][0])
    codes = np.concatenate([_repeated([run.codes for run in runs], length) for runs in systems], axis=1)
    distinct, places = np.unique(codes, axis=1, return_inverse=True)
    width = model.counts.shape[1]
    rows = [model.counts[numbers] for numbers in distinct]

    def finish(totals: Array) -> Array:
        scores = [model.finish(totals[..., run * width : (run + 1) * width]) for run in range(length)]
        return np.asarray(np.mean(scores, axis=0))

    whole = Tally(places.reshape(-1).astype(np.int64), side_by_side(rows), finish)
    return [whole.part(np.arange(number * size, (number + 1) * size)) for number in range(len(systems))]


def over_seeds(first: Sequence[float], second: Sequence[float]) -> float:
    """Welch's t-test of the scores of two systems over their seeds, two-sided.

    Welch 1947, https://doi.org/10.1093/biomet/34.1-2.28

    Returns:
        the p-value; nan below two seeds each, and where neither varies, which says nothing of chance.
    """
    if min(len(first), len(second)) < 2 or not np.isfinite([*first, *second]).all():
        return _NAN
    if np.ptp(first) <= _ROUNDING and np.ptp(second) <= _ROUNDING:
        return _NAN
    from scipy.special import stdtr

    # Not scipy's own test, which warns where one of the two does not vary.
    errors = [np.var(scores, ddof=1) / len(scores) for scores in (first, second)]
    statistic = (np.mean(second) - np.mean(first)) / np.sqrt(sum(errors))
    freedom = sum(errors) ** 2 / sum(
        error**2 / (len(scores) - 1) for error, scores in zip(errors, (first, second), strict=True)
    )
    return float(2 * stdtr(freedom, -abs(statistic)))


def holm(p_values: Sequence[float], *, family: int | None = None) -> list[float]:
    """P-values corrected for several comparisons at once: the chance of any false one stays below 5 %.

    Holm 1979, https://www.jstor.org/stable/4615733. Those that are nan stay so.

    Args:
        p_values: of the comparisons that are shown.
        family: how many there are to choose from, where those that are shown were chosen by their result.
    """
    order = sorted((p, place) for place, p in enumerate(p_values) if p == p)
    corrected, highest = [_NAN] * len(p_values), 0.0
    for rank, (p, place) in enumerate(order):
        highest = max(highest, min(1.0, p * max(1, (family or len(order)) - rank)))
        corrected[place] = highest
    return corrected
