"""The run folder: every path in it is named here and nowhere else."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from bertkit.config.file_names import fault_of_file_name
from bertkit.errors import RunError
from bertkit.runs.atomic import point_to
from bertkit.runs.checkpoints import Checkpoints
from bertkit.runs.lock import check_unlocked, locked

RUNS = "runs"
LATEST = "latest"
# Where a run of several trainings keeps them.
CHILDREN = "children"


@dataclass(frozen=True)
class RunFolder:
    """One training, as a folder that explains and repeats itself."""

    path: Path

    @property
    def recipe(self) -> Path:
        """The resolved recipe: `bertkit finetune` with it repeats the run."""
        return self.path / "recipe.yaml"

    @property
    def environment(self) -> Path:
        """Versions, hardware, seeds, fingerprints."""
        return self.path / "environment.json"

    @property
    def log(self) -> Path:
        """One line a step and an evaluation."""
        return self.path / "log.jsonl"

    @property
    def events(self) -> Path:
        """The same for TensorBoard."""
        return self.path / "events"

    @property
    def metrics(self) -> Path:
        """Final scores by eval split; its presence says that the run is finished."""
        return self.path / "metrics.json"

    @property
    def report(self) -> Path:
        """The page that a person looks at."""
        return self.path / "report.html"

    @property
    def card(self) -> Path:
        """The model card."""
        return self.path / "README.md"

    @property
    def model(self) -> Path:
        """What `from_pretrained` loads."""
        return self.path / "model"

    @property
    def checkpoints(self) -> Checkpoints:
        """What `--resume` goes on from, and the best weights so far."""
        return Checkpoints(self.path / "checkpoints")

    @property
    def predictions_folder(self) -> Path:
        """A file an eval split."""
        return self.path / "predictions"

    @property
    def rejected(self) -> Path:
        """Rows that could not be read or used and were set aside; only where that was allowed."""
        return self.path / "rejected.jsonl"

    def predictions(self, split: str) -> Path:
        """One line an example of that eval split.

        Raises:
            RunError: the name would lead out of the folder.
        """
        return self.predictions_folder / f"{_inside(split)}.jsonl"

    @property
    def children_plan(self) -> Path:
        """Which child runs there shall be; it is there before the first of them."""
        return self.path / f"{CHILDREN}.json"

    def child(self, name: str) -> RunFolder:
        """The folder of one of several trainings that make this run.

        Raises:
            RunError: the name would lead out of the folder.
        """
        return RunFolder(self.path / CHILDREN / _inside(name))

    @property
    def is_child(self) -> bool:
        """True if this is one of several trainings that make a run."""
        path = self.path.absolute()
        return path.parent.name == CHILDREN and RunFolder(path.parents[1]).children_plan.is_file()

    @property
    def is_run(self) -> bool:
        """True if this folder was made by `bertkit finetune`."""
        return self.recipe.is_file() and self.environment.is_file()

    @property
    def is_finished(self) -> bool:
        """True if the run was trained and scored to its end; of children only the best keeps its model."""
        return self.metrics.is_file() and (self.model.is_dir() or self.is_child)

    def read_metrics(self) -> dict[str, Any]:
        """The content of metrics.json.

        Raises:
            RunError: if it is not there or broken.
        """
        return _read_json(self.metrics)

    def read_environment(self) -> dict[str, Any]:
        """The content of environment.json.

        Raises:
            RunError: if it is not there or broken.
        """
        return _read_json(self.environment)


def _inside(name: str) -> str:
    """A name from elsewhere, as from a file, that becomes one of a file in a run."""
    if not isinstance(name, str) or (fault := fault_of_file_name(name)):
        raise RunError(
            f"{name!r} cannot name a file of a run{f': {fault}' if isinstance(name, str) else ''}",
            hint="the run was changed by hand; start again: bertkit finetune",
        )
    return name


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(
            f"{path} cannot be read", hint="the run is not finished, or was changed by hand"
        ) from error
    return content if isinstance(content, dict) else {}


def default_path(recipe: str, model: str, *, now: datetime) -> Path:
    """`runs/sst2-bert-base-uncased-20261121-143000`."""
    short = re.sub(r"[^A-Za-z0-9.-]+", "-", model.rstrip("/").rsplit("/", 1)[-1]).strip("-.")
    # A model that is a run itself is called by what it was made from.
    short = re.sub(r"-\d{8}-\d{6}(-\d+)?$", "", short).removeprefix(f"{recipe}-")
    return Path(RUNS) / f"{recipe}-{short or 'model'}-{now:%Y%m%d-%H%M%S}"


def check_free(path: Path, *, force: bool) -> None:
    """Refuse a folder that holds something or cannot be made, before anything is computed.

    Raises:
        RunError: if it cannot be written; if it is taken, unless `force` is set and it is a run, whose
            place the new one takes.
    """
    if not path.exists():
        above = next(folder for folder in path.absolute().parents if folder.exists())
        if not (above.is_dir() and os.access(above, os.W_OK)):
            raise RunError(
                f"cannot make {path}: {above} cannot be written", hint="choose another place: --out DIR"
            )
    elif path.is_dir() and _holds_nothing(path):
        return
    elif not (path.is_dir() and RunFolder(path).is_run):
        raise RunError(f"{path} exists and is no run folder", hint="choose another place: --out DIR")
    elif not force:
        check_unlocked(path)
        raise RunError(f"{path} already exists", hint="choose another --out, or --force to replace that run")


def _holds_nothing(path: Path) -> bool:
    """True if nothing is there but what a run writes before it is one: it was killed then."""
    first = (RunFolder(path).recipe.name, RunFolder(path).rejected.name)
    return all(entry.name.startswith(".") or entry.name in first for entry in path.iterdir()) and not (
        RunFolder(path).is_run
    )


def create(path: Path, *, force: bool) -> RunFolder:
    """Make the folder of a new run; with `force` an earlier run in its place is removed."""
    check_free(path, force=force)
    try:
        if path.exists():
            path = path.resolve()  # `runs/latest` is a link: the run it leads to is replaced
            with locked(path):  # unless it is still being written
                shutil.rmtree(path)
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(
            f"cannot make {path}: {error.strerror}", hint="choose another place: --out DIR"
        ) from error
    return RunFolder(path)


def unused_path(path: Path) -> Path:
    """`path`, or `path-2`, `path-3` if a run of the same second has it."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.name}-{number}")
    return free


