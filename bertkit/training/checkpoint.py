"""Save and restore the whole state of a training: safetensors for tensors, JSON for the rest."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bertkit.errors import RunError
from bertkit.runs.atomic import replacing_folder
from bertkit.training.loop import TrainingState

if TYPE_CHECKING:
    import torch

WEIGHTS = "weights.safetensors"
OPTIMIZER = "optimizer.safetensors"
STATE = "state.json"
# Fields of `TrainingState` that are plain values.
COUNTERS = ("step", "best", "best_step", "without_gain", "judged_step", "micro_batch_size")


def save_checkpoint(state: TrainingState, folder: Path) -> None:
    """Write weights, optimizer, random state and position in one step, over an older checkpoint."""
    import torch
    from safetensors.torch import save_file

    tensors, plain = _split_optimizer(state.optimizer.state_dict())
    tensors["random_state"] = torch.get_rng_state()
    for number in range(torch.cuda.device_count()):
        tensors[f"cuda_random_state.{number}"] = torch.cuda.get_rng_state(number)
    with replacing_folder(folder) as temporary:
        save_weights(state, temporary / WEIGHTS)
        save_file(tensors, temporary / OPTIMIZER)
        position = {name: getattr(state, name) for name in COUNTERS} | {"optimizer": plain}
        (temporary / STATE).write_text(json.dumps(position, indent=2), encoding="utf-8")


def save_weights(state: TrainingState, file: Path) -> None:
    """Write the weights alone, tied ones once, over an older file in one step."""
    from safetensors.torch import save_model

    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        save_model(state.accelerator.unwrap_model(state.model), str(temporary))
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


def load_weights(model: Any, file: Path) -> None:
    """Put saved weights into a model of the same kind."""
    from safetensors.torch import load_model

    load_model(model, str(file))


def load_checkpoint(state: TrainingState, folder: Path) -> None:
    """Restore what `save_checkpoint` wrote, into a state made from the same recipe.

    Raises:
        RunError: if the checkpoint is missing or broken.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        position = json.loads((folder / STATE).read_text(encoding="utf-8"))
        counters = {name: position[name] for name in COUNTERS}
        load_weights(state.accelerator.unwrap_model(state.model), folder / WEIGHTS)
        tensors = load_file(folder / OPTIMIZER)
        state.optimizer.load_state_dict(_join_optimizer(tensors, position["optimizer"]))
        torch.set_rng_state(tensors["random_state"])
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise RunError(
            f"the checkpoint {folder} cannot be read", hint="start the run again, without --resume"
        ) from error
    for number in range(torch.cuda.device_count()):
        saved = tensors.get(f"cuda_random_state.{number}")
        if saved is not None:  # this machine may have more devices than the one that saved
            torch.cuda.set_rng_state(saved, number)
    for name, value in counters.items():
        setattr(state, name, value)


def _split_optimizer(content: dict[str, Any]) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """An optimizer's state as named tensors and as JSON."""
    tensors = {
        f"{parameter}.{name}": tensor.contiguous()
        for parameter, values in content["state"].items()
        for name, tensor in values.items()
    }
    return tensors, {"param_groups": content["param_groups"]}


def _join_optimizer(tensors: dict[str, torch.Tensor], plain: dict[str, Any]) -> dict[str, Any]:
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, tensor in tensors.items():
        parameter, _, name = key.partition(".")
        if parameter.isdecimal():
            state.setdefault(int(parameter), {})[name] = tensor
    return {"state": state, **plain}
