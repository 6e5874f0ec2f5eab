"""What predict reads: opened, looked at before the model is loaded, and told from what it writes."""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from bertkit.data.reading.compression import (
    MAGIC_BYTES,
    ArchiveBombError,
    bomb,
    compression_of,
    is_compressed,
    unpack,
)
from bertkit.data.reading.file_access import HEAD_BYTES, UTF8_BOM, DataFile, open_file, refuse_foreign
from bertkit.data.reading.lines import InputLine, input_kind, read_input_lines
from bertkit.errors import DataError
from bertkit.tasks.table import TASKS
from bertkit.workflows.answering import Chunk
from bertkit.workflows.answers import CHUNK_LINES, chunks_of
from bertkit.workflows.trained import TrainedSource

# Streams that a thread may still read: closing one would wait for it.
_left_open: list[BinaryIO] = []


@dataclass(frozen=True)
class Input:
    """An input that is open.

    Attributes:
        lines: of it, read as they are asked for.
        stream: where they come from.
        size: in bytes, None where it is not known.
        is_file: it never lets one wait for its next line.
    """

    lines: Iterator[InputLine]
    stream: BinaryIO
    size: int | None
    is_file: bool

    def chunks(self) -> Iterator[Chunk]:
        """The lines in groups that are batched together, each with how far the input was read then."""
        # Who types waits for each answer.
        count = 1 if not self.is_file and self.stream.isatty() else CHUNK_LINES
        for lines in chunks_of(self.lines, count):
            yield Chunk(lines, None if self.size is None else min(self.stream.tell(), self.size))


def input_of(stream: BinaryIO, path: Path | None, found: TrainedSource) -> Input:
    """An input for a model, its header checked where it is a table.

    Args:
        stream: as `opened` gives it, or JSON lines.
        path: of the file; None where there is none.
        found: the model, with its columns as they are called in the input.

    Raises:
        DataError: it cannot be read line by line, or is a table without the columns of the model.
    """
    kind = input_kind(path)
    # A line of text is a text, also where the model was trained on lists of tokens.
    tagger = found.contract.problem in ("tags", "frames")
    text_column = "text" if tagger else found.contract.text[0]
    lines = reading(read_input_lines(stream, kind=kind, text_column=text_column), str(path))
    if path is None:
        return Input(lines, stream, None, _is_regular(stream))
    if kind in ("csv", "tsv"):
        _check_header(path, kind, found)
    # How far a packed file is cannot be told from what is unpacked of it.
    return Input(lines, stream, None if is_compressed(path.name) else path.stat().st_size, path.is_file())


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The file, checked and unpacked; faults of what is done with it later are not faults of reading it."""
    with open_file(DataFile.at(path)) as opened:
        refuse_foreign(opened.read(HEAD_BYTES).removeprefix(UTF8_BOM), DataFile.at(path))
    with path.open("rb") as stream:
        kind = compression_of(stream.read(MAGIC_BYTES))
        stream.seek(0)
        if kind is None:
            yield stream
            return
        with unpack(stream, kind) as unpacked:
            yield unpacked


@contextmanager
def unlocked(stream: BinaryIO) -> Iterator[BinaryIO]:
    """The same stream for a thread that may wait for ever: its lock is none that Python takes at its end."""
    try:
        descriptor = os.dup(stream.fileno())
    except (OSError, ValueError, AttributeError):  # a stream in memory
        yield stream
        return
    own = os.fdopen(descriptor, "rb")
    try:
        yield own
    finally:
        if _is_regular(own):
            own.close()
        else:
            _left_open.append(own)


def _is_regular(stream: BinaryIO) -> bool:
    """Whether a stream is a file, as in `bertkit predict - < FILE`."""
    try:
        return stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError, AttributeError):  # a stream in memory
        return False


def _check_header(path: Path, kind: str, found: TrainedSource) -> None:
    """A table without the text column would give nothing but error lines: say so at once.

    Raises:
        DataError: it has none.
    """
    with open_file(DataFile.at(path)) as stream:
        first = next(iter(read_input_lines(stream, kind=kind)), None)
    if first is not None and first.record is not None:
        try:
            TASKS[found.contract.task].from_contract(found.contract).read(first.record, "1")
        except DataError as error:
            raise DataError(f"{path}: {error.message}", hint=error.hint) from error


def reading(lines: Iterator[InputLine], name: str) -> Iterator[InputLine]:
    """The lines; a disk that fails while reading is told from one that fails while writing."""
    try:
        yield from lines
    except ArchiveBombError as error:
        raise bomb(name, error.kind) from None
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(
            f"the input cannot be read on: {reason}", hint="check the file and the disk"
        ) from error
