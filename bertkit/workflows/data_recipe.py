"""What `bertkit data` is to look at: a recipe, or a bare file whose columns tell the task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertkit.config.catalogue import list_recipes
from bertkit.config.faults import did_you_mean
from bertkit.config.flags import settings_from_flags
from bertkit.config.loader import LoadedRecipe, load_recipe
from bertkit.config.names import TASK_NAMES
from bertkit.data.checking.task_guess import guess_task
from bertkit.data.reading.readers import read_location
from bertkit.data.reading.split_files import names_file
from bertkit.data.rejection import RejectedRows
from bertkit.errors import DataError, UsageError

# To tell the columns, that many bad rows do no harm.
_MOST_ROWS = 1_000


@dataclass(frozen=True)
class DataRecipe:
    """A recipe, and how it was come by.

    Attributes:
        loaded: the recipe.
        taken: why this task, where the columns told it; else empty.
    """

    loaded: LoadedRecipe
    taken: str = ""


def load_data_recipe(
    name: str,
    *,
    task: str | None = None,
    config: Path | None = None,
    flags: Mapping[str, Any] | None = None,
    assignments: Sequence[str] = (),
) -> DataRecipe:
    """Load a recipe, or one for a data file.

    Args:
        name: a recipe as in `finetune`, or a data file, folder or URL.
        task: the task type of a data file; None looks at its columns.
        config: see `load_recipe`.
        flags: see `load_recipe`.
        assignments: see `load_recipe`.

    Raises:
        BertkitError: options that do not go together, or what `load_recipe` and the readers raise.
    """
    flags = dict(flags or {})
    if task is not None and task not in TASK_NAMES:
        near = did_you_mean(task, list(TASK_NAMES)).removeprefix("; ")
        raise UsageError(
            f"--task {task}: there is no such task",
            hint=" ".join(filter(None, [near, f"there are {', '.join(TASK_NAMES)}"])),
        )
    if not _is_data(name):
        if task is not None:
            raise UsageError(
                f"{name} is a recipe, which knows its task", hint=f"bertkit data check {task} --train FILE"
            )
        return DataRecipe(load_recipe(name, config=config, flags=flags, assignments=assignments))
    if flags.get("data.train") is not None:
        raise UsageError(
            f"two files to train on: {name} and --train {flags['data.train']}",
            hint=f"name one, or a task: bertkit data check ner --train {flags['data.train']}",
        )
    taken = ""
    if task is None and flags.get("task.intent") is not None:
        task, taken = "intent_slots", "taken for intent_slots by --columns intent=...; --task names another"
    elif task is None:
        task, taken = _guessed(name)
    settings = {**settings_from_flags(train=name), **flags}
    return DataRecipe(load_recipe(task, config=config, flags=settings, assignments=assignments), taken)


def _guessed(name: str) -> tuple[str, str]:
    """The task that a file is for, and why; one that cannot be read is read again, and refused, later."""
    try:
        columns = read_location(name, RejectedRows(_MOST_ROWS)).columns
    except DataError:
        return "classification", ""
    task = guess_task(columns)
    shown = ", ".join(columns[:8]) + (", ..." if len(columns) > 8 else "")
    return task, f"taken for {task} by its columns ({shown}); --task names another"


def _is_data(name: str) -> bool:
    """True for a file of rows, a folder or a URL; false for recipes, YAML files and runs."""
    if name.endswith((".yaml", ".yml")) or name in (entry.name for entry in list_recipes()):
        return False
    path = Path(name).expanduser()
    return not (path / "recipe.yaml").is_file() and (names_file(name) or path.exists())
