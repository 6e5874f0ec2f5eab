"""What the steps of one fine-tuning share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from bertkit.config.schema import Recipe
from bertkit.evaluation.calibration import calibrated
from bertkit.evaluation.grouping import vocabulary
from bertkit.evaluation.scoring import score_predictions
from bertkit.models.loading import LoadedModel
from bertkit.runs.folder import RunFolder
from bertkit.tasks.base import Task
from bertkit.workflows.assessing import Assessed, Groups, assess_split
from bertkit.workflows.baseline import BaselineScores
from bertkit.workflows.engine import Engine, compute_outputs
from bertkit.workflows.events import Listener, Progress
from bertkit.workflows.predictions import write_predictions
from bertkit.workflows.preparation import Prepared, Split
from bertkit.workflows.slicing import automatic_groups


@dataclass(frozen=True)
class Job:
    """One fine-tuning under way.

    Attributes:
        name: of the recipe.
        prepared: data, task and settings.
        engine: devices and precision.
        model: changed by the training.
        run: the folder it is written to.
        listen: told what happens.
        baselines: scores of what needs no encoder; empty if not asked for.
    """

    name: str
    prepared: Prepared
    engine: Engine
    model: LoadedModel
    run: RunFolder
    listen: Listener
    baselines: BaselineScores = field(default_factory=dict)

    @property
    def recipe(self) -> Recipe:
        """The settings."""
        return self.prepared.recipe

    @property
    def metric(self) -> str:
        """The metric that selects the best weights."""
        return self.recipe.metrics.select or self.prepared.metrics[0]

    @property
    def row_counts(self) -> dict[str, int]:
        """Examples by split, the training rows first; nobody counts those of a stream."""
        splits = {} if self.prepared.stream else {"train": self.prepared.train}
        splits |= self.prepared.scored
        return {name: len(split.examples) for name, split in splits.items()}


def outputs_of(job: Job, name: str, split: Split, *, model: LoadedModel | None = None) -> NDArray[Any]:
    """What the task keeps of a model's outputs for one split; of the model in training if none is given."""

    def tell(done: int) -> None:
        job.listen(Progress(f"scoring {name}", done, len(split.features)))

    return compute_outputs(
        job.engine, model or job.model, job.prepared.task, split.features, tell=tell, listen=job.listen
    )


def score_split(job: Job, name: str, split: Split) -> dict[str, float]:
    """Scores of the model in training on one split, its temperatures and thresholds fitted to that split.

    Processes share the computing; the main one scores, for all.
    """
    kept = outputs_of(job, name, split)

    def score() -> dict[str, float]:
        task = calibrated(job.prepared.task, kept, split.features, split.examples, metric=job.metric)
        predictions = task.decode(kept, split.features, split.examples)
        return score_predictions(task, job.prepared.metrics, split.examples, predictions)

    return job.engine.group.from_main(score)


def assess_final(
    job: Job, final_model: LoadedModel, outputs: Mapping[str, NDArray[Any]]
) -> dict[str, Assessed]:
    """All that is reported of each split, of the saved model as reloaded; predictions are written down.

    Args:
        job: with its task calibrated.
        final_model: as reloaded.
        outputs: what it gave already, by split.
    """
    task = job.prepared.task
    train = job.prepared.train.examples
    known = None if job.prepared.stream else vocabulary(example.texts for example in train)
    found = {}
    for name, split in job.prepared.scored.items():
        kept = outputs[name] if name in outputs else outputs_of(job, name, split, model=final_model)
        predictions = task.decode(kept, split.features, split.examples)
        write_predictions(job.run.predictions(name), task, split.examples, predictions)
        found[name] = assess_split(
            task, name, job.prepared.metrics, split.examples, predictions, select=job.metric,
            groups=_automatic(task, split, known), listen=job.listen,
        )  # fmt: skip
    return found


def _automatic(task: Task, split: Split, known: frozenset[str] | None) -> Groups:
    """All slices that need no name; the columns are cut to the examples that have a reference."""
    chosen = [number for number, example in enumerate(split.examples) if example.target is not None]
    columns = {name: [values[number] for number in chosen] for name, values in split.columns.items()}
    return lambda examples: automatic_groups(task, examples, columns, known)
