"""One metric of several runs on the same examples: scores, intervals, tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bertkit.data.labels import LabelSet
from bertkit.evaluation.intervals import interval, resampled_interval
from bertkit.evaluation.metrics import METRICS
from bertkit.evaluation.results import Interval
from bertkit.evaluation.significance import PairedTest, joined, paired_test, paired_test_of_rows
from bertkit.evaluation.tallies import TALLIES
from bertkit.evaluation.tally import Tally
from bertkit.workflows.comparable import SplitPredictions


class ComparedScores:
    """One metric of all runs on one split.

    Attributes:
        scores: by run, of each of its seeds.
    """

    def __init__(self, metric: str, sides: Sequence[SplitPredictions], labels: LabelSet) -> None:
        self._function, self._outputs = METRICS[metric].function, labels.outputs
        self._sides, self._expected = sides, sides[0].expected
        self.scores = [[self._score(each, self._expected) for each in side.predicted] for side in sides]
        self._tallies = _tallies(metric, sides, labels) if metric in TALLIES else None

    def _score(self, predicted: Any, expected: Any) -> float:
        return self._function(predicted, expected, label_count=self._outputs)

    def mean(self, place: int) -> float:
        """The score of a run, the mean over its seeds."""
        return float(np.mean(self.scores[place]))

    def interval(self, place: int) -> Interval:
        """That score with its interval over the examples."""
        value = self.mean(place)
        if self._tallies is not None:
            return interval(joined([self._tallies[place]])[0], value=value)
        predicted, expected = np.stack(self._sides[place].predicted), np.asarray(self._expected)

        def drawn(rows: Any) -> float:
            return float(np.mean([self._score(each[rows], expected[rows]) for each in predicted]))

        return resampled_interval(drawn, len(expected), value=value)

    def test(self, reference: int, place: int) -> PairedTest:
        """Whether a run scores something else than the reference run."""
        if self._tallies is not None:
            return paired_test(*joined([self._tallies[reference], self._tallies[place]]))
        first, second = (self._sides[number].predicted for number in (reference, place))
        return paired_test_of_rows(self._score, first, second, self._expected)


def _tallies(metric: str, sides: Sequence[SplitPredictions], labels: LabelSet) -> list[list[Tally]]:
    """The tallies of the seeds of each run, all of them parts of one."""
    made = [predicted for side in sides for predicted in side.predicted]
    expected, size = sides[0].expected, len(sides[0].expected)
    if isinstance(made[0], np.ndarray):
        together = np.concatenate(made), np.concatenate([expected] * len(made))
    else:
        together = [each for predicted in made for each in predicted], [*expected] * len(made)  # type: ignore[assignment]
    whole = TALLIES[metric](*together, label_count=labels.outputs)
    parts = iter(whole.part(np.arange(start, start + size)) for start in range(0, size * len(made), size))
    return [[next(parts) for _ in side.predicted] for side in sides]
