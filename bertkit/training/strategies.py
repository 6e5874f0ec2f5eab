"""How several processes train one model: each with all of it, or each with a share of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from bertkit.models.layers import encoder_layers

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator
    from torch import nn

# float32 weights, their gradients and AdamW's two means.
BYTES_PER_WEIGHT = 16
# The other half of the memory is for what a batch leaves behind in the layers.
SHARE_OF_MEMORY = 0.5


def choose_strategy(setting: str, *, weights: int, processes: int, memory_bytes: int) -> tuple[str, str]:
    """`one`, `ddp` or `fsdp`, and why.

    Args:
        setting: `train.strategy`: `auto`, `ddp` or `fsdp`.
        weights: of the model.
        processes: over all hosts.
        memory_bytes: of a GPU, or the share of one process of a host's memory.
    """
    if processes == 1:
        return "one", "one process"
    if setting != "auto":
        return setting, "as train.strategy says"
    needed = BYTES_PER_WEIGHT * weights
    sizes = f"the model needs {needed / 1e9:.1f} GB in training, a process has {memory_bytes / 1e9:.1f} GB"
    return ("fsdp" if needed > SHARE_OF_MEMORY * memory_bytes else "ddp"), sizes


def memory_of_process(device: torch.device, *, local_processes: int) -> int:
    """Bytes that one process can count on."""
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    import psutil

    return int(psutil.virtual_memory().total) // local_processes


def distribute(
    model: nn.Module,
    make_optimizer: Callable[[nn.Module], torch.optim.Optimizer],
    accelerator: Accelerator,
    strategy: str,
    *,
    unused: frozenset[str] = frozenset(),
) -> tuple[Any, Any]:
    """The model as it is called in training, and its optimizer.

    Args:
        model: on the processor, with weights that are the same in all processes.
        make_optimizer: over the parameters of what it is given.
        accelerator: devices and processes.
        strategy: `one`, `ddp` or `fsdp`.
        unused: parameters that no loss depends on: nobody waits for their gradients.
    """
    if strategy == "fsdp":
        _shard(model, accelerator.device)
        return model, make_optimizer(model)
    if strategy == "ddp":
        from torch.nn.parallel import DistributedDataParallel

        # Buffers of encoders hold numbers of positions, which nothing changes.
        ignored = [*sorted(unused), *(name for name, _ in model.named_buffers())]
        wrapper: Any = DistributedDataParallel
        wrapper._set_params_and_buffers_to_ignore_for_model(model, ignored)
    from accelerate.utils import patch_environment

    # Else DDP would take the card with the number of the process on its host, and a scheduler may show each
    # process one card only. Model and batches are on the right one already.
    with patch_environment(accelerate_bypass_device_map="true"):
        prepared, optimizer = accelerator.prepare(model, make_optimizer(model))
    return prepared, optimizer


def _shard(model: nn.Module, device: torch.device) -> None:
    """FSDP2: each process keeps a part of each weight, and has a layer whole only while it computes it.

    It is called without Accelerate, which knows it on GPUs alone.
    """
    from torch import distributed
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    # Layer by layer each goes to the device and leaves its share there: the whole need never fit.
    mesh = init_device_mesh(device.type, (distributed.get_world_size(),))
    for layer in encoder_layers(model):
        fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)


def without_exchange(model: Any) -> AbstractContextManager[Any]:
    """Keep gradients to this process for the block: more of them come before they are needed."""
    if is_sharded(model):
        return _unsynchronised(model)
    return model.no_sync() if hasattr(model, "no_sync") else nullcontext()


@contextmanager
def _unsynchronised(model: Any) -> Iterator[None]:
    model.set_requires_gradient_sync(False)
    try:
        yield
    finally:
        model.set_requires_gradient_sync(True)


def is_sharded(model: Any) -> bool:
    """True if each process holds a part of the weights."""
    return hasattr(model, "set_requires_gradient_sync")


def whole(tensor: Any) -> Any:
    """A tensor that the processes have in parts, put together in each; any other one as it is."""
    return tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor


def whole_in_main(tensor: Any, *, is_main: bool) -> Any:
    """The same on the processor of the main process alone, where the processes have it in parts."""
    if not hasattr(tensor, "full_tensor"):
        return tensor
    found = tensor.full_tensor()
    return found.cpu() if is_main else None


def like(tensor: Any, other: Any) -> Any:
    """The part of a whole tensor that is this process's, where `other` is one that they have in parts."""
    if not hasattr(other, "full_tensor"):
        return tensor
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(tensor.to(other.device), other.device_mesh, other.placements)


def unused_parameters(model: nn.Module, loss_of: Callable[[nn.Module], torch.Tensor]) -> frozenset[str]:
    """Names of trainable parameters that a loss does not depend on, found by asking for its gradients.

    Args:
        model: in any mode, which is left as it is; gradients are taken away.
        loss_of: computes the loss of some row; it must not draw random numbers in evaluation mode.
    """
    training = model.training
    model.eval()
    loss: Any = loss_of(model)
    loss.backward()
    found = {name for name, each in model.named_parameters() if each.requires_grad and each.grad is None}
    for parameter in model.parameters():
        parameter.grad = None
    model.train(training)
    return frozenset(found)
