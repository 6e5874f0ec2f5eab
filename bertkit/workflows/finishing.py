"""The end of a fine-tuning: save the best weights, reload them, score them, write down what was made."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from bertkit.config.loader import LoadedRecipe
from bertkit.config.names import WINDOWED_TASKS
from bertkit.errors import TrainingError
from bertkit.evaluation.calibration import MIN_EXAMPLES, calibrated, calibration_of, described
from bertkit.evaluation.results import values_of
from bertkit.evaluation.scoring import selecting, shown
from bertkit.models.contract import FILE_NAME, ModelContract, read_contract, write_contract
from bertkit.models.head_kinds import HEAD_KINDS
from bertkit.models.loading import load_model, save_model
from bertkit.models.sources import find_model
from bertkit.runs.atomic import write_json, write_text
from bertkit.runs.card import CardFacts, model_card
from bertkit.runs.environment import describe_environment, fingerprint
from bertkit.runs.folder import mark_latest
from bertkit.runs.sealed import NotWhole
from bertkit.training.allocation import give_memory_back
from bertkit.training.checkpoint import load_weights, put_weights
from bertkit.training.loop import TrainingState
from bertkit.training.strategies import is_sharded
from bertkit.workflows.assessing import Assessed
from bertkit.workflows.distributing import whole_model
from bertkit.workflows.engine import Engine
from bertkit.workflows.events import Note
from bertkit.workflows.job import Job, assess_final, outputs_of
from bertkit.workflows.preparation import Prepared, Split
from bertkit.workflows.reporting import report_run
from bertkit.workflows.resuming import elsewhere

# Scores of the saved and reloaded model may differ by so much from those in training.
RELOAD_TOLERANCE = 1e-6
# The same where kernels may round otherwise, and of scores over 1 as a share of them.
ROUNDING_TOLERANCE = 0.01

Scores = Mapping[str, Mapping[str, float]]


def save_and_score(job: Job, state: TrainingState, facts: Mapping[str, Any]) -> dict[str, Assessed]:
    """Save the best weights, load them from disk as anybody would, calibrate and score that.

    Args:
        job: whose training is done.
        state: of the training.
        facts: of where it is finished; the best weights may have been scored elsewhere.

    Raises:
        TrainingError: if the saved model does not score what it scored in training.
    """
    if not state.group.is_main:
        _score_for_main(job, state)
        return {}
    try:
        best, scored = job.run.checkpoints.best_weights(state.best_step)
    except NotWhole as fault:
        raise TrainingError(
            f"the best weights in {job.run.checkpoints.path} cannot be used: {fault}",
            hint=f"go on from the checkpoint before them: bertkit finetune --resume {job.run.path}",
        ) from fault
    # The latest state is on the disk; here it would only stand beside the weights that are read.
    state.optimizer.state.clear()
    give_memory_back()
    trained = whole_model(job.model)
    load_weights(trained.model, best)
    labels = job.prepared.task.labels
    save_model(trained, job.run.model, _contract_of(job))
    trained.model.to("meta")
    give_memory_back()
    final = load_model(
        find_model(str(job.run.model)), problem=labels.problem, labels=labels.output_names,
        new_head=False, require_head=True,
    )  # fmt: skip
    state.group.share_tensors(final.model.state_dict())
    final.model.to(job.engine.accelerator.device)
    name, split = next(iter(job.prepared.evals.items()))
    kept = outputs_of(job, name, split, model=final)
    job = _calibrated(job, name, split, kept)
    write_contract(job.run.model, _contract_of(job))
    found = assess_final(job, final, {name: kept})
    _check_reloaded(
        job, state, scores_of(found)[name], allowed=_allowed_difference(job, state, scored, facts)
    )
    return found


def _score_for_main(job: Job, state: TrainingState) -> None:
    """Compute this process's share of what the main one scores, with the weights that it has read."""
    final = whole_model(job.model)
    put_weights(final.model, state.group.share_tensors(None))
    final.model.to(job.engine.accelerator.device)
    for name, split in job.prepared.scored.items():
        outputs_of(job, name, split, model=final)


def _contract_of(job: Job) -> ModelContract:
    task, limits = job.prepared.task, job.prepared.limits
    return ModelContract(
        task=task.name, max_length=limits.max_length, window=limits.window, stride=limits.stride,
        recipe=job.name, **task.contract_fields(),
    )  # fmt: skip


def scores_of(found: Mapping[str, Assessed]) -> dict[str, dict[str, float]]:
    """By split and metric."""
    return values_of({name: each.result for name, each in found.items()})


