"""Files in the Hub's cache checked against their names there, which are checksums of what they hold.

Over plain http, through proxies and on old disks a byte changes and nothing says so: a changed weight trains.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from bertkit.data.feature_cache import cache_folder
from bertkit.data.reading.hub import check_reachable
from bertkit.data.reading.hub_patience import log
from bertkit.errors import HubError

# sha256 for what lies in LFS; sha1 of a git blob for all else. Other servers may name files otherwise.
_CHECKSUM = re.compile(r"[0-9a-f]{64}|[0-9a-f]{40}")
_BLOCK_BYTES = 1 << 20
# A part of a file that nobody has locked and nobody has written to for so many seconds is left over. The lock
# alone does not say so: on file systems of clusters it may not tell of its owner.
ABANDONED_SECONDS = 600
_LOCK_SECONDS = 0.05

Fetched = TypeVar("Fetched")


def checked_folder() -> Path:
    """Where it is noted which files were found whole."""
    return cache_folder() / "checked"


def broken_files(folder: Path) -> list[Path]:
    """Files whose content is not what the Hub holds; each is read once, and again when it has changed.

    Args:
        folder: `snapshots` of a repository in the cache, or one of the commits in it.
    """
    return [path for path in sorted(folder.rglob("*")) if path.is_symlink() and _is_broken(path)]


def _is_broken(link: Path) -> bool:
    name = link.readlink().name
    if not _CHECKSUM.fullmatch(name):
        return False
    try:
        note = _note(link)
        if note.exists():
            return False
        if _checksum(link, name) != name:
            return True
    except OSError:  # a blob that is missing or must not be read: for those to say who open it
        return False
    with suppress(OSError):  # a read-only home: it is read again next time
        note.parent.mkdir(parents=True, exist_ok=True)
        note.touch()
    return False


def _note(link: Path) -> Path:
    """The file whose existence says that a blob was found whole, as it lies there now."""
    blob = link.resolve()
    status = blob.stat()
    state = f"{blob}\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_ino}"
    return checked_folder() / hashlib.sha256(state.encode()).hexdigest()[:32]


def _checksum(path: Path, name: str) -> str:
    """The checksum of a file, of the kind that its name is."""
    git = len(name) == 40
    digest = hashlib.sha1(usedforsecurity=False) if git else hashlib.sha256()
    with path.open("rb") as stream:
        if git:
            digest.update(b"blob %d\0" % path.stat().st_size)
        while block := stream.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def repair(
    folder: Path, name: str, fetch: Callable[[], Fetched], *, made_of: Sequence[Path] = ()
) -> Fetched | None:
    """Check files of the cache; those that are broken are removed and fetched once more.

    Args:
        folder: as for `broken_files`.
        name: what to call it, as `the model bert-base-uncased`.
        fetch: fetches what is missing.
        made_of: folders with what was made of these files; they go before a broken one does.

    Returns:
        What `fetch` gave; None if nothing was broken.

    Raises:
        HubError: it cannot be fetched now, or arrives broken again.
    """
    broken = broken_files(folder)
    if not broken:
        return None
    _check_fetchable(broken[0], name)
    log.warning("%s of %s is broken: it is fetched again", broken[0].name, name)
    for made in made_of:
        shutil.rmtree(made, ignore_errors=True)
    for link in broken:
        discard(link)
    fetched = fetch()
    if again := broken_files(folder):
        for link in again:
            discard(link)
        raise HubError(
            f"{again[0].name} of {name} arrives broken: its content is not what its checksum says",
            hint="try again later or over another network; a mirror is set with HF_ENDPOINT",
        )
    return fetched


def _check_fetchable(broken: Path, name: str) -> None:
    from huggingface_hub import constants

    said = f"{broken.name} of {name} is broken in the cache"
    if constants.HF_HUB_OFFLINE:
        raise HubError(f"{said}, and the Hub is not to be asked", hint="run it once without --offline")
    try:
        check_reachable()
    except HubError as error:
        raise HubError(
            f"{said}, and {error.message}", hint="run it again when the Hub is in reach"
        ) from error


def discard(link: Path) -> None:
    """Remove a broken file from the cache, unless another process brings, or has brought, a whole one."""
    with suppress(FileNotFoundError), _locked(_target(link)) as mine:
        if mine and _is_broken(link):
            following = link
            while following.is_symlink():  # a blob may be a link, too, into a store for all repositories
                target = _target(following)
                following.unlink()
                following = target
            following.unlink()


def _target(link: Path) -> Path:
    """Where a link leads, be that a link or not."""
    target = link.parent / link.readlink()
    return target.parent.resolve() / target.name


def leftovers(cache: Path, *, older_than: float = 0.0) -> list[Path]:
    """Parts of files that killed downloads have left, and that nobody is writing to.

    Args:
        cache: the Hub's cache folder, or a repository in it.
        older_than: written to no less than so many seconds ago.
    """
    found = []
    for pattern in ("blobs/*.incomplete", "*/blobs/*.incomplete"):
        for path in sorted(cache.glob(pattern)):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime < older_than:
                    continue
                with _locked(path.with_name(path.name.split(".", 1)[0])) as free:
                    if free:
                        found.append(path)
    return found


def remove_leftovers(repository: Path) -> None:
    """Remove what killed downloads have left in a repository of the cache."""
    with suppress(OSError):
        for path in leftovers(repository, older_than=ABANDONED_SECONDS):
            path.unlink(missing_ok=True)


@contextmanager
def _locked(blob: Path) -> Iterator[bool]:
    """Hold the lock under which `huggingface_hub` downloads a blob; False where another process has it."""
    from filelock import Timeout
    from huggingface_hub.utils._fixes import WeakFileLock

    repository = blob.parents[1]
    lock = repository.parent / ".locks" / repository.name / f"{blob.name}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    try:
        with WeakFileLock(lock, timeout=_LOCK_SECONDS):
            yield True
    except Timeout:
        yield False
