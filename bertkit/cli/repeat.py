"""`bertkit finetune --seeds N` and `--folds N`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from bertkit.cli.options import as_json

if TYPE_CHECKING:
    from bertkit.config.loader import LoadedRecipe


def run(
    loaded: LoadedRecipe | None,
    resume: str | None,
    *,
    seeds: int | None,
    folds: int | None,
    out: Path | None,
    force: bool,
    dry_run: bool,
    json: bool,
    quiet: bool,
    nproc: int | None = None,
) -> None:
    """Train a recipe several times, or go on with that; fail at the end if one of the trainings did."""
    from bertkit.cli.display import Display
    from bertkit.cli.repeat_tables import print_repeated, print_repeated_estimate
    from bertkit.errors import TrainingError
    from bertkit.workflows import repeat, repeat_plan

    quiet = quiet or json
    if loaded is not None and dry_run:
        from bertkit.workflows import estimate as estimates

        _, recipes = repeat_plan.repeated_recipes(loaded, seeds=seeds, folds=folds)
        first = next(iter(recipes.values()))
        with Display(quiet=quiet) as display:
            estimate = estimates.estimate(first, listen=display)
        costs = {**estimates.as_dict(estimate), "runs": len(recipes)}
        costs["seconds_in_all"] = estimate.seconds * len(recipes)
        return print(as_json(costs)) if json else print_repeated_estimate(first, estimate, runs=len(recipes))
    with Display(quiet=quiet) as display:
        if loaded is None:
            repetition = repeat_plan.reopen(str(resume), listen=display)
        else:
            repetition = repeat_plan.begin(
                loaded, seeds=seeds, folds=folds, out=out, force=force, listen=display
            )
    # Its bars are gone: from here on the terminal is that of the trainings, and of a line between them.
    result = repeat.train_all(repetition, quiet=quiet, nproc=nproc, listen=display)
    print(as_json(result.as_dict())) if json else print_repeated(result)
    if result.failed:
        names = ", ".join(child.name for child in result.failed)
        raise TrainingError(
            f"{len(result.failed)} of {len(result.children)} trainings failed: {names}",
            hint=f"mend it, then try only these again: bertkit finetune --resume {result.run}",
        )
    if result.rejected:
        raise typer.Exit(3)
