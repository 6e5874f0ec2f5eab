"""From a recipe to a run folder: trained, scored, reloaded and explained."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from bertkit.config.loader import LoadedRecipe, dump_recipe, load_recipe
from bertkit.config.schema import Recipe
from bertkit.errors import Interrupted, RunError, TrainingError
from bertkit.evaluation.scoring import score_predictions, selecting, shown
from bertkit.models.contract import ModelContract
from bertkit.models.heads import reorder_outputs
from bertkit.models.loading import LoadedModel, load_model, save_model
from bertkit.models.sources import find_model
from bertkit.runs import folder as run_folders
from bertkit.runs.atomic import write_json, write_text
from bertkit.runs.card import CardFacts, model_card
from bertkit.runs.environment import describe_environment, fingerprint
from bertkit.runs.folder import RunFolder
from bertkit.runs.log import RunLog, trim_log
from bertkit.training.checkpoint import load_checkpoint, load_weights, save_checkpoint, save_weights
from bertkit.training.events import Evaluation, Event, SmallerBatches, Step
from bertkit.training.loop import TrainingData, TrainingState, total_steps, train
from bertkit.training.optimizer import build_optimizer, prepare_layers
from bertkit.workflows.engine import Engine, padding_of, predict_features, seed_everything, start_engine
from bertkit.workflows.events import Listener, Progress, TrainingBegins, silent
from bertkit.workflows.predictions import write_predictions
from bertkit.workflows.preparation import Prepared, Split, prepare
from bertkit.workflows.signals import StopRequest, stop_requests

LATEST = "latest"
BEST = "best"
BEST_WEIGHTS = "best.safetensors"
# Scores of the saved and reloaded model may differ by so much: other batch order, nothing else.
RELOAD_TOLERANCE = 1e-6


@dataclass(frozen=True)
class FinetuneResult:
    """What a fine-tuning made.

    Attributes:
        run: the run folder.
        scores: by eval split and metric, of the model as reloaded from disk.
        metric: the metric that selected the best weights.
        best_step: the optimizer step they are from.
        steps: optimizer steps done.
        seconds: from the first step to the last.
        recipe: as resolved.
        recipe_name: what the recipe is called.
        rows: examples by split.
    """

    run: Path
    scores: Mapping[str, Mapping[str, float]]
    metric: str
    best_step: int
    steps: int
    seconds: float
    recipe: Recipe
    recipe_name: str
    rows: Mapping[str, int]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "run": str(self.run), "recipe": self.recipe_name, "model": self.recipe.model.name, "scores": self.scores,
            "select": self.metric, "best_step": self.best_step, "steps": self.steps, "rows": self.rows,
            "seconds": round(self.seconds, 3),
        }  # fmt: skip


def finetune(
    recipe: LoadedRecipe | str,
    *,
    out: Path | str | None = None,
    force: bool = False,
    listen: Listener = silent,
) -> FinetuneResult:
    """Train, score and save a model.

    Args:
        recipe: loaded by `load_recipe`, or the name of one.
        out: the run folder itself; None makes a new one under `runs/`.
        force: replace a run that is already there.
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
    engine, model = _load(prepared, listen)
    if path is None:
        path = run_folders.unused_path(
            run_folders.default_path(loaded.name, loaded.recipe.model.name, now=datetime.now())
        )
    run = run_folders.create(path, force=force)
    write_text(
        run.recipe,
        f"# {loaded.name}, as resolved: bertkit finetune {run.recipe} repeats this run.\n{dump_recipe(loaded.recipe)}",
    )
    write_json(run.environment, _environment(loaded, prepared, engine))
    return _train_and_finish(_Job(loaded.name, prepared, engine, model, run, listen), resume=False)


def resume(run_path: Path | str, *, listen: Listener = silent) -> FinetuneResult:
    """Go on with an interrupted run exactly where its last checkpoint stands.

    Raises:
        RunError: if the run is finished, or has no checkpoint.
    """
    run = run_folders.find_run(str(run_path))
    if run.is_finished:
        raise RunError(f"{run.path} is finished: there is nothing to resume", hint=f"bertkit eval {run.path}")
    if not (run.checkpoints / LATEST).is_dir():
        raise RunError(
            f"{run.path} has no checkpoint yet", hint=f"start again: bertkit finetune {run.recipe}"
        )
    environment = run.read_environment()
    recipe = load_recipe(run.recipe).recipe
    prepared = prepare(recipe, listen)
    if environment.get("data") != _fingerprints(prepared):
        raise RunError(
            f"the data of {run.path} has changed since it began",
            hint=f"start again: bertkit finetune {run.recipe}",
        )
    engine, model = _load(prepared, listen)
    name = str(environment.get("recipe", "recipe"))
    return _train_and_finish(_Job(name, prepared, engine, model, run, listen), resume=True)


