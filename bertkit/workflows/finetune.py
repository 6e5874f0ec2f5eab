"""From a recipe to a run folder: trained, scored, reloaded and explained."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from bertkit.config.loader import LoadedRecipe, dump_recipe, load_recipe, secret_settings
from bertkit.errors import RunError
from bertkit.models.loading import LoadedModel
from bertkit.processes.joining import current_group
from bertkit.runs import folder as run_folders
from bertkit.runs.atomic import write_json, write_text
from bertkit.runs.disk import check_space
from bertkit.runs.folder import RunFolder
from bertkit.runs.lock import locked
from bertkit.workflows.alike import check_alike, check_same_data, recipe_of_main
from bertkit.workflows.anchoring import anchored
from bertkit.workflows.baseline import baselines_of
from bertkit.workflows.events import Listener, Note, silent
from bertkit.workflows.finetune_result import FinetuneResult
from bertkit.workflows.finishing import environment_of
from bertkit.workflows.job import Job
from bertkit.workflows.preparation import prepare
from bertkit.workflows.resuming import (
    at_commit,
    check_facts,
    check_settings,
    facts_of,
    newest_checkpoint,
    record_resume,
    settings_at_begin,
)
from bertkit.workflows.saving import SPACE_PER_WEIGHT
from bertkit.workflows.training_run import load_for_training, train_and_finish


def finetune(
    recipe: LoadedRecipe | str,
    *,
    out: Path | str | None = None,
    force: bool = False,
    baseline: bool = False,
    listen: Listener = silent,
) -> FinetuneResult:
    """Train, score and save a model.

    Args:
        recipe: loaded by `load_recipe`, or the name of one.
        out: the run folder itself; None makes a new one under `runs/`.
        force: replace a run that is already there.
        baseline: score what needs no encoder on the same splits, before the training begins.
        listen: told what happens.

    Raises:
        BertkitError: exit code 2 before anything is written; exit code 1 if the training itself fails.
        Interrupted: after a signal, with the state saved.
    """
    loaded = load_recipe(recipe) if isinstance(recipe, str) else recipe
    path = Path(out) if out is not None else None
    group = current_group()
    check_alike(group, loaded)
    if path is not None and group.is_main:
        run_folders.check_free(path, force=force)
    prepared = prepare(loaded.recipe, listen)
    loaded = anchored(loaded)
    prepared = replace(prepared, recipe=loaded.recipe)
    for key in secret_settings(loaded.recipe):
        text = f"{key} holds a secret, which is not written into the run: name it again to repeat the run"
        listen(Note(text, warning=True))
    baselines = baselines_of(prepared, listen) if baseline and group.is_main else {}
    engine, model = load_for_training(prepared)
    environment = {**environment_of(loaded, prepared, engine), "baseline": baseline}
    check_same_data(group, environment["data"], engine.precision)
    # One process makes the folder and writes into it; on other hosts it need not even be seen.
    made = group.from_main(lambda: str(_made_folder(loaded, model, path, force=force)))
    run = run_folders.RunFolder(Path(made))
    with locked(run.path) if group.is_main else nullcontext():
        if group.is_main:
            _write_recipe(run, loaded)
            prepared.rejected.write(run.rejected)
            write_json(run.environment, environment)  # with it the folder is a run
            run_folders.mark_latest(run)
        job = Job(loaded.name, prepared, engine, model, run, listen, baselines)
        return train_and_finish(job, facts_of(loaded.recipe, environment))


def _made_folder(loaded: LoadedRecipe, model: LoadedModel, path: Path | None, *, force: bool) -> Path:
    if path is None:
        path = run_folders.default_path(loaded.name, loaded.recipe.model.name, now=datetime.now())
        path = run_folders.unused_path(path)
    check_space(path, SPACE_PER_WEIGHT * model.model.num_parameters())
    return run_folders.create(path, force=force).path


def resume(
    run_name: Path | str,
    *,
    recipe: LoadedRecipe | None = None,
    baseline: bool = False,
    elastic: bool = False,
    listen: Listener = silent,
) -> FinetuneResult:
    """Go on with an interrupted run exactly where its last whole checkpoint stands.

    Args:
        run_name: a run folder or its name.
        recipe: settings to go on with; only some may differ from the run's own (`resuming.MAY_CHANGE`).
        baseline: score what needs no encoder on the same splits.
        elastic: also with another number of processes: the same batches, but other masks of dropout.
        listen: told what happens.

    Raises:
        RunError: if the run is finished, another process writes it, or settings, data or processes are
            others than it began with.
        TrainingError: if none of its checkpoints is whole.
    """
    group = current_group()
    run = run_folders.find_run(str(run_name)) if group.is_main else run_folders.RunFolder(Path(run_name))
    if group.is_main and run.is_finished:
        raise RunError(f"{run.path} is finished: nothing to resume", hint=f"bertkit eval {run.path}")
    with locked(run.path) if group.is_main else nullcontext():
        checkpoint, skipped = newest_checkpoint(run, listen, group)
        # Its own recipe cannot be read where a password was taken out of an address: then another is given.
        given = recipe if checkpoint is not None else None
        own = given or recipe_of_main(group, lambda: load_recipe(run.recipe))
        loaded = own if recipe is None else anchored(replace(recipe, name=own.name))
        check_alike(group, loaded)
        check_settings(run, settings_at_begin(checkpoint, own.recipe), loaded.recipe)
        began = group.from_main(run.read_environment)
        prepared = replace(prepare(at_commit(loaded.recipe, began), listen), recipe=loaded.recipe)
        engine, model = load_for_training(prepared)
        environment = environment_of(loaded, prepared, engine)
        check_same_data(group, environment["data"], engine.precision)
        facts = facts_of(loaded.recipe, environment)
        check_facts(run, checkpoint.facts if checkpoint else began, facts, listen, elastic=elastic)
        wanted = group.is_main and (baseline or began.get("baseline"))
        baselines = baselines_of(prepared, listen) if wanted else {}
        if group.is_main:
            if checkpoint is not None:
                run.checkpoints.set_aside(skipped)
            if recipe is not None:
                _write_recipe(run, loaded)
            record_resume(run, checkpoint.step if checkpoint else 0, facts)
        job = Job(loaded.name, prepared, engine, model, run, listen, baselines)
        return train_and_finish(job, facts, resumed=True, checkpoint=checkpoint)


def _write_recipe(run: RunFolder, loaded: LoadedRecipe) -> None:
    title = f"# {loaded.name}, resolved: `bertkit finetune` with this file repeats the run."
    write_text(run.recipe, f"{title}\n{dump_recipe(loaded.recipe)}")
