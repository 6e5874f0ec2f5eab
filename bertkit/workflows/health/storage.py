"""The places that bertkit writes to: whether it can, how much room there is, what broken downloads left."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bertkit.data.feature_cache import cache_folder
from bertkit.runs.disk import size_of
from bertkit.runs.folder import RUNS
from bertkit.workflows.health.finding import Finding

# Of a BERT-base.
WEIGHTS = 110e6
# Below so much hardly a log fits.
TOO_LITTLE_SPACE = 100e6


@dataclass(frozen=True)
class Place:
    """A folder that is written to.

    Attributes:
        name: as it is shown.
        path: need not be there yet.
        wanted: bytes that usual work there may take.
        wanted_for: what that work is.
        elsewhere: how to choose another place.
        needed: `problem` if nothing works without it.
    """

    name: str
    path: Path
    wanted: float
    wanted_for: str
    elsewhere: str
    needed: Literal["problem", "warning"]


def places() -> list[Place]:
    """All that is written to."""
    from huggingface_hub import constants

    from bertkit.workflows.saving import SPACE_PER_WEIGHT

    hub = Path(constants.HF_HUB_CACHE)
    run = SPACE_PER_WEIGHT * WEIGHTS
    return [
        Place("disk for runs", Path(RUNS), run, "a run of a BERT-base", "choose --out DIR", "problem"),
        Place(
            "disk for downloads", hub, 4 * WEIGHTS, "a BERT-base and its data",
            "export HF_HOME=DIR", "problem",
        ),
        Place(
            "disk for features", cache_folder(), 1e9, "what is kept of tokenized texts",
            "export BERTKIT_CACHE=DIR; until then texts are tokenized each time", "warning",
        ),
    ]  # fmt: skip


def look_at_storage() -> Iterator[Finding]:
    """Whether each place can be written to, and how much room it has."""
    for place in places():
        yield _look_at(place)


def _look_at(place: Place) -> Finding:
    standing = next(
        folder for folder in (place.path.absolute(), *place.path.absolute().parents) if _stands(folder)
    )
    facts: dict[str, Any] = {"path": str(place.path), "free_bytes": None, "writable": False}
    if reason := _why_not_writable(standing):
        text = f"{place.path}: cannot be written ({reason})"
        return Finding(place.name, place.needed, text, place.elsewhere, facts)
    free = shutil.disk_usage(standing).free
    facts |= {"free_bytes": free, "writable": True}
    text = f"{place.path}: {size_of(free)} free"
    if free < TOO_LITTLE_SPACE:
        return Finding(place.name, place.needed, text, f"make room, or {place.elsewhere}", facts)
    if free < place.wanted:
        hint = f"{place.wanted_for} may take {size_of(place.wanted)}: make room, or {place.elsewhere}"
        return Finding(place.name, "warning", text, hint, facts)
    return Finding(place.name, "ok", text, facts=facts)


def _stands(path: Path) -> bool:
    # A link that leads nowhere stands there too, and nothing can be made in its place.
    with suppress(OSError):
        return path.is_symlink() or path.exists()
    return True


def _why_not_writable(folder: Path) -> str:
    """Why nothing can be made in a folder; tried, for rights alone do not tell. Empty if it can."""
    if not folder.is_dir():
        return f"{folder} is no folder"
    try:
        with tempfile.TemporaryFile(dir=folder, prefix=".bertkit-doctor-") as stream:
            stream.write(b"bertkit")
            stream.flush()
    except OSError as error:
        return error.strerror or str(error)
    return ""


def look_at_downloads() -> Iterator[Finding]:
    """What the cache of the Hub's client holds, and what of it is half a download."""
    from huggingface_hub import constants

    from bertkit.data.reading.hub_checksums import leftovers

    folder = Path(constants.HF_HUB_CACHE)
    repositories = held = broken_size = 0
    broken = leftovers(folder)
    with suppress(OSError):
        for repository in folder.iterdir():
            if not (repository / "blobs").is_dir():
                continue
            repositories += 1
            for blob in (repository / "blobs").iterdir():
                with suppress(OSError):  # another process may move it just now
                    amount = blob.stat().st_size
                    held, broken_size = held + amount, broken_size + amount * (blob in broken)
    facts = {
        "path": str(folder), "repositories": repositories, "bytes": held, "incomplete": len(broken),
        "incomplete_bytes": broken_size,
    }  # fmt: skip
    text = f"{repositories} models and data sets, {size_of(held)}" if repositories else "empty"
    if broken:
        text += f"; {len(broken)} incomplete downloads, {size_of(broken_size)}"
        hint = "nobody writes to them: bertkit cache clean --leftovers"
        yield Finding("downloads", "warning", text, hint, facts)
    else:
        yield Finding("downloads", "ok", text, facts=facts)
