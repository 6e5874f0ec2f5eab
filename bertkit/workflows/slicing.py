"""Which group each example is in: by a column of its data, or by what its texts tell."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bertkit.data.rows import Rows
from bertkit.errors import UsageError
from bertkit.evaluation.grouping import by_length, by_negation, by_unseen_words, by_value, text_slices
from bertkit.tasks.base import Example, Task
from bertkit.workflows.events import Listener, Note, silent

# Asks for all that can be told without being named.
AUTO = "auto"
UNSEEN = "unseen-words"
BUILT_IN = ("length", "label", "negation", UNSEEN)
# Columns that say from where or of what kind a text is; `auto` looks at those that are there.
TELLING_COLUMNS = ("genre", "domain", "language", "lang", "topic", "category", "source", "type")
Known = Callable[[], frozenset[str]]


def telling_columns(task: Task, rows: Rows, examples: Sequence[Example]) -> dict[str, list[Any]]:
    """The values of the columns that `auto` slices by, one an example."""
    names = [name for name in TELLING_COLUMNS if name in rows.columns and name not in task.columns.values()]
    return {name: column_values(rows, name, examples) for name in names}


def column_values(rows: Rows, name: str, examples: Sequence[Example]) -> list[Any]:
    """The values of one column, one an example; of numbered classes their names."""
    values, classes = rows.column(name), rows.class_names.get(name, ())
    found = [values[example.row] for example in examples]
    if not classes:
        return found
    return [
        classes[value] if isinstance(value, int) and 0 <= value < len(classes) else value for value in found
    ]


def automatic_groups(
    task: Task,
    examples: Sequence[Example],
    columns: Mapping[str, Sequence[Any]],
    known: frozenset[str] | None,
) -> dict[str, list[str]]:
    """All slices that need no name, one group an example.

    Args:
        task: says what a label is.
        examples: all of them have a reference.
        columns: of `telling_columns`, one value an example.
        known: the words of the training rows; None leaves out what needs them.
    """
    groups = dict(text_slices([example.texts for example in examples], known=known))
    if _has_labels(task):
        groups["label"] = _labels(task, examples)
    return groups | {name: by_value(values) for name, values in columns.items()}


def check_slices(task: Task, rows: Rows, wanted: Sequence[str], known: Known) -> None:
    """Whether there is all that the slices asked for by name are told from.

    Args:
        task: says what a label is.
        rows: to slice.
        wanted: names of columns, of `BUILT_IN`, or `auto`.
        known: gives the words of the training rows, if they are asked for.

    Raises:
        UsageError: no such column, no one label a row, or no training rows.
    """
    for name in wanted:
        if name == AUTO or _is_column(name, task, rows):
            continue
        if name not in BUILT_IN and name != task.label:
            raise _unknown(name, rows)
        if name == UNSEEN and not known():
            raise UsageError(
                "there are no training rows to tell unseen words by",
                hint=f"leave --slice {UNSEEN} out, or name the recipe: --recipe NAME",
            )
        if name in ("label", task.label) and not _has_labels(task):
            raise UsageError(
                f"a {task.labels.problem} problem has no one label a row to slice by",
                hint="--slice length, or a column of the data",
            )


def chosen_groups(
    task: Task,
    examples: Sequence[Example],
    rows: Rows,
    wanted: Sequence[str],
    known: Known,
    *,
    split: str = "",
    listen: Listener = silent,
) -> dict[str, list[str]]:
    """The slices asked for by name, one group an example.

    Args:
        task: says what a label is.
        examples: all of them have a reference.
        rows: they were made from; a column goes before a built-in slice of the same name.
        wanted: names that `check_slices` lets pass.
        known: gives the words of the training rows, if they are asked for.
        split: what the rows are called in a note.
        listen: told which slices have nothing to compare.
    """
    groups: dict[str, list[str]] = {}
    for name in wanted:
        if name == AUTO:
            groups |= automatic_groups(task, examples, telling_columns(task, rows, examples), known())
            continue
        if _is_column(name, task, rows):
            by, found = name, by_value(column_values(rows, name, examples))
        else:
            by = name if name in BUILT_IN else "label"
            found = _built_in(by, task, examples, known)
        groups[by] = found
        if len(set(found)) == 1:
            of_split = f"{split}: " if split else ""
            text = f"{of_split}all {len(found):,} rows are in one group of {name}: nothing to compare"
            listen(Note(text, warning=True))
    return groups


def _is_column(name: str, task: Task, rows: Rows) -> bool:
    return name in rows.columns and name != task.label


def _has_labels(task: Task) -> bool:
    return task.labels.problem in ("single_label", "frames")


def _unknown(name: str, rows: Rows) -> UsageError:
    names = [*BUILT_IN, AUTO, *rows.columns]
    near = difflib.get_close_matches(name, names, 1)
    hint = f"did you mean --slice {near[0]}?" if near else f"--slice takes one of: {', '.join(names)}"
    return UsageError(f"{rows.origin} has no column {name!r} to slice by", hint=hint)


def _built_in(name: str, task: Task, examples: Sequence[Example], known: Known) -> list[str]:
    texts = [example.texts for example in examples]
    if name == "length":
        return by_length(texts)
    if name == "negation":
        return by_negation(texts)
    if name == UNSEEN:
        return by_unseen_words(texts, known())
    return _labels(task, examples)


def _labels(task: Task, examples: Sequence[Example]) -> list[str]:
    shown = [task.shown(example) for example in examples]
    return [str(value["intent"]) if isinstance(value, dict) else str(value) for value in shown]
