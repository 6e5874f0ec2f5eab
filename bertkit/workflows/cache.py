"""What bertkit and the Hub's clients keep on this machine: listed with sizes, and removed when asked for."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bertkit.config.faults import did_you_mean
from bertkit.data.feature_cache import cache_folder
from bertkit.data.reading.offline import chunk_cache, hub_cache, prepared_cache
from bertkit.errors import UsageError

if TYPE_CHECKING:
    from huggingface_hub import CachedRepoInfo, HFCacheInfo

# What bertkit itself makes; it is made again when it is needed.
OWN_KINDS = {
    "features": "tokenized texts",
    "onnx": "exported models",
    "checked": "notes on files found whole",
}
LEFTOVER = "leftover"
_KINDS_OF_REPOSITORIES = {"model": "model", "dataset": "data set"}
_DAY_SECONDS = 86_400


@dataclass(frozen=True)
class CacheEntry:
    """Something that is kept.

    Attributes:
        kind: `features`, `onnx` or `checked` (bertkit's own); `model`, `data set`, `prepared data set`,
            `chunks` or `leftover` (the Hub's).
        name: as the Hub calls it, else what it is.
        path: where it lies.
        bytes: how much room it takes.
        used: when it was last read or written, in seconds since 1970.
        remove: removes it.
    """

    kind: str
    name: str
    path: Path
    bytes: int
    used: float
    remove: Callable[[], None] = field(repr=False, compare=False)

    @property
    def is_own(self) -> bool:
        """True for what bertkit made, which it makes again."""
        return self.kind in OWN_KINDS

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        used = datetime.fromtimestamp(self.used, UTC).isoformat(timespec="seconds")
        return {
            "kind": self.kind,
            "name": self.name,
            "path": str(self.path),
            "bytes": self.bytes,
            "used": used,
        }


def list_cache() -> list[CacheEntry]:
    """All that is kept: bertkit's own first, then the Hub's, the largest of each first."""
    entries = [*_own_entries(), *_hub_entries(), *_prepared_entries()]
    return sorted(entries, key=lambda entry: (not entry.is_own, -entry.bytes, entry.name))


def choose_entries(
    entries: Sequence[CacheEntry],
    *,
    names: Collection[str] = (),
    hub: bool = False,
    leftovers: bool = False,
    unused_days: float = 0.0,
) -> list[CacheEntry]:
    """Which entries to remove.

    Args:
        entries: those there are.
        names: only entries called so, bertkit's or the Hub's.
        hub: models and data sets of the Hub as well as bertkit's own.
        leftovers: only what killed downloads left.
        unused_days: only what was not used for so many days.

    Raises:
        UsageError: nothing is called so.
    """
    known = sorted({entry.name for entry in entries} | {entry.kind for entry in entries})
    for name in names:
        if name not in known:
            raise UsageError(
                f"nothing called {name} is in the cache{did_you_mean(name, known)}", hint="bertkit cache list"
            )
    before = time.time() - unused_days * _DAY_SECONDS
    return [
        entry
        for entry in entries
        if _is_meant(entry, names, hub=hub, leftovers=leftovers) and entry.used <= before
    ]


def _is_meant(entry: CacheEntry, names: Collection[str], *, hub: bool, leftovers: bool) -> bool:
    if names:
        return entry.name in names or entry.kind in names
    if leftovers:
        return entry.kind == LEFTOVER
    return hub or entry.is_own


def remove_entries(entries: Sequence[CacheEntry]) -> None:
    """Remove these from the disk."""
    for entry in entries:
        entry.remove()


def _own_entries() -> Iterator[CacheEntry]:
    for kind in OWN_KINDS:
        folder = cache_folder() / kind
        if not folder.is_dir():
            continue
        if kind == "checked":  # thousands of them, and each is empty
            yield _entry(kind, kind, folder)
        else:
            yield from (_entry(kind, path.stem, path) for path in sorted(folder.iterdir()))


def _hub_entries() -> Iterator[CacheEntry]:
    """Models and data sets as downloaded, and parts of them that killed downloads left."""
    if hub_cache().is_dir():
        from huggingface_hub import scan_cache_dir

        from bertkit.data.reading.hub_checksums import leftovers

        scanned = scan_cache_dir(hub_cache())
        for repository in scanned.repos:
            yield CacheEntry(
                kind=_KINDS_OF_REPOSITORIES.get(repository.repo_type, repository.repo_type),
                name=repository.repo_id,
                path=repository.repo_path,
                bytes=repository.size_on_disk,
                used=max(repository.last_accessed, repository.last_modified),
                remove=partial(_remove_repository, scanned, repository),
            )
        for path in leftovers(hub_cache()):
            yield _entry(LEFTOVER, path.parents[1].name.split("--", 1)[-1].replace("--", "/"), path)
    if chunk_cache().is_dir():
        yield _entry("chunks", "parts of downloads", chunk_cache())


def _remove_repository(scanned: HFCacheInfo, repository: CachedRepoInfo) -> None:
    commits = [revision.commit_hash for revision in repository.revisions]
    if commits:
        scanned.delete_revisions(*commits).execute()
    shutil.rmtree(repository.repo_path, ignore_errors=True)  # one without a whole commit


def _prepared_entries() -> Iterator[CacheEntry]:
    """Data sets as `datasets` reads them, made of downloads."""
    folder = prepared_cache()
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.is_dir() and next(path.glob("*/*/*/dataset_info.json"), None) is not None:
            yield _entry("prepared data set", path.name.replace("___", "/"), path)


def _entry(kind: str, name: str, path: Path) -> CacheEntry:
    """What lies at a path: a file, or a folder with all in it."""
    size, used = 0, 0.0
    for inner in (path, *path.rglob("*")):
        with suppress(OSError):  # another process removes, too
            status = inner.lstat()
            # A folder counts as used when something was put into it: looking at it is no use.
            size += 0 if inner.is_dir() else status.st_size
            used = max(used, status.st_mtime, 0.0 if inner.is_dir() else status.st_atime)
    return CacheEntry(kind, name, path, size, used, partial(_remove_path, path))


def _remove_path(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
