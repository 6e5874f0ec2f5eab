"""An output that grows line by line beside its place, and can be gone on with after an interruption."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TextIO

from bertkit.errors import RunError
from bertkit.runs.atomic import write_json


@dataclass(frozen=True)
class PartialOutput:
    """`OUT.partial` with its lines, and `OUT.partial.json` that tells what they were made from.

    Attributes:
        target: the place it takes when it is whole.
        origin: what it is made from; lines of another origin are not kept. None: never gone on with.
    """

    target: Path
    origin: Mapping[str, str] | None

    @property
    def path(self) -> Path:
        """The lines so far."""
        return self.target.with_name(f"{self.target.name}.partial")

    @property
    def note(self) -> Path:
        """The origin of the lines so far."""
        return self.target.with_name(f"{self.target.name}.partial.json")

    @property
    def is_of_origin(self) -> bool:
        """True if what an interrupted call left was made from the same."""
        try:
            return (
                self.origin is not None and json.loads(self.note.read_text(encoding="utf-8")) == self.origin
            )
        except (OSError, ValueError):
            return False

    def lines(self) -> Iterator[bytes]:
        """Whole lines that an interrupted call left, if they are of the same origin."""
        try:
            if not self.is_of_origin:
                return
            with self.path.open("rb") as stream:
                yield from (line for line in stream if line.endswith(b"\n"))
        except (OSError, ValueError):
            return

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes from the same output for the block.

        Raises:
            RunError: one is at it.
        """
        from filelock import FileLock, Timeout

        file = self.target.with_name(f".{self.target.name}.lock")
        # Of the process, not of a thread: it may be let go by another one.
        lock = FileLock(file, timeout=0, thread_local=False)
        try:
            lock.acquire()
        except Timeout:
            raise RunError(
                f"{self.target} is being written by another process",
                hint="wait until it is done, or choose another -o",
            ) from None
        try:
            yield
        finally:
            with suppress(OSError):
                file.unlink()  # while nobody else can have it
            lock.release()

    @contextmanager
    def writing(self, *, keep: int) -> Iterator[TextIO]:
        """A stream to append to; after the block, if it raised nothing, the file takes its place.

        Args:
            keep: so many lines of the interrupted call stay, what follows them is cut off.
        """
        with self.path.open("ab" if keep else "wb") as whole:
            whole.truncate(sum(map(len, islice(self.lines(), keep))))
        write_json(self.note, self.origin)
        with self.path.open("a", encoding="utf-8", newline="\n") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        self.path.replace(self.target)
        self.note.unlink(missing_ok=True)
