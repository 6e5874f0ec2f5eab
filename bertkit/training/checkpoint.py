"""The whole state of a training as files: safetensors for tensors, JSON for the rest; no pickle."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bertkit.errors import RunError
from bertkit.training.loop import TrainingState
from bertkit.training.strategies import like, whole_in_main

if TYPE_CHECKING:
    import torch

WEIGHTS = "weights.safetensors"
OPTIMIZER = "optimizer.safetensors"
STATE = "state.json"
# Of the processor and of the GPU of a process; those after the first have its number behind.
RANDOM_STATES = ("random_state", "cuda_random_state")
# Fields of `TrainingState` that are plain values.
COUNTERS = (
    "step", "best", "best_step", "without_gain", "judged_step", "micro_batch_size", "skipped",
    "skipped_in_a_row", "loss_scale", "scaled_steps", "stream",
)  # fmt: skip


@dataclass(frozen=True)
class Taken:
    """The tensors of a training, whole, in the process that writes them.

    Attributes:
        weights: by name, tied ones once.
        optimizer: by the number of the parameter and the name of the value.
        plain: what an optimizer holds besides tensors.
        random_states: of each process, of the processor and, where it has one, of its GPU.
    """

    weights: dict[str, torch.Tensor]
    optimizer: dict[str, torch.Tensor]
    plain: dict[str, Any]
    random_states: list[list[torch.Tensor]]


def take(state: TrainingState) -> Taken:
    """What is to be written of a training; called in all processes at the same point.

    Tensors that every process has whole are not copied.
    """
    import torch

    tensors, plain = _split_optimizer(state.optimizer.state_dict(), is_main=state.group.is_main)
    own = [torch.get_rng_state()]
    if state.accelerator.device.type == "cuda":
        own.append(torch.cuda.get_rng_state(state.accelerator.device))
    random_states = [list(each) for each in zip(*map(state.group.gathered_tensors, own), strict=True)]
    return Taken(weights_of(state), tensors, plain, random_states)


def weights_of(state: TrainingState) -> dict[str, torch.Tensor]:
    """All weights, tied ones once, whole in the main process; called in all at the same point."""
    model = state.accelerator.unwrap_model(state.model)
    named = model.state_dict(keep_vars=True)
    is_main = state.group.is_main
    return {names[0]: whole_in_main(named[names[0]].detach(), is_main=is_main) for names in _tied(named)}


def _tied(named: Mapping[str, Any]) -> list[list[str]]:
    """Names of the same tensor together."""
    groups: dict[int, list[str]] = {}
    for name, tensor in named.items():
        groups.setdefault(id(tensor), []).append(name)
    return list(groups.values())


def write_checkpoint(
    state: TrainingState, folder: Path, *, weights: Path | None = None, taken: Taken | None = None
) -> None:
    """Write weights, optimizer, random states and position into an empty folder.

    Args:
        state: of the training.
        folder: that is there.
        weights: a file with the same weights, which is then shared where the file system can.
        taken: what `take` gave; of several processes one writes what all have taken.
    """
    from safetensors.torch import save_file

    taken = taken or take(state)
    tensors = dict(taken.optimizer)
    for rank, states in enumerate(taken.random_states):
        for kind, values in zip(RANDOM_STATES, states, strict=False):
            tensors[_of_rank(kind, rank)] = values
    if weights is None:
        write_weights(state, folder, taken=taken)
    else:
        _share(weights, folder / WEIGHTS)
    save_file(tensors, folder / OPTIMIZER)
    position = {name: getattr(state, name) for name in COUNTERS} | {"optimizer": taken.plain}
    (folder / STATE).write_text(json.dumps(position, indent=2), encoding="utf-8")


def _of_rank(kind: str, rank: int) -> str:
    return f"{kind}.{rank}" if rank or kind != RANDOM_STATES[0] else kind


def write_weights(state: TrainingState, folder: Path, *, taken: Taken | None = None) -> None:
    """Write the weights alone into a folder, tied ones once."""
    from safetensors.torch import save_file

    weights = taken.weights if taken is not None else weights_of(state)
    # A part of a larger tensor would be written with all of it.
    save_file({name: each.contiguous() for name, each in weights.items()}, folder / WEIGHTS)


def _share(file: Path, place: Path) -> None:
    try:
        place.hardlink_to(file)
    except OSError:  # the file system knows no links to files
        shutil.copyfile(file, place)


def load_weights(model: Any, folder: Path) -> None:
    """Put saved weights into a model of the same kind.

    Raises:
        KeyError, ValueError: it is of another kind.
    """
    from safetensors.torch import load_file

    put_weights(model, load_file(folder / WEIGHTS))


def put_weights(model: Any, saved: Mapping[str, torch.Tensor]) -> None:
    """Put whole weights into a model of the same kind, which may have them in parts.

    Raises:
        KeyError: names differ.
        ValueError: a shape differs.
    """
    import torch

    named = model.state_dict(keep_vars=True)
    if unknown := sorted(saved.keys() - named.keys()):
        raise KeyError(unknown[0])
    with torch.no_grad():
        for names in _tied(named):
            found = next((saved[name] for name in names if name in saved), None)
            if found is None:
                raise KeyError(names[0])
            if found.shape != named[names[0]].shape:
                raise ValueError(f"{names[0]} has another shape")
            named[names[0]].copy_(like(found, named[names[0]]))


def load_checkpoint(state: TrainingState, folder: Path) -> None:
    """Restore what `write_checkpoint` wrote, into a state made from the same recipe.

    Of several processes the main one reads, and the others get from it what they need. One that has no random
    state there, because fewer processes have written it, goes on with its own.

    Raises:
        RunError: if the checkpoint is missing or broken.
    """
    position = state.group.from_main(lambda: _read_position(folder))
    is_main = state.group.is_main
    weights = state.group.share_tensors(_read_tensors(folder, WEIGHTS) if is_main else None)
    tensors = state.group.share_tensors(_read_tensors(folder, OPTIMIZER) if is_main else None)
    try:
        put_weights(state.accelerator.unwrap_model(state.model), weights)
        joined = _join_optimizer(tensors, position["optimizer"])
        parameters = [each for group in state.optimizer.param_groups for each in group["params"]]
        for number, values in joined["state"].items():
            for name, value in values.items():
                if value.shape == parameters[number].shape:
                    values[name] = like(value, parameters[number])
        state.optimizer.load_state_dict(joined)
        _restore_random_states(state, tensors)
    except (ValueError, KeyError, TypeError, RuntimeError, IndexError) as error:
        raise _unreadable(folder) from error
    for name in COUNTERS:
        setattr(state, name, position[name])


def _read_position(folder: Path) -> dict[str, Any]:
    try:
        # Checkpoints from before there were streams have no position in one.
        position = {"stream": None, **json.loads((folder / STATE).read_text(encoding="utf-8"))}
        return {name: position[name] for name in (*COUNTERS, "optimizer")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _unreadable(folder) from error


def _read_tensors(folder: Path, name: str) -> dict[str, torch.Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        found: dict[str, torch.Tensor] = load_file(folder / name)
        return found
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise _unreadable(folder) from error


def _unreadable(folder: Path) -> RunError:
    return RunError(f"the checkpoint {folder} cannot be read", hint="start the run again, without --resume")


def _restore_random_states(state: TrainingState, tensors: Mapping[str, torch.Tensor]) -> None:
    import torch

    processor, gpu = (tensors.get(_of_rank(kind, state.group.rank)) for kind in RANDOM_STATES)
    if state.group.is_main:
        torch.set_rng_state(tensors[RANDOM_STATES[0]])
    elif processor is not None:
        torch.set_rng_state(processor)
    if gpu is not None and state.accelerator.device.type == "cuda":
        torch.cuda.set_rng_state(gpu, state.accelerator.device)


def _split_optimizer(
    content: dict[str, Any], *, is_main: bool
) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """An optimizer's state as named tensors, whole in the main process, and as JSON."""
    tensors: dict[str, Any] = {}
    for parameter, values in content["state"].items():
        for name, tensor in values.items():
            found = whole_in_main(tensor, is_main=is_main)
            tensors[f"{parameter}.{name}"] = found.contiguous() if found is not None else None
    return tensors, {"param_groups": content["param_groups"]}


def _join_optimizer(tensors: dict[str, torch.Tensor], plain: dict[str, Any]) -> dict[str, Any]:
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, tensor in tensors.items():
        parameter, _, name = key.partition(".")
        if parameter.isdecimal():
            state.setdefault(int(parameter), {})[name] = tensor
    return {"state": state, **plain}
