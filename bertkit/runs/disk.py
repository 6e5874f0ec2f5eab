"""Room on the disk: asked for before a run begins, and told when it ran out."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

from bertkit.errors import RunError


def free_bytes(path: Path) -> int:
    """What can still be written where a path is, or would be."""
    parent = next(folder for folder in (path, *path.absolute().parents) if folder.is_dir())
    return shutil.disk_usage(parent).free


def check_space(path: Path, needed: int) -> None:
    """Refuse to begin what would fill the disk.

    Args:
        path: of the run folder, which need not be there yet.
        needed: bytes it will hold at most.

    Raises:
        RunError: with both figures.
    """
    free = free_bytes(path)
    if free < needed:
        raise RunError(
            f"{path.absolute().parent} has {size_of(free)} left, the run may need {size_of(needed)}",
            hint="make room, or choose another disk: --out DIR",
        )


def is_disk_full(error: BaseException) -> bool:
    """True for what the system, and libraries that pass it on as text, raise when no room is left."""
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
        return True
    return any(words in str(error) for words in ("No space left on device", "Disk quota exceeded"))


def size_of(amount: float) -> str:
    """A number of bytes as people read it: `1.4 GB`, `270.0 MB`, `12 B`."""
    for unit, name in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if amount >= unit:
            return f"{amount / unit:,.1f} {name}"
    return f"{amount:.0f} B"
