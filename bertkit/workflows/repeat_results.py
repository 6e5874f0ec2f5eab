"""The end of several trainings: scores brought together, the best model kept, the others removed."""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bertkit.config.loader import dump_recipe
from bertkit.config.schema import FOLD, Recipe
from bertkit.evaluation.metrics import METRICS
from bertkit.evaluation.scoring import shown
from bertkit.evaluation.spread import Spread, spread_of
from bertkit.runs.atomic import write_json, write_text
from bertkit.runs.folder import RunFolder, mark_latest
from bertkit.workflows.children import Child, ChildOutcome
from bertkit.workflows.events import Listener, Note
from bertkit.workflows.out_of_fold import OUT_OF_FOLD, FoldedRows, pool

Scores = Mapping[str, Mapping[str, float]]
# What the folder of all has from the training that scored best, beside model, recipe and card.
COPIED = ("log.jsonl", "report.html")


@dataclass(frozen=True)
class ChildScores:
    """How one of the trainings went.

    Attributes:
        name: of its folder.
        path: that folder, relative to the run.
        seed: train.seed.
        fold: data.fold, None where there are none.
        state: `finished` or `failed`.
        message: why it failed.
        scores: by eval split and metric; empty where it failed.
        seconds: of its training; 0 where it failed.
    """

    name: str
    path: str
    seed: int
    fold: int | None
    state: str
    message: str
    scores: Scores
    seconds: float


@dataclass(frozen=True)
class RepeatResult:
    """What several trainings of one recipe made.

    Attributes:
        run: the folder of them all; its model is that of the best one.
        by: `seeds` or `folds`.
        kept: the name of the best one.
        scores: of the model that is kept, by eval split and metric.
        metric: the metric that chose it, on the first eval split.
        spread: of the scores of all that are finished, by eval split and metric.
        children: all of them, in their order.
        out_of_fold: scores of the predictions of all folds together; empty for seeds, and where one failed.
        rows: examples by split, of the best one; `out-of-fold` are all.
        recipe: of the best one, as resolved.
        recipe_name: what the recipe is called.
    """

    run: Path
    by: str
    kept: str
    scores: Scores
    metric: str
    spread: Mapping[str, Mapping[str, Spread]]
    children: tuple[ChildScores, ...]
    out_of_fold: Mapping[str, float]
    rows: Mapping[str, int]
    recipe: Recipe
    recipe_name: str

    @property
    def failed(self) -> tuple[ChildScores, ...]:
        """Those that did not come to their end."""
        return tuple(child for child in self.children if child.state == "failed")

    @property
    def repeated(self) -> dict[str, Any]:
        """What metrics.json holds of the trainings under `repeated`."""
        return {
            "by": self.by,
            "kept": self.kept,
            "spread": {
                split: {metric: spread.as_dict() for metric, spread in values.items()}
                for split, values in self.spread.items()
            },
            "out_of_fold": dict(self.out_of_fold),
            "children": [vars(child) for child in self.children],
        }

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "run": str(self.run),
            "recipe": self.recipe_name,
            "model": self.recipe.model.name,
            "scores": self.scores,
            "select": self.metric,
            "rows": self.rows,
            "repeated": self.repeated,
        }


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
    best = best_of(done)
    needless = [child.run.checkpoints for child in done]
    needless += [child.run.model for child in done if child != best]
    freed = 0
    for folder in filter(Path.is_dir, needless):
        freed += sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        shutil.rmtree(folder)
    return freed


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
    )
    if folded is not None:
        result = _with_pooled(result, run, done, folded, listen)
    write_text(run.card, _card(best.run.card.read_text(encoding="utf-8"), result))
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
    predictions = run.predictions("").parent
    if predictions.is_dir():
        shutil.rmtree(predictions)
    shutil.copytree(best.run.predictions("").parent, predictions)
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
    files = {child.recipe.recipe.data.fold or 0: child.run.predictions(FOLD) for child in done}
    scores = pool(folded, files, run.predictions(OUT_OF_FOLD))
    return replace(result, out_of_fold=scores, rows={**result.rows, OUT_OF_FOLD: len(folded.ids)})


def _card(card: str, result: RepeatResult) -> str:
    """The card of the best child under the name of them all, and how far the scores lie apart."""
    name = re.sub(r"[\\`*\[\]|<&]", " ", result.run.resolve().name)
    card = re.sub(r"(?m)^# .*$", lambda _: f"# {name}", card, count=1)
    rows = [
        f"| {split} | {metric} | {spread_text(metric, spread)} | {shown(metric, spread.low)} to "
        f"{shown(metric, spread.high)} |"
        for split, values in result.spread.items()
        for metric, spread in values.items()
    ]
    rows += [
        f"| all folds together | {metric} | {shown(metric, value)} | |"
        for metric, value in result.out_of_fold.items()
    ]
    count = sum(child.state == "finished" for child in result.children)
    said = "\n".join(
        [
            f"## Over {count} {result.by}",
            "",
            f"This model is {result.kept}, the best of them by {result.metric}; its scores above flatter the "
            "recipe, the mean does not.",
            "",
            "| split | metric | mean ± standard deviation | range |",
            "|---|---|---|---|",
            *rows,
        ]
    )
    before, use, after = card.partition("\n## Use\n")
    return f"{before}\n{said}\n{use}{after}"


def spread_text(metric: str, spread: Spread) -> str:
    """`91.20 ± 0.85`."""
    return f"{shown(metric, spread.mean)} ± {shown(metric, spread.deviation)}"
