"""Scores of groups of examples, and how far the best is from the worst: where a model works, and for whom.

A slice is a way to divide the examples, of which `grouping.py` has several. This is also the report of
fairness: a gap between groups of people is a gap between slices.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertkit.evaluation.counts import Array
from bertkit.evaluation.grouping import MISSING, OTHERS
from bertkit.evaluation.intervals import RESAMPLES, interval
from bertkit.evaluation.metrics import METRICS
from bertkit.evaluation.resampling import DRAWS_AT_ONCE
from bertkit.evaluation.results import Gap, Grouping, GroupScores
from bertkit.evaluation.significance import mid_p
from bertkit.evaluation.tallies import TALLIES
from bertkit.evaluation.tally import Tally

# Groups below this many examples are shown, and are not what a gap is measured between.
ENOUGH = 10
# Kinds x groups up to which it is quicker to draw how many of each kind a group gets than to deal examples.
_DRAWN_AT_MOST = 2000
# Examples that are dealt over all deals; of more examples there are fewer deals, but not less than the least.
_DEALT_AT_MOST = 20_000_000
_LEAST_DEALS = 100
_FIRST_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?", re.ASCII)


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

    A group that has nothing of what the metric asks for, as sentences without entities in which none was
    found, has the score nan and no part in the gap.

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
    order = _reading_order(Counter(groups))
    if len(order) < 2:
        return None
    # Numbers for the names: numpy would give every name the room of the longest.
    number = {name: place for place, name in enumerate(order)}
    places = np.fromiter((number[name] for name in groups), dtype=np.int64, count=len(groups))
    whole = TALLIES[metric](predicted, expected, label_count=label_count)
    parts = {name: whole.part(places == number[name]) for name in order}
    scores = {name: float(_scores(part, part.totals)) for name, part in parts.items()}
    found = tuple(
        GroupScores(name, len(part), {metric: interval(part, value=scores[name])})
        for name, part in parts.items()
    )
    large = {
        name: part for name, part in parts.items() if len(part) >= ENOUGH and math.isfinite(scores[name])
    }
    return Grouping(by, found, metric, _gap(large, scores, metric) if len(large) > 1 else None)


def _scores(tally: Tally, totals: Array) -> Array:
    """From sums (..., statistics) to scores (...), nan where there was nothing to find and nothing found."""
    scores = tally.finish(totals)
    return scores if tally.asked is None else np.where(tally.asked(totals) == 0, np.nan, scores)


def _reading_order(counts: Mapping[str, int]) -> list[str]:
    """Spans of numbers as numbers run; names by their frequency, what has none or is the rest at the end."""

    def key(name: str) -> tuple[bool, float, int, str]:
        first = _FIRST_NUMBER.match(name)
        number = float(first[0].replace(",", "")) if first else float("inf")
        return name in (OTHERS, MISSING), number, -counts[name], name

    return sorted(counts, key=key)


def _gap(parts: Mapping[str, Tally], scores: Mapping[str, float], metric: str) -> Gap:
    better = 1 if METRICS[metric].greater_is_better else -1
    ranked = sorted(parts, key=lambda name: better * scores[name])
    difference = abs(scores[ranked[-1]] - scores[ranked[0]])
    return Gap(ranked[-1], ranked[0], difference, _chance(list(parts.values()), difference))


def _chance(parts: Sequence[Tally], difference: float) -> float:
    """How often groups of these sizes differ as much, if the examples are dealt to them at random.

    An exact permutation test but for the number of deals; those that differ just as much count half.
    """
    draws = np.random.default_rng(0)
    sizes = [len(part) for part in parts]
    present, codes = np.unique(np.concatenate([part.codes for part in parts]), return_inverse=True)
    counts, codes = parts[0].counts[present], codes.reshape(-1)
    if len(present) * len(parts) <= _DRAWN_AT_MOST:
        dealt = _drawn(np.bincount(codes), counts, sizes, draws)
    else:
        dealt = _dealt(codes, counts, sizes, draws)
    spreads = []
    for totals in dealt:
        scores = _scores(parts[0], totals)
        missing = np.isnan(scores)
        highest, lowest = np.where(missing, -np.inf, scores), np.where(missing, np.inf, scores)
        spreads.append(highest.max(axis=0) - lowest.min(axis=0))
    return mid_p(difference, np.concatenate(spreads))


def _drawn(
    frequencies: NDArray[np.int64], counts: Any, sizes: Sequence[int], draws: np.random.Generator
) -> Iterator[Array]:
    """The sums (groups, deals, statistics) of each deal, by how many examples of each kind a group gets."""
    left = np.tile(frequencies, (RESAMPLES, 1))
    totals = []
    for size in sizes:
        taken = np.empty_like(left)
        wanted, others = np.full(RESAMPLES, size), left.sum(axis=1)
        for kind in range(left.shape[1]):
            others -= left[:, kind]
            taken[:, kind] = draws.hypergeometric(left[:, kind], others, wanted)
            wanted -= taken[:, kind]
        left -= taken
        totals.append(np.asarray(taken @ counts, dtype=np.float64))
    yield np.stack(totals)


def _dealt(
    codes: NDArray[np.int64], counts: Any, sizes: Sequence[int], draws: np.random.Generator
) -> Iterator[Array]:
    """The sums (groups, deals, statistics), in pieces of some deals, by shuffling the examples."""
    from scipy.sparse import csr_array

    size, groups = len(codes), len(sizes)
    deals = max(_LEAST_DEALS, min(RESAMPLES, _DEALT_AT_MOST // size))
    step = max(1, DRAWS_AT_ONCE // max(size, groups * counts.shape[1]))
    for first in range(0, deals, step):
        count = min(step, deals - first)
        shuffled = draws.permuted(np.tile(codes, (count, 1)), axis=1).reshape(-1)
        starts = np.concatenate([[0], np.cumsum(np.tile(sizes, count))])
        # A row for each group of each deal, whose columns are the kinds of its examples.
        members = csr_array(
            (np.ones(len(shuffled)), shuffled, starts), shape=(count * groups, counts.shape[0])
        )
        totals = members @ counts
        dense = totals.toarray() if hasattr(totals, "toarray") else np.asarray(totals)
        yield dense.reshape(count, groups, -1).swapaxes(0, 1)