@dataclass(frozen=True)
class _Job:
    """What the steps of one fine-tuning share."""

    name: str
    prepared: Prepared
    engine: Engine
    model: LoadedModel
    run: RunFolder
    listen: Listener

    @property
    def recipe(self) -> Recipe:
        return self.prepared.recipe

    @property
    def metric(self) -> str:
        """The metric that selects."""
        return self.recipe.metrics.select or self.prepared.metrics[0]


def _load(prepared: Prepared, listen: Listener) -> tuple[Engine, LoadedModel]:
    """Load the encoder with its head; the seed is set first, so that a new head is the same each time."""
    engine = start_engine(prepared.recipe.train.precision)
    seed_everything(prepared.recipe.train.seed)
    labels = prepared.task.labels
    order = prepared.head.order or labels.names
    model = load_model(prepared.source, problem=labels.problem, labels=order, new_head=prepared.head.new)
    if labels.names:
        reorder_outputs(model.model, order, labels.names)
    prepare_layers(model.model, prepared.recipe.train)
    return engine, model


def _train_and_finish(job: _Job, *, resume: bool) -> FinetuneResult:
    settings, prepared = job.recipe.train, job.prepared
    targets = prepared.task.targets(
        prepared.train.examples, prepared.train.features, label_weights=settings.class_weights
    )
    data = TrainingData(prepared.train.features, targets, padding_of(prepared.tokenizer))
    model, optimizer = job.engine.accelerator.prepare(
        job.model.model, build_optimizer(job.model.model, settings)
    )
    state = TrainingState(
        model, optimizer, job.engine.accelerator, micro_batch_size=settings.micro_batch_size
    )
    if resume:
        load_checkpoint(state, job.run.checkpoints / LATEST)
        trim_log(job.run.log, step=state.step)
    steps = total_steps(len(data.features), settings)
    job.listen(
        TrainingBegins(
            steps,
            state.step,
            job.run.path,
            len(data.features),
            job.engine.precision,
            str(job.engine.accelerator.device),
        )
    )
    began = time.monotonic()
    _run_loop(job, state, data)
    seconds = time.monotonic() - began
    scores = _finish(job, state)
    result = FinetuneResult(
        run=job.run.path, scores=scores, metric=job.metric, best_step=state.best_step, steps=state.step,
        seconds=seconds, recipe=job.recipe, recipe_name=job.name, rows=_row_counts(job.prepared),
    )  # fmt: skip
    _write_results(job, result)
    return result


def _run_loop(job: _Job, state: TrainingState, data: TrainingData) -> None:
    settings, task = job.recipe.train, job.prepared.task

    def loss(outputs: Any, targets: Any) -> Any:
        return task.loss(outputs, targets, label_smoothing=settings.label_smoothing)

    def evaluate() -> tuple[Mapping[str, float], float]:
        name, split = next(iter(job.prepared.evals.items()))
        scores = _score(job, name, split)
        return scores, selecting(scores, job.metric)

    with stop_requests() as request, RunLog(job.run.log, job.run.events) as log:
        if state.step == 0:
            save_checkpoint(state, job.run.checkpoints / LATEST)
        for event in train(state, data, settings, loss=loss, evaluate=evaluate):
            job.listen(event)
            _log(log, event, state)
            if isinstance(event, Evaluation):
                if event.is_best:
                    save_weights(state, job.run.checkpoints / BEST_WEIGHTS)
                save_checkpoint(state, job.run.checkpoints / LATEST)
            _stop_if_asked(job, state, request, saved=isinstance(event, Evaluation))
    if state.best is None:
        raise TrainingError(
            f"{job.metric} was never a number, so no weights are best",
            hint="lower train.learning_rate or choose another metrics.select",
        )


def _stop_if_asked(job: _Job, state: TrainingState, request: StopRequest, *, saved: bool) -> None:
    if request.signal_number is None:
        return
    if not saved:
        save_checkpoint(state, job.run.checkpoints / LATEST)
    raise Interrupted(
        f"stopped after step {state.step}; the state is saved", hint=f"go on: bertkit finetune --resume {job.run.path}",
        signal_number=request.signal_number,
    )  # fmt: skip


def _log(log: RunLog, event: Event, state: TrainingState) -> None:
    match event:
        case Step():
            log.write("train", event.step, {
                "epoch": round(event.epoch, 6), "loss": event.loss, "learning_rate": event.learning_rate,
                "grad_norm": event.grad_norm, "tokens": event.tokens,
            })  # fmt: skip
        case Evaluation():
            log.write(
                "eval", event.step, {"epoch": round(event.epoch, 6), **event.scores, "best": event.is_best}
            )
        case SmallerBatches():
            log.write("memory", state.step, {"micro_batch_size": event.micro_batch_size})


