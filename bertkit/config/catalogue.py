"""The recipes that come with bertkit: files in one folder, found by name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bertkit.config.faults import did_you_mean
from bertkit.errors import RecipeError


@dataclass(frozen=True)
class CatalogueEntry:
    """One shipped recipe.

    Attributes:
        name: what is typed after `bertkit finetune`.
        path: the YAML file.
        about: its first comment line, without the name.
    """

    name: str
    path: Path
    about: str


def recipes_folder() -> Path:
    """Where the shipped recipes lie: inside the wheel, or beside the package in a checkout."""
    package = Path(__file__).parents[1]
    installed = package / "recipes"
    return installed if installed.is_dir() else package.parent / "recipes"


def list_recipes() -> list[CatalogueEntry]:
    """All shipped recipes, by name."""
    return [
        CatalogueEntry(path.stem, path, describe(path.read_text(encoding="utf-8")))
        for path in sorted(recipes_folder().glob("*.yaml"), key=lambda path: path.stem)
    ]


def describe(text: str) -> str:
    """What a recipe's first comment line says: `# SST-2: is this ...` gives `is this ...`, capitalised."""
    first = text.lstrip().split("\n", 1)[0]
    if not first.startswith("#"):
        return ""
    words = first.lstrip("# ").strip()
    return words.split(": ", 1)[-1][:1].upper() + words.split(": ", 1)[-1][1:]


def find_recipe(name: str) -> Path:
    """The file of a shipped recipe, or of a path to one.

    Raises:
        RecipeError: with the nearest name, if there is none.
    """
    if name.endswith((".yaml", ".yml")) or "/" in name:
        path = Path(name)
        if path.is_dir() and (path / "recipe.yaml").is_file():
            return path / "recipe.yaml"
        if not path.is_file():
            raise RecipeError(
                f"no recipe file {name}", hint="bertkit recipes lists those that come with bertkit"
            )
        return path
    path = recipes_folder() / f"{name}.yaml"
    if not path.is_file():
        near = did_you_mean(name, [entry.name for entry in list_recipes()]).removeprefix("; ")
        raise RecipeError(
            f"no recipe is called {name!r}",
            hint=" ".join(filter(None, [near, "bertkit recipes lists them all; for own files:",
                                        "bertkit finetune classification --train FILE"])),
        )  # fmt: skip
    return path


def copy_recipe(name: str, target: Path | None, *, force: bool) -> Path:
    """Copy a recipe to a file of the user.

    Args:
        name: a shipped recipe or a file.
        target: where to; None is `NAME.yaml` in the working directory.
        force: replace a file that is there.

    Raises:
        RecipeError: if there is no such recipe, or the target exists.
    """
    source = find_recipe(name)
    target = target or Path(source.name)
    if target.exists() and not force:
        raise RecipeError(f"{target} already exists", hint="name another file, or --force to replace it")
    try:
        target.write_bytes(source.read_bytes())
    except OSError as error:
        raise RecipeError(f"cannot write {target}: {error.strerror}", hint="name another file") from error
    return target
