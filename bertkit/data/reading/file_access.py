"""Opening a data file, and telling early that it is not what its name says."""

from __future__ import annotations

import difflib
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path, PurePath
from typing import BinaryIO

from bertkit.data.reading.compression import (
    MAGIC_BYTES,
    ArchiveBombError,
    bomb,
    broken_archive,
    compression_of,
    unpack,
    without_compression,
)
from bertkit.data.rejection import NONE_ALLOWED, RejectedRows
from bertkit.errors import DataError

HEAD_BYTES = 65_536
UTF8_BOM = b"\xef\xbb\xbf"
_LISTED_NAMES = 1_000  # a folder may hold millions: a hint is not worth reading them all

# First bytes -> what it is, and what to do about it. UTF-32 stands before UTF-16: it starts alike.
_FOREIGN = (
    (b"\xff\xfe\x00\x00", "the file is UTF-32, not UTF-8", "iconv -f UTF-32 -t UTF-8 {name} > NEW-FILE"),
    (b"\x00\x00\xfe\xff", "the file is UTF-32, not UTF-8", "iconv -f UTF-32 -t UTF-8 {name} > NEW-FILE"),
    (b"\xff\xfe", "the file is UTF-16, not UTF-8", "iconv -f UTF-16 -t UTF-8 {name} > NEW-FILE"),
    (b"\xfe\xff", "the file is UTF-16, not UTF-8", "iconv -f UTF-16 -t UTF-8 {name} > NEW-FILE"),
    (
        b"version https://git-lfs.github.com/spec/",
        "a git-LFS pointer stands in place of the data",
        "git lfs pull",
    ),
    (b"BZh", "the file is compressed (bzip2)", "unpack it first: bzip2 -dk {name}"),
    (b"\xfd7zXZ\x00", "the file is compressed (xz)", "unpack it first: xz -dk {name}"),
    (
        b"PK\x03\x04",
        "the file is a zip archive or a spreadsheet",
        "unpack it, or save the sheet as CSV (UTF-8)",
    ),
    (b"\xd0\xcf\x11\xe0", "the file is a spreadsheet (.xls)", "save the sheet as CSV (UTF-8)"),
)


@dataclass(frozen=True)
class DataFile:
    """A file to read.

    Attributes:
        path: where its bytes lie on this machine; its suffix is that of the file.
        name: what the user calls it, for messages: the path, or the URL that it was fetched from.
        rejected: where its rows go that cannot be read.
    """

    path: Path
    name: str
    rejected: RejectedRows = field(default=NONE_ALLOWED, compare=False, repr=False)

    @classmethod
    def at(cls, path: Path, rejected: RejectedRows = NONE_ALLOWED) -> DataFile:
        """A file that goes by its path."""
        return cls(path, str(path), rejected)

    @property
    def suffix(self) -> str:
        """The suffix that tells the format, in lower case: `.csv` for `reviews.CSV.gz`."""
        return PurePath(without_compression(self.path.name)).suffix.lower()

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Head:
    """The beginning of a file.

    Attributes:
        data: the first 64 KiB, unpacked, without a UTF-8 byte order mark.
        compression: how the file is packed: "gzip", "zstd", None.
        whole: whether this is all that the file holds.
    """

    data: bytes
    compression: str | None
    whole: bool


@contextmanager
def open_file(file: DataFile | Path) -> Iterator[BinaryIO]:
    """Open a regular file for reading bytes; what is packed with gzip or zstd is unpacked on the way.

    Raises:
        DataError: it is missing, a folder, no regular file (a pipe would hang), cannot be read, or is a
            broken archive (which may show only while it is read).
    """
    file = DataFile.at(file) if isinstance(file, Path) else file
    path, kind = file.path, None
    if "\0" in str(path):
        raise DataError(f"{str(path)!r}: the name holds a NUL character", hint="check the name")
    try:
        _check_kind(file, path.stat().st_mode)
        with path.open("rb") as stream:
            kind = compression_of(stream.read(MAGIC_BYTES))
            stream.seek(0)
            if kind is None:
                yield stream
            else:
                with unpack(stream, kind) as unpacked:
                    yield unpacked
    except (FileNotFoundError, NotADirectoryError):
        raise missing(path) from None
    except PermissionError:
        raise DataError(f"{file}: no permission to read it", hint=f"chmod u+r {file}") from None
    except ArchiveBombError as error:
        raise bomb(file.name, error.kind) from None
    except OSError as error:
        if kind is not None and error.errno is None:
            raise broken_archive(file.name, kind, error) from None
        reason = error.strerror or str(error)
        raise DataError(f"{file}: cannot be read: {reason}", hint="check the name and the disk") from None
    except (EOFError, zlib.error) as error:
        if kind is None:
            raise
        raise broken_archive(file.name, kind, error) from None


