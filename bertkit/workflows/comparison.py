"""What a comparison of runs found, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bertkit.evaluation.results import Interval
from bertkit.evaluation.spread import Spread

# Below this a difference is called one.
ALPHA = 0.05


@dataclass(frozen=True)
class Standing:
    """One line of the leaderboard.

    Attributes:
        run: its name.
        path: of its folder.
        model: the encoder.
        score: of the metric that ranks, with its interval over the examples; of several seeds the mean.
        spread: of that score over the seeds; None for a single training.
        scores: of the other metrics that all runs report; of several seeds the means.
    """

    run: str
    path: str
    model: str
    score: Interval
    spread: Spread | None
    scores: Mapping[str, float]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        spread = self.spread.as_dict() if self.spread is not None else None
        return {**vars(self), "score": self.score.as_dict(), "spread": spread, "scores": dict(self.scores)}


@dataclass(frozen=True)
class Flips:
    """Examples on which two runs are not equally right.

    Attributes:
        unit: `right`, or `near` for numbers, of which one is nearer than the other.
        gained: places of those that the run has right (nearer) and the reference run has not.
        lost: places of those that the reference run has right (nearer) and the run has not.
        alike: how many others there are.
    """

    unit: Literal["right", "near"]
    gained: tuple[int, ...]
    lost: tuple[int, ...]
    alike: int

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"unit": self.unit, "gained": len(self.gained), "lost": len(self.lost), "alike": self.alike}


@dataclass(frozen=True)
class Pair:
    """A run beside the one that all are compared with.

    Attributes:
        run: its name.
        reference: the name of the other one: the best, or the one that was named.
        difference: the score of the run less that of the reference, with its interval over the examples.
        p_examples: how likely so large a difference is if it did not matter who said what; nan where a score
            is.
        p_seeds: how likely it is by the spread over seeds; nan where one has less than two.
        p_value: the larger of both, corrected for the number of comparisons.
        better: the name of the better one; None where no difference is shown.
        differing: examples that do not count the same for the metric.
        flips: what became right, and what wrong.
    """

    run: str
    reference: str
    difference: Interval
    p_examples: float
    p_seeds: float
    p_value: float
    better: str | None
    differing: int
    flips: Flips

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**vars(self), "difference": self.difference.as_dict(), "flips": self.flips.as_dict()}


@dataclass(frozen=True)
class SplitComparison:
    """The runs on one eval split.

    Attributes:
        split: its name.
        rows: examples with a reference.
        metric: that ranks.
        standings: the best first.
        pairs: of each other run with the reference, in the order of the standings.
        family: how many comparisons the p-values are corrected for.
    """

    split: str
    rows: int
    metric: str
    standings: tuple[Standing, ...]
    pairs: tuple[Pair, ...]
    family: int

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            **vars(self),
            "standings": [standing.as_dict() for standing in self.standings],
            "pairs": [pair.as_dict() for pair in self.pairs],
        }


@dataclass(frozen=True)
class Flip:
    """An example on which two runs are not equally right.

    Attributes:
        split: where it is.
        id: its own, or its number.
        change: `wrong to right` or `right to wrong`, from the reference to the run; of numbers `nearer` or
            `farther`.
        reference: what is right, as predictions files write it.
        predictions: by run, likewise; of several seeds what most of them say.
        texts: what was read; empty if that was not asked for.
    """

    split: str
    id: str
    change: str
    reference: Any
    predictions: Mapping[str, Any]
    texts: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        shown: dict[str, Any] = {"split": self.split, "id": self.id, "change": self.change}
        shown |= {"reference": self.reference, "predictions": dict(self.predictions)}
        return shown | ({"texts": list(self.texts)} if self.texts else {})


@dataclass(frozen=True)
class Comparison:
    """What `compare` found.

    Attributes:
        splits: those that all runs share.
        notes: what a reader of the figures has to know.
        flips: by split and run; empty if they were not asked for.
    """

    splits: tuple[SplitComparison, ...]
    notes: tuple[str, ...] = ()
    flips: tuple[Flip, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        found: dict[str, Any] = {"splits": [split.as_dict() for split in self.splits]}
        found |= {"notes": list(self.notes)}
        return found | ({"flips": [flip.as_dict() for flip in self.flips]} if self.flips else {})
