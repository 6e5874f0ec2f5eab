"""What the steps of one fine-tuning share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from bertkit.config.schema import Recipe
from bertkit.evaluation.calibration import calibrated
from bertkit.evaluation.scoring import score_predictions
from bertkit.models.loading import LoadedModel
from bertkit.runs.folder import RunFolder
from bertkit.workflows.engine import Engine, compute_outputs
from bertkit.workflows.events import Listener, Progress
from bertkit.workflows.predictions import write_predictions
from bertkit.workflows.preparation import Prepared, Split


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
    """

    name: str
    prepared: Prepared
    engine: Engine
    model: LoadedModel
    run: RunFolder
    listen: Listener

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
        """Examples by split, the training rows first."""
        splits = {"train": self.prepared.train, **self.prepared.scored}
        return {name: len(split.examples) for name, split in splits.items()}


def outputs_of(job: Job, name: str, split: Split, *, model: LoadedModel | None = None) -> NDArray[Any]:
    """What the task keeps of a model's outputs for one split; of the model in training if none is given."""

    def tell(done: int) -> None:
        job.listen(Progress(f"scoring {name}", done, len(split.features)))

    return compute_outputs(job.engine, model or job.model, job.prepared.task, split.features, tell=tell)


def score_split(
    job: Job, name: str, split: Split, *, calibrate: bool = False, final_model: LoadedModel | None = None
) -> dict[str, float]:
    """Scores of one split.

    Args:
        job: gives model, task and metrics.
        name: of the split.
        split: what to score.
        calibrate: set the thresholds of the task by this split first.
        final_model: the saved model as reloaded; its predictions are written into the run folder.
    """
    task = job.prepared.task
    kept = outputs_of(job, name, split, model=final_model)
    if calibrate:
        task = calibrated(task, kept, split.features, split.examples)
    predictions = task.decode(kept, split.features, split.examples)
    if final_model is not None:
        write_predictions(job.run.predictions(name), task, split.examples, predictions)
    return score_predictions(task, job.prepared.metrics, split.examples, predictions)
