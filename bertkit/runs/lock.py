"""One process at a time writes a run folder."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from bertkit.errors import RunError
from bertkit.runs.atomic import write_json

LOCK = ".lock"
OWNER = ".owner.json"


@contextmanager
def locked(path: Path, *, patience: float = 0) -> Iterator[None]:
    """Keep others out of a run folder for the block.

    The lock is the operating system's: it goes with its owner, however that one ends, so what a dead process
    left is taken over.

    Args:
        path: of the folder, which is there.
        patience: seconds to wait for another owner.

    Raises:
        RunError: another process has it.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path / LOCK, timeout=patience)
    try:
        lock.acquire()
    except Timeout:
        raise RunError(
            f"{path} is being written by {_owner(path)}",
            hint="wait until it is done, stop it, or choose another place: --out DIR",
        ) from None
    try:
        with suppress(OSError):  # a full disk: the lock holds all the same
            since = f"{datetime.now():%Y-%m-%d %H:%M:%S}"
            write_json(path / OWNER, {"process": os.getpid(), "host": platform.node(), "since": since})
        yield
    finally:
        for name in (OWNER, LOCK):  # while nobody else can have it
            with suppress(OSError):
                (path / name).unlink()
        lock.release()


def check_unlocked(path: Path) -> None:
    """Raise where another process writes a run folder.

    Raises:
        RunError: it does.
    """
    if (path / LOCK).exists():
        with suppress(OSError), locked(path):
            pass


def _owner(path: Path) -> str:
    try:
        owner = json.loads((path / OWNER).read_text(encoding="utf-8"))
        return f"process {owner['process']} on {owner['host']} since {owner['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
