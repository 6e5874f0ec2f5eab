"""Where the true score lies: 95 % intervals over the examples that happened to be asked.

A set of examples is a sample; another one would score otherwise. The bootstrap (Efron 1979,
https://doi.org/10.1214/aos/1176344552) draws as many examples again, with replacement, a thousand times, and
takes the middle 95 % of the scores. For shares of right examples Wilson's interval
(https://doi.org/10.1080/01621459.1927.10502953) says the same in closed form and does not shrink to nothing
where nearly all are right: docs/decisions/0013-intervals.md. The draws have a seed of their own, so that an
interval is the same each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertkit.evaluation.counts import Array
from bertkit.evaluation.results import Interval
from bertkit.evaluation.tallies import Tally

RESAMPLES = 1000
LEVEL = 0.95
# The normal quantile of LEVEL.
_Z = 1.959963984540054
_NAN = float("nan")
# Numbers drawn at a time: 80 MB.
_DRAWS_AT_ONCE = 10_000_000
# With more kinds of examples than these, sums of resamples are drawn from their normal limit.
_MANY_KINDS = 50_000


def interval(tally: Tally, *, value: float | None = None, seed: int = 0) -> Interval:
    """The score of a tally and its 95 % interval.

    Args:
        tally: of the examples.
        value: the score as the metric's own function gives it; None takes that of the tally.
        seed: of the draws.
    """
    value = tally.score if value is None else value
    if not len(tally) or value != value:
        return Interval(value, _NAN, _NAN)
    if tally.share:
        right, asked = tally.totals
        return Interval(value, *wilson(right, asked))
    scores = np.concatenate([tally.finish(totals) for totals in resampled_totals(tally, seed=seed)])
    return enclosing(value, scores, size=len(tally))


def enclosing(value: float, scores: Array, *, size: int) -> Interval:
    """The middle 95 % of resampled scores.

    Where all resamples agree on 0 or 1, as they must when nothing or everything is right, the examples say no
    more than Wilson's interval of so many.

    Args:
        value: the score itself.
        scores: (resamples,) those that are nan are left out.
        size: how many examples, or entities, it is a score of.
    """
    scores = scores[np.isfinite(scores)]
    if not len(scores) or value != value:
        return Interval(value, _NAN, _NAN)
    low, high = map(float, np.quantile(scores, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]))
    if low == high and value in (0.0, 1.0) and size:
        low, high = wilson(value * size, size)
    return Interval(value, min(low, value), max(high, value))


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


def resampled_totals(
    tally: Tally, *, resamples: int = RESAMPLES, seed: int = 0
) -> Iterator[NDArray[np.float64]]:
    """The sums of each resample, in pieces of (some resamples, statistics)."""
    draws = np.random.default_rng(seed)
    frequencies = tally.frequencies
    present = np.flatnonzero(frequencies)
    if len(present) > _MANY_KINDS:
        yield _normal_totals(tally, draws, resamples)
        return
    counts, shares = tally.counts[present], frequencies[present] / len(tally)
    step = max(1, _DRAWS_AT_ONCE // len(present))
    for first in range(0, resamples, step):
        weights = draws.multinomial(len(tally), shares, size=min(step, resamples - first))
        yield np.asarray(weights @ counts, dtype=np.float64)


def _normal_totals(tally: Tally, draws: np.random.Generator, resamples: int) -> NDArray[np.float64]:
    """Sums of so many examples are normally distributed; drawing each would take minutes."""
    rows = tally.counts[tally.codes]
    rows = rows.toarray() if hasattr(rows, "toarray") else rows
    mean = rows.mean(axis=0)
    covariance = (rows - mean).T @ (rows - mean)
    return draws.multivariate_normal(mean * len(tally), covariance, size=resamples, method="eigh")


def resampled_interval(
    function: Callable[[Any], float], size: int, *, value: float, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """The interval of a score that is no function of sums, as of ranks.

    Args:
        function: from the numbers of the examples, each perhaps several times, to the score.
        size: how many examples there are.
        value: the score of all.
        resamples: how many draws.
        seed: of the draws.
    """
    if not size or value != value:
        return Interval(value, _NAN, _NAN)
    draws = np.random.default_rng(seed)
    scores = np.asarray([function(draws.integers(0, size, size)) for _ in range(resamples)])
    return enclosing(value, scores, size=size)