def _calibrated(job: Job, name: str, split: Split, kept: NDArray[Any]) -> Job:
    """The job with its task fitted to the split that selects, as in each evaluation."""
    if calibration_of(job.prepared.task) is None:
        return job
    task = calibrated(job.prepared.task, kept, split.features, split.examples, metric=job.metric)
    if found := described(calibration_of(task)):
        job.listen(Note(f"calibrated on {name}: {found}"))
    if len(split.examples) < MIN_EXAMPLES and task.labels.problem != "answers":
        few = f"{name} has only {len(split.examples)} rows"
        job.listen(Note(f"{few}: probabilities are calibrated from {MIN_EXAMPLES} on"))
    return replace(job, prepared=replace(job.prepared, task=task))


def _allowed_difference(
    job: Job, state: TrainingState, scored: Mapping[str, Any], facts: Mapping[str, Any]
) -> float:
    """How far the score of the reloaded model may be from that of the best weights in training.

    Args:
        job: whose training is done.
        state: of the training.
        scored: where the best weights were scored, as `resuming.facts_of` says it.
        facts: the same of where it is finished.
    """
    # A model in parts is computed by layers of transformers, the one that was saved by those of bertkit.
    if elsewhere(scored, facts) or is_sharded(state.model):
        return math.inf
    compiled = any(each.get("settings", {}).get("train.compile") for each in (scored, facts))
    if compiled or job.engine.accelerator.device.type != "cpu":
        # Kernels are chosen anew; their last digits may turn a prediction or two.
        return ROUNDING_TOLERANCE * max(1.0, abs(state.best or 0.0))
    return RELOAD_TOLERANCE


def _check_reloaded(job: Job, state: TrainingState, scores: Mapping[str, float], *, allowed: float) -> None:
    assert state.best is not None
    difference = abs(selecting(scores, job.metric) - state.best)
    if difference <= RELOAD_TOLERANCE:
        return
    now = shown(job.metric, scores[job.metric])
    before = shown(job.metric, selecting({job.metric: state.best}, job.metric))  # turned back
    if difference > allowed:
        raise TrainingError(
            f"the saved model scores {job.metric} {now}, in training it was {before}: it was not saved whole",
            hint=f"its weights are in {job.run.checkpoints.path}; please report this",
        )
    text = f"{job.metric} of the saved model is {now} here; where it was trained {before}"
    job.listen(Note(text, warning=True))


def write_results(job: Job, state: TrainingState, found: Mapping[str, Assessed], *, seconds: float) -> None:
    """Write card, report and metrics; with the metrics the run is finished, and the latest one."""
    scores, rejected = scores_of(found), job.prepared.rejected
    notes = [job.prepared.stream.sentence] if job.prepared.stream else []
    notes += [rejected.sentence] if rejected.sentence else []
    write_text(job.run.card, model_card(_card_facts(job, scores)))
    report_run(
        job.run, job.recipe, found.values(), train=job.prepared.train.examples, best_step=state.best_step,
        select=job.metric, baselines=job.baselines, notes=notes,
    )  # fmt: skip
    metrics = {
        "scores": scores, "intervals": _intervals(found), "select": job.metric,
        "best_step": state.best_step, "steps": state.step, "rows": job.row_counts,
        "seconds": round(seconds, 3), **({"skipped_steps": state.skipped} if state.skipped else {}),
    }  # fmt: skip
    metrics |= {"baselines": job.baselines} if job.baselines else {}
    metrics |= {"rejected": len(rejected)} if rejected.allows_some else {}
    write_json(job.run.metrics, metrics)
    mark_latest(job.run)


def _intervals(found: Mapping[str, Assessed]) -> dict[str, dict[str, list[float]]]:
    """The ends of the 95 % intervals by split and metric."""
    return {
        name: {metric: [score.low, score.high] for metric, score in each.result.scores.items()}
        for name, each in found.items()
    }


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
        calibration=described(read_contract(job.run.model, {}).calibration),
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
        "model": {
            "name": prepared.source.name,
            "commit": prepared.source.commit,
            "files": _fingerprints_of(prepared.source.folder),
        },
        "seed": loaded.recipe.train.seed,
        "precision": engine.precision,
        "processes": engine.group.size,
        "data": data_fingerprints(prepared),
        **describe_environment(),
    }


def _fingerprints_of(folder: Path) -> dict[str, str]:
    """Of what decides, beside the weights, how an encoder computes and how texts become tokens."""
    files = [path for pattern in ("*.json", "*.txt", "*.model") for path in folder.glob(pattern)]
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:32]
        for path in sorted(files)
        if path.is_file() and path.name not in ("README.txt", FILE_NAME)
    }


def data_fingerprints(prepared: Prepared) -> dict[str, str]:
    """A fingerprint of texts and labels of each split, in their order; of a stream, of its files."""
    found = {
        name: fingerprint(
            part for example in split.examples for part in (*example.texts, str(example.target))
        )
        for name, split in {"train": prepared.train, **prepared.evals}.items()
    }
    return found | {"train": prepared.stream.shards.fingerprint()} if prepared.stream else found
