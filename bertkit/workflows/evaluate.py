"""Score a trained model on the splits of a recipe, or on an own file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertkit.config.loader import LoadedRecipe, load_recipe
from bertkit.config.names import WINDOWED_TASKS
from bertkit.config.schema import Published, Recipe
from bertkit.data.reading.readers import read_location
from bertkit.data.reading.sources import load_split, load_splits
from bertkit.errors import DataError, ModelError, RecipeError
from bertkit.evaluation.metrics import check_metrics
from bertkit.evaluation.scoring import metrics_of, score_predictions
from bertkit.tasks.base import Example, Task
from bertkit.tasks.table import TASKS
from bertkit.workflows.engine import compute_outputs, encode_examples
from bertkit.workflows.events import Listener, Note, Progress, silent
from bertkit.workflows.lengths import report_lengths
from bertkit.workflows.predictions import write_predictions
from bertkit.workflows.preparation import HELD_OUT, settle_task, usable_examples
from bertkit.workflows.trained import (
    Trained,
    TrainedSource,
    find_trained,
    load_trained,
    named_columns,
)


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
        return {
            "model": self.model,
            "recipe": self.recipe,
            "scores": self.scores,
            "rows": self.rows,
            "published": [entry.model_dump() for entry in self.published],
        }


def evaluate(
    model: str | None = None,
    *,
    recipe: LoadedRecipe | str | None = None,
    split: str | None = None,
    data: Path | str | None = None,
    text: Sequence[str | None] | None = None,
    label: str | None = None,
    rename: Mapping[str, str] | None = None,
    intent: str | None = None,
    predictions: Path | str | None = None,
    listen: Listener = silent,
) -> EvaluationResult:
    """Score a trained model.

    Args:
        model: a run, a model folder or a Hub id; None takes the latest run.
        recipe: what to score it on; None takes the recipe of the run.
        split: one eval split, or any split of the source; None takes all eval splits of the recipe.
        data: an own file instead of the recipe's splits.
        text: names of the text columns, where they are not those of the training or the recipe.
        label: name of the label column, likewise.
        intent: name of the column with the intent, likewise.
        rename: labels as the data writes them, and which of the model's they count as.
        predictions: where to write one line an example; with several splits a folder.
        listen: told what happens.

    Raises:
        BertkitError: for what the user can fix.
    """
    found = find_trained(model)
    loaded = _recipe_of(found, recipe)
    task = _task_of(
        found, loaded.recipe if loaded is not None else None,
        text=text, label=label, rename=rename, intent=intent,
    )  # fmt: skip
    if data is not None:
        listen(Note(f"reading {data}"))
        name = Path(data).name
        rows = read_location(str(data))
        if rows.format:
            listen(Note("; ".join([f"{rows.origin} is read as {rows.format}", *rows.notes])))
        splits = {name: usable_examples(task, name, rows, listen)}
    elif loaded is not None:
        listen(Note(f"reading {loaded.recipe.data.source or 'the files of the run'}"))
        splits = _splits_of(loaded.recipe, split, task, listen)
    else:
        raise RecipeError(
            f"{found.source.name} is no run: what shall it be scored on?",
            hint="name a recipe, --recipe sst2, or a file, --data FILE",
        )
    trained = load_trained(found, task, precision=loaded.recipe.train.precision if loaded else "auto")
    metrics = metrics_of(task, loaded.recipe.metrics.report if loaded else None)
    check_metrics(metrics, problem=task.labels.problem, label_count=task.labels.outputs)
    scores = {
        name: _score_split(trained, name, examples, metrics, _target(predictions, name, splits), listen)
        for name, examples in splits.items()
    }
    return EvaluationResult(
        model=str(found.run.path) if found.run is not None else found.source.name,
        recipe=loaded.name if loaded else None,
        scores=scores,
        rows={name: len(examples) for name, examples in splits.items()},
        published=tuple(loaded.recipe.published) if loaded and data is None else (),
    )


def _target(predictions: Path | str | None, name: str, splits: Mapping[str, object]) -> Path | None:
    if predictions is None:
        return None
    return Path(predictions) / f"{name}.jsonl" if len(splits) > 1 else Path(predictions)


def _recipe_of(found: TrainedSource, recipe: LoadedRecipe | str | None) -> LoadedRecipe | None:
    """The recipe asked for, else the one of the run, else none."""
    trained_with = load_recipe(found.run.recipe) if found.run is not None else None
    if recipe is None:
        return trained_with
    loaded = load_recipe(recipe) if isinstance(recipe, str) else recipe
    return loaded if trained_with is None else _with_kept_rows_of(trained_with.recipe, loaded)


def _with_kept_rows_of(trained: Recipe, asked: LoadedRecipe) -> LoadedRecipe:
    """On the data it was trained on, a model is scored on the rows its own training kept, and no others."""
    same = ("source", "config", "revision", "train")
    if any(getattr(trained.data, key) != getattr(asked.recipe.data, key) for key in same):
        return asked
    kept = {"eval_fraction": trained.data.eval_fraction, "limit": trained.data.limit}
    recipe = asked.recipe.model_copy(
        update={
            "data": asked.recipe.data.model_copy(update=kept),
            "train": asked.recipe.train.model_copy(update={"seed": trained.train.seed}),
        }
    )
    return LoadedRecipe(asked.name, recipe)


def _task_of(
    found: TrainedSource,
    recipe: Recipe | None,
    *,
    text: Sequence[str | None] | None,
    label: str | None,
    rename: Mapping[str, str] | None,
    intent: str | None,
) -> Task:
    """The task of the recipe, with columns as given; what is left open is as the model was trained."""
    contract = found.contract
    if recipe is not None:
        section = recipe.task
        changed: dict[str, Any] = {
            "text": tuple(section.text), "label": section.label, "intent": section.intent,
            "rename": section.rename or contract.rename,
        }  # fmt: skip
        if section.type not in WINDOWED_TASKS and contract.task not in WINDOWED_TASKS:
            changed["task"] = section.type
            changed["problem"] = contract.problem if section.problem == "auto" else section.problem
            changed["labels"] = tuple(section.labels or contract.labels)
        elif section.type != contract.task:
            raise ModelError(
                f"{found.source.name} was trained for {contract.task}, the recipe is for {section.type}",
                hint="name a model or a recipe of the same task",
            )
        contract = contract.model_copy(update=changed)
    columns: dict[str, Any] = {"text": named_columns(text, contract.text), "label": label or contract.label}
    columns["rename"] = {**contract.rename, **(rename or {})}
    columns["intent"] = intent or contract.intent
    return TASKS[contract.task].from_contract(contract.model_copy(update=columns))


def _splits_of(recipe: Recipe, split: str | None, task: Task, listen: Listener) -> dict[str, list[Example]]:
    """The chosen split, all eval splits, or the rows that the training kept for evaluation."""
    data = recipe.data
    names = dict(data.eval)
    if split is not None and not (split == HELD_OUT and not data.eval):
        known = {"train": data.train, "test": data.test} | names
        if data.source is None and known.get(split) is None:
            listed = ", ".join(name for name, file in known.items() if file is not None)
            raise DataError(
                f"the run has no split {split!r}; it has {listed}", hint="name one, or --data FILE"
            )
        names = {split: known.get(split) or split}
    elif not names and data.train is None and data.test is not None:
        names = {"test": data.test}
    if not names:
        rows = load_splits(data.model_copy(update={"test": None}))
        if rows.train is None:
            raise RecipeError("the recipe names no rows to score", hint="name a file: --data FILE")
        return settle_task(recipe, rows, listen, task=task)[2]
    return {
        name: usable_examples(task, name, load_split(data, source), listen, keep_unlabelled=True)
        for name, source in names.items()
    }


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

    kept = compute_outputs(trained.engine, trained.model, trained.task, features, tell=tell)
    made = trained.task.decode(kept, features, examples)
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
