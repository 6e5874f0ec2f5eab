"""The files of a stream: which there are, what tells that one has changed, and opening one."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from bertkit.data.reading.compression import (
    MAGIC_BYTES,
    ArchiveBombError,
    bomb,
    broken_archive,
    compression_of,
    is_compressed,
    unpack,
)
from bertkit.data.reading.file_access import open_file
from bertkit.data.reading.hub import first_line
from bertkit.data.reading.remote import remote_faults
from bertkit.errors import DataError

# Read at both ends of a local file to tell it from another one of its size.
_END_BYTES = 65_536
# What object stores and web servers call that which changes with the content.
_CHECKSUMS = (
    "ETag",
    "etag",
    "md5Hash",
    "crc32c",
    "content_md5",
    "Content-MD5",
    "Digest",
    "blob_id",
    "sha256",
)
# What they call the time of the last change.
_TIMES = ("mtime", "LastModified", "last_modified", "Last-Modified", "updated", "created")


class StreamError(DataError):
    """A stream cannot be read on: a shard is gone, cut short, or has changed."""


class PassingError(StreamError):
    """A shard behind a URL cannot be read just now; the same may work in a moment."""


@dataclass(frozen=True)
class Shard:
    """One file of a stream.

    Attributes:
        name: what a message calls it; without secrets.
        place: its path here, or what the file system calls it.
        form: `jsonl`, `csv`, `tsv` or `parquet`.
        size: in bytes; None where a server does not say.
        seekable: whether reading can begin in the middle, as far as that is known without opening it.
        version: what differs once the file has been written again, for as long as this process runs.
        checksum: what differs once it holds something else, as far as that can be told without reading it;
            the same for a copy of it.
        system: the fsspec file system; None for a file here.
    """

    name: str
    place: str
    form: str
    size: int | None
    seekable: bool
    version: str
    checksum: str
    system: Any = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class ShardSet:
    """The files of a stream.

    Attributes:
        origin: what to call the whole in a message.
        shards: in the order of their names.
        class_names: names of integer labels, where the source gives them beside its files.
    """

    origin: str
    shards: Sequence[Shard]
    class_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def fingerprint(self) -> str:
        """Of names, sizes and checksums, not of the content."""
        digest = hashlib.blake2b(digest_size=16)
        for shard in self.shards:
            name = PurePosixPath(shard.name.replace("\\", "/")).name  # copies in other folders are the same
            digest.update(f"{name}\0{shard.size}\0{shard.checksum}\n".encode())
        return digest.hexdigest()


def local_shard(path: Path, form: str) -> Shard:
    """A file of this machine.

    Raises:
        DataError: it cannot be read.
    """
    with open_file(path):
        pass  # which says what is wrong with it
    with path.open("rb") as stream:
        head = stream.read(_END_BYTES)
        size = path.stat().st_size
        stream.seek(max(0, size - _END_BYTES))
        ends = hashlib.blake2b(head + stream.read(_END_BYTES), digest_size=16).hexdigest()
    plain = compression_of(head[:MAGIC_BYTES]) is None
    return Shard(str(path), str(path), form, size, plain, _version_here(path), ends)


def remote_shard(system: Any, place: str, name: str, form: str) -> Shard:
    """A file behind a URL; asked for once, not read.

    Raises:
        DataError: it is not there, or cannot be reached.
    """
    with remote_faults(name):
        known = system.info(place)
    size = known.get("size")
    # What is packed under another name shows when it is opened.
    seekable = not is_compressed(name) and size is not None and known.get("partial") is not False
    return Shard(name, place, form, size, seekable, _version_of(known), _checksum_of(known), system)


@contextmanager
def open_shard(shard: Shard) -> Iterator[io.BufferedReader]:
    """Open a shard from its start, what is packed being unpacked on the way.

    Raises:
        StreamError: it is gone, or was written again since the stream began.
    """
    with ExitStack() as stack:
        with shard_faults(shard):
            stream = stack.enter_context(_opened(shard))
            kind = compression_of(stream.peek(MAGIC_BYTES)[:MAGIC_BYTES])
            unpacked = stream if kind is None else unpack(stream, kind, size=shard.size)
        if kind is not None:
            stack.callback(unpacked.close)
        yield unpacked


@contextmanager
def shard_faults(shard: Shard) -> Iterator[None]:
    """Turn what reading a shard raises into one sentence and a hint; what is wrong with a row passes.

    Raises:
        StreamError: the shard cannot be read, or is broken.
    """
    try:
        yield
    except DataError:
        raise
    except ArchiveBombError as error:
        told = bomb(shard.name, error.kind)
        raise StreamError(told.message, hint=told.hint) from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        told = broken_archive(shard.name, "gzip", error)
        raise StreamError(told.message, hint=told.hint) from None
    except FileNotFoundError:
        raise _gone(shard) from None
    except Exception as error:  # each protocol brings exceptions of its own, with no common parent
        kind = StreamError if shard.system is None or isinstance(error, PermissionError) else PassingError
        raise kind(
            f"{shard.name}: cannot be read: {first_line(error)}", hint="check that it is there and whole"
        ) from error


@contextmanager
def _opened(shard: Shard) -> Iterator[io.BufferedReader]:
    if shard.system is None:
        path = Path(shard.place)
        with path.open("rb") as stream:
            _check_same(shard, _version_here(path))
            yield stream
        return
    with suppress(Exception):  # a file system that remembers its listings would not see a change
        shard.system.invalidate_cache()
    _check_same(shard, _version_of(shard.system.info(shard.place)))
    with shard.system.open(shard.place, "rb") as stream:
        yield io.BufferedReader(stream, buffer_size=1 << 17)


def _gone(shard: Shard) -> StreamError:
    return StreamError(f"{shard.name}: this shard is gone since the stream began", hint="put it back")


def _check_same(shard: Shard, version: str) -> None:
    if version != shard.version:
        raise StreamError(
            f"{shard.name}: this shard has changed since the stream began",
            hint="restore it: rows would be missed or read twice; or start again",
        )


def _version_here(path: Path) -> str:
    found = path.stat()
    return f"{found.st_size} {found.st_mtime_ns}"


def _version_of(known: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={known[name]}" for name in ("size", *_CHECKSUMS, *_TIMES) if name in known)


def _checksum_of(known: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={known[name]}" for name in _CHECKSUMS if known.get(name) is not None)
