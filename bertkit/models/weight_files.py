"""Files of a model looked at before they are loaded: pointers, web pages and torsos in place of weights."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import BinaryIO

from bertkit.errors import ModelError

_POINTER = b"version https://git-lfs.github.com/spec/"
_FETCH_AGAIN = "fetch it again: bertkit takes the Hub id, and checks what arrives"
# Of safetensors, by its own rule; and more would not be read at once.
_LONGEST_HEADER = 100_000_000
# See https://github.com/huggingface/safetensors#format
_LENGTH = struct.Struct("<Q")


def check_files(folder: Path, name: str) -> None:
    """Refuse a model folder with something else in place of its files.

    Args:
        folder: with weights and tokenizer.
        name: of the model, for messages.

    Raises:
        ModelError: says which file, and what it is instead.
    """
    for pattern in ("*.safetensors", "*.json", "*.txt", "*.model"):
        for path in sorted(folder.glob(pattern)):
            if not path.is_file():
                raise ModelError(f"{name}: {path.name} is no regular file", hint=_FETCH_AGAIN)
            with path.open("rb") as stream:
                head = stream.read(len(_POINTER))
                if head == _POINTER:
                    raise ModelError(
                        f"{name}: {path.name} is a pointer of Git LFS, not the file itself",
                        hint="in the clone: git lfs pull; or give the Hub id instead of the folder",
                    )
                if path.suffix == ".safetensors":
                    _check_weights(stream, path, name)
    _check_parts(folder, name)


def _check_weights(stream: BinaryIO, path: Path, name: str) -> None:
    size = path.stat().st_size
    stream.seek(0)
    start = stream.read(256)
    if start.lstrip()[:1] == b"<":
        raise ModelError(
            f"{name}: {path.name} is a web page, not weights (a sign-in page of the network?)",
            hint=_FETCH_AGAIN,
        )
    if size < _LENGTH.size:
        raise ModelError(f"{name}: {path.name} is empty", hint=_FETCH_AGAIN)
    (length,) = _LENGTH.unpack(start[: _LENGTH.size])
    broken = ModelError(f"{name}: {path.name} is no safetensors file", hint=_FETCH_AGAIN)
    if length > min(size, _LONGEST_HEADER):
        raise broken
    stream.seek(_LENGTH.size)
    try:
        header = json.loads(stream.read(length))
        ends = [entry["data_offsets"][1] for key, entry in header.items() if key != "__metadata__"]
        wanted = _LENGTH.size + length + max(ends, default=0)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        raise broken from error
    if size < wanted:
        raise ModelError(f"{name}: {path.name} is cut short: {size:,} of {wanted:,} bytes", hint=_FETCH_AGAIN)


def _check_parts(folder: Path, name: str) -> None:
    """Weights in several files have an index that names them all."""
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return
    try:
        parts = {str(part) for part in json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ModelError(f"{name}: {index.name} is broken", hint=_FETCH_AGAIN) from error
    missing = sorted(part for part in parts if not (folder / part).is_file())
    if missing:
        raise ModelError(f"{name}: {missing[0]}, a part of its weights, is missing", hint=_FETCH_AGAIN)