def _check_kind(path: DataFile, mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise DataError(f"{path}: this is a folder, a file is needed", hint=f"name a file in it: {path}/...")
    if not stat.S_ISREG(mode):
        raise DataError(
            f"{path}: this is a pipe or a device, not a regular file",
            hint="write its content to a file first, and name that file",
        )


def is_folder(path: Path) -> bool:
    """Whether a folder stands there; where that cannot be told it is none, and `open_file` says why."""
    try:
        return path.is_dir()
    except OSError:
        return False


def missing(path: Path) -> DataError:
    """The error for a path that leads nowhere; its hint names the nearest thing that exists."""
    if path.is_symlink():
        return DataError(f"{path}: the link points to nothing", hint=f"see where it points: ls -l {path}")
    if not path.parent.is_dir():
        return DataError(f"{path}: no such file: there is no folder {path.parent}", hint="check the path")
    try:
        names = sorted(entry.name for entry in islice(path.parent.iterdir(), _LISTED_NAMES))
    except OSError:
        names = []
    near = difflib.get_close_matches(path.name, names, n=1)
    hint = f"did you mean {path.parent / near[0]}?" if near else f"see what is there: ls {path.parent}"
    return DataError(f"{path}: no such file", hint=hint)


def read_head(file: DataFile) -> Head:
    """The first 64 KiB of what a file holds.

    Raises:
        DataError: the file cannot be read, is empty, or holds something that no reader takes:
            UTF-16, an archive of another kind, a git-LFS pointer, a web page.
    """
    with open_file(file) as stream:
        data = stream.read(HEAD_BYTES)
    whole = len(data) < HEAD_BYTES
    data = data.removeprefix(UTF8_BOM)
    if whole and not data.strip():
        raise DataError(f"{file}: the file is empty", hint="check how it was written, or name another file")
    refuse_foreign(data, file)
    return Head(data, _compression(file), whole)


def refuse_foreign(data: bytes, file: DataFile) -> None:
    """Refuse what begins like something that no reader takes.

    Args:
        data: the first bytes, unpacked.
        file: for the message.

    Raises:
        DataError: UTF-16, an archive of another kind, a git-LFS pointer, a web page.
    """
    start = data.lstrip()[:64].lower()
    for magic, what, hint in _FOREIGN:
        if data.startswith(magic):
            raise DataError(f"{file}: {what}", hint=hint.format(name=file))
    if start.startswith((b"<!doctype html", b"<html")):
        raise DataError(
            f"{file}: a web page (HTML) stands in place of the data",
            hint="the download gave a page, not the file: take the link of the raw file",
        )


def _compression(file: DataFile) -> str | None:
    with file.path.open("rb") as stream:
        return compression_of(stream.read(MAGIC_BYTES))


def not_utf8(name: str | Path | DataFile, line: int, data: bytes, position: int) -> DataError:
    """The error for a byte that is not UTF-8.

    Args:
        name: the file, as the user gave it.
        line: number of the line, from 1.
        data: the bytes of that line.
        position: index of the byte in `data`, from 0.
    """
    return DataError(
        f"{name}:{line}: byte 0x{data[position]:02x} (number {position + 1} of the line) is not UTF-8",
        hint=f"if the file is Latin-1: iconv -f latin1 -t utf-8 {name} > NEW-FILE",
    )


def nul_byte(name: str | Path | DataFile, line: int) -> DataError:
    """The error for a NUL byte in text."""
    return DataError(
        f"{name}:{line}: the line holds a NUL byte",
        hint="the file is damaged, binary, or UTF-16 (then: iconv -f UTF-16LE -t UTF-8)",
    )
