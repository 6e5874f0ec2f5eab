"""The end of a fine-tuning: save the best weights, reload them, score them, write down what was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bertkit.config.loader import LoadedRecipe
from bertkit.config.names import WINDOWED_TASKS
from bertkit.errors import TrainingError
from bertkit.evaluation.calibration import calibrated
from bertkit.evaluation.scoring import selecting, shown
from bertkit.models.contract import ModelContract
from bertkit.models.head_kinds import HEAD_KINDS
from bertkit.models.loading import load_model, save_model
from bertkit.models.sources import find_model
from bertkit.runs.atomic import write_json, write_text
from bertkit.runs.card import CardFacts, model_card
from bertkit.runs.environment import describe_environment, fingerprint
from bertkit.runs.folder import mark_latest
from bertkit.tasks.base import Abstaining
from bertkit.training.checkpoint import load_weights
from bertkit.training.loop import TrainingState
from bertkit.workflows.engine import Engine
from bertkit.workflows.job import Job, outputs_of, score_split
from bertkit.workflows.preparation import Prepared

# Scores of the saved and reloaded model may differ by so much from those in training.
RELOAD_TOLERANCE = 1e-6

Scores = Mapping[str, Mapping[str, float]]


def save_and_score(job: Job, state: TrainingState) -> dict[str, dict[str, float]]:
    """Save the best weights, load them from disk as anybody would, and score that.

    Raises:
        TrainingError: if the saved model does not score what it scored in training.
    """
    load_weights(job.model.model, job.run.best_weights)
    job = _calibrated(job)
    task, limits = job.prepared.task, job.prepared.limits
    labels = task.labels
    contract = ModelContract(
        task=task.name, max_length=limits.max_length, window=limits.window, stride=limits.stride,
        recipe=job.name, **task.contract_fields(),
    )  # fmt: skip
    save_model(job.model, job.run.model, contract)
    saved = find_model(str(job.run.model))
    final = load_model(
        saved, problem=labels.problem, labels=labels.output_names, new_head=False, require_head=True
    )
    final.model.to(job.engine.accelerator.device)
    scores = {
        name: score_split(job, name, split, final_model=final) for name, split in job.prepared.scored.items()
    }
    _check_reloaded(job, state, scores[next(iter(job.prepared.evals))])
    return scores


def _calibrated(job: Job) -> Job:
    """The job with the thresholds of its task set by the split that selects, as in each evaluation."""
    if not isinstance(job.prepared.task, Abstaining) or job.prepared.task.threshold is None:
        return job
    name, split = next(iter(job.prepared.evals.items()))
    kept = outputs_of(job, name, split)
    task = calibrated(job.prepared.task, kept, split.features, split.examples)
    return replace(job, prepared=replace(job.prepared, task=task))


def _check_reloaded(job: Job, state: TrainingState, scores: Mapping[str, float]) -> None:
    assert state.best is not None
    if abs(selecting(scores, job.metric) - state.best) > RELOAD_TOLERANCE:
        before = shown(job.metric, abs(state.best))
        raise TrainingError(
            f"the saved model scores {job.metric} {shown(job.metric, scores[job.metric])}, in training it "
            f"was {before}: it was not saved whole",
            hint=f"the weights are in {job.run.best_weights}; please report this",
        )


def write_results(job: Job, state: TrainingState, scores: Scores, *, seconds: float) -> None:
    """Write card and metrics; with the metrics the run is finished, and the latest one."""
    write_text(job.run.card, model_card(_card_facts(job, scores)))
    metrics = {
        "scores": scores, "select": job.metric, "best_step": state.best_step, "steps": state.step,
        "rows": job.row_counts, "seconds": round(seconds, 3),
    }  # fmt: skip
    write_json(job.run.metrics, metrics)
    mark_latest(job.run)


def _card_facts(job: Job, scores: Scores) -> CardFacts:
    task, limits = job.prepared.task, job.prepared.limits
    lengths = f"Texts are cut at {limits.max_length} tokens."
    if task.name in WINDOWED_TASKS:
        lengths = (
            f"What is longer than {limits.window} tokens is read in windows that share {limits.stride}; "
            "nothing is lost."
        )
    elif limits.window:
        lengths = (
            f"Long texts are read in windows of {limits.window} tokens that share {limits.stride}; "
            "a plain pipeline cuts them instead."
        )
    settings = job.recipe.train.model_dump()
    return CardFacts(
        title=job.run.path.name,
        recipe=job.name,
        base_model=job.recipe.model.name,
        data=job.recipe.data.source or "own files",
        problem=task.labels.problem,
        pipeline=HEAD_KINDS[task.labels.problem].pipeline,
        labels=(*task.labels.names, *task.labels.intents),
        text=task.text,
        lengths=lengths,
        max_length=limits.window or limits.max_length,
        rows=job.row_counts,
        scores={
            split: {name: shown(name, value) for name, value in values.items()}
            for split, values in scores.items()
        },
        settings={key: value for key, value in settings.items() if value not in (None, False)},
        versions=job.run.read_environment()["packages"],
    )


def environment_of(loaded: LoadedRecipe, prepared: Prepared, engine: Engine) -> dict[str, Any]:
    """What environment.json holds: enough to tell why two runs differ."""
    return {
        "recipe": loaded.name,
        "recipe_version": loaded.recipe.version,
        "model": {"name": prepared.source.name, "commit": prepared.source.commit},
        "seed": loaded.recipe.train.seed,
        "precision": engine.precision,
        "processes": engine.accelerator.num_processes,
        "data": data_fingerprints(prepared),
        **describe_environment(),
    }


def data_fingerprints(prepared: Prepared) -> dict[str, str]:
    """A fingerprint of texts and labels of each split, in their order."""
    return {
        name: fingerprint(
            part for example in split.examples for part in (*example.texts, str(example.target))
        )
        for name, split in {"train": prepared.train, **prepared.evals}.items()
    }
