"""Files that are packed with gzip or zstd: told by their first bytes, read as if they were not packed."""

from __future__ import annotations

import gzip
import io
import os
from collections.abc import Mapping
from typing import Any, BinaryIO

from bertkit.errors import DataError

MAGIC_BYTES = 4
SUFFIXES = (".gz", ".gzip", ".zst", ".zstd")
_MAGIC: Mapping[bytes, str] = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_TEST_COMMANDS = {"gzip": "gzip -t", "zstd": "zstd -t"}
_UNPACK_COMMANDS = {"gzip": "gzip -dk", "zstd": "zstd -dk"}
# Text seldom packs below a tenth; what grows by more than this was made to fill memory and disks.
MOST_GROWTH = 100
# Below this many bytes it does no harm, and small files of equal rows pack well.
HARMLESS_BYTES = 64_000_000


class ArchiveBombError(Exception):
    """An archive unpacks to far more than data does; `kind` is as `compression_of` says."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


def compression_of(head: bytes) -> str | None:
    """How a file with these first bytes is packed: "gzip", "zstd", or None for not at all."""
    return next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), None)


def without_compression(name: str) -> str:
    """`reviews.csv` for `reviews.csv.gz`, any other name as it is."""
    for suffix in SUFFIXES:
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return name


def is_compressed(name: str) -> bool:
    """Whether a file name says that the file is packed."""
    return without_compression(name) != name


def unpack(stream: BinaryIO, kind: str, *, size: int | None = None) -> io.BufferedReader:
    """What a packed stream holds, to be read from front to back.

    Args:
        stream: at its start.
        kind: as `compression_of` says.
        size: bytes of the archive; None: those of the file that the stream is of.

    Raises:
        EOFError, zlib.error, OSError without an errno: later, while reading, if the archive is broken.
        ArchiveBombError: later, while reading, if it unpacks to more than data does.
    """
    limit = max(HARMLESS_BYTES, MOST_GROWTH * (os.fstat(stream.fileno()).st_size if size is None else size))
    if kind == "gzip":
        raw: Any = gzip.GzipFile(fileobj=stream)
    else:
        import pyarrow

        raw = pyarrow.CompressedInputStream(stream, "zstd")
    # Both give lines slowly by themselves; a buffer in C gives them fast.
    return io.BufferedReader(_Bounded(raw, limit, kind), buffer_size=1 << 17)


class _Bounded(io.RawIOBase):
    """An unpacked stream that ends with an error before it fills memory."""

    def __init__(self, source: Any, limit: int, kind: str) -> None:
        self._source = source
        self._left = limit
        self._kind = kind

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._source.read(len(buffer))
        self._left -= len(data)
        if self._left < 0:
            raise ArchiveBombError(self._kind)
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._source.close()
        super().close()


def bomb(name: str, kind: str) -> DataError:
    """The error for an archive that unpacks to far more than data does."""
    return DataError(
        f"{name}: the {kind} archive unpacks to more than {MOST_GROWTH} times its size, as no text does",
        hint=f"if it really is data, unpack it and name the file: {_UNPACK_COMMANDS[kind]} {name}",
    )


def broken_archive(name: str, kind: str, error: BaseException) -> DataError:
    """The error for an archive that cannot be unpacked to its end."""
    reason = str(error).strip().split("\n", 1)[0] or type(error).__name__
    return DataError(
        f"{name}: the {kind} archive is broken: {reason}",
        hint=f"it may be cut short: fetch or pack it again, and try it with {_TEST_COMMANDS[kind]} {name}",
    )
