"""Compare finished runs on the same data: who leads, whether it is luck, and which examples changed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertkit.data.labels import LabelSet
from bertkit.errors import DataError, RunError, UsageError
from bertkit.evaluation.correctness import correctness
from bertkit.evaluation.metrics import METRICS, check_metrics, score
from bertkit.evaluation.significance import (
    holm,
    over_seeds,
)
from bertkit.evaluation.spread import spread_of
from bertkit.runs.folder import find_run
from bertkit.workflows.comparable import (
    ComparedRun,
    SplitPredictions,
    open_runs,
    read_split,
)
from bertkit.workflows.compared_scores import ComparedScores
from bertkit.workflows.comparison import ALPHA, Comparison, Flips, Pair, SplitComparison, Standing
from bertkit.workflows.events import Listener, Note, silent
from bertkit.workflows.flips import flips_of
from bertkit.workflows.same_data import check_same_data, check_same_labels, other_texts

# Metrics that look at the second of two labels.
_OF_SECOND_LABEL = ("f1", "precision", "recall")


def compare(
    runs: Sequence[str],
    *,
    split: str | None = None,
    metric: str | None = None,
    against: str | None = None,
    flips: bool = False,
    texts: bool = False,
    listen: Listener = silent,
) -> Comparison:
    """Compare finished runs by their stored predictions; no model is loaded.

    Args:
        runs: paths or names of runs; one that trained several seeds counts as all of them.
        split: one eval split; None takes all that the runs share.
        metric: that ranks; None takes the selecting metric of the first run.
        against: the run that all others are compared with, one of `runs`; None takes the best.
        flips: also give the examples on which they are not equally right.
        texts: with their texts, which are read from the data of the first run.
        listen: told what is left out.

    Raises:
        DataError: the runs were scored on different data or labels.
        RunError: a run is missing, not finished, or was changed by hand.
        RecipeError: the metric does not score this problem.
        UsageError: fewer than two runs, or none is called `against`.
    """
    opened = open_runs(runs)
    base = _named(against, opened) if against is not None else None
    for other in opened[1:]:
        check_same_labels(opened[0], other)
    notes: list[str] = []
    shared = _shared_splits(opened, split, notes)
    metric, reported = _metrics(opened, shared, metric, notes)
    found, flipped = [], []
    for name in shared:
        sides = _same_sides(opened, name, notes, others=len(shared) - 1)
        compared = _compare_split(name, sides, metric, reported, base)
        found.append(compared)
        if flips:
            flipped += flips_of(compared, sides, texts=texts, listen=listen)
    for note in notes:
        listen(Note(note, warning=True))
    return Comparison(tuple(found), tuple(notes), tuple(flipped))


def _named(name: str, runs: Sequence[ComparedRun]) -> ComparedRun:
    path = find_run(name).path.resolve()
    for run in runs:
        if run.run.path.resolve() == path:
            return run
    raise UsageError(f"{name} is none of the runs", hint=f"name one of {', '.join(run.name for run in runs)}")


def _shared_splits(runs: Sequence[ComparedRun], split: str | None, notes: list[str]) -> list[str]:
    """The splits of all runs, in the order of the first; what only some have is noted."""
    known = list(dict.fromkeys(name for run in runs for name in run.splits))
    shared = [name for name in known if all(name in run.splits for run in runs)]
    if split is not None:
        if split in shared:
            return [split]
        without = [run.name for run in runs if split not in run.splits]
        hint = f"splits that all have: {', '.join(shared)}" if shared else "they share no scored split"
        raise DataError(f"there are no scores of {split!r} in {', '.join(without)}", hint=hint)
    if not shared:
        have = "; ".join(f"{run.name} has {', '.join(run.splits) or 'none'}" for run in runs)
        raise DataError(
            f"the runs share no scored split: {have}",
            hint="train them with the same data.eval to compare them",
        )
    for name in known:
        if name not in shared:
            only = ", ".join(run.name for run in runs if name in run.splits)
            notes.append(f"{name} is left out: only {only} has scores of it")
    return shared


def _metrics(
    runs: Sequence[ComparedRun], splits: Sequence[str], metric: str | None, notes: list[str]
) -> tuple[str, list[str]]:
    """The metric that ranks, and all that the runs report, that one first."""
    selecting = list(dict.fromkeys(str(run.metrics["select"]) for run in runs))
    if metric is None:
        metric = selecting[0]
        if len(selecting) > 1:
            notes.append(
                f"the runs chose their weights by different metrics ({', '.join(selecting)}); they are "
                f"ranked by {metric}; another one: --metric NAME"
            )
    labels = runs[0].labels
    check_metrics([metric], problem=labels.problem, label_count=labels.outputs)
    files = [file for run in runs for split in splits for file in run.splits[split]]
    common = [name for name in files[0].scores if all(name in file.scores for file in files)]
    if {metric, *common} & {*_OF_SECOND_LABEL} and len({run.labels.names for run in runs}) > 1:
        orders = " and ".join(dict.fromkeys(", ".join(run.labels.names) for run in runs))
        raise DataError(
            f"{metric} is of the second label, which is not the same in all runs: {orders}",
            hint="train them with the same task.labels, or leave one of them out",
        )
    return metric, [metric, *(name for name in common if name != metric)]


def _same_sides(
    runs: Sequence[ComparedRun], split: str, notes: list[str], *, others: int
) -> list[SplitPredictions]:
    """The predictions of all runs on a split, which are of the same data."""
    sides = [read_split(run, split).with_labels_of(runs[0]) for run in runs]
    for side in sides[1:]:
        check_same_data(split, sides[0], side, others=others)
        if (said := other_texts(runs[0], side.run, split)) is not None and said not in notes:
            notes.append(said)
    if not sides[0].ids:
        raise RunError(f"{split} has no rows with a reference", hint="compare another split: --split NAME")
    return sides


def _compare_split(
    name: str,
    sides: Sequence[SplitPredictions],
    metric: str,
    reported: Sequence[str],
    base: ComparedRun | None,
) -> SplitComparison:
    labels = sides[0].run.labels
    ranked = ComparedScores(metric, sides, labels)
    sign = 1 if METRICS[metric].greater_is_better else -1
    order = sorted(range(len(sides)), key=lambda place: _rank(sign * ranked.mean(place)))
    reference = order[0] if base is None else next(n for n, side in enumerate(sides) if side.run is base)
    right = [_rightness(side, labels) for side in sides]
    pairs = [_pair(sides, place, reference, ranked, right) for place in order if place != reference]
    # Which one is the best was seen first: the comparisons that are shown are chosen among all pairs.
    family = len(pairs) if base is not None else math.comb(len(sides), 2)
    corrected = holm([pair.p_value for pair in pairs], family=family)
    return SplitComparison(
        name,
        len(sides[0].ids),
        metric,
        tuple(_standing(sides[place], ranked, place, reported) for place in order),
        tuple(_decided(pair, p_value, sign) for pair, p_value in zip(pairs, corrected, strict=True)),
        family,
    )


def _rank(value: float) -> float:
    """What is no number comes last."""
    return math.inf if math.isnan(value) else -value


def _standing(
    side: SplitPredictions, ranked: ComparedScores, place: int, reported: Sequence[str]
) -> Standing:
    run, scores = side.run, ranked.scores[place]
    seeds = [
        score(
            reported[1:], predicted, side.expected,
            problem=run.labels.problem, label_count=run.labels.outputs,
        )
        for predicted in side.predicted
    ]  # fmt: skip
    others = {name: float(np.mean([seed[name] for seed in seeds])) for name in reported[1:]}
    return Standing(
        run.name, str(run.run.path), run.model, ranked.interval(place),
        spread_of(scores) if len(scores) > 1 else None, others,
    )  # fmt: skip


def _rightness(side: SplitPredictions, labels: LabelSet) -> NDArray[Any]:
    """(examples,) whether most seeds are right; of a regression minus their mean error."""
    mean = np.mean([correctness(labels, predicted, side.expected) for predicted in side.predicted], axis=0)
    return np.asarray(mean if labels.problem == "regression" else (mean > 0.5))


def _pair(
    sides: Sequence[SplitPredictions],
    place: int,
    reference: int,
    ranked: ComparedScores,
    right: Sequence[NDArray[Any]],
) -> Pair:
    found = ranked.test(reference, place)
    p_seeds = over_seeds(ranked.scores[reference], ranked.scores[place])
    values = [p_value for p_value in (found.p_value, p_seeds) if not math.isnan(p_value)]
    gained, lost = (np.flatnonzero(right[one] > right[two]).tolist()
                    for one, two in ((place, reference), (reference, place)))  # fmt: skip
    flips = Flips(
        "near" if sides[0].run.labels.problem == "regression" else "right",
        tuple(gained), tuple(lost), len(right[place]) - len(gained) - len(lost),
    )  # fmt: skip
    # Both must say so: that it holds for other examples, and for other seeds.
    worst = max(values) if not math.isnan(found.p_value) else math.nan
    return Pair(
        sides[place].run.name, sides[reference].run.name, found.difference, found.p_value, p_seeds, worst,
        None, found.differing, flips,
    )  # fmt: skip


def _decided(pair: Pair, p_value: float, sign: int) -> Pair:
    better = None
    if p_value < ALPHA:
        better = pair.run if sign * pair.difference.value > 0 else pair.reference
    return replace(pair, p_value=p_value, better=better)
