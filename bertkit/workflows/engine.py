"""Devices, precision and seeds, set up once for a workflow."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bertkit.data.features import Features, Padding
from bertkit.errors import UsageError
from bertkit.evaluation.inference import run_model
from bertkit.models.loading import LoadedModel
from bertkit.processes.group import Group
from bertkit.processes.joining import current_group
from bertkit.processes.place import find_place
from bertkit.tasks.base import Task
from bertkit.training.allocation import keep_memory
from bertkit.training.precision import choose_precision
from bertkit.training.strategies import is_sharded
from bertkit.workflows.events import Listener, Note, silent
from bertkit.workflows.signals import STOPS, signal_of, stop_of

if TYPE_CHECKING:
    from accelerate import Accelerator
    from transformers import PreTrainedTokenizerFast


@dataclass(frozen=True)
class OneProcess:
    """What is asked of Accelerate where nothing is trained; importing that takes as long as importing torch.

    Attributes:
        device: the processor.
        process_index, num_processes: of one.
    """

    device: Any
    process_index: int = 0
    num_processes: int = 1


@dataclass(frozen=True)
class Engine:
    """Where and how a model is computed.

    Attributes:
        accelerator: Accelerate's view of devices and processes, or that of one process on a processor.
        precision: fp32, bf16 or fp16.
        group: the processes that work together.
    """

    accelerator: Accelerator
    precision: str
    group: Group = field(default_factory=Group)

    def autocast(self) -> AbstractContextManager[Any]:
        """The precision for a forward pass.

        It is entered where a model is called and not built into the model, as Accelerate would: the same
        model is scored in another one where its outputs are numbers.
        """
        import torch

        kind = torch.float16 if self.precision == "fp16" else torch.bfloat16
        return torch.autocast(self.accelerator.device.type, dtype=kind, enabled=self.precision != "fp32")


def start_engine(precision: str, *, several: bool = False) -> Engine:
    """Set up Accelerate for the hardware there is.

    Args:
        precision: `auto`, `fp32`, `bf16` or `fp16`.
        several: the caller can share its work between processes.

    Raises:
        UsageError: if this is one of several processes, and the caller cannot.
    """
    # Tokenizers warn about forks that never come; the choice is ours either way.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    group = current_group()
    if group.size == 1 or not several:
        # Every process would write into the same place.
        refuse_several_processes()
    keep_memory()
    from accelerate import Accelerator, DistributedDataParallelKwargs
    from accelerate.state import AcceleratorState

    group.start_collectives()
    _leave_to_bertkit(alone=group.size == 1)
    # One process may train and then score in another precision; Accelerate's state is global and refuses.
    AcceleratorState._reset_state()
    accelerator = Accelerator(
        mixed_precision="no",  # see Engine.autocast
        cpu=group.size > 1 and not _has_gpu(),
        kwargs_handlers=[DistributedDataParallelKwargs(gradient_as_bucket_view=True)],
    )
    if accelerator.num_processes != group.size:
        raise RuntimeError(f"Accelerate sees {accelerator.num_processes} of {group.size} processes")
    return Engine(accelerator, choose_precision(precision), group)


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def _leave_to_bertkit(*, alone: bool) -> None:
    """What launchers ask of Accelerate and bertkit does itself: see `train.strategy`, `train.compile`."""
    asked = ["USE_FSDP", "USE_DEEPSPEED", "GRADIENT_ACCUMULATION_STEPS", "DYNAMO_BACKEND"]
    for name in asked:
        os.environ.pop(f"ACCELERATE_{name}", None)
    if alone:
        # torchrun with one process: Accelerate would set up NCCL, and DDP around the model, for it alone.
        for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"):
            os.environ.pop(name, None)
    from accelerate.utils import check_cuda_p2p_ib_support

    if _has_gpu() and not check_cuda_p2p_ib_support():
        # Some cards with old drivers cannot reach each other directly; Accelerate would refuse to start.
        os.environ.setdefault("NCCL_P2P_DISABLE", "1")
        os.environ.setdefault("NCCL_IB_DISABLE", "1")


def start_for_prediction(precision: str) -> Engine:
    """The same for one process that does not train: without Accelerate, where there is only a processor.

    Raises:
        UsageError: if this is one of several processes.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    refuse_several_processes()
    import torch

    # Whoever sets one of these says what Accelerate shall do.
    if torch.accelerator.is_available() or any(name.startswith("ACCELERATE_") for name in os.environ):
        return start_engine(precision)
    keep_memory()
    return Engine(OneProcess(torch.device("cpu")), choose_precision(precision))


def refuse_several_processes() -> None:
    """Raise if this is one of several processes, whether or not Accelerate would see them.

    Raises:
        UsageError: it is.
    """
    place = find_place()
    if place is not None:
        raise UsageError(
            f"this runs in one process, and was started in {place.processes}",
            hint="start it without torchrun, accelerate launch or srun (predict: --nproc N); from Python: "
            "with bertkit.processes.joining.joined()",
        )


def seed_everything(seed: int) -> None:
    """Seed what the head, dropout and libraries draw from; the order of rows has generators of its own."""
    import random

    import torch

    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def seed_dropout(seed: int, rank: int) -> None:
    """Let each process but the first draw other masks of dropout; the same ones would repeat themselves."""
    import torch

    if rank:
        torch.manual_seed(seed + rank)


def padding_of(tokenizer: PreTrainedTokenizerFast) -> Padding:
    """How a tokenizer fills up short features."""
    return Padding(
        token_id=int(tokenizer.pad_token_id),
        segment_id=int(getattr(tokenizer, "pad_token_type_id", 0) or 0),
        left=tokenizer.padding_side == "left",
    )


def compute_outputs(
    engine: Engine,
    loaded: LoadedModel,
    task: Task,
    features: Features,
    *,
    tell: Callable[[int], None] | None = None,
    listen: Listener = silent,
) -> NDArray[Any]:
    """What the task keeps of the model's outputs, for `Task.decode` and for finding thresholds.

    Args:
        engine: where to compute; the model is already there.
        loaded: model and tokenizer.
        task: says what is kept.
        features: of all examples.
        tell: told how many features are done.
        listen: told when memory ran out, and smaller batches have to do.
    """

    def smaller(size: int) -> None:
        listen(Note(f"memory ran out: computing {size} rows at once from now on", warning=True))

    accelerator, group = engine.accelerator, engine.group
    share = (accelerator.process_index, accelerator.num_processes)
    # A number in bf16 has three digits: texts that differ would be given the same one.
    autocast = nullcontext if task.labels.problem == "regression" else engine.autocast
    in_step = is_sharded(loaded.model)
    asked: list[int] = []

    def told(done: int) -> None:
        try:
            if tell is not None:
                tell(done)
        except STOPS as stop:
            if not in_step:
                raise
            asked.append(signal_of(stop))  # the others could not go on alone: it stops after the last batch

    try:
        kept: NDArray[Any] | None = run_model(
            loaded.model, features, padding=padding_of(loaded.tokenizer), keep=task.keep,
            device=accelerator.device, autocast=autocast, progress=told, share=share, smaller=smaller,
            in_step=in_step,
        )  # fmt: skip
        stop_number = max(asked, default=0)
    except STOPS as stop:
        kept, stop_number = None, signal_of(stop)
    # Who was asked to stop comes here early; the others must not wait for it in the sum.
    (stop_number,) = group.largest(stop_number)
    if stop_number or kept is None:
        raise stop_of(stop_number)
    if group.size == 1:
        return kept
    # Each row comes from one process and is 0 in the others: their sum is what that one computed, exactly.
    return group.summed(kept)
