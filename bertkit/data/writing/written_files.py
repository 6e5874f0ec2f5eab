"""Files that a conversion writes: whole or absent, compressed where their name says so."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

_COMPRESSIONS = {".gz": "gzip", ".gzip": "gzip", ".zst": "zstd", ".zstd": "zstd"}


class CannotHoldError(ValueError):
    """A value that the format written has no way to say.

    Attributes:
        reason: what it is.
        position: which of the things to write it is in, from 0.
        instead: a format that can hold it.
    """

    def __init__(self, reason: str, position: int, *, instead: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.position = position
        self.instead = instead


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A stream of bytes; when the block ends without an error, they are the file."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def whole_text(path: Path) -> Iterator[TextIO]:
    """The same for text in UTF-8 with line ends as written, through gzip or zstd for `.gz` and `.zst`."""
    with whole_file(path) as file, _compressed(file, path) as stream:
        text = TextIOWrapper(stream, encoding="utf-8", newline="")
        yield text
        text.flush()
        text.detach()


@contextmanager
def _compressed(file: BinaryIO, path: Path) -> Iterator[Any]:
    compression = _COMPRESSIONS.get(path.suffix.lower())
    if compression == "gzip":
        # Without name and time, so that the same rows give the same bytes.
        with gzip.GzipFile(fileobj=file, mode="wb", filename="", compresslevel=6, mtime=0) as stream:
            yield stream
    elif compression == "zstd":
        import pyarrow

        with pyarrow.CompressedOutputStream(_Unclosed(file), "zstd") as stream:
            yield stream
    else:
        yield file


class _Unclosed:
    """A stream that whoever writes to it does not close: it is still to be flushed to the disk."""

    closed = False
    mode = "wb"

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, data: bytes) -> int:
        return self._stream.write(data)

    def flush(self) -> None:
        self._stream.flush()

    def close(self) -> None:
        self.flush()

    def writable(self) -> bool:
        return True


def unclosed(stream: BinaryIO) -> BinaryIO:
    """The stream for libraries that close what they are given."""
    return cast("BinaryIO", _Unclosed(stream))
