"""From a recipe to a run folder: trained, scored, reloaded and explained."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from bertkit.config.loader import LoadedRecipe, dump_recipe, load_recipe
from bertkit.config.schema import Recipe
from bertkit.data.reading.readers import is_glob
from bertkit.data.reading.sources import names_file
from bertkit.errors import Interrupted, RunError, TrainingError
from bertkit.evaluation.results import SplitResult, values_of
from bertkit.evaluation.scoring import selecting
from bertkit.models.heads import reorder_outputs
from bertkit.models.loading import LoadedModel, load_model
from bertkit.runs import folder as run_folders
from bertkit.runs.atomic import recover_folder, write_json, write_text
from bertkit.runs.log import RunLog, trim_log
from bertkit.training.checkpoint import load_checkpoint, save_checkpoint, save_weights
from bertkit.training.events import Evaluation, Event, SmallerBatches, Step
from bertkit.training.loop import TrainingData, TrainingState, total_steps, train
from bertkit.training.optimizer import build_optimizer, prepare_layers
from bertkit.workflows.baseline import BaselineScores, baselines_of
from bertkit.workflows.engine import Engine, padding_of, seed_everything, start_engine
from bertkit.workflows.events import Listener, Note, TrainingBegins, silent
from bertkit.workflows.finishing import data_fingerprints, environment_of, save_and_score, write_results
from bertkit.workflows.job import Job, score_split
from bertkit.workflows.preparation import Prepared, prepare
from bertkit.workflows.signals import STOPS, StopRequest, signal_of, stop_requests

# Bytes on disk for each weight: the model, the best weights, and a checkpoint (weights and AdamW's two means)
# beside the one it replaces.
SPACE_PER_WEIGHT = 4 * (1 + 1 + 2 * 3)
# Below so many optimizer steps a new head has hardly begun to learn at the usual rates.
FEW_STEPS = 100


@dataclass(frozen=True)
class FinetuneResult:
    """What a fine-tuning made.

    Attributes:
        run: the run folder.
        splits: what was found by eval split, of the model as reloaded from disk.
        metric: the metric that selected the best weights.
        best_step: the optimizer step they are from.
        steps: optimizer steps done.
        seconds: from the first step to the last.
        recipe: as resolved.
        recipe_name: what the recipe is called.
        rows: examples by split, the training rows first.
        baselines: scores of what needs no encoder, by split, baseline and metric; empty if not asked for.
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
    if path is not None:
        run_folders.check_free(path, force=force)
    prepared = prepare(loaded.recipe, listen)
    loaded = anchored(loaded)
    prepared = replace(prepared, recipe=loaded.recipe)
    baselines = baselines_of(prepared, listen) if baseline else {}
    engine, model = _load(prepared)
    if path is None:
        path = run_folders.default_path(loaded.name, loaded.recipe.model.name, now=datetime.now())
        path = run_folders.unused_path(path)
    run_folders.check_space(path, SPACE_PER_WEIGHT * model.model.num_parameters())
    run = run_folders.create(path, force=force)
    title = f"# {loaded.name}, resolved: `bertkit finetune` with this file repeats the run."
    write_text(run.recipe, f"{title}\n{dump_recipe(loaded.recipe)}")
    write_json(run.environment, environment_of(loaded, prepared, engine))
    run_folders.mark_latest(run)
    job = Job(loaded.name, prepared, engine, model, run, listen, baselines)
    return _train_and_finish(job, resumed=False)


def resume(run_name: Path | str, *, baseline: bool = False, listen: Listener = silent) -> FinetuneResult:
    """Go on with an interrupted run exactly where its last checkpoint stands.

    Raises:
        RunError: if the run is finished, has no checkpoint, or its data has changed.
    """
    run = run_folders.find_run(str(run_name))
    again = f"start again: bertkit finetune {run.recipe}"
    if run.is_finished:
        raise RunError(f"{run.path} is finished: nothing to resume", hint=f"bertkit eval {run.path}")
    recover_folder(run.latest_checkpoint)
    if not run.latest_checkpoint.is_dir():
        raise RunError(f"{run.path} has no checkpoint yet", hint=again)
    loaded = load_recipe(run.recipe)
    prepared = prepare(loaded.recipe, listen)
    if run.read_environment().get("data") != data_fingerprints(prepared):
        raise RunError(f"the data of {run.path} has changed since it began", hint=again)
    baselines = baselines_of(prepared, listen) if baseline else {}
    engine, model = _load(prepared)
    job = Job(loaded.name, prepared, engine, model, run, listen, baselines)
    return _train_and_finish(job, resumed=True)


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
    engine = start_engine(prepared.recipe.train.precision)
    seed_everything(prepared.recipe.train.seed)
    labels = prepared.task.labels
    order = prepared.head.order or labels.output_names
    model = load_model(prepared.source, problem=labels.problem, labels=order, new_head=prepared.head.new)
    reorder_outputs(model.model, order, labels.output_names)
    prepare_layers(model.model, prepared.recipe.train)
    return engine, model


