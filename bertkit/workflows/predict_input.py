"""What predict reads: opened, looked at before the model is loaded, and told from what it writes."""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from bertkit.data.reading.compression import MAGIC_BYTES, ArchiveBombError, bomb, compression_of, unpack
from bertkit.data.reading.file_access import HEAD_BYTES, UTF8_BOM, DataFile, open_file, refuse_foreign
from bertkit.data.reading.lines import InputLine, read_input_lines
from bertkit.errors import DataError
from bertkit.tasks.table import TASKS
from bertkit.workflows.trained import TrainedSource


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


def is_regular(stream: BinaryIO) -> bool:
    """Whether a stream is a file, as in `bertkit predict - < FILE`."""
    try:
        return stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError, AttributeError):  # a stream in memory
        return False


def check_header(path: Path, kind: str, found: TrainedSource) -> None:
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
