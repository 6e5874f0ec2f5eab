"""Weights that run code when they are opened: found in a model folder by their names, and refused unopened.

A pickle may call any function while it is read. bertkit, and the libraries as it calls them, read tensors
from safetensors alone; here it is seen to that no file of a model folder leads them elsewhere. SECURITY.md
tells what is promised, docs/security.md how to convert a pickled checkpoint in isolation.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any

from bertkit.errors import ModelError

PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.pickle", "*.joblib", "*.h5", "*.msgpack")
_SAFE = (".safetensors", ".safetensors.index.json")
_INDEX = "*.safetensors.index.json"
ADAPTER = "adapter_config.json"
CONVERT = (
    "take a checkpoint with model.safetensors, or convert this one in isolation, as docs/security.md shows"
)


def check_weights(folder: Path, config: Mapping[str, Any], name: str) -> None:
    """Refuse a folder whose weights are pickled, or that leads to such weights.

    Args:
        folder: of the model.
        config: the content of its config.json.
        name: of the model, for messages.

    Raises:
        ModelError: with what to do.
    """
    if not any(folder.glob("*.safetensors")):
        pickled = sorted(path.name for pattern in PICKLED for path in folder.glob(pattern))
        if pickled:
            raise ModelError(
                f"{name} has pickled weights only ({pickled[0]}): opening them could run foreign code",
                hint=CONVERT,
            )
        raise ModelError(
            f"{name} has no weights in safetensors",
            hint="take a revision or a checkpoint that has model.safetensors",
        )
    # transformers would open what these two name, whatever it is.
    named = config.get("transformers_weights")
    if named is not None and not (
        isinstance(named, str) and named.endswith(_SAFE) and PurePath(named).name == named
    ):
        raise _led_astray(name, "config.json", named)
    for index in sorted(folder.glob(_INDEX)):
        for part in _parts_of(index, name):
            if not (isinstance(part, str) and part.endswith(".safetensors") and PurePath(part).name == part):
                raise _led_astray(name, index.name, part)
    if (folder / ADAPTER).is_file():
        raise ModelError(
            f"{name} is an adapter to another model ({ADAPTER}), which bertkit does not read",
            hint="merge the two with peft's merge_and_unload(), and save the result with save_pretrained()",
        )


def _parts_of(index: Path, name: str) -> Iterator[Any]:
    try:
        yield from dict(json.loads(index.read_text(encoding="utf-8"))["weight_map"]).values()
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError(f"{name}: {index.name} is broken", hint="fetch the model again") from error


def _led_astray(name: str, file: str, named: Any) -> ModelError:
    return ModelError(
        f"{name}: {file} names {named!r} for weights, which is no safetensors file", hint=CONVERT
    )
