"""Where the true score lies: 95 % intervals over the examples that happened to be asked.

A set of examples is a sample; another one would score otherwise. The bootstrap (Efron 1979,
https://doi.org/10.1214/aos/1176344552) draws as many examples again, with replacement, a thousand times, and
takes the ends that 95 % of the scores lie between, corrected for their bias and skewness. For shares of right
examples Wilson's interval (https://doi.org/10.1080/01621459.1927.10502953) says the same in closed form and
does not shrink to nothing where nearly all are right: docs/decisions/0013-intervals.md. The draws have a seed
of their own, so that an interval is the same each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertkit.evaluation.counts import Array
from bertkit.evaluation.resampling import sample_of
from bertkit.evaluation.results import Interval
from bertkit.evaluation.tally import Tally

RESAMPLES = 1000
LEVEL = 0.95
# The normal quantile of LEVEL.
_Z = 1.959963984540054
_NAN = float("nan")
_NORMAL = NormalDist()
# Examples that are looked at, over all resamples, for a score that is no function of sums.
_ROWS_AT_MOST = 50_000_000
_LEAST_RESAMPLES = 50
# Scores that are equal but for rounding are equal.
_ROUNDING = 1e-12


def interval(tally: Tally, *, value: float | None = None, seed: int = 0) -> Interval:
    """The score of a tally and its 95 % interval.

    Args:
        tally: of the examples.
        value: the score as the metric's own function gives it; None takes that of the tally.
        seed: of the draws.
    """
    value = tally.score if value is None else value
    if not len(tally) or not np.isfinite(value):
        return Interval(value, _NAN, _NAN)
    if tally.share:
        right, asked = tally.totals
        return Interval(value, *wilson(right, asked))
    draws = np.random.default_rng(seed)
    sample = sample_of(tally.codes, tally.counts, draws)
    scores = np.concatenate([tally.finish(totals) for totals in sample.drawn(RESAMPLES, draws)])
    return enclosing(value, scores, size=tally.size, acceleration=sample.acceleration(tally.finish))


def enclosing(value: float, scores: Array, *, size: float, acceleration: float | None = None) -> Interval:
    """The ends that 95 % of resampled scores lie between.

    Where all resamples agree they say nothing of other examples. If they agree on 0 or 1, as they must when
    nothing or everything is right, Wilson's interval of a share of so many things does.

    Args:
        value: the score itself.
        scores: (resamples,) those that are nan are left out.
        size: of how many things the score is a share, as `Tally.size`; 0 if it is none.
        acceleration: of the score, `Sample.acceleration`: the ends are then moved to where they belong by
            the bias and the skewness of the resamples ("BCa"); None takes the middle 95 %.
    """
    scores = scores[np.isfinite(scores)]
    if not len(scores) or value != value:
        return Interval(value, _NAN, _NAN)
    ends = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    if acceleration is not None:
        ends = _moved(value, scores, acceleration)
    low, high = map(float, np.quantile(scores, ends))
    if low == high:
        low, high = wilson(value * size, size) if size and value in (0.0, 1.0) else (_NAN, _NAN)
        return Interval(value, low, high)
    return Interval(value, min(low, value), max(high, value))


def _moved(value: float, scores: Array, acceleration: float) -> list[float]:
    """Which quantiles of resampled scores the ends are: Efron 1987, as `Sample.acceleration`."""
    below = np.mean(scores < value - _ROUNDING) + np.mean(np.abs(scores - value) <= _ROUNDING) / 2
    # What lies beyond all resamples is known to be less than half of one.
    least = 0.5 / len(scores)
    bias = _NORMAL.inv_cdf(min(max(float(below), least), 1 - least))
    ends = []
    for quantile in (-_Z, _Z):
        slope = 1 - acceleration * (bias + quantile)
        moved = bias + (bias + quantile) / slope if slope > 0 else np.copysign(np.inf, bias + quantile)
        ends.append(_NORMAL.cdf(float(moved)))
    return ends


def around(difference: float, drawn: Array, *, size: int) -> Interval:
    """The 95 % interval of a difference of two scores: as many deviations to both sides as of a normal one.

    Differences of systems that answer the same examples are hardly skewed, and what a few examples tell of
    their skewness misleads: docs/decisions/0013-intervals.md.

    Args:
        difference: itself.
        drawn: (resamples,) that of each resample; those that are nan are left out.
        size: how many examples there are.
    """
    known = drawn[np.isfinite(drawn)]
    if not len(known) or size < 2 or not np.isfinite(difference):
        return Interval(difference, _NAN, _NAN)
    # A resample varies as if one example less had been asked.
    half = _Z * float(np.std(known)) * np.sqrt(size / (size - 1))
    return Interval(difference, float(difference - half), float(difference + half))


def wilson(right: float, size: float) -> tuple[float, float]:
    """Wilson's 95 % interval of a share: `right` of `size`; nan of none."""
    if not size:
        return _NAN, _NAN
    share, squared = right / size, _Z * _Z / size
    centre = (share + squared / 2) / (1 + squared)
    half = _Z / (1 + squared) * np.sqrt(share * (1 - share) / size + squared / size / 4)
    # At the ends the formula gives the end itself, to rounding.
    low = 0.0 if right == 0 else float(centre - half)
    high = 1.0 if right == size else float(centre + half)
    return low, high


def paired_shares(gained: int, lost: int, size: int) -> tuple[float, float]:
    """The 95 % interval of the difference of two shares of the same examples; nan of none.

    Wald's interval with one more example gained and one more lost, of Bonett and Price 2012; compared with
    others by Fagerland et al. 2014, https://doi.org/10.1002/sim.6148

    Args:
        gained: examples for which only the second holds.
        lost: for which only the first does.
        size: all examples.
    """
    if not size:
        return _NAN, _NAN
    more, less = (gained + 1) / (size + 2), (lost + 1) / (size + 2)
    half = _Z * np.sqrt((more + less - (more - less) ** 2) / (size + 2))
    return max(-1.0, float(more - less - half)), min(1.0, float(more - less + half))


def resampled_totals(
    tally: Tally, *, resamples: int = RESAMPLES, seed: int = 0
) -> Iterator[NDArray[np.float64]]:
    """The sums of each resample, in pieces of (some resamples, statistics)."""
    draws = np.random.default_rng(seed)
    yield from sample_of(tally.codes, tally.counts, draws).drawn(resamples, draws)


def resampled_interval(
    function: Callable[[Any], float], size: int, *, value: float, seed: int = 0
) -> Interval:
    """The interval of a score that is no function of sums, as of ranks; of many examples by fewer draws.

    Args:
        function: from the numbers of the examples, each perhaps several times, to the score.
        size: how many examples there are.
        value: the score of all.
        seed: of the draws.
    """
    if not size or not np.isfinite(value):
        return Interval(value, _NAN, _NAN)
    draws = np.random.default_rng(seed)
    resamples = max(_LEAST_RESAMPLES, min(RESAMPLES, _ROWS_AT_MOST // size))
    scores = np.asarray([function(draws.integers(0, size, size)) for _ in range(resamples)])
    return enclosing(value, scores, size=0)
