"""Features of an earlier run, found again by what they were made from."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from bertkit.data.features import Features

# What the folder may hold; the files used longest ago go first.
MAX_BYTES = 2_000_000_000
# Making so few features takes less time than reading them back would save.
MIN_FEATURES = 5_000
_ALIGNMENT = "alignment."


def cache_folder() -> Path:
    """`$BERTKIT_CACHE`, or `bertkit` in the user's cache folder."""
    root = os.environ.get("BERTKIT_CACHE")
    if root:
        return Path(root)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bertkit"


def cached_features(key: str, make: Callable[[], Features]) -> Features:
    """What `make` gives, from the cache if it was made before.

    Args:
        key: a fingerprint of everything that decides the features: texts, tokenizer, limits.
        make: makes them; pure.
    """
    file = cache_folder() / "features" / f"{key}.npz"
    with suppress(OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        features = _read(file)
        os.utime(file)
        return features
    features = make()
    if len(features) >= MIN_FEATURES:
        with suppress(OSError):  # a full disk or a read-only home is no reason not to train
            _write(file, features)
            _prune(file.parent)
    return features


def _read(file: Path) -> Features:
    # np.load would leave a file open that it cannot read.
    with file.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
        segments = stored.get("token_type_ids")
        alignment = {
            name.removeprefix(_ALIGNMENT): stored[name]
            for name in stored.files
            if name.startswith(_ALIGNMENT)
        }
        return Features(
            stored["input_ids"],
            segments,
            stored["offsets"],
            stored["examples"],
            int(stored["cut"]),
            alignment,
        )


def _write(file: Path, features: Features) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    arrays: dict[str, Any] = {
        "input_ids": features.input_ids,
        "offsets": features.offsets,
        "examples": features.examples,
    }
    arrays |= {f"{_ALIGNMENT}{name}": values for name, values in features.alignment.items()}
    if features.token_type_ids is not None:
        arrays["token_type_ids"] = features.token_type_ids
    try:
        with temporary.open("wb") as stream:
            np.savez(stream, allow_pickle=False, cut=np.int64(features.cut), **arrays)
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


def _prune(folder: Path) -> None:
    files = sorted(folder.glob("*.npz"), key=lambda path: path.stat().st_mtime, reverse=True)
    total = 0
    for file in files:
        total += file.stat().st_size
        if total > MAX_BYTES:
            file.unlink(missing_ok=True)
