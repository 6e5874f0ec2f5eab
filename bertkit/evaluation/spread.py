"""How far scores of the same recipe lie apart."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from bertkit.runs.atomic import finite


@dataclass(frozen=True)
class Spread:
    """The scores of several trainings of one recipe.

    Attributes:
        mean: of them.
        deviation: the sample standard deviation (n - 1); nan of a single score.
        low: the lowest.
        high: the highest.
        n: how many there are.
    """

    mean: float
    deviation: float
    low: float
    high: float
    n: int

    def as_dict(self) -> dict[str, float | int | None]:
        """For JSON."""
        values: dict[str, float | int | None] = finite(vars(self))
        return values


def spread_of(scores: Sequence[float]) -> Spread:
    """Mean, sample standard deviation and range; all are nan where a score is.

    Raises:
        ValueError: there is none.
    """
    if not scores:
        raise ValueError("a spread needs scores")
    if not all(map(math.isfinite, scores)):
        return Spread(math.nan, math.nan, math.nan, math.nan, len(scores))
    deviation = statistics.stdev(scores) if len(scores) > 1 else math.nan
    return Spread(statistics.fmean(scores), deviation, min(scores), max(scores), len(scores))
