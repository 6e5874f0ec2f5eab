"""The training loop: a generator of events. It knows no file, no terminal and no metric."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from bertkit.config.schema import TrainSection
from bertkit.data.batching import Rows, share_of_process, split_micro_batches
from bertkit.data.features import collate
from bertkit.errors import TrainingError
from bertkit.models.memory import is_out_of_memory
from bertkit.processes.group import Group
from bertkit.training.batches import BatchSource, TrainingData
from bertkit.training.events import Evaluation, Event, SkippedStep, SmallerBatches, Step
from bertkit.training.gradients import Gradients
from bertkit.training.not_finite import MOST_SKIPPED_IN_A_ROW, NotFinite, broken_weights
from bertkit.training.optimizer import learning_rate_at, set_learning_rate
from bertkit.training.strategies import is_sharded, without_exchange

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator

Loss = Callable[[Any, "dict[str, torch.Tensor]"], "torch.Tensor"]
Evaluate = Callable[[], tuple[Mapping[str, float], float]]


# In fp16 gradients below 6e-8 are 0: the loss is scaled by as much as gradients allow. It begins with the
# first, is halved where a gradient becomes too large, and doubled after so many steps without (Micikevicius
# et al. 2018, with the numbers of torch.amp.GradScaler, which does not know a model in parts).
FIRST_LOSS_SCALE = 65_536.0
STEPS_TO_DOUBLE = 2_000


class LossScaleTooLarge(Exception):
    """A step in fp16 has to be computed again."""


@dataclass
class TrainingState:
    """Everything the loop changes; saved and restored, a training goes on exactly.

    Attributes:
        model, optimizer: as prepared by Accelerate.
        accelerator: devices, precision and processes.
        step: optimizer steps done.
        best: the best selecting score so far (greater is better), None before the first.
        best_step: the step it was reached at.
        without_gain: evaluations since the best one.
        judged_step: the step of the last evaluation, so that a training that is saved between a step and its
            evaluation is judged when it goes on.
        micro_batch_size: features computed at once by a process; None: its whole share.
        skipped: steps left out because their loss was no number.
        skipped_in_a_row: such steps since the last one that was done.
        loss_scale: what the loss is multiplied by before the backward pass, in fp16; None elsewhere.
        scaled_steps: optimizer steps since that was last changed.
        stream: where a stream stands, as `Batches.position`; None for what is all in memory.
        autocast: the precision of the forward pass.
        group: the processes that train together.
    """

    model: Any
    optimizer: Any
    accelerator: Accelerator
    step: int = 0
    best: float | None = None
    best_step: int = 0
    without_gain: int = 0
    judged_step: int = 0
    micro_batch_size: int | None = None
    skipped: int = 0
    skipped_in_a_row: int = 0
    loss_scale: float | None = None
    scaled_steps: int = 0
    stream: Mapping[str, Any] | None = None
    autocast: Callable[[], AbstractContextManager[Any]] = nullcontext
    group: Group = field(default_factory=Group)


def train(
    state: TrainingState, data: BatchSource, settings: TrainSection, *, loss: Loss, evaluate: Evaluate
) -> Iterator[Event]:
    """Train until the steps are done or early stopping ends it.

    Args:
        state: changed in place; consistent whenever an event is out.
        data: the training features, in memory or a stream.
        settings: the recipe's `train` section.
        loss: model outputs and targets to the loss of each feature, (batch,).
        evaluate: scores by metric, and the one that selects (greater is better).

    Yields:
        A `Step` after each optimizer step, an `Evaluation` at each epoch's end (or every
        `eval_every_steps`) and after the last step; a `SkippedStep` in place of a `Step` whose loss is no
        number, where `on_nan` says so.

    Raises:
        NotFinite: when the loss is no number any more.
        TrainingError: when one row does not fit into memory.
    """
    batches = data.batches(settings, state.stream)
    last = batches.total_steps
    every = settings.eval_every_steps or batches.eval_every
    alone = state.accelerator.num_processes == 1
    gradients = Gradients(state.model, by_row=alone)
    try:
        while True:
            due = state.step % every == 0 or state.step == last
            if due and state.judged_step < state.step:
                yield _judge(state, batches.epoch_at(state.step), evaluate)
            if state.step >= last or _has_stalled(state, settings):
                return
            piece, batch = batches.batch_at(state.step)
            state.stream = batches.position
            rate = learning_rate_at(state.step, last, settings)
            set_learning_rate(state.optimizer, rate)
            found = yield from _accumulate_within_memory(state, piece, batch, loss, gradients)
            try:
                grad_norm = _update(state, settings, found, gradients)
            except LossScaleTooLarge:
                continue  # the same batch again
            except NotFinite as fault:
                _skip(state, settings, fault)
                yield SkippedStep(state.step, batches.epoch_at(state.step), fault.features)
                continue
            tokens = int(piece.features.lengths[batch].sum())
            yield Step(state.step, batches.epoch_at(state.step), found.loss, rate, grad_norm, tokens)
    finally:
        batches.close()
        gradients.close()


def _has_stalled(state: TrainingState, settings: TrainSection) -> bool:
    return settings.early_stopping is not None and state.without_gain >= settings.early_stopping


def _judge(state: TrainingState, epoch: float, evaluate: Evaluate) -> Evaluation:
    state.model.eval()
    scores, selecting = evaluate()
    is_best = not math.isnan(selecting) and (state.best is None or selecting > state.best)
    if is_best:
        state.best, state.best_step, state.without_gain = selecting, state.step, 0
    else:
        state.without_gain += 1
    state.judged_step = state.step
    return Evaluation(state.step, epoch, scores, is_best)


@dataclass
class _Found:
    """What the backward passes of a batch gave, besides gradients.

    Attributes:
        loss: of the batch, over all processes.
        not_finite: features whose own loss is no number, of this process.
        batch: all features of this process.
    """

    loss: float
    not_finite: list[int]
    batch: Rows


def _update(state: TrainingState, settings: TrainSection, found: _Found, gradients: Gradients) -> float:
    """Clip the gradients and step with them; returns their norm before.

    Raises:
        NotFinite: they are no numbers; nothing has changed.
        LossScaleTooLarge: in fp16 they were too large to be numbers; the loss is scaled by less from now on.
    """
    grad_norm = gradients.clip(settings.max_grad_norm, scale=state.loss_scale or 1.0)
    overflow = math.isfinite(found.loss) and not math.isfinite(grad_norm)
    if overflow and state.loss_scale is not None and state.loss_scale > 1:
        gradients.clear()
        state.loss_scale, state.scaled_steps = state.loss_scale / 2, 0
        raise LossScaleTooLarge
    if not (math.isfinite(found.loss) and math.isfinite(grad_norm)):
        gradients.clear()
        group = state.group
        features = group.joined_lists(found.not_finite) or group.joined_lists(found.batch.tolist())
        raise NotFinite(
            state.step + 1, found.loss, grad_norm, features,
            broken=broken_weights(state.model), skipped=state.skipped_in_a_row,
        )  # fmt: skip
    state.optimizer.step()
    gradients.clear()
    state.step += 1
    state.skipped_in_a_row = 0
    state.scaled_steps += 1
    if state.loss_scale is not None and state.scaled_steps == STEPS_TO_DOUBLE:
        state.loss_scale, state.scaled_steps = state.loss_scale * 2, 0
    return grad_norm


def _skip(state: TrainingState, settings: TrainSection, fault: NotFinite) -> None:
    """Count a step as done without it, where that is wanted and of use."""
    hopeless = fault.is_of_weights or state.skipped_in_a_row >= MOST_SKIPPED_IN_A_ROW
    if settings.on_nan == "stop" or hopeless:
        raise fault
    state.step += 1
    state.skipped += 1
    state.skipped_in_a_row += 1
    if state.loss_scale is not None:  # it was halved in vain
        state.loss_scale, state.scaled_steps = FIRST_LOSS_SCALE, 0


def _accumulate_within_memory(
    state: TrainingState, data: TrainingData, batch: Rows, loss: Loss, gradients: Gradients
) -> Generator[SmallerBatches, None, _Found]:
    """The gradients of one batch; where memory runs out, the same again in pieces of half the size."""
    import torch

    while True:
        random_states = _random_states()
        try:
            return _accumulate(state, data, batch, loss)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            share = math.ceil(len(batch) / state.accelerator.num_processes)
            size = min(state.micro_batch_size or share, share)
            _refuse_smaller(state.accelerator, size, error)
            state.micro_batch_size = size // 2
        _restore_random_states(random_states)
        gradients.clear()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        yield SmallerBatches(state.micro_batch_size)


def _refuse_smaller(accelerator: Accelerator, size: int, error: Exception) -> None:
    """Raise where pieces of `size` features cannot be halved."""
    if size <= 1:
        raise TrainingError(
            "memory does not hold one row of training",
            hint="lower train.max_length, or set train.gradient_checkpointing=true",
        ) from error
    if accelerator.num_processes > 1:
        # The others wait in the exchange of gradients: going back alone would hang them all.
        raise TrainingError(
            f"memory ran out in process {accelerator.process_index} of {accelerator.num_processes}",
            hint=f"--set train.micro_batch_size={size // 2}",
        ) from error


def _random_states() -> tuple[torch.Tensor, torch.Tensor | None]:
    """Of the processor, and of the GPU that this process computes on."""
    import torch

    return torch.get_rng_state(), torch.cuda.get_rng_state() if torch.cuda.is_available() else None


def _restore_random_states(states: tuple[torch.Tensor, torch.Tensor | None]) -> None:
    import torch

    torch.set_rng_state(states[0])
    if states[1] is not None:
        torch.cuda.set_rng_state(states[1])


def _accumulate(state: TrainingState, data: TrainingData, batch: Rows, loss: Loss) -> _Found:
    """Sum up the gradients of one global batch, each item by its weight in the whole."""
    accelerator = state.accelerator
    share = share_of_process(
        batch, process_index=accelerator.process_index, process_count=accelerator.num_processes
    )
    # Known before anything is computed, and the same in every process: no gather is needed.
    whole_weight = float(data.targets.weights[batch].sum(dtype=np.float64))
    # A process without a row still takes part in the exchange of gradients, with a row that counts nothing;
    # a batch may hold nothing that is labelled.
    scale = 1.0 / whole_weight if len(share) and whole_weight > 0 else 0.0
    pieces = split_micro_batches(share if len(share) else batch[:1], state.micro_batch_size)
    if is_sharded(state.model):
        # A model in parts is computed by all processes at once, those with fewer rows included.
        most = math.ceil(len(batch) / accelerator.num_processes)
        pieces += [batch[:0]] * (math.ceil(most / (state.micro_batch_size or most)) - len(pieces))
    state.model.train()
    found = _Found(0.0, [], share)
    for number, piece in enumerate(pieces):
        last = number == len(pieces) - 1
        with nullcontext() if last else without_exchange(state.model):
            rows, weight = (piece, scale) if len(piece) else (batch[:1], 0.0)
            part, losses = _backward(state, data, rows, loss, weight)
        found.loss += part
        if not math.isfinite(part):
            found.not_finite += rows[~losses.isfinite().cpu().numpy()].tolist()
    found.loss = _sum_over_processes(accelerator, found.loss)
    return found


def _backward(
    state: TrainingState, data: TrainingData, piece: Rows, loss: Loss, scale: float
) -> tuple[float, torch.Tensor]:
    """Add the gradients of one micro-batch.

    Returns:
        Its part of the loss of the global batch, and the loss of each of its features, (batch,).
    """
    batch = collate(
        data.features, piece, padding=data.padding, device=state.accelerator.device, targets=data.targets
    )
    assert batch.targets is not None and batch.weights is not None
    with state.autocast():
        outputs = state.model(**batch.inputs)
    losses = loss(outputs, batch.targets)
    part = (losses * batch.weights).sum() * scale
    # Both strategies take the mean over processes: times their number, it is the sum again. Accelerate's own
    # backward would divide by what `accelerate launch` took for the number of micro-batches.
    (part * (state.accelerator.num_processes * (state.loss_scale or 1.0))).backward()
    return float(part.detach()), losses.detach()


def _sum_over_processes(accelerator: Accelerator, value: float) -> float:
    if accelerator.num_processes == 1:
        return value
    import torch

    kind = torch.float32 if accelerator.device.type == "mps" else torch.float64
    tensor = torch.tensor([value], device=accelerator.device, dtype=kind)
    return float(accelerator.reduce(tensor, reduction="sum"))
