"""Which trainings a repetition is made of: checked, written down, and found again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from bertkit.config.loader import LoadedRecipe, dump_recipe, secret_settings
from bertkit.config.schema import FOLD
from bertkit.errors import RecipeError, RunError, UsageError
from bertkit.runs import folder as run_folders
from bertkit.runs.atomic import write_json, write_text
from bertkit.runs.environment import describe_environment
from bertkit.runs.folder import RunFolder
from bertkit.workflows.anchoring import anchored
from bertkit.workflows.children import Child
from bertkit.workflows.events import Listener, silent
from bertkit.workflows.finishing import data_fingerprints
from bertkit.workflows.held_out import fold_numbers_of
from bertkit.workflows.out_of_fold import FoldedRows
from bertkit.workflows.preparation import Prepared, prepare

By = Literal["seeds", "folds"]


@dataclass(frozen=True)
class Repetition:
    """Several trainings of one recipe, of which some may be done.

    Attributes:
        by: what differs between them.
        run: the folder of them all.
        children: in their order.
        folded: of folds, the training rows before they are cut.
    """

    by: By
    run: RunFolder
    children: tuple[Child, ...]
    folded: FoldedRows | None


def repeated_recipes(
    loaded: LoadedRecipe, *, seeds: int | None = None, folds: int | None = None
) -> tuple[By, dict[str, LoadedRecipe]]:
    """What differs between the trainings, and the recipe of each by its name.

    Raises:
        UsageError, RecipeError: these cannot be made.
    """
    if (seeds is None) == (folds is None):
        raise UsageError("--seeds and --folds are two ways to repeat a training", hint="give one of the two")
    if folds is not None and loaded.recipe.data.streaming and loaded.recipe.data.limit is None:
        raise UsageError(
            "--folds cuts rows that are all there, and data.streaming reads them one after the other",
            hint="take --seeds, or leave data.streaming out",
        )
    for option, count in (("--seeds", seeds), ("--folds", folds)):
        if count is not None and count < 2:
            raise UsageError(
                f"{option} {count}: how far scores lie apart takes at least two trainings",
                hint=f"{option} 5; for a single one leave {option} out",
            )
    if keys := secret_settings(loaded.recipe):
        raise UsageError(
            f"{keys[0]} holds a secret, and each training would read it from a file",
            hint="download the data first, and name the file: --train FILE",
        )
    data, train = loaded.recipe.data, loaded.recipe.train
    if folds is not None:
        if FOLD in data.eval:
            raise RecipeError(
                f"an eval split is called {FOLD!r}, as that of --folds is", hint="give it another name"
            )
        cuts = [data.model_copy(update={"folds": folds, "fold": number + 1}) for number in range(folds)]
        return "folds", {f"fold-{cut.fold}": _with(loaded, data=cut) for cut in cuts}
    assert seeds is not None
    if train.seed + seeds > 2**32:
        raise UsageError(
            f"{seeds} seeds from {train.seed} on reach over the greatest one",
            hint=f"--seed {2**32 - seeds} at most",
        )
    numbers = range(train.seed, train.seed + seeds)
    settings = [train.model_copy(update={"seed": number}) for number in numbers]
    return "seeds", {f"seed-{setting.seed}": _with(loaded, train=setting) for setting in settings}


def _with(loaded: LoadedRecipe, **sections: Any) -> LoadedRecipe:
    return LoadedRecipe(loaded.name, loaded.recipe.model_copy(update=sections))


def begin(
    loaded: LoadedRecipe,
    *,
    seeds: int | None = None,
    folds: int | None = None,
    out: Path | str | None = None,
    force: bool = False,
    listen: Listener = silent,
) -> Repetition:
    """Check everything, as each training would, and make the folder; see `repeat`."""
    by, recipes = repeated_recipes(loaded, seeds=seeds, folds=folds)
    path = Path(out) if out is not None else None
    if path is not None:
        run_folders.check_free(path, force=force)
    first = next(iter(recipes.values()))
    prepared = prepare(first.recipe, listen)
    recipes = {name: anchored(recipe) for name, recipe in recipes.items()}
    if path is None:
        path = run_folders.default_path(loaded.name, loaded.recipe.model.name, now=datetime.now())
        path = run_folders.unused_path(path)
    run = run_folders.create(path, force=force)
    children = tuple(Child(name, recipe, run.child(name).path) for name, recipe in recipes.items())
    for child in children:
        child.write_recipe()
    title = f"# {loaded.name}, resolved: the first of {len(children)} trainings."
    write_text(run.recipe, f"{title}\n{dump_recipe(children[0].recipe.recipe)}")
    plan = {"by": by, "children": list(recipes), "data": data_fingerprints(prepared)}
    write_json(run.children_plan, plan)
    write_json(run.environment, _environment_of(children[0].recipe, prepared))
    run_folders.mark_latest(run)
    return Repetition(by, run, children, _folded(children[0].recipe, prepared))


def _environment_of(loaded: LoadedRecipe, prepared: Prepared) -> dict[str, Any]:
    """What is known before the first training; at the end that of the best one takes its place."""
    return {
        "recipe": loaded.name,
        "recipe_version": loaded.recipe.version,
        "model": {"name": prepared.source.name, "commit": prepared.source.commit},
        "seed": loaded.recipe.train.seed,
        **describe_environment(),
    }


def _folded(loaded: LoadedRecipe, prepared: Prepared) -> FoldedRows | None:
    """The training rows in their order again, where the first fold was cut out of them."""
    if loaded.recipe.data.fold is None:
        return None
    both = [*prepared.train.examples, *prepared.evals[FOLD].examples]
    examples = sorted(both, key=lambda example: example.row)
    numbers = fold_numbers_of(loaded.recipe, prepared.task, examples)
    ids = [example.id for example in examples]
    return FoldedRows(prepared.task.labels, prepared.metrics, ids, numbers)


def is_repetition(run: RunFolder) -> bool:
    """True if a run is one of several trainings, made by `repeat`."""
    return run.children_plan.is_file() and _read_plan(run).get("by") in ("seeds", "folds")


def _read_plan(run: RunFolder) -> dict[str, Any]:
    try:
        plan = json.loads(run.children_plan.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _broken_plan(run) from error
    return plan if isinstance(plan, dict) else {}


def _broken_plan(run: RunFolder) -> RunError:
    return RunError(f"{run.children_plan} cannot be read", hint="start again: bertkit finetune")


def unfinished(run: RunFolder) -> list[str]:
    """The names of the trainings that are not done yet, or failed."""
    return [name for name in _read_plan(run)["children"] if not run.child(name).metrics.is_file()]


def reopen(run_name: Path | str, *, listen: Listener = silent) -> Repetition:
    """Trainings that were interrupted, or of which some failed, to go on with.

    Raises:
        RunError: all are finished, or the data has changed since.
    """
    run = run_folders.find_run(str(run_name))
    plan = _read_plan(run)
    if not isinstance(plan.get("children"), list) or not plan["children"]:
        raise _broken_plan(run)
    children = [Child.read(name, run.child(name).path) for name in plan["children"]]
    if run.is_finished and not unfinished(run):
        raise RunError(f"{run.path} is finished: nothing to resume", hint=f"bertkit eval {run.path}")
    first = children[0].recipe
    prepared = prepare(first.recipe, listen)
    if plan.get("data") != data_fingerprints(prepared):
        raise RunError(
            f"the data of {run.path} has changed since it began",
            hint=f"start again: bertkit finetune {run.recipe} --{plan['by']} {len(children)}",
        )
    return Repetition(plan["by"], run, tuple(children), _folded(first, prepared))
