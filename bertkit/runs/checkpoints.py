"""The checkpoints of a run: at every instant after the first there is a whole one on the disk.

    checkpoints/
      step-120/  step-160/   the last two: weights, optimizer, state, and a manifest of them
      best-120/              the weights that scored best, with a manifest
      spare-120/             a copy of them: both checkpoints may need the same
      latest -> step-160     for people; what is gone on from is found by the manifests
      best -> best-120

Each is written beside its place, brought to the disk, and renamed; what it replaces goes last.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertkit.runs.atomic import allow_reading, point_to, sync
from bertkit.runs.sealed import MANIFEST, NotWhole, check_sealed, read_manifest, seal

# One to go on from, and one before it, should that one be damaged.
KEPT = 2
LATEST = "latest"
BEST = "best"
# `.old-PID`: moved aside while another of the same step takes its place.
_NAME = re.compile(r"(?P<kind>step|best|spare)-(?P<step>\d+)(?P<aside>\.old-\d+)?")
_UNFINISHED = re.compile(r"(step|best|spare)-\d+\.(tmp|gone)-\d+")
_SET_ASIDE = "skipped-"


@dataclass(frozen=True)
class Checkpoint:
    """A whole checkpoint.

    Attributes:
        path: its folder.
        step: optimizer steps done.
        facts: what its manifest says.
    """

    path: Path
    step: int
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Skipped:
    """A checkpoint that cannot be used.

    Attributes:
        name: of its folder.
        reason: why, in a few words.
    """

    name: str
    reason: str


@dataclass(frozen=True)
class Checkpoints:
    """All checkpoints of a run.

    Attributes:
        path: the folder they lie in; it need not be there yet.
    """

    path: Path

    @property
    def any(self) -> bool:
        """True if one was ever written, whole or not."""
        return any(True for _ in self._found("step"))

    def newest(self) -> tuple[Checkpoint | None, list[Skipped]]:
        """The newest whole checkpoint, and those newer than it that are not."""
        skipped: list[Skipped] = []
        for step, folder in sorted(self._found("step"), key=_newest_first):
            try:
                facts = check_sealed(folder)
                if facts.get("best_step") is not None:
                    self.best_weights(facts["best_step"])  # without them a run would end with other ones
                return Checkpoint(folder, step, facts), skipped
            except NotWhole as fault:
                skipped.append(Skipped(folder.name, str(fault)))
        return None, skipped

    def set_aside(self, skipped: Iterable[Skipped]) -> None:
        """Move away what cannot be used: a training that goes on from before will write it again."""
        for each in skipped:
            place = self.path / f"{_SET_ASIDE}{each.name}"
            shutil.rmtree(place, ignore_errors=True)
            (self.path / each.name).rename(place)

    @contextmanager
    def writing_best(self, step: int, facts: Mapping[str, Any]) -> Iterator[Path]:
        """Give an empty folder for the weights that score best, of a step whose checkpoint comes next.

        Args:
            step: optimizer steps done.
            facts: what its manifest shall say.
        """
        with self._writing(f"best-{step}", {"step": step, **facts}) as folder:
            yield folder
        with self._writing(f"spare-{step}", {"step": step, **facts}) as spare:
            for file in (self.path / f"best-{step}").iterdir():
                if file.name != MANIFEST:
                    shutil.copyfile(file, spare / file.name)
        point_to(self.path / BEST, self.path / f"best-{step}")

    @contextmanager
    def writing(self, step: int, facts: Mapping[str, Any], *, best_step: int | None) -> Iterator[Path]:
        """Give an empty folder for the state of a training; after the block it is the newest checkpoint.

        Args:
            step: optimizer steps done.
            facts: what its manifest shall say.
            best_step: the step of the best weights so far, of which `best_weights` is the folder.
        """
        with self._writing(f"step-{step}", {"step": step, "best_step": best_step, **facts}) as folder:
            yield folder
        point_to(self.path / LATEST, self.path / f"step-{step}")
        self._remove_older()

    def best_weights(self, step: int) -> tuple[Path, Mapping[str, Any]]:
        """Where whole weights of a step that scored best lie, and what their manifest says.

        Raises:
            NotWhole: neither they nor their copy are as they were written.
        """
        reasons = []
        for kind in ("best", "spare"):
            folders = [folder for number, folder in self._found(kind) if number == step]
            for folder in sorted(folders, key=lambda folder: folder.name):
                try:
                    return folder, check_sealed(folder)
                except NotWhole as fault:
                    reasons.append(f"{folder.name}: {fault}")
        raise NotWhole("; ".join(reasons) or f"best-{step}: it is missing")

    def keep_newest_alone(self) -> None:
        """Remove all but the newest checkpoint and the best weights; of a run that is finished."""
        self._remove_older(kept=1)
        for folder in (*self.path.glob(f"{_SET_ASIDE}*"), *self.path.glob("spare-*")):
            shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def _writing(self, name: str, facts: Mapping[str, Any]) -> Iterator[Path]:
        target, own = self.path / name, os.getpid()
        temporary = self.path / f"{name}.tmp-{own}"
        self._clear()
        if not self.path.is_dir():
            self.path.mkdir(parents=True)
            sync(self.path.parent)
        temporary.mkdir()
        try:
            yield temporary
            allow_reading(temporary)
            seal(temporary, facts)
            aside = None
            if target.exists():
                aside = target.rename(self.path / f"{name}.old-{own}")
            temporary.rename(target)
            sync(self.path)
            if aside is not None:
                _remove(aside)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def _remove_older(self, *, kept: int = KEPT) -> None:
        """Remove checkpoints before the last `kept`, and best weights that none of these speaks of."""
        found = sorted(self._found("step"), key=_newest_first)
        for _, folder in found[kept:]:
            _remove(folder)
        wanted = set()
        for _, folder in found[:kept]:
            try:
                wanted.add(read_manifest(folder).get("best_step"))
            except NotWhole:
                return  # nobody knows which weights it needs
        for step, folder in [*self._found("best"), *self._found("spare")]:
            if step not in wanted:
                _remove(folder)

    def _clear(self) -> None:
        """Remove what killed processes left half made or half removed; put back what they moved aside."""
        if not self.path.is_dir():
            return
        for path in list(self.path.iterdir()):
            match = _NAME.fullmatch(path.name)
            if match and match["aside"]:
                place = self.path / f"{match['kind']}-{match['step']}"
                if place.exists():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.rename(place)
            elif _UNFINISHED.fullmatch(path.name):
                shutil.rmtree(path, ignore_errors=True)

    def _found(self, kind: str) -> Iterator[tuple[int, Path]]:
        """The folders of a kind with their step; one that was moved aside counts while its place is empty."""
        if not self.path.is_dir():
            return
        for path in self.path.iterdir():
            match = _NAME.fullmatch(path.name)
            if match and match["kind"] == kind and path.is_dir() and not path.is_symlink():
                if match["aside"] and (self.path / f"{kind}-{match['step']}").exists():
                    continue
                yield int(match["step"]), path


def _newest_first(found: tuple[int, Path]) -> tuple[int, str]:
    # Of one step, what stands in its place before what was moved aside.
    return -found[0], found[1].name


def _remove(folder: Path) -> None:
    """Take a checkpoint away in one step, then its files: half of it must never look like one."""
    gone = folder.with_name(f"{folder.name.partition('.')[0]}.gone-{os.getpid()}")
    shutil.rmtree(gone, ignore_errors=True)
    folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)
