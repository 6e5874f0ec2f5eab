"""A training as the command line asks for it: its recipe, and who says what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import typer

from bertkit.cli.options import as_json

if TYPE_CHECKING:
    from bertkit.config.loader import LoadedRecipe
    from bertkit.processes.group import Group


@dataclass(frozen=True)
class Loading:
    """The recipe that a command line asks for.

    Attributes:
        recipe: as named; None with `resume`.
        resume: a run to go on with.
        config, flags, assignments: what is laid over it.
        changed: the run to go on with shall have other settings than its own.
    """

    recipe: str | None
    resume: str | None
    config: Path | None
    flags: dict[str, Any]
    assignments: Sequence[str]
    changed: bool

    def here(self) -> LoadedRecipe | None:
        """The recipe, None where a run goes on as it is."""
        from bertkit.cli.resuming import recipe_of
        from bertkit.config.loader import load_recipe

        if self.resume is not None and not self.changed:
            return None
        name = self.recipe or recipe_of(str(self.resume))
        return load_recipe(name, config=self.config, flags=self.flags, assignments=self.assignments)

    def in_group(self, group: Group) -> LoadedRecipe | None:
        """The same in each of several processes, which need not all see the run."""
        if self.recipe is not None or not self.changed:
            return self.here()
        from bertkit.workflows.alike import recipe_of_main

        return recipe_of_main(group, lambda: cast("LoadedRecipe", self.here()))


def train_in_group(
    load: Loading,
    group: Group,
    out: Path | None,
    *,
    force: bool,
    baseline: bool,
    elastic: bool,
    dry_run: bool,
    json: bool,
    quiet: bool,
) -> Callable[[], None]:
    """Train, alone or as one of several processes.

    Returns:
        What says the result, in the main process; to be called when nobody waits for this one any more, for
        whoever reads it may be gone.
    """
    from bertkit.cli.display import Display
    from bertkit.cli.resuming import is_finished, say_finished
    from bertkit.cli.tables import print_estimate, print_finetuned

    resume, loaded = load.resume, load.in_group(group)
    if resume is not None and group.size > 1 and group.from_main(lambda: is_finished(resume)):
        return partial(say_finished, resume, json=json) if group.is_main else _say_nothing
    with Display(quiet=quiet or json or not group.is_main) as display:
        from bertkit.runs.folder import check_free
        from bertkit.workflows import estimate as estimates
        from bertkit.workflows import finetune as workflow
        from bertkit.workflows.events import silent

        listen = display if group.is_main else silent
        if resume is not None:
            result = workflow.resume(resume, recipe=loaded, baseline=baseline, elastic=elastic, listen=listen)
        elif loaded is None:
            raise AssertionError("there is a recipe where no run is resumed")
        elif dry_run:
            if out is not None:
                check_free(out, force=force)
            estimate = estimates.estimate(loaded, baseline=baseline, listen=listen)
            if not group.is_main:
                return _say_nothing
            if json:
                return partial(print, as_json(estimates.as_dict(estimate)))
            return partial(print_estimate, loaded, estimate)
        else:
            result = workflow.finetune(loaded, out=out, force=force, baseline=baseline, listen=listen)

    def say() -> None:
        if group.is_main:
            print(as_json(result.as_dict())) if json else print_finetuned(result)
        if result.rejected:
            raise typer.Exit(3)

    return say


def _say_nothing() -> None:
    """What all processes but the main one have to say."""


def be_child(loaded: LoadedRecipe | None, path: Path | str | None, *, resumed: bool, quiet: bool) -> None:
    """Train as one of several, started by `bertkit.workflows.children`: the parent prints the result."""
    from bertkit.cli.display import Display
    from bertkit.workflows.children import as_child, without_preparation

    with as_child(Path(str(path))), Display(quiet=quiet) as display:
        from bertkit.workflows import finetune as workflow

        listen = without_preparation(display)
        if loaded is None or resumed:
            workflow.resume(str(path), listen=listen)
        else:
            workflow.finetune(loaded, out=path, listen=listen)
