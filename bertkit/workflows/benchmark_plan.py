"""What a benchmark shall do, and the folder it does it in: begun, gone on with, or replaced."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from bertkit.config.faults import did_you_mean
from bertkit.config.loader import LoadedRecipe, load_recipe
from bertkit.config.schema import DEFAULT_MODEL
from bertkit.errors import RunError, UsageError
from bertkit.redaction import redacted_values
from bertkit.runs import folder as run_folders
from bertkit.runs.atomic import write_json
from bertkit.runs.folder import RunFolder
from bertkit.workflows.benchmark_published import TASK_NAMES

DIAGNOSTICS = "ax"
# A smoke run: all tasks in minutes, and scores that mean nothing.
QUICK: Mapping[str, Any] = {
    "data.limit": 32, "train.max_steps": 4, "train.batch_size": 8, "train.max_length": 64,
}  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """What a benchmark of GLUE shall do.

    Attributes:
        model: the encoder; the absolute path of a local one.
        tasks: names of recipes, in the order of `GLUE_TASKS`.
        quick: a smoke run, with few rows and steps.
        seed: of all trainings; None: that of the recipes.
        assignments: `KEY=VALUE`, for all recipes.
    """

    model: str
    tasks: tuple[str, ...] = TASK_NAMES
    quick: bool = False
    seed: int | None = None
    assignments: tuple[str, ...] = ()

    def recipe(self, name: str) -> LoadedRecipe:
        """The recipe of one task with these settings.

        Raises:
            RecipeError: with all faults in one message.
        """
        own = {assignment.partition("=")[0].strip() for assignment in self.assignments}
        flags: dict[str, Any] = {"model.name": self.model}
        if self.quick:
            flags |= {key: value for key, value in QUICK.items() if key not in own}
        if self.seed is not None:
            flags["train.seed"] = self.seed
        return load_recipe(name, flags=flags, assignments=self.assignments)


def make_plan(
    model: str | None, *, tasks: Sequence[str], quick: bool, seed: int | None, assignments: Sequence[str]
) -> Plan:
    """A plan for some tasks, all if none is named; the diagnostics come along with MNLI.

    Raises:
        UsageError: for a task that GLUE has not got.
    """
    wanted = {name.strip().lower() for name in tasks} - {""}
    for name in sorted(wanted - {*TASK_NAMES, DIAGNOSTICS}):
        raise UsageError(
            f"GLUE has no task {name!r}{did_you_mean(name, list(TASK_NAMES))}",
            hint=f"its tasks are {', '.join(TASK_NAMES)}",
        )
    if wanted == {DIAGNOSTICS}:
        raise UsageError("ax is predicted by the model of mnli", hint="--tasks mnli")
    name = model or DEFAULT_MODEL
    path = Path(name).expanduser()
    return Plan(
        model=str(path.resolve()) if path.exists() else name,
        tasks=tuple(name for name in TASK_NAMES if not wanted or name in wanted),
        quick=quick,
        seed=seed,
        assignments=tuple(assignments),
    )


def read_plan(folder: Path) -> Plan:
    """The plan of a benchmark that was begun.

    Raises:
        RunError: there is none.
    """
    try:
        content = json.loads(RunFolder(folder).children_plan.read_text(encoding="utf-8"))
        if content["benchmark"] != "glue":
            raise ValueError("another benchmark")
        return Plan(
            model=content["model"], tasks=tuple(content["tasks"]), quick=content["quick"],
            seed=content["seed"], assignments=tuple(content["assignments"]),
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(
            f"{folder} holds no benchmark", hint="begin one: bertkit benchmark glue --model MODEL"
        ) from error


def place_plan(plan: Plan, out: Path | None, *, force: bool) -> tuple[Path, Plan]:
    """The folder for a plan: a new one, or one with a plan of the same settings, whose tasks stay in it.

    Raises:
        RunError: the folder holds something else, or a benchmark with other settings.
    """
    if out is None:
        path = run_folders.default_path("glue", plan.model, now=datetime.now())
        return run_folders.unused_path(path), plan
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        run_folders.check_free(out, force=False)
        return out, plan
    try:
        begun = read_plan(out)
    except RunError as error:
        raise RunError(
            f"{out} exists and holds no benchmark", hint="choose another place: --out DIR"
        ) from error
    if force:
        return out, plan
    both = replace(plan, tasks=tuple(name for name in TASK_NAMES if name in {*plan.tasks, *begun.tasks}))
    if replace(begun, tasks=both.tasks) != both:
        here, there = asdict(plan), asdict(begun)
        key = next(key for key in here if key != "tasks" and here[key] != there[key])
        other = f"{key} {_shown(there[key])}, not {_shown(here[key])}"
        raise RunError(
            f"{out} holds a benchmark with other settings: {other}",
            hint=f"go on with it: bertkit benchmark glue --resume {out}; or --force to replace it",
        )
    return out, both


def _shown(value: Any) -> str:
    return " ".join(value) or "none" if isinstance(value, tuple) else str(value)


def begin(folder: Path, plan: Plan, *, force: bool) -> None:
    """Make the folder, or go on in it; with `force` what an earlier benchmark left is removed."""
    if force and RunFolder(folder).children_plan.is_file():
        shutil.rmtree(folder.resolve())
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(
            f"cannot make {folder}: {error.strerror}", hint="choose another place: --out DIR"
        ) from error
    write_json(RunFolder(folder).children_plan, redacted_values({"benchmark": "glue", **asdict(plan)}))
