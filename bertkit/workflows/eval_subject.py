"""What is scored, and on what terms: the recipe that says which rows, the task that says which columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bertkit.config.loader import LoadedRecipe, load_recipe
from bertkit.config.names import WINDOWED_TASKS
from bertkit.config.schema import Recipe
from bertkit.errors import ModelError
from bertkit.evaluation.scoring import metrics_of
from bertkit.tasks.base import Task
from bertkit.tasks.table import TASKS
from bertkit.workflows.held_out import CUT_SETTINGS
from bertkit.workflows.trained import TrainedSource, find_trained, named_columns


@dataclass(frozen=True)
class Subject:
    """A trained model, and on what terms it is scored.

    Attributes:
        found: where it is.
        loaded: the recipe asked for, else the one it was trained with; None where there is neither.
        task: with the columns to read.
    """

    found: TrainedSource
    loaded: LoadedRecipe | None
    task: Task

    @property
    def name(self) -> str:
        """The run, or the name of the model."""
        return str(self.found.run.path) if self.found.run is not None else self.found.source.name

    @property
    def recipe(self) -> Recipe | None:
        """The settings of the recipe."""
        return self.loaded.recipe if self.loaded is not None else None

    @property
    def recipe_name(self) -> str | None:
        """What the recipe is called."""
        return self.loaded.name if self.loaded is not None else None

    @property
    def precision(self) -> str:
        """As the recipe sets it."""
        return self.recipe.train.precision if self.recipe is not None else "auto"

    @property
    def metrics(self) -> tuple[str, ...]:
        """What is reported."""
        return metrics_of(self.task, self.recipe.metrics.report if self.recipe is not None else None)

    @property
    def select(self) -> str:
        """The metric that counts."""
        return (self.recipe.metrics.select if self.recipe is not None else None) or self.metrics[0]


def find_subject(
    model: str | None,
    recipe: LoadedRecipe | str | None,
    *,
    text: Sequence[str | None] | None = None,
    label: str | None = None,
    rename: Mapping[str, str] | None = None,
    intent: str | None = None,
) -> Subject:
    """Find the model, and settle on what terms it is scored; see `bertkit.workflows.evaluate.evaluate`.

    Raises:
        BertkitError: no such model or recipe, or one that does not fit the other.
    """
    found = find_trained(model)
    loaded = _recipe_to_score(found, recipe)
    settings = loaded.recipe if loaded is not None else None
    task = _task_to_score(found, settings, text=text, label=label, rename=rename, intent=intent)
    return Subject(found, loaded, task)


def _recipe_to_score(found: TrainedSource, recipe: LoadedRecipe | str | None) -> LoadedRecipe | None:
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
    kept = {key: getattr(trained.data, key) for key in CUT_SETTINGS}
    data = asked.recipe.data.model_copy(update=kept)
    return LoadedRecipe(asked.name, asked.recipe.model_copy(update={"data": data}))


def _task_to_score(
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
