"""A loaded model, trained by the processes there are."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

from bertkit.data.features import collate
from bertkit.models.execution import speed_up
from bertkit.models.layers import encoder_layers
from bertkit.models.loading import LoadedModel
from bertkit.training.batches import TrainingData
from bertkit.training.optimizer import build_optimizer
from bertkit.training.strategies import (
    choose_strategy,
    distribute,
    is_sharded,
    memory_of_process,
    unused_parameters,
)
from bertkit.workflows.events import Note
from bertkit.workflows.job import Job


def distributed(job: Job, data: TrainingData) -> tuple[Any, Any]:
    """The model of a job as it is called in training, and its optimizer; the strategy is said.

    Args:
        job: with its model on the processor.
        data: a few features are looked at.
    """
    settings, group, accelerator = job.recipe.train, job.engine.group, job.engine.accelerator
    model = job.model.model
    local = group.place.local_processes if group.place is not None else 1
    strategy, why = choose_strategy(
        settings.strategy, weights=model.num_parameters(), processes=group.size,
        # Cards may differ, and all processes have to choose the same.
        memory_bytes=min(group.gathered(memory_of_process(accelerator.device, local_processes=local))),
    )  # fmt: skip
    if group.size > 1:
        hosts = -(-group.size // local)
        over = f" on {hosts} hosts" if hosts > 1 else ""
        job.listen(Note(f"{group.size} processes{over}, strategy {strategy}: {why}"))
    unused = _unused(job, data) if strategy == "ddp" else frozenset()
    if settings.compile:  # after the look at what is unused: that is on the processor
        _compile(job)
    return distribute(
        model, lambda prepared: build_optimizer(prepared, settings), accelerator, strategy, unused=unused
    )


def _compile(job: Job) -> None:
    """Compile each layer by itself: they are alike, so the first one does it for all."""
    if job.model.execution.fused and job.engine.accelerator.device.type == "cpu":
        return job.listen(Note("nothing is compiled: processors compute this encoder in fused layers"))
    for layer in encoder_layers(job.model.model):
        layer.compile(dynamic=True)


def _unused(job: Job, data: TrainingData) -> frozenset[str]:
    """Parameters whose gradients no process has to wait for."""
    batch = collate(data.features, [0], padding=data.padding, device="cpu", targets=data.targets)
    assert batch.targets is not None
    targets = batch.targets

    def loss_of(model: Any) -> Any:
        return job.prepared.task.loss(model(**batch.inputs), targets, label_smoothing=0.0).sum()

    return unused_parameters(job.model.model, loss_of)


def whole_model(loaded: LoadedModel) -> LoadedModel:
    """A model that a process has whole, to put weights into: the same one, unless that is in parts."""
    if not is_sharded(loaded.model):
        return loaded
    # FSDP2 has put a class of its own over that of the model.
    kind: Any = type(loaded.model).__bases__[-1]
    model = kind(deepcopy(loaded.model.config)).eval()
    return replace(loaded, model=model, execution=speed_up(model))
