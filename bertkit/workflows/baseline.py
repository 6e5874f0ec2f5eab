"""What needs no encoder, scored on the same splits: so that people see what the encoder adds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bertkit.errors import UsageError
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
    select: str | None = None,
) -> BaselineScores:
    """Scores of the simplest models of a task; nothing random of the process is touched.

    Of several labels encoder and learned baseline both go by fitted thresholds: the encoder by those that the
    first eval split of its training gave it, the baseline by those of the first split that is scored.

    Args:
        task: as settled from the data; the thresholds of a trained model are not taken from it.
        train: what the baselines learn from.
        splits: what is scored, by name, the one that selects first; those without any label are left out.
        metrics: names.
        listen: told what is learned from how many rows, and where there is no baseline.
        select: the metric that thresholds serve; None takes the first of `metrics`.

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
    first, selecting = next(iter(labelled.items()))
    baselines = fit_baselines(task, train, selecting=selecting, metric=select or metrics[0])
    if task.labels.problem == "multi_label" and baselines:
        listen(
            Note(
                "encoder and learned baseline both decide labels by fitted thresholds, each by its own; the "
                f"baseline's were fitted on {first}"
            )
        )
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
    """Scores of the baselines of a training that is ready to begin, on all splits it will score.

    Raises:
        UsageError: the training rows are a stream.
    """
    if prepared.stream is not None:
        raise UsageError(
            "--baseline learns from all training rows, and a stream is never read as a whole",
            hint="leave it out; or score it with fewer rows: --limit 100000 --baseline",
        )
    splits = {name: split.examples for name, split in prepared.scored.items()}
    return score_baselines(
        prepared.task, prepared.train.examples, splits, prepared.metrics, listen,
        select=prepared.recipe.metrics.select,
    )  # fmt: skip
