"""The training of one run, from the model as loaded to the model as saved and scored."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from bertkit.models.heads import reorder_outputs
from bertkit.models.loading import LoadedModel, load_model
from bertkit.runs.checkpoints import Checkpoint
from bertkit.runs.disk import is_disk_full
from bertkit.runs.log import trim_log
from bertkit.training.batches import TrainingData, total_steps
from bertkit.training.checkpoint import load_checkpoint
from bertkit.training.loop import FIRST_LOSS_SCALE, TrainingState
from bertkit.training.optimizer import prepare_layers
from bertkit.workflows.distributing import distributed
from bertkit.workflows.engine import Engine, padding_of, seed_dropout, seed_everything, start_engine
from bertkit.workflows.events import Note, TrainingBegins
from bertkit.workflows.finetune_result import FinetuneResult
from bertkit.workflows.finishing import save_and_score, write_results
from bertkit.workflows.fitting import fit, interrupted
from bertkit.workflows.job import Job
from bertkit.workflows.preparation import Prepared
from bertkit.workflows.resuming import settings_at_begin
from bertkit.workflows.saving import Saver, while_saving_the_model
from bertkit.workflows.signals import STOPS, signal_of
from bertkit.workflows.streaming import say_left_out, streamed_data

# Below so many optimizer steps a new head has hardly begun to learn at the usual rates.
FEW_STEPS = 100


def load_for_training(prepared: Prepared) -> tuple[Engine, LoadedModel]:
    """Load the encoder with its head; the seed is set first, so that a new head is the same each time."""
    engine = start_engine(prepared.recipe.train.precision, several=True)
    seed_everything(prepared.recipe.train.seed)
    labels = prepared.task.labels
    order = prepared.head.order or labels.output_names
    model = load_model(prepared.source, problem=labels.problem, labels=order, new_head=prepared.head.new)
    reorder_outputs(model.model, order, labels.output_names)
    prepare_layers(model.model, prepared.recipe.train)
    seed_dropout(prepared.recipe.train.seed, engine.group.rank)
    return engine, model


def train_and_finish(
    job: Job, facts: Mapping[str, Any], *, resumed: bool = False, checkpoint: Checkpoint | None = None
) -> FinetuneResult:
    """Train, save the best weights, and score them as reloaded from disk.

    Args:
        job: the model is loaded, and the folder of the run is there.
        facts: about data and machine, for its checkpoints.
        resumed: the run began before.
        checkpoint: what it goes on from; None from the first step.

    Raises:
        Interrupted: after a signal, with the state saved.
        TrainingError: the training failed, or its model could not be written.
    """
    read = _read_rows(job.prepared)
    state = _state(job, read, checkpoint)
    if resumed:
        _keep_what_counts(job, state)
    _say_what_begins(job, state, len(read.features))
    before = float(checkpoint.facts.get("seconds", 0.0)) if checkpoint is not None else 0.0
    every_minutes = job.recipe.train.save_every_minutes
    saver = Saver(job.run, state, facts, every_minutes=every_minutes, seconds=before)
    _train(job, state, read, saver)
    seconds = saver.seconds
    try:
        found = save_and_score(job, state, facts)
        if state.group.is_main:
            write_results(job, state, found, seconds=seconds)
    except STOPS as stop:
        raise interrupted(job, "while the trained model was saved and scored", signal_of(stop)) from None
    except Exception as error:
        if is_disk_full(error):
            raise while_saving_the_model(job.run.path) from error
        raise
    if state.group.is_main:
        job.run.checkpoints.keep_newest_alone()
    return FinetuneResult(
        run=job.run.path,
        splits={name: each.result for name, each in found.items()},
        metric=job.metric,
        best_step=state.best_step,
        steps=state.step,
        seconds=seconds,
        recipe=job.recipe,
        recipe_name=job.name,
        rows=job.row_counts,
        baselines=job.baselines,
        rejected=len(job.prepared.rejected),
    )


def _read_rows(prepared: Prepared) -> TrainingData:
    """The training rows that have been read: all of them, or the first ones of a stream."""
    ids = [example.id for example in prepared.train.examples]
    return TrainingData(prepared.train.features, prepared.targets, padding_of(prepared.tokenizer), ids)


def _state(job: Job, read: TrainingData, checkpoint: Checkpoint | None) -> TrainingState:
    """Model and optimizer on their devices, as a checkpoint has them if there is one."""
    micro_batch_size = job.recipe.train.micro_batch_size
    model, optimizer = distributed(job, read)
    state = TrainingState(
        model, optimizer, job.engine.accelerator,
        micro_batch_size=micro_batch_size, autocast=job.engine.autocast, group=job.engine.group,
        loss_scale=FIRST_LOSS_SCALE if job.engine.precision == "fp16" else None,
    )  # fmt: skip
    if checkpoint is not None:
        load_checkpoint(state, checkpoint.path)
        began_with = settings_at_begin(checkpoint, job.recipe)
        if micro_batch_size != began_with.get("train.micro_batch_size"):
            state.micro_batch_size = micro_batch_size
    return state


def _keep_what_counts(job: Job, state: TrainingState) -> None:
    """Of what the run wrote before, keep what its checkpoint knows of."""
    if job.prepared.stream is not None:
        job.prepared.rejected.restore(job.run.rejected)
    if state.group.is_main:
        with suppress(OSError):  # a log that cannot be written is said, and stops nothing
            trim_log(job.run.log, step=state.step, judged_step=state.judged_step)


def _say_what_begins(job: Job, state: TrainingState, rows_read: int) -> None:
    settings, device = job.recipe.train, job.engine.accelerator.device
    rows = None if job.prepared.stream is not None else rows_read
    steps = total_steps(rows or 0, settings)
    where = device.type if device.type == "cpu" else str(device)
    job.listen(TrainingBegins(steps, state.step, job.run.path, rows, job.engine.precision, where))
    if steps < FEW_STEPS and settings.max_steps is None and job.recipe.data.limit is None:
        advice = f"--set train.epochs={math.ceil(settings.epochs * FEW_STEPS / steps)}"
        text = f"only {steps} step{'s' * (steps != 1)}: so little data often wants more epochs, as {advice}"
        job.listen(Note(text, warning=True))


def _train(job: Job, state: TrainingState, read: TrainingData, saver: Saver) -> None:
    stream, rejected = job.prepared.stream, job.prepared.rejected
    if stream is None:
        fit(job, state, read, saver)
        return
    try:
        fit(job, state, streamed_data(job.prepared, stream), saver)
    finally:
        if state.group.is_main:  # rows are set aside while it is read
            rejected.write(job.run.rejected)
    say_left_out(stream, job.listen)
