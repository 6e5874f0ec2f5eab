"""Whether two runs were scored on the same data, and if not, why."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np

from bertkit.data.labels import LabelSet
from bertkit.errors import DataError
from bertkit.workflows.comparable import ComparedRun, SplitPredictions, same_values
from bertkit.workflows.held_out import CUT_SETTINGS, cut_split
from bertkit.workflows.out_of_fold import OUT_OF_FOLD

# Settings of a recipe that decide which rows are scored and what is right.
_DATA_SETTINGS = ("source", "config", "revision", "limit")
_TASK_SETTINGS = ("type", "label", "labels", "rename", "problem", "intent", "tag_scheme")
# Longer values are cut where they are shown.
_SHOWN = 60


def check_same_data(split: str, first: SplitPredictions, other: SplitPredictions, *, others: int) -> None:
    """Refuse to compare scores on different data.

    Args:
        split: its name.
        first: of one run.
        other: of another one, with the labels of the first (`with_labels_of`).
        others: how many splits could be compared instead.

    Raises:
        DataError: with the first difference, and the settings that explain it.
    """
    one, two = first.run, other.run
    reason = _other_ids(first, other) or _other_references(first, other)
    if reason is None:
        return
    why = settings_apart(one, two, split)
    because = "; ".join(why) if why else "their settings are alike: did the data change between the two?"
    hint = "train them again with the same data settings, or leave one of them out"
    raise DataError(
        f"{one.name} and {two.name} were scored on different data, so {split} cannot be compared: {reason}; "
        f"{because}",
        hint=f"{hint}; or another split: --split NAME" if others else hint,
    )


def check_same_labels(first: ComparedRun, other: ComparedRun) -> None:
    """Refuse to compare runs that predict different things.

    Raises:
        DataError: another kind of problem, or other labels.
    """
    one, two = first.labels, other.labels
    if one.problem != two.problem:
        raise DataError(
            f"{first.name} and {other.name} were scored on different things: {one.problem} and {two.problem}",
            hint="leave one of them out",
        )
    if one.problem not in ("single_label", "multi_label"):
        return  # tags, frames and answers are compared by their names, and a model may know more of them
    apart = [
        f"only {run.name} has {', '.join(sorted(names)[:5])}"
        for run, names in ((first, {*one.names} - {*two.names}), (other, {*two.names} - {*one.names}))
        if names
    ]
    if apart:
        raise DataError(
            f"{first.name} and {other.name} have different labels: {'; '.join(apart)}",
            hint="name the labels alike: --labels FROM=TO, or task.labels; or leave one of them out",
        )


def _other_ids(first: SplitPredictions, other: SplitPredictions) -> str | None:
    if list(first.ids) == list(other.ids):
        return None
    one, two = Counter(first.ids), Counter(other.ids)
    missing, extra = one - two, two - one
    if not missing and not extra:
        return f"the same {len(first.ids):,} rows stand in another order"
    parts = []
    for lacking, run in ((missing, other.run.name), (extra, first.run.name)):
        if lacking:
            named = next(iter(lacking))
            parts.append(
                f"{run} lacks {lacking.total():,} of the rows (the first has the id {_short(named)})"
            )
    sizes = f"{len(first.ids):,} and {len(other.ids):,} rows"
    return f"{sizes}; {' and '.join(parts)}"


def _other_references(first: SplitPredictions, other: SplitPredictions) -> str | None:
    if same_values(first.expected, other.expected):
        return None
    pairs = zip(first.expected, other.expected, strict=True)
    apart = [place for place, (left, right) in enumerate(pairs) if not np.array_equal(left, right)]
    if first.run.labels.problem not in ("single_label", "multi_label", "regression"):
        pairs = zip(first.expected, other.expected, strict=True)
        apart = [place for place, (left, right) in enumerate(pairs) if left != right]
    place = apart[0]
    shown = [_short(reference_text(side, place, first.run.labels)) for side in (first, other)]
    more = f", as {len(apart) - 1:,} others" if len(apart) > 1 else ""
    return f"of row {_short(first.ids[place])} {shown[0]} is right in one and {shown[1]} in the other{more}"


def reference_text(side: SplitPredictions, place: int, labels: LabelSet) -> str:
    """What is right of an example, in words."""
    value = side.expected[place]
    if labels.problem == "single_label":
        return labels.names[int(value)]
    if labels.problem == "multi_label":
        chosen = [name for name, one in zip(labels.names, value, strict=True) if one]
        return ", ".join(chosen) or "no label"
    if labels.problem == "regression":
        return f"{float(value):.6g}"
    return json.dumps(value, ensure_ascii=False)


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def settings_apart(first: ComparedRun, other: ComparedRun, split: str) -> list[str]:
    """The settings that decide what is scored and differ between two runs, each in words."""
    one, two = first.recipe, other.recipe
    found = []

    def compare(name: str, left: Any, right: Any) -> None:
        if left != right:
            found.append(f"{name} is {_value(left)} in {first.name} and {_value(right)} in {other.name}")

    recipes = [run.environment.get("recipe") for run in (first, other)]
    compare("the recipe", *recipes)
    if recipes[0] == recipes[1]:
        compare("version of the recipe", one.version, two.version)
    for name in (*_DATA_SETTINGS, *(("test",) if split == "test" else ())):
        compare(f"data.{name}", getattr(one.data, name), getattr(two.data, name))
    compare(f"data.eval.{split}", one.data.eval.get(split), two.data.eval.get(split))
    cuts = [cut_split(recipe.data) for recipe in (one, two)]
    if split in cuts or split == OUT_OF_FOLD:
        for name in ("train", *CUT_SETTINGS):
            # The limit was looked at, and all folds together are of any fold.
            if name != "limit" and (name, split) != ("fold", OUT_OF_FOLD):
                compare(f"data.{name}", getattr(one.data, name), getattr(two.data, name))
    for name in _TASK_SETTINGS:
        compare(f"task.{name}", getattr(one.task, name), getattr(two.task, name))
    return found


def _value(value: Any) -> str:
    return "empty" if value in (None, {}, []) else _short(json.dumps(value, ensure_ascii=False).strip('"'))


def other_texts(first: ComparedRun, other: ComparedRun, split: str) -> str | None:
    """What to say where the rows are the same, but not what was read of them; None where all is."""
    prints = [(run.environment.get("data") or {}).get(split) for run in (first, other)]
    if None in prints or prints[0] == prints[1] or first.labels != other.labels:
        return None
    columns = [" and ".join(run.recipe.task.text) for run in (first, other)]
    if columns[0] != columns[1]:
        return f"{first.name} reads the column {columns[0]}, {other.name} {columns[1]}"
    return (
        f"{first.name} and {other.name} read different texts of the rows of {split}, whose ids and "
        "references are the same: did the data change between the two?"
    )
