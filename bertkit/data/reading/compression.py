"""Files that are packed with gzip or zstd: told by their first bytes, read as if they were not packed."""

from __future__ import annotations

import gzip
import io
from collections.abc import Mapping
from typing import BinaryIO, cast

from bertkit.errors import DataError

MAGIC_BYTES = 4
SUFFIXES = (".gz", ".gzip", ".zst", ".zstd")
_MAGIC: Mapping[bytes, str] = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_TEST_COMMANDS = {"gzip": "gzip -t", "zstd": "zstd -t"}


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


def unpack(stream: BinaryIO, kind: str) -> BinaryIO:
    """What a packed stream holds, to be read from front to back.

    Args:
        stream: at its start.
        kind: as `compression_of` says.

    Raises:
        EOFError, zlib.error, OSError without an errno: later, while reading, if the archive is broken.
    """
    if kind == "gzip":
        raw: object = gzip.GzipFile(fileobj=stream)
    else:
        import pyarrow

        raw = pyarrow.CompressedInputStream(stream, "zstd")
    # Both give lines slowly by themselves; a buffer in C gives them fast.
    return io.BufferedReader(cast(io.RawIOBase, raw), buffer_size=1 << 17)


def broken_archive(name: str, kind: str, error: BaseException) -> DataError:
    """The error for an archive that cannot be unpacked to its end."""
    reason = str(error).strip().split("\n", 1)[0] or type(error).__name__
    return DataError(
        f"{name}: the {kind} archive is broken: {reason}",
        hint=f"it may be cut short: fetch or pack it again, and try it with {_TEST_COMMANDS[kind]} {name}",
    )