def _train_and_finish(job: Job, *, resumed: bool) -> FinetuneResult:
    settings, prepared, accelerator = job.recipe.train, job.prepared, job.engine.accelerator
    data = TrainingData(prepared.train.features, prepared.targets, padding_of(prepared.tokenizer))
    model, optimizer = accelerator.prepare(job.model.model, build_optimizer(job.model.model, settings))
    state = TrainingState(
        model, optimizer, accelerator,
        micro_batch_size=settings.micro_batch_size, autocast=job.engine.autocast,
    )  # fmt: skip
    if resumed:
        load_checkpoint(state, job.run.latest_checkpoint)
        trim_log(job.run.log, step=state.step)
    rows = len(data.features)
    steps = total_steps(rows, settings)
    device = str(accelerator.device)
    job.listen(TrainingBegins(steps, state.step, job.run.path, rows, job.engine.precision, device))
    if steps < FEW_STEPS and settings.max_steps is None and job.recipe.data.limit is None:
        advice = f"--set train.epochs={math.ceil(settings.epochs * FEW_STEPS / steps)}"
        text = f"only {steps} steps: so little data often wants more epochs, as {advice}"
        job.listen(Note(text, warning=True))
    began = time.monotonic()
    _run_loop(job, state, data)
    seconds = time.monotonic() - began
    try:
        found = save_and_score(job, state)
        write_results(job, state, found, seconds=seconds)
    except STOPS as stop:
        raise _interrupted(job, "while the trained model was saved and scored", signal_of(stop)) from None
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
    )


def _run_loop(job: Job, state: TrainingState, data: TrainingData) -> None:
    settings, task = job.recipe.train, job.prepared.task
    first_name, first_split = next(iter(job.prepared.evals.items()))

    def loss(outputs: Any, targets: Any) -> Any:
        return task.loss(outputs, targets, label_smoothing=settings.label_smoothing)

    def evaluate() -> tuple[Mapping[str, float], float]:
        scores = score_split(job, first_name, first_split)
        return scores, selecting(scores, job.metric)

    with stop_requests() as request, RunLog(job.run.log, job.run.events, done=state.step) as log:
        if state.step == 0:
            save_checkpoint(state, job.run.latest_checkpoint)
        for event in train(state, data, settings, loss=loss, evaluate=evaluate):
            job.listen(event)
            _log(log, event, state)
            if isinstance(event, Evaluation):
                if event.is_best:
                    save_weights(state, job.run.best_weights)
                save_checkpoint(state, job.run.latest_checkpoint)
            _stop_if_asked(job, state, request)
    if state.best is None:
        raise TrainingError(
            f"{job.metric} was never a number, so no weights are the best",
            hint="lower train.learning_rate, or choose another metrics.select",
        )


def _stop_if_asked(job: Job, state: TrainingState, request: StopRequest) -> None:
    if request.signal_number is None:
        return
    save_checkpoint(state, job.run.latest_checkpoint)
    raise _interrupted(job, f"after step {state.step} of training; the state is saved", request.signal_number)


def _interrupted(job: Job, where: str, signal_number: int) -> Interrupted:
    hint = f"go on: bertkit finetune --resume {job.run.path}{' --baseline' if job.baselines else ''}"
    return Interrupted(where, hint=hint, signal_number=signal_number)


def _log(log: RunLog, event: Event, state: TrainingState) -> None:
    match event:
        case Step():
            values = {
                "epoch": round(event.epoch, 6),
                "loss": event.loss,
                "learning_rate": event.learning_rate,
                "grad_norm": event.grad_norm,
                "tokens": event.tokens,
            }
            log.write("train", event.step, values)
        case Evaluation():
            log.write(
                "eval", event.step, {"epoch": round(event.epoch, 6), **event.scores, "best": event.is_best}
            )
        case SmallerBatches():
            log.write("memory", state.step, {"micro_batch_size": event.micro_batch_size})
