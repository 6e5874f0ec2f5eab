"""Files that are whole or absent: written beside their place, then moved."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# Legal in JSON as they are, but a terminal would act on them, and half a surrogate pair cannot be encoded.
_NOT_PRINTABLE = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def write_text(path: Path, text: str) -> None:
    """Replace a text file in one step."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        sync(temporary)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def sync(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk: after it a loss of power does no harm."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except PermissionError:  # Windows opens no folders
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def point_to(link: Path, target: Path) -> None:
    """Let a link lead to a folder, in one step; from the same folder by its name alone."""
    target = target.resolve()
    if target.parent == link.parent.resolve():
        target = Path(target.name)
    temporary = link.with_name(f".{link.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    try:
        temporary.symlink_to(target, target_is_directory=True)
    except OSError:  # a file system without links: the path as text serves as well
        temporary.write_text(f"{target}\n", encoding="utf-8")
    temporary.replace(link)


def write_json(path: Path, value: Any) -> None:
    """Replace a JSON file in one step; NaN is written as null, which JSON can hold."""
    write_text(path, json_text(value, indent=2) + "\n")


def json_text(value: Any, *, indent: int | None = None) -> str:
    """JSON that a terminal shows and UTF-8 holds, whatever texts are in it; NaN and infinities are null."""
    text = json.dumps(finite(value), indent=indent, ensure_ascii=False, allow_nan=False)
    return _NOT_PRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def finite(value: Any) -> Any:
    """The same structure with NaN and infinities as None."""
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value


@contextmanager
def replacing_folder(target: Path) -> Iterator[Path]:
    """Give an empty folder to fill; when the block ends without an error it takes the place of `target`.

    A target that exists is moved aside first and removed last, so that one of the two is always there;
    `recover_folder` puts it back after a kill in between. What killed processes left is removed.
    """
    recover_folder(target)
    for stale in (*_siblings(target, "tmp"), *_siblings(target, "old")):
        shutil.rmtree(stale, ignore_errors=True)
    temporary = target.with_name(f"{target.name}.tmp-{os.getpid()}")
    temporary.mkdir(parents=True)
    try:
        yield temporary
        allow_reading(temporary)
        for path in (*temporary.rglob("*"), temporary):
            sync(path)
        aside = target.with_name(f"{target.name}.old-{os.getpid()}")
        if target.exists():
            target.rename(aside)
        try:
            temporary.rename(target)
        except BaseException:
            recover_folder(target)
            raise
        sync(target.parent)
        shutil.rmtree(aside, ignore_errors=True)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def recover_folder(target: Path) -> None:
    """Put a folder back that a killed process had moved aside and not yet replaced."""
    aside = _siblings(target, "old")
    if aside and not target.exists():
        aside[-1].rename(target)


def _siblings(target: Path, kind: str) -> list[Path]:
    if not target.parent.is_dir():
        return []
    prefix = f"{target.name}.{kind}-"
    return [path for path in target.parent.iterdir() if path.name.startswith(prefix)]


def allow_reading(folder: Path) -> None:
    """Give files the mode that the umask allows; safetensors writes 0600, which a server cannot read."""
    umask = os.umask(0)
    os.umask(umask)
    for path in folder.rglob("*"):
        if path.is_file():
            path.chmod(0o666 & ~umask)
