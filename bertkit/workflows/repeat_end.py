"""The end of several trainings: scores brought together, the best model kept, the others removed."""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bertkit.config.loader import dump_recipe
from bertkit.config.schema import FOLD
from bertkit.evaluation.metrics import METRICS
from bertkit.evaluation.spread import Spread, spread_of
from bertkit.models.contract import FILE_NAME, ModelContract, read_contract
from bertkit.runs.atomic import write_json, write_text
from bertkit.runs.folder import RunFolder, mark_latest
from bertkit.workflows.children import Child, ChildOutcome
from bertkit.workflows.events import Listener, Note
from bertkit.workflows.out_of_fold import OUT_OF_FOLD, FoldedRows, caution_of, pool, thresholds_of_others
from bertkit.workflows.repeat_card import card_of_all
from bertkit.workflows.repeat_results import ChildScores, RepeatResult, Scores

# What the folder of all has from the training that scored best, beside model, recipe and card.
COPIED = ("log.jsonl", "report.html", "rejected.jsonl")


def finished(child: Child) -> tuple[dict[str, Any], Scores]:
    """The metrics.json of a finished child, and the scores in it, nan where it has null.

    Raises:
        RunError: it cannot be read.
    """
    metrics = child.run.read_metrics()
    scores = {
        split: {name: math.nan if value is None else value for name, value in values.items()}
        for split, values in metrics["scores"].items()
    }
    return metrics, scores


def best_of(children: Sequence[Child]) -> Child:
    """The finished child that scores best on the first eval split by the metric that selects."""

    def value(child: Child) -> float:
        metrics, scores = finished(child)
        metric = metrics["select"]
        score = next(iter(scores.values()))[metric]
        if math.isnan(score):
            return -math.inf
        return score if METRICS[metric].greater_is_better else -score

    return max((child for child in children if child.is_done), key=value)


def free_space(children: Sequence[Child]) -> int:
    """Remove what finished children need no more, checkpoints and all models but the best; bytes freed."""
    done = [child for child in children if child.is_done]
    if not done:
        return 0
    for child in done:
        _keep_contract(child)
    best = best_of(done)
    needless = [child.run.checkpoints.path for child in done]
    needless += [child.run.model for child in done if child != best]
    freed = 0
    for folder in filter(Path.is_dir, needless):
        freed += sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        shutil.rmtree(folder)
    return freed


def _keep_contract(child: Child) -> None:
    """Copy what says by which thresholds a child decides out of the model, which is removed or moved."""
    kept = contract_of(child)
    if (child.run.model / FILE_NAME).is_file() and not kept.is_file():
        write_text(kept, (child.run.model / FILE_NAME).read_text(encoding="utf-8"))


def contract_of(child: Child) -> Path:
    """Where the `bertkit.json` of a child stays when its model does not."""
    return child.path / FILE_NAME


def conclude(
    by: str,
    run: RunFolder,
    outcomes: Sequence[ChildOutcome],
    folded: FoldedRows | None,
    *,
    freed: int,
    listen: Listener,
) -> RepeatResult:
    """Write what the folder of all holds; with metrics.json it is finished. At least one child is."""
    run.metrics.unlink(missing_ok=True)  # of an earlier end, when some had failed
    done = [outcome.child for outcome in outcomes if outcome.state == "finished"]
    best = best_of(done)
    _keep(run, best)
    scores = {child.name: finished(child)[1] for child in done}
    metrics = finished(best)[0]
    result = RepeatResult(
        run=run.path,
        by=by,
        kept=best.name,
        scores=scores[best.name],
        metric=metrics["select"],
        spread=_spreads(list(scores.values()), scores[best.name]),
        children=tuple(_scores_of(outcome, run) for outcome in outcomes),
        out_of_fold={},
        rows=metrics["rows"],
        recipe=best.recipe.recipe,
        recipe_name=best.recipe.name,
        rejected=metrics.get("rejected", 0),
    )
    if folded is not None:
        result = _with_pooled(result, run, done, folded, listen)
    write_text(run.card, card_of_all(best.run.card.read_text(encoding="utf-8"), result))
    kind = {"seeds": "under other seeds", "folds": "on other folds"}[by]
    title = f"# {best.recipe.name}, resolved: {best.name}, the best of {len(done)} trainings {kind}."
    write_text(run.recipe, f"{title}\n{dump_recipe(best.recipe.recipe)}")
    environment = run.read_environment()
    write_json(run.environment, best.run.read_environment() | {"command": environment.get("command")})
    seconds = sum(child.seconds for child in result.children)
    write_json(
        run.metrics,
        {**metrics, "seconds": round(seconds, 3), "rows": result.rows, "repeated": result.repeated},
    )
    mark_latest(run)
    if freed:
        listen(
            Note(
                f"removed the checkpoints of all and the models of the others ({freed / 1e6:,.0f} MB); "
                f"predictions, scores and logs stay in {best.path.parent}"
            )
        )
    return result