def _score(job: _Job, name: str, split: Split, model: LoadedModel | None = None) -> dict[str, float]:
    def tell(done: int) -> None:
        job.listen(Progress(f"scoring {name}", done, len(split.features)))

    predictions = predict_features(
        job.engine,
        model or job.model,
        job.prepared.task,
        split.features,
        count=len(split.examples),
        tell=tell,
    )
    if model is not None:
        write_predictions(job.run.predictions(name), job.prepared.task, split.examples, predictions)
    if not split.labelled:
        return {}
    return score_predictions(job.prepared.task, job.prepared.metrics, split.examples, predictions)


def _finish(job: _Job, state: TrainingState) -> dict[str, dict[str, float]]:
    """Save the best weights, load them from disk as anybody would, and score that."""
    load_weights(job.model.model, job.run.checkpoints / BEST_WEIGHTS)
    labels, recipe, limits = job.prepared.task.labels, job.recipe, job.prepared.limits
    contract = ModelContract(
        task=recipe.task.type, text=tuple(recipe.task.text), label=recipe.task.label, problem=labels.problem,
        labels=labels.names, max_length=limits.max_length, window=limits.window, stride=limits.stride, recipe=job.name,
    )  # fmt: skip
    save_model(job.model, job.run.model, contract)
    reloaded = load_model(
        find_model(str(job.run.model)),
        problem=labels.problem,
        labels=labels.names,
        new_head=False,
        require_head=True,
    )
    reloaded.model.to(job.engine.accelerator.device)
    splits = dict(job.prepared.evals)
    if job.prepared.test is not None:
        splits.setdefault("test", job.prepared.test)
    scores = {name: _score(job, name, split, reloaded) for name, split in splits.items()}
    first = scores[next(iter(job.prepared.evals))]
    assert state.best is not None
    if abs(selecting(first, job.metric) - state.best) > RELOAD_TOLERANCE:
        raise TrainingError(
            f"the saved model scores {job.metric} {shown(job.metric, first[job.metric])}, in training it was "
            f"{shown(job.metric, abs(state.best))}: it was not saved whole",
            hint=f"the weights are in {job.run.checkpoints / BEST_WEIGHTS}; please report this",
        )
    return {name: split_scores for name, split_scores in scores.items() if split_scores}


def _write_results(job: _Job, result: FinetuneResult) -> None:
    prepared = job.prepared
    settings = {
        key: value for key, value in job.recipe.train.model_dump().items() if value not in (None, False)
    }
    limits = prepared.limits
    facts = CardFacts(
        title=job.run.path.name, recipe=job.name, base_model=job.recipe.model.name,
        data=job.recipe.data.source or "own files", problem=prepared.task.labels.problem,
        labels=prepared.task.labels.names, text=job.recipe.task.text,
        lengths=(
            f"Long texts are read in windows of {limits.window} tokens." if limits.window
            else f"Texts are cut at {limits.max_length} tokens."
        ),
        rows=result.rows,
        scores={
            split: {name: shown(name, value) for name, value in scores.items()}
            for split, scores in result.scores.items()
        },
        settings=settings, versions=job.run.read_environment()["packages"],
    )  # fmt: skip
    write_text(job.run.card, model_card(facts))
    write_json(job.run.metrics, {
        "scores": result.scores, "select": result.metric, "best_step": result.best_step, "steps": result.steps,
        "rows": result.rows, "seconds": round(result.seconds, 3),
    })  # fmt: skip
    run_folders.mark_latest(job.run)


def _row_counts(prepared: Prepared) -> dict[str, int]:
    splits = {"train": prepared.train, **prepared.evals}
    if prepared.test is not None:
        splits.setdefault("test", prepared.test)
    return {name: len(split.examples) for name, split in splits.items()}


def _environment(loaded: LoadedRecipe, prepared: Prepared, engine: Engine) -> dict[str, Any]:
    return {
        "recipe": loaded.name,
        "recipe_version": loaded.recipe.version,
        "model": {"name": prepared.source.name, "commit": prepared.source.commit},
        "seed": loaded.recipe.train.seed,
        "precision": engine.precision,
        "processes": engine.accelerator.num_processes,
        "data": _fingerprints(prepared),
        **describe_environment(),
    }


def _fingerprints(prepared: Prepared) -> dict[str, str]:
    splits = {"train": prepared.train, **prepared.evals}
    return {
        name: fingerprint(
            part for example in split.examples for part in (*example.texts, str(example.target))
        )
        for name, split in splits.items()
    }
