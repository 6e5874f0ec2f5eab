"""Folders with a manifest: whether every byte is what was written can be told at any time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bertkit.runs.atomic import sync, write_json

MANIFEST = "manifest.json"
# Goes up when an older bertkit could not go on from what a newer one writes.
FORMAT = 1


class NotWhole(Exception):
    """A folder is not what was written; its message says why, in a few words."""


def seal(folder: Path, facts: Mapping[str, Any]) -> None:
    """Bring all files of a folder to the disk, and then a manifest of them.

    Args:
        folder: with files and no folders in it.
        facts: what the manifest says besides, as JSON.
    """
    files = {}
    for path in sorted(folder.iterdir()):
        sync(path)
        files[path.name] = {"size": path.stat().st_size, "sha256": _sha256(path)}
    manifest = {"format": FORMAT, **facts, "files": files}
    write_json(folder / MANIFEST, manifest | {"seal": _seal_of(manifest)})
    sync(folder)


def _seal_of(manifest: Mapping[str, Any]) -> str:
    """Of what a manifest says: it has no other that would know that it has changed."""
    text = json.dumps({key: value for key, value in manifest.items() if key != "seal"}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def check_sealed(folder: Path) -> dict[str, Any]:
    """The content of the manifest of a folder in which each file is as it was written.

    Raises:
        NotWhole: it is not.
    """
    manifest = read_manifest(folder)
    try:
        for name, wanted in manifest["files"].items():
            _check_file(folder / Path(name).name, wanted["size"], wanted["sha256"])
    except (AttributeError, KeyError, TypeError) as error:
        raise NotWhole(f"{MANIFEST} is damaged") from error
    return manifest


def read_manifest(folder: Path) -> dict[str, Any]:
    """The content of a manifest; the files it speaks of are not looked at.

    Raises:
        NotWhole: it is missing, damaged, or of a format that is not known yet.
    """
    if (folder / MANIFEST).exists() and not (folder / MANIFEST).is_file():
        raise NotWhole(f"{MANIFEST} is no regular file")
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        empty = folder.is_dir() and not any(folder.iterdir())
        raise NotWhole("it is empty" if empty else f"{MANIFEST} is missing") from None
    except (OSError, ValueError, RecursionError) as error:
        raise NotWhole(f"{MANIFEST} cannot be read") from error
    if not isinstance(manifest, dict) or not isinstance(manifest.get("format"), int):
        raise NotWhole(f"{MANIFEST} is damaged")
    if manifest["format"] > FORMAT:
        raise NotWhole(f"a newer bertkit wrote it (format {manifest['format']}, this one reads {FORMAT})")
    if manifest.get("seal") != _seal_of(manifest):
        raise NotWhole(f"{MANIFEST} has changed since it was written")
    return manifest


def _check_file(path: Path, size: int, sha256: str) -> None:
    if path.exists() and not path.is_file():
        raise NotWhole(f"{path.name} is no regular file")
    try:
        found = path.stat().st_size
        if found != size:
            raise NotWhole(f"{path.name} has {found:,} bytes of {size:,}")
        if _sha256(path) != sha256:
            raise NotWhole(f"{path.name} has changed since it was written")
    except FileNotFoundError:
        raise NotWhole(f"{path.name} is missing") from None
    except OSError as error:
        raise NotWhole(f"{path.name} cannot be read: {error.strerror}") from None


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