def mark_latest(run: RunFolder, *, base: Path = Path()) -> None:
    """Let `runs/latest` point to a run, wherever it lies; a child run leaves that to its parent."""
    if run.is_child:
        return
    link = base / RUNS / LATEST
    link.parent.mkdir(parents=True, exist_ok=True)
    point_to(link, run.path)


def find_latest(*, base: Path = Path()) -> RunFolder:
    """The newest finished run.

    Raises:
        RunError: if there is none yet.
    """
    latest = _latest_path(base)
    if latest is not None and RunFolder(latest).is_finished:
        return RunFolder(latest)
    for run in list_runs(base=base):
        if run.is_finished:
            return run
    raise RunError(
        f"there is no finished run below {(base / RUNS).resolve()}",
        hint="make one: bertkit finetune sst2; or name a model: --model RUN|MODEL",
    )


def _latest_path(base: Path) -> Path | None:
    """Where `runs/latest` leads to, be it a link or a file with a path; None where it leads nowhere."""
    link = base / RUNS / LATEST
    try:
        path = link.parent / link.read_text(encoding="utf-8").strip() if link.is_file() else link
        return path.resolve() if path.is_dir() else None
    except (OSError, ValueError):  # anything may stand there: a loop of links, no text at all
        return None


def list_runs(*, base: Path = Path()) -> list[RunFolder]:
    """All runs below `runs/`, and the latest wherever it lies; the newest first."""
    folder = base / RUNS
    if not folder.is_dir():
        return []
    paths = {path.resolve() for path in folder.iterdir() if path.is_dir()} | {_latest_path(base)}
    runs = [RunFolder(path) for path in paths if path is not None and RunFolder(path).is_run]
    # Two runs of one tick of the clock still have an order.
    return sorted(runs, key=lambda run: (run.environment.stat().st_mtime_ns, run.path), reverse=True)


def find_run(name: str) -> RunFolder:
    """A run by its path, by its name below `runs/`, or `latest`.

    Raises:
        RunError: with the names there are.
    """
    path = Path(name).expanduser()
    if path in (Path(LATEST), Path(RUNS) / LATEST):
        latest = _latest_path(Path())
        if latest is not None and RunFolder(latest).is_run:
            return RunFolder(latest)
    for place in (path, Path(RUNS) / name):
        if RunFolder(place).is_run:
            return RunFolder(place)
    others = list_runs()
    for run in others:  # the latest run may lie elsewhere, and is listed by its name all the same
        if run.path.name == name:
            return run
    names = ", ".join(run.path.name for run in others[:5])
    wanted = "no run here yet" if not names and name == LATEST else f"no run {name!r}"
    raise RunError(wanted, hint=f"runs there are: {names}" if names else "make one: bertkit finetune sst2")