def _keep(run: RunFolder, best: Child) -> None:
    """Bring what the best child made up into the folder of all; its model is moved, not copied."""
    if best.run.model.is_dir():  # else it was moved before, and what came after that was interrupted
        if run.model.is_dir():
            shutil.rmtree(run.model)
        best.run.model.rename(run.model)
    predictions = run.predictions_folder
    if predictions.is_dir():
        shutil.rmtree(predictions)
    shutil.copytree(best.run.predictions_folder, predictions)
    for name in COPIED:
        if (best.path / name).is_file():
            shutil.copyfile(best.path / name, run.path / name)


def _spreads(scores: Sequence[Scores], like: Scores) -> dict[str, dict[str, Spread]]:
    return {
        split: {
            metric: spread_of([each[split][metric] for each in scores if metric in each.get(split, {})])
            for metric in values
        }
        for split, values in like.items()
    }


def _scores_of(outcome: ChildOutcome, run: RunFolder) -> ChildScores:
    child = outcome.child
    metrics, scores = finished(child) if outcome.state == "finished" else ({}, {})
    return ChildScores(
        name=child.name,
        path=child.path.relative_to(run.path).as_posix(),
        seed=child.recipe.recipe.train.seed,
        fold=child.recipe.recipe.data.fold,
        state=outcome.state,
        message=outcome.message,
        scores=scores,
        seconds=float(metrics.get("seconds", 0)),
    )


def _with_pooled(
    result: RepeatResult, run: RunFolder, done: Sequence[Child], folded: FoldedRows, listen: Listener
) -> RepeatResult:
    """The result with the scores of all out-of-fold predictions, where no fold is missing."""
    if result.failed:
        missing = ", ".join(child.name for child in result.failed)
        listen(Note(f"no predictions of all training rows: {missing} failed", warning=True))
        return result
    files = {_fold_of(child): child.run.predictions(FOLD) for child in done}
    # An eval split of the recipe stands before the fold, and chooses in its place.
    chosen_by_itself = next(iter(result.scores)) == FOLD
    thresholds, caution = None, ""
    if chosen_by_itself:
        problem, contracts = folded.labels.problem, _contracts(done)
        caution = caution_of(problem, contracts)
        if problem == "multi_label" and contracts is not None:
            thresholds = thresholds_of_others(contracts)
    scores = pool(folded, files, run.predictions(OUT_OF_FOLD), thresholds=thresholds)
    rows = {**result.rows, OUT_OF_FOLD: len(folded.ids)}
    return replace(result, out_of_fold=scores, rows=rows, caution=caution)


def _fold_of(child: Child) -> int:
    return child.recipe.recipe.data.fold or 0


def _contracts(done: Sequence[Child]) -> dict[int, ModelContract] | None:
    """Of each fold, as they were kept; None where one is lost."""
    if not all(contract_of(child).is_file() for child in done):
        return None
    return {_fold_of(child): read_contract(child.path, {}) for child in done}
