"""What needs no encoder, scored on the same splits: so that people see what the encoder adds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bertkit.evaluation.baselines import TITLES, fit_baselines
from bertkit.evaluation.scoring import score_predictions
from bertkit.tasks.base import Example, Task
from bertkit.workflows.events import Listener, Note, silent

if TYPE_CHECKING:
    from bertkit.workflows.preparation import Prepared

# By split, baseline and metric.
BaselineScores = Mapping[str, Mapping[str, Mapping[str, float]]]


def score_baselines(
    task: Task,
    train: Sequence[Example],
    splits: Mapping[str, Sequence[Example]],
    metrics: Sequence[str],
    listen: Listener = silent,
) -> BaselineScores:
    """Scores of the simplest models of a task; nothing random of the process is touched.

    Args:
        task: as settled from the data; thresholds of a trained model have no part in it.
        train: what the baselines learn from.
        splits: what is scored, by name; those without any label are left out.
        metrics: names.
        listen: told what is learned from how many rows, and where there is no baseline.

    Returns:
        By split, baseline (of `bertkit.evaluation.baselines.TITLES`, the simplest first) and metric; empty
        where the task has no baseline.
    """
    labelled = {
        name: examples
        for name, examples in splits.items()
        if any(example.target is not None for example in examples)
    }
    if not labelled:
        return {}
    listen(Note(f"scoring baselines without an encoder, learned from {len(train):,} rows"))
    baselines = fit_baselines(task, train)
    if not baselines:
        listen(Note("no baseline: each training question has an answer, and no simple model finds it"))
    for baseline in baselines:
        if baseline.rows < len(train):
            listen(
                Note(
                    f"{TITLES[baseline.name]}: learned from {baseline.rows:,} of {len(train):,} rows, drawn "
                    "by chance, so that it takes seconds"
                )
            )
    return {
        name: {
            baseline.name: score_predictions(task, metrics, examples, baseline.predict(examples))
            for baseline in baselines
        }
        for name, examples in labelled.items()
        if baselines
    }


def baselines_of(prepared: Prepared, listen: Listener) -> BaselineScores:
    """Scores of the baselines of a training that is ready to begin, on all splits it will score."""
    splits = {name: split.examples for name, split in prepared.scored.items()}
    return score_baselines(prepared.task, prepared.train.examples, splits, prepared.metrics, listen)
