"""That several processes do the same: with the same code, recipe and data, in whatever place each stands."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path

from bertkit.config.loader import LoadedRecipe
from bertkit.config.schema import Recipe
from bertkit.processes.group import Group
from bertkit.runs.environment import fingerprint
from bertkit.workflows.resuming import settings_of

PACKAGES = ("bertkit", "torch", "transformers", "tokenizers", "accelerate", "numpy")


def check_alike(group: Group, loaded: LoadedRecipe) -> None:
    """Refuse processes of other code or with other settings, before anything is read.

    Raises:
        UsageError: in all of them, with what differs.
    """
    if group.size == 1:
        return
    code = {name: version(name) for name in PACKAGES} | {"source of bertkit": source_fingerprint()}
    group.check_same("versions", code, hint="install the same versions on all hosts")
    recipe = {"recipe": loaded.name} | settings_of(loaded.recipe)
    group.check_same("recipes", recipe, hint="start the same command on all hosts")


def check_same_data(group: Group, data: dict[str, str], precision: str) -> None:
    """Refuse processes that have read other rows, or would compute in another precision.

    Raises:
        UsageError: in all of them, with the split that differs.
    """
    group.check_same("data", data, hint="give all hosts the same files")
    group.check_same(
        "precision", {"train.precision": precision}, hint="--set train.precision=fp32, or =bf16 on all hosts"
    )


def recipe_of_main(group: Group, load: Callable[[], LoadedRecipe]) -> LoadedRecipe:
    """What the main process loads, as from a run folder that other hosts do not have."""

    def loaded() -> list[str]:
        found = load()
        return [found.name, found.recipe.model_dump_json()]

    if group.size == 1:
        return load()
    name, content = group.from_main(loaded)
    return LoadedRecipe(name, Recipe.model_validate_json(content))


@cache
def source_fingerprint() -> str:
    """Of all modules of bertkit: a version alone would not tell two states of a clone apart."""
    folder = Path(__file__).parents[1]
    files = sorted(folder.rglob("*.py"))
    return fingerprint(
        f"{path.relative_to(folder)} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in files
    )
