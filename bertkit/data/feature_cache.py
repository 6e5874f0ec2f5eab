"""Features of an earlier run, found again by what they were made from.

An entry is a folder of `.npy` files. They are read once, to see that they are as they were written, and
mapped into memory: several processes share one copy, and the system may take back what nobody looks at. The
folder is moved into its place when it is whole. Whoever has mapped an entry on a local disk that is removed
meanwhile keeps it.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertkit.data.features import Features

# What the folder may hold; the entries used longest ago go first.
MAX_BYTES = 2_000_000_000
# Making so few features takes less time than reading them back would save.
MIN_FEATURES = 5_000
# How entries are stored; those of another form are made anew.
FORMAT = 1
# Seconds after which a folder under way is taken for one that a killed process has left.
ABANDONED = 24 * 3600
_CONTENT = "content.json"
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
    folder = cache_folder() / "features" / key
    # Whatever stands there that is not as it was written is made anew.
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError, EOFError):
        features = _read(folder)
        with suppress(OSError):  # somebody else's entry is as good
            os.utime(folder)
        return features
    features = make()
    if len(features) >= MIN_FEATURES:
        with suppress(OSError):  # a full disk or a read-only home is no reason not to train
            _write(folder, features)
            _prune(folder.parent)
    return features


def _read(folder: Path) -> Features:
    """The features of an entry.

    Raises:
        ValueError: it is not as it was written.
    """
    content = json.loads((folder / _CONTENT).read_text(encoding="utf-8"))
    if content["format"] != FORMAT or content["key"] != folder.name:
        raise ValueError("another entry")
    arrays = {name: _mapped(folder, name, checksum) for name, checksum in content["arrays"].items()}
    return Features(
        input_ids=arrays["input_ids"],
        token_type_ids=arrays.get("token_type_ids"),
        offsets=arrays["offsets"],
        examples=arrays["examples"],
        cut=int(arrays["cut"][0]),
        alignment={
            name.removeprefix(_ALIGNMENT): values
            for name, values in arrays.items()
            if name.startswith(_ALIGNMENT)
        },
    )


def _mapped(folder: Path, name: str, checksum: int) -> NDArray[Any]:
    """An array that lies on the disk. It may be written to, for torch asks for that; the file never is."""
    # As a plain array: a sum of a mapped one would be one, too.
    array = np.asarray(np.load(folder / f"{name}.npy", mmap_mode="c", allow_pickle=False))
    if _checksum(name, array) != checksum:
        raise ValueError("spoiled")
    return array


def _checksum(name: str, array: NDArray[Any]) -> int:
    kind = zlib.crc32(f"{name} {array.dtype.str}".encode())
    return zlib.crc32(np.ascontiguousarray(array).data, kind)


def _write(folder: Path, features: Features) -> None:
    """Store an entry in the place of any other; of two processes that do so at once, one is kept.

    One that is larger than the whole cache is not stored.
    """
    arrays: dict[str, NDArray[Any]] = {
        "input_ids": features.input_ids,
        "offsets": features.offsets,
        "examples": features.examples,
        "cut": np.array([features.cut]),
    }
    arrays |= {f"{_ALIGNMENT}{name}": values for name, values in features.alignment.items()}
    if features.token_type_ids is not None:
        arrays["token_type_ids"] = features.token_type_ids
    if sum(values.nbytes for values in arrays.values()) > MAX_BYTES:
        return  # it would push out all others, and itself
    temporary = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.tmp")
    temporary.mkdir(parents=True)
    try:
        for name, values in arrays.items():
            np.save(temporary / f"{name}.npy", values, allow_pickle=False)
        checksums = {name: _checksum(name, values) for name, values in arrays.items()}
        content = {"format": FORMAT, "key": folder.name, "arrays": checksums}
        (temporary / _CONTENT).write_text(json.dumps(content), encoding="utf-8")
        _remove(folder)
        temporary.rename(folder)
    finally:
        _remove(temporary)


def _prune(parent: Path) -> None:
    """Remove what was used longest ago, what was left half written, and files of earlier versions."""
    entries = []
    for path in parent.iterdir():
        with suppress(OSError):  # another process removes, too
            used = path.stat().st_mtime
            if path.suffix == ".npz" or (path.suffix == ".tmp" and used < time.time() - ABANDONED):
                _remove(path)
            elif path.suffix != ".tmp" and path.is_dir():
                entries.append((used, path, sum(file.stat().st_size for file in path.iterdir())))
    total = 0
    for _, path, size in sorted(entries, reverse=True):
        if total + size > MAX_BYTES:
            _remove(path)
        else:
            total += size


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
