"""Score a trained model on the splits of a recipe, or on an own file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertkit.config.loader import LoadedRecipe, load_recipe
from bertkit.config.schema import Published, Recipe
from bertkit.data.readers import read_path
from bertkit.data.rows import Rows
from bertkit.data.sources import SplitRows, load_split, load_splits
from bertkit.errors import DataError, RecipeError
from bertkit.evaluation.metrics import check_metrics
from bertkit.evaluation.scoring import metrics_of, score_predictions
from bertkit.tasks.base import Example, Task
from bertkit.tasks.table import TASKS
from bertkit.workflows.engine import encode_examples, predict_features
from bertkit.workflows.events import Listener, Note, Progress, silent
from bertkit.workflows.predictions import write_predictions
from bertkit.workflows.preparation import report_lengths, settle_task
from bertkit.workflows.trained import Trained, TrainedSource, find_trained, load_trained


@dataclass(frozen=True)
class EvaluationResult:
    """Scores of a trained model.

    Attributes:
        model: what was scored: the run, or the name of the model.
        recipe: the name of the recipe, None for a model scored on an own file without one.
        scores: by split and metric; empty for splits whose labels are hidden.
        rows: number of scored or predicted rows by split.
        published: what others reached, by the recipe.
    """

    model: str
    recipe: str | None
    scores: Mapping[str, Mapping[str, float]]
    rows: Mapping[str, int]
    published: tuple[Published, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"model": self.model, "recipe": self.recipe, "scores": self.scores, "rows": self.rows}


@dataclass(frozen=True)
class _Plan:
    """What to score: a task, its splits, its metrics."""

    task: Task | None
    splits: Mapping[str, list[Example]]
    report: tuple[str, ...] | None
    name: str | None
    published: tuple[Published, ...]
    precision: str


def evaluate(
    model: str | None = None,
    *,
    recipe: LoadedRecipe | str | None = None,
    split: str | None = None,
    data: Path | str | None = None,
    predictions: Path | str | None = None,
    listen: Listener = silent,
) -> EvaluationResult:
    """Score a trained model.

    Args:
        model: a run, a model folder or a Hub id; None takes the latest run.
        recipe: what to score it on; None takes the recipe of the run.
        split: one eval split, or any split of the source; None takes all eval splits of the recipe.
        data: an own file instead of the recipe's splits.
        predictions: where to write one line an example; with several splits a folder.
        listen: told what happens.

    Raises:
        BertkitError: for what the user can fix.
    """
    found = find_trained(model)
    if data is not None:
        plan = _plan_data(found, recipe, Path(data), listen)
    else:
        plan = _plan_recipe(found, recipe, split, listen)
    trained = load_trained(found, plan.task, precision=plan.precision)
    metrics = metrics_of(trained.task, plan.report)
    check_metrics(metrics, problem=trained.task.labels.problem, label_count=trained.task.labels.outputs)
    scores: dict[str, dict[str, float]] = {}
    for name, examples in plan.splits.items():
        scores[name] = _score_split(
            trained, name, examples, metrics, _target(predictions, name, plan.splits), listen
        )
    return EvaluationResult(
        model=str(found.run.path) if found.run is not None else found.source.name, recipe=plan.name, scores=scores,
        rows={name: len(examples) for name, examples in plan.splits.items()}, published=plan.published,
    )  # fmt: skip


def _target(predictions: Path | str | None, name: str, splits: Mapping[str, object]) -> Path | None:
    if predictions is None:
        return None
    return Path(predictions) / f"{name}.jsonl" if len(splits) > 1 else Path(predictions)


def _recipe_of(found: TrainedSource, recipe: LoadedRecipe | str | None) -> LoadedRecipe | None:
    if isinstance(recipe, str):
        return load_recipe(recipe)
    if recipe is None and found.run is not None:
        loaded = load_recipe(found.run.recipe)
        return LoadedRecipe(found.contract.recipe or loaded.name, loaded.recipe)
    return recipe


def _plan_data(
    found: TrainedSource, recipe: LoadedRecipe | str | None, file: Path, listen: Listener
) -> _Plan:
    """An own file, read with the columns and labels of the model."""
    loaded = _recipe_of(found, recipe)
    if isinstance(recipe, str) and loaded is not None:
        task = _task_of(loaded.recipe, [read_path(file)])
    else:
        task = TASKS[found.contract.task].from_contract(found.contract)
    listen(Note(f"reading {file}"))
    report = loaded.recipe.metrics.report if loaded is not None else None
    examples = list(task.examples(read_path(file)).examples)
    if not examples:
        raise DataError(f"{file}: no row has both text and label", hint="to predict: bertkit predict FILE")
    precision = loaded.recipe.train.precision if loaded is not None else "auto"
    return _Plan(
        task,
        {file.name: examples},
        tuple(report) if report else None,
        loaded.name if loaded else None,
        (),
        precision,
    )


def _task_of(recipe: Recipe, splits: list[Rows]) -> Task:
    return TASKS[recipe.task.type].learn(recipe.task, splits)


def _plan_recipe(
    found: TrainedSource, recipe: LoadedRecipe | str | None, split: str | None, listen: Listener
) -> _Plan:
    loaded = _recipe_of(found, recipe)
    if loaded is None:
        raise RecipeError(
            f"{found.source.name} is no run: what shall it be scored on?",
            hint="name a recipe, --recipe sst2, or a file, --data FILE",
        )
    listen(Note(f"reading {loaded.recipe.data.source or 'the files of the run'}"))
    task, splits = _examples_of(loaded.recipe, split, listen)
    report = loaded.recipe.metrics.report
    return _Plan(
        task,
        splits,
        tuple(report) if report else None,
        loaded.name,
        tuple(loaded.recipe.published),
        loaded.recipe.train.precision,
    )


def _examples_of(
    recipe: Recipe, split: str | None, listen: Listener
) -> tuple[Task, dict[str, list[Example]]]:
    """The chosen split, all eval splits, or the rows that the training kept for evaluation."""
    data = recipe.data
    names = {split: data.eval.get(split, split)} if split is not None else dict(data.eval)
    if split == "test" and data.test is not None:
        names = {"test": data.test}
    if not names and data.train is None and data.test is not None:
        names = {"test": data.test}
    if names and not (split == "validation" and not data.eval):
        rows = {name: load_split(data, source) for name, source in names.items()}
        learned_from = list(rows.values())
        if recipe.task.labels is None and recipe.task.problem != "regression" and data.train is not None:
            learned_from = [load_split(data, data.train), *learned_from]
        task = _task_of(recipe, learned_from)
        return task, {
            name: list(task.examples(split, keep_unlabelled=True).examples) for name, split in rows.items()
        }
    everything = load_splits(data.model_copy(update={"test": None}))
    if everything.train is None:
        raise RecipeError("the recipe names no rows to score", hint="name a file: --data FILE")
    task, _, evals, _ = settle_task(recipe, SplitRows(everything.train, everything.evals, None), listen)
    return task, evals


def _score_split(
    trained: Trained,
    name: str,
    examples: list[Example],
    metrics: tuple[str, ...],
    predictions: Path | None,
    listen: Listener,
) -> dict[str, float]:
    features = encode_examples(
        trained.task, examples, trained.model.tokenizer, trained.limits, what=name, listen=listen
    )
    report_lengths(name, len(examples), features, trained.limits, listen)

    def tell(done: int) -> None:
        listen(Progress(f"scoring {name}", done, len(features)))

    made = predict_features(
        trained.engine, trained.model, trained.task, features, count=len(examples), tell=tell
    )
    if predictions is not None:
        write_predictions(predictions, trained.task, examples, made)
    hidden = sum(example.target is None for example in examples)
    if hidden:
        listen(
            Note(
                f"{name}: {hidden:,} of {len(examples):,} rows have no label", warning=hidden == len(examples)
            )
        )
    return score_predictions(trained.task, metrics, examples, made) if hidden < len(examples) else {}
