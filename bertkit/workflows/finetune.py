"""From a recipe to a run folder: trained, scored, reloaded and explained."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from bertkit.config.loader import LoadedRecipe, dump_recipe, load_recipe, secret_settings
from bertkit.config.schema import Recipe
from bertkit.data.reading.readers import is_glob
from bertkit.data.reading.split_files import names_file
from bertkit.errors import RunError
from bertkit.evaluation.results import SplitResult, values_of
from bertkit.models.heads import reorder_outputs
from bertkit.models.loading import LoadedModel, load_model
from bertkit.processes.group import current_group
from bertkit.runs import folder as run_folders
from bertkit.runs.atomic import write_json, write_text
from bertkit.runs.checkpoints import Checkpoint
from bertkit.runs.disk import check_space, is_disk_full
from bertkit.runs.folder import RunFolder
from bertkit.runs.lock import locked
from bertkit.runs.log import trim_log
from bertkit.training.batches import TrainingData, total_steps
from bertkit.training.checkpoint import load_checkpoint
from bertkit.training.loop import FIRST_LOSS_SCALE, TrainingState
from bertkit.training.optimizer import prepare_layers
from bertkit.workflows.alike import check_alike, check_same_data, recipe_of_main
from bertkit.workflows.baseline import BaselineScores, baselines_of
from bertkit.workflows.distributing import distributed
from bertkit.workflows.engine import Engine, padding_of, seed_dropout, seed_everything, start_engine
from bertkit.workflows.events import Listener, Note, TrainingBegins, silent
from bertkit.workflows.finishing import environment_of, save_and_score, write_results
from bertkit.workflows.fitting import fit, interrupted
from bertkit.workflows.job import Job
from bertkit.workflows.preparation import Prepared, prepare
from bertkit.workflows.resuming import (
    at_commit,
    check_facts,
    check_settings,
    facts_of,
    newest_checkpoint,
    record_resume,
    settings_at_begin,
)
from bertkit.workflows.saving import SPACE_PER_WEIGHT, Saver, while_saving_the_model
from bertkit.workflows.signals import STOPS, signal_of
from bertkit.workflows.streaming import say_left_out, streamed_data

# Below so many optimizer steps a new head has hardly begun to learn at the usual rates.
FEW_STEPS = 100


@dataclass(frozen=True)
class FinetuneResult:
    """What a fine-tuning made.

    Attributes:
        run: the run folder.
        splits: what was found by eval split, of the model as reloaded from disk; of several processes the
            main one has it.
        metric: the metric that selected the best weights.
        best_step: the optimizer step they are from.
        steps: optimizer steps done.
        seconds: from the first step to the last.
        recipe: as resolved.
        recipe_name: what the recipe is called.
        rows: examples by split, the training rows first.
        baselines: scores of what needs no encoder, by split, baseline and metric; empty if not asked for.
        rejected: rows that were set aside.
    """

    run: Path
    splits: Mapping[str, SplitResult]
    metric: str
    best_step: int
    steps: int
    seconds: float
    recipe: Recipe
    recipe_name: str
    rows: Mapping[str, int]
    baselines: BaselineScores = field(default_factory=dict)
    rejected: int = 0

    @property
    def scores(self) -> dict[str, dict[str, float]]:
        """By eval split and metric."""
        return values_of(self.splits)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "run": str(self.run),
            "recipe": self.recipe_name,
            "model": self.recipe.model.name,
            "scores": self.scores,
            "select": self.metric,
            "best_step": self.best_step,
            "steps": self.steps,
            "rows": self.rows,
            "seconds": round(self.seconds, 3),
            "baselines": self.baselines,
            "rejected": self.rejected,
        }


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
    engine, model = _load(prepared)
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
        return _train_and_finish(job, facts_of(loaded.recipe, environment))


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
        engine, model = _load(prepared)
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
        return _train_and_finish(job, facts, resumed=True, checkpoint=checkpoint)


def _write_recipe(run: RunFolder, loaded: LoadedRecipe) -> None:
    title = f"# {loaded.name}, resolved: `bertkit finetune` with this file repeats the run."
    write_text(run.recipe, f"{title}\n{dump_recipe(loaded.recipe)}")


def anchored(loaded: LoadedRecipe) -> LoadedRecipe:
    """The same recipe with its name and absolute paths: the run is scored and repeated from anywhere."""
    data, model = loaded.recipe.data, loaded.recipe.model
    data = data.model_copy(
        update={
            "source": _absolute(data.source),
            "train": _absolute(data.train, file_only=data.source is not None),
            "eval": {
                name: _absolute(split, file_only=data.source is not None) for name, split in data.eval.items()
            },
            "test": _absolute(data.test, file_only=data.source is not None),
        }
    )
    model = model.model_copy(update={"name": _absolute(model.name)})
    recipe = loaded.recipe.model_copy(update={"name": loaded.name, "data": data, "model": model})
    return LoadedRecipe(loaded.name, recipe)


def _absolute(name: str | None, *, file_only: bool = False) -> str | None:
    """The absolute path of what exists here; the name of a split or of something on the Hub stays."""
    if name is None:
        return None
    path = Path(name).expanduser()
    if file_only and not names_file(name):
        return name
    if is_glob(name) and not path.exists():
        return str(path.absolute())
    return str(path.resolve()) if path.exists() else name


def _load(prepared: Prepared) -> tuple[Engine, LoadedModel]:
    """Load the encoder with its head; the seed is set first, so that a new head is the same each time."""
    engine = start_engine(prepared.recipe.train.precision, several=True)
    seed_everything(prepared.recipe.train.seed)
    labels = prepared.task.labels
    order = prepared.head.order or labels.output_names
    model = load_model(prepared.source, problem=labels.problem, labels=order, new_head=prepared.head.new)
    reorder_outputs(model.model, order, labels.output_names)
    prepare_layers(model.model, prepared.recipe.train)
    seed_dropout(prepared.recipe.train.seed, engine.group.rank)
    return engine, model


def _read_rows(prepared: Prepared) -> TrainingData:
    """The training rows that have been read: all of them, or the first ones of a stream."""
    ids = [example.id for example in prepared.train.examples]
    return TrainingData(prepared.train.features, prepared.targets, padding_of(prepared.tokenizer), ids)


def _train_and_finish(
    job: Job, facts: Mapping[str, Any], *, resumed: bool = False, checkpoint: Checkpoint | None = None
) -> FinetuneResult:
    settings, prepared, accelerator = job.recipe.train, job.prepared, job.engine.accelerator
    read = _read_rows(prepared)
    data = streamed_data(prepared, prepared.stream) if prepared.stream is not None else read
    model, optimizer = distributed(job, read)
    state = TrainingState(
        model, optimizer, accelerator,
        micro_batch_size=settings.micro_batch_size, autocast=job.engine.autocast, group=job.engine.group,
        loss_scale=FIRST_LOSS_SCALE if job.engine.precision == "fp16" else None,
    )  # fmt: skip
    if checkpoint is not None:
        load_checkpoint(state, checkpoint.path)
        began_with = settings_at_begin(checkpoint, job.recipe)
        if settings.micro_batch_size != began_with.get("train.micro_batch_size"):
            state.micro_batch_size = settings.micro_batch_size
    if resumed and prepared.stream is not None:
        prepared.rejected.restore(job.run.rejected)
    if resumed and state.group.is_main:
        with suppress(OSError):  # a log that cannot be written is said, and stops nothing
            trim_log(job.run.log, step=state.step, judged_step=state.judged_step)
    rows = None if prepared.stream else len(read.features)
    steps = total_steps(rows or 0, settings)
    device = accelerator.device.type if accelerator.device.type == "cpu" else str(accelerator.device)
    job.listen(TrainingBegins(steps, state.step, job.run.path, rows, job.engine.precision, device))
    if steps < FEW_STEPS and settings.max_steps is None and job.recipe.data.limit is None:
        advice = f"--set train.epochs={math.ceil(settings.epochs * FEW_STEPS / steps)}"
        text = f"only {steps} steps: so little data often wants more epochs, as {advice}"
        job.listen(Note(text, warning=True))
    before = float(checkpoint.facts.get("seconds", 0.0)) if checkpoint is not None else 0.0
    saver = Saver(job.run, state, facts, every_minutes=settings.save_every_minutes, seconds=before)
    try:
        fit(job, state, data, saver)
    finally:
        if prepared.stream is not None and state.group.is_main:  # rows are set aside while it is read
            prepared.rejected.write(job.run.rejected)
    if prepared.stream is not None:
        say_left_out(prepared.stream, job.listen)
    seconds = saver.seconds
    try:
        found = save_and_score(job, state, facts)
        if state.group.is_main:
            write_results(job, state, found, seconds=seconds)
    except STOPS as stop:
        raise interrupted(job, "while the trained model was saved and scored", signal_of(stop)) from None
    except Exception as error:
        if is_disk_full(error):
            raise while_saving_the_model(job.run.path) from error
        raise
    if state.group.is_main:
        job.run.checkpoints.keep_newest_alone()
    return FinetuneResult(
        run=job.run.path,
        splits={name: each.result for name, each in found.items()},
        metric=job.metric,
        best_step=state.best_step,
        steps=state.step,
        seconds=seconds,
        recipe=job.recipe,
        recipe_name=job.name,
        rows=job.row_counts,
        baselines=job.baselines,
        rejected=len(prepared.rejected),
    )
