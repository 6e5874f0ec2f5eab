"""The whole state of a training as files: safetensors for tensors, JSON for the rest; no pickle."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bertkit.errors import RunError
from bertkit.training.loop import TrainingState

if TYPE_CHECKING:
    import torch

WEIGHTS = "weights.safetensors"
OPTIMIZER = "optimizer.safetensors"
STATE = "state.json"
# Fields of `TrainingState` that are plain values.
COUNTERS = (
    "step", "best", "best_step", "without_gain", "judged_step", "micro_batch_size", "skipped",
    "skipped_in_a_row",
)  # fmt: skip


def write_checkpoint(state: TrainingState, folder: Path, *, weights: Path | None = None) -> None:
    """Write weights, optimizer, random state and position into an empty folder.

    Args:
        state: of the training.
        folder: that is there.
        weights: a file with the same weights, which is then shared where the file system can.
    """
    import torch
    from safetensors.torch import save_file

    tensors, plain = _split_optimizer(state.optimizer.state_dict())
    tensors["random_state"] = torch.get_rng_state()
    for number in range(torch.cuda.device_count()):
        tensors[f"cuda_random_state.{number}"] = torch.cuda.get_rng_state(number)
    if weights is None:
        write_weights(state, folder)
    else:
        _share(weights, folder / WEIGHTS)
    save_file(tensors, folder / OPTIMIZER)
    position = {name: getattr(state, name) for name in COUNTERS} | {"optimizer": plain}
    (folder / STATE).write_text(json.dumps(position, indent=2), encoding="utf-8")


def write_weights(state: TrainingState, folder: Path) -> None:
    """Write the weights alone into a folder, tied ones once."""
    from safetensors.torch import save_model

    save_model(state.accelerator.unwrap_model(state.model), str(folder / WEIGHTS))


def _share(file: Path, place: Path) -> None:
    try:
        place.hardlink_to(file)
    except OSError:  # the file system knows no links to files
        shutil.copyfile(file, place)


def load_weights(model: Any, folder: Path) -> None:
    """Put saved weights into a model of the same kind."""
    from safetensors.torch import load_model

    load_model(model, str(folder / WEIGHTS))


def load_checkpoint(state: TrainingState, folder: Path) -> None:
    """Restore what `write_checkpoint` wrote, into a state made from the same recipe.

    Raises:
        RunError: if the checkpoint is missing or broken.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        position = json.loads((folder / STATE).read_text(encoding="utf-8"))
        counters = {name: position[name] for name in COUNTERS}
        load_weights(state.accelerator.unwrap_model(state.model), folder)
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
