"""`bertkit recipes`: list, show, copy and check them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from bertkit.cli.options import Debug, Force, Json, as_json, complete_recipe
from bertkit.cli.printable import printable

EPILOG = """Examples:

bertkit recipes

bertkit recipes show sst2 --resolved

bertkit recipes copy classification mine.yaml

bertkit recipes check mine.yaml
"""

app = typer.Typer(
    help="List and explain recipes; copy one to change it.", invoke_without_command=True, epilog=EPILOG
)

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="A recipe or a YAML file.", autocompletion=complete_recipe)
]


@app.callback()
def list_all(context: typer.Context, json: Json = False, debug: Debug = False) -> None:
    """List the recipes, or with a sub-command explain one."""
    if context.invoked_subcommand is None:
        from bertkit.cli.tables import print_recipes
        from bertkit.config.catalogue import list_recipes

        entries = list_recipes()
        print(as_json({entry.name: entry.about for entry in entries})) if json else print_recipes(entries)


@app.command(epilog="Example: bertkit recipes show sst2 --resolved")
def show(
    name: Name,
    resolved: Annotated[bool, typer.Option("--resolved", help="With every setting and its default.")] = False,
    debug: Debug = False,
) -> None:
    """Print a recipe."""
    from bertkit.config.catalogue import find_recipe
    from bertkit.config.loader import dump_recipe, load_recipe

    if resolved:
        text = dump_recipe(load_recipe(name).recipe)
    else:
        text = find_recipe(name).read_text(encoding="utf-8", errors="replace")
    # To a terminal it only shows; to a file it goes as it is.
    print((printable(text, keep_lines=True) if sys.stdout.isatty() else text).rstrip())


@app.command(epilog="Example: bertkit recipes copy classification mine.yaml")
def copy(
    name: Name,
    target: Annotated[Path | None, typer.Argument(metavar="FILE", help="Default: NAME.yaml here.")] = None,
    force: Force = False,
    debug: Debug = False,
) -> None:
    """Copy a recipe to a file of your own, to change it."""
    from bertkit.config.catalogue import copy_recipe

    made = copy_recipe(name, target, force=force)
    path = printable(str(made))
    print(f"{path}\nchange it, then: bertkit finetune {path}")


@app.command(epilog="Example: bertkit recipes check mine.yaml")
def check(name: Name, debug: Debug = False) -> None:
    """Check a recipe and tell all faults at once."""
    from bertkit.config.loader import load_recipe

    loaded = load_recipe(name)
    print(f"{printable(name)} is a {loaded.recipe.task.type} recipe without faults")


@app.command(epilog="Example: bertkit recipes schema > recipe.schema.json")
def schema(debug: Debug = False) -> None:
    """Print the JSON Schema of recipes, for editors."""
    from bertkit.config.schema import Recipe

    print(as_json(Recipe.model_json_schema()))
