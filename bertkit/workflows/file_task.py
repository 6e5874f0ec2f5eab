"""The task that predictions in a file are of: as their run, the recipe or an own file says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertkit.config.loader import LoadedRecipe
from bertkit.config.schema import TaskSection
from bertkit.data.reading.readers import read_location
from bertkit.data.reading.sources import load_split, load_splits
from bertkit.data.rejection import RejectedRows
from bertkit.data.rows import Rows
from bertkit.errors import BertkitError
from bertkit.evaluation.stored_values import ANOTHER
from bertkit.models.contract import ModelContract
from bertkit.tasks.base import Task
from bertkit.tasks.table import TASKS
from bertkit.workflows.events import Listener, Note
from bertkit.workflows.given_predictions import unknown_labels
from bertkit.workflows.trained import named_columns


@dataclass(frozen=True)
class GivenColumns:
    """Names that are given where those of the recipe do not fit."""

    text: Sequence[str | None] | None = None
    label: str | None = None
    rename: Mapping[str, str] | None = None
    intent: str | None = None

    @property
    def any(self) -> bool:
        """Whether there is one."""
        return bool(self.text or self.label or self.rename or self.intent)

    def settings(self, of: TaskSection | ModelContract) -> dict[str, Any]:
        """These, and those of a recipe or a contract where they are left open."""
        return {
            "text": named_columns(self.text, of.text), "label": self.label or of.label,
            "rename": {**of.rename, **(self.rename or {})}, "intent": self.intent or of.intent,
        }  # fmt: skip


def learned_task(
    loaded: LoadedRecipe,
    split: str | None,
    data: Path | str | None,
    columns: GivenColumns,
    predicted: Sequence[Any],
    listen: Listener,
    rejected: RejectedRows,
) -> Task:
    """The task of predictions that lie in no run.

    Its labels are those that a training by the recipe knows, so that a split that lacks one of them is scored
    all the same. A recipe that names no data has the labels of the own file, and those of the predictions.

    Args:
        loaded: the recipe.
        split: the one that is scored; None takes the first.
        data: an own file that is scored instead.
        columns: of what is scored.
        predicted: values of the file.
        listen: told if the training rows cannot be read.
        rejected: where rows of an own file go that cannot be read or used.
    """
    recipe = loaded.recipe
    kind, plain = TASKS[recipe.task.type], recipe.task
    section = plain.model_copy(update=_as_section(columns.settings(plain)))
    if data is not None:
        scored = read_location(str(data), rejected)
    else:
        source = recipe.data.eval.get(split or "", split) or next(iter(recipe.data.eval.values()), None)
        scored = load_split(recipe.data, source or recipe.data.train or recipe.data.test or "train")
    if plain.labels or plain.type == "qa" or plain.problem == "regression":
        return kind.learn(section, [scored])
    if recipe.data.train is None:
        return _with_predicted_labels(section, scored, predicted)
    rows = _training_rows(loaded, listen)
    if not rows:
        return kind.learn(section, [scored])
    if data is None:
        return kind.learn(section, rows)
    task = kind.learn(plain, rows)
    if not columns.any:
        return task
    contract = ModelContract(task=plain.type, **task.contract_fields())
    return kind.from_contract(contract.model_copy(update=columns.settings(contract)))


def _as_section(settings: dict[str, Any]) -> dict[str, Any]:
    return settings | {"text": list(settings["text"])}


def _training_rows(loaded: LoadedRecipe, listen: Listener) -> list[Rows]:
    try:
        splits = load_splits(loaded.recipe.data.model_copy(update={"test": None}))
    except BertkitError as error:
        text = f"the training rows of {loaded.name} cannot be read, so labels are those of the scored rows"
        listen(Note(f"{text}: {error.message}", warning=True))
        return []
    return [rows for rows in (splits.train, *splits.evals.values()) if rows is not None]


def _with_predicted_labels(section: TaskSection, scored: Rows, predicted: Sequence[Any]) -> Task:
    kind = TASKS[section.type]
    if section.type != "classification":
        return kind.learn(section, [scored])
    known, fault = None, None
    try:
        known = kind.learn(section, [scored])
    except BertkitError as error:  # one label alone is enough where the predictions hold another
        fault = error
    others = unknown_labels(known.labels if known is not None else None, predicted)
    if not others:
        if known is None:
            raise fault or AssertionError
        return known
    try:
        return kind.learn(section, [scored, _labelled(section, others)])
    except BertkitError:
        if known is not None:
            raise
        # Rows and predictions that all have one label can be scored; a training on them could not.
        return kind.learn(section, [scored, _labelled(section, [*others, ANOTHER])])


def _labelled(section: TaskSection, labels: Sequence[Any]) -> Rows:
    return Rows([{section.label: value} for value in labels], (section.label,), "the predictions", str)
