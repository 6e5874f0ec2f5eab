"""The rows that `bertkit eval` scores: splits of a recipe, rows that a training kept, or an own file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bertkit.config.file_names import file_name_of
from bertkit.config.schema import Recipe
from bertkit.data.reading.readers import read_location
from bertkit.data.reading.sources import load_split, load_splits, rejected_rows
from bertkit.data.rejection import RejectedRows
from bertkit.data.rows import Rows
from bertkit.errors import BertkitError, DataError, RecipeError
from bertkit.tasks.base import Example, Task
from bertkit.workflows.events import Listener, Note
from bertkit.workflows.held_out import cut_split
from bertkit.workflows.preparation import settle_task, usable_examples


@dataclass(frozen=True)
class EvalSplit:
    """What is scored under one name.

    Attributes:
        examples: in the order of the rows.
        rows: they were made from; `Example.row` is the number of a row there.
        source: what the split is called where it comes from, as `validation_matched`.
    """

    examples: list[Example]
    rows: Rows
    source: str


def file_split(
    task: Task, data: Path | str, listen: Listener, rejected: RejectedRows
) -> dict[str, EvalSplit]:
    """The rows of an own file, under its name; those that cannot be read or used go to `rejected`."""
    listen(Note(f"reading {data}"))
    name, rows = file_name_of(str(data)), read_location(str(data), rejected)
    if rows.format:
        listen(Note("; ".join([f"{rows.origin} is read as {rows.format}", *rows.notes])))
    return {name: EvalSplit(usable_examples(task, name, rows, listen), rows, name)}


def rows_set_aside(recipe: Recipe | None, skip_bad_rows: int | None) -> RejectedRows:
    """Where rows go that cannot be read or used: as many as are allowed, else as the recipe allows."""
    allowed = skip_bad_rows
    if allowed is None:
        allowed = recipe.data.skip_bad_rows if recipe is not None else 0
    return RejectedRows(allowed, advise=True)


def recipe_splits(
    recipe: Recipe,
    split: str | None,
    task: Task,
    listen: Listener,
    rejected: RejectedRows | None = None,
) -> dict[str, EvalSplit]:
    """The chosen split, all eval splits, or the rows that the training kept for evaluation.

    Args:
        recipe: names the data.
        split: one of its splits; None takes all.
        task: whose columns and labels these are.
        listen: told what is left out.
        rejected: where rows go that cannot be read or used; None takes what the recipe allows.

    Raises:
        DataError: no such split, or nothing in it.
    """
    listen(Note(f"reading {recipe.data.source or 'the files of the run'}"))
    data = recipe.data
    rejected = rejected or rejected_rows(data)
    names, cut = dict(data.eval), cut_split(data)
    if split is not None and split != cut:
        known = {"train": data.train, "test": data.test} | names
        if data.source is None and known.get(split) is None:
            listed = ", ".join(name for name, file in known.items() if file is not None)
            raise DataError(
                f"the run has no split {split!r}; it has {listed}", hint="name one, or --data FILE"
            )
        names, cut = {split: known.get(split) or split}, None
    elif split is not None:
        names = {}
    elif not names and data.train is None and data.test is not None:
        names, cut = {"test": data.test}, None
    splits = {}
    for name, source in names.items():
        rows = load_split(data, source, rejected)
        examples = usable_examples(task, name, rows, listen, keep_unlabelled=True)
        splits[name] = EvalSplit(examples, rows, source)
    if cut is not None:
        every = load_splits(data.model_copy(update={"eval": {}, "test": None}), rejected)
        if every.train is None:
            raise RecipeError("the recipe names no rows to score", hint="name a file: --data FILE")
        held = settle_task(recipe, every, listen, task=task)[2]
        splits |= {name: EvalSplit(examples, every.train, name) for name, examples in held.items()}
    return splits


def training_examples(recipe: Recipe | None, task: Task, listen: Listener) -> list[Example]:
    """The rows that the recipe trains on; none where they cannot be had, which is said."""
    if recipe is None or recipe.data.train is None:
        return []
    if recipe.data.streams:
        listen(Note("the training rows are a stream, which is not read for this", warning=True))
        return []
    try:
        rows = load_splits(recipe.data.model_copy(update={"test": None}))
        return settle_task(recipe, rows, silent_of(listen), task=task)[1]
    except BertkitError as error:
        listen(Note(f"the training rows cannot be read: {error.message}", warning=True))
        return []


def silent_of(listen: Listener) -> Listener:
    """Passes on progress and keeps notes back, which were given when the same rows were read before."""
    return lambda event: None if isinstance(event, Note) else listen(event)
