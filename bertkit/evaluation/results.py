"""What an evaluation found, as plain values: scores with intervals, of the whole and of its parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Interval:
    """A score and where its true value lies in 95 % of all cases.

    Attributes:
        value: the score, a fraction or in the metric's unit; nan where it is not defined.
        low: the lower end; nan where there is no interval.
        high: the upper end.
    """

    value: float
    low: float
    high: float

    def as_dict(self) -> dict[str, float]:
        """For JSON."""
        return {"value": self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True)
class GroupScores:
    """The scores of a part of the examples.

    Attributes:
        group: what they have in common: a class, an entity label, a question word, `1 to 16 words`.
        rows: how many there are (of entity labels: entities in the references).
        scores: by metric.
    """

    group: str
    rows: int
    scores: Mapping[str, Interval]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "group": self.group,
            "rows": self.rows,
            "scores": {name: score.as_dict() for name, score in self.scores.items()},
        }


@dataclass(frozen=True)
class Gap:
    """How far the best group is from the worst.

    Attributes:
        best: the group with the best score.
        worst: the group with the worst.
        difference: between the two, not negative, in the unit of the metric.
        chance: how often groups of the same sizes differ at least as much if examples are dealt to them at
            random, from 0 to 1.
    """

    best: str
    worst: str
    difference: float
    chance: float


@dataclass(frozen=True)
class Grouping:
    """The scores of all groups of one way to divide the examples.

    Attributes:
        by: what divides: `class`, `entity`, `question`, the name of a column, `length`, `negation`.
        groups: in the order in which people read them.
        metric: the one whose gap counts; None where groups are not to be compared.
        gap: between the groups that are large enough to tell; None where fewer than two are.
    """

    by: str
    groups: tuple[GroupScores, ...]
    metric: str | None = None
    gap: Gap | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "by": self.by,
            "metric": self.metric,
            "groups": [group.as_dict() for group in self.groups],
            "gap": asdict(self.gap) if self.gap else None,
        }


def values_of(results: Mapping[str, SplitResult]) -> dict[str, dict[str, float]]:
    """The scores alone, by split and metric."""
    return {
        name: {metric: score.value for metric, score in result.scores.items()}
        for name, result in results.items()
    }


@dataclass(frozen=True)
class SplitResult:
    """What was found of one split.

    Attributes:
        name: of the split.
        rows: examples, those without a reference included.
        scores: by metric, in the order of the recipe; empty where the labels are hidden.
        parts: per class, entity label or question word; None where there is no such division.
        slices: by length, column, negation ...
    """

    name: str
    rows: int
    scores: Mapping[str, Interval]
    parts: Grouping | None = None
    slices: tuple[Grouping, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "rows": self.rows,
            "scores": {name: score.as_dict() for name, score in self.scores.items()},
            "parts": self.parts.as_dict() if self.parts else None,
            "slices": [grouping.as_dict() for grouping in self.slices],
        }
