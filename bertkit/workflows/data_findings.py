"""Which checks a data set gets, by its task; the same for `data check` and before a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bertkit.config.schema import Recipe
from bertkit.data.checking.checks import CheckedSplit, Finding
from bertkit.data.checking.label_checks import LabelTable, check_labels, count_labels
from bertkit.data.checking.text_checks import check_leaks, check_texts
from bertkit.data.reading.sources import SplitRows
from bertkit.data.tag_schemes import recognise_scheme
from bertkit.evaluation.scoring import metrics_of
from bertkit.tasks.base import Example, Task
from bertkit.tasks.tag_names import labels_in

# The mean over labels that tells of the rare ones too, by problem.
_MACRO = {"single_label": "f1_macro", "multi_label": "f1_macro", "tags": "entity_f1_macro"}


def checked_splits(
    task: Task, rows: SplitRows, splits: Mapping[str, Sequence[Example]]
) -> list[CheckedSplit]:
    """What the checks look at.

    Args:
        task: of the examples.
        rows: as read, for the places; there are training rows.
        splits: examples by the name of the split; one that is no source of its own was cut off the
            training rows.
    """
    sources = {**rows.evals, **({"test": rows.test} if rows.test is not None else {})}
    assert rows.train is not None
    return [
        CheckedSplit(name, [task.checked(example) for example in examples], sources.get(name, rows.train))
        for name, examples in splits.items()
    ]


def find_in_splits(
    recipe: Recipe, task: Task, splits: Sequence[CheckedSplit], *, nearly: bool
) -> tuple[list[Finding], list[LabelTable]]:
    """What looks wrong in texts and labels, and how often each label occurs.

    Args:
        recipe: settings, which an advice must fit.
        task: with its labels settled.
        splits: training rows first.
        nearly: look for near-duplicates too, which takes seconds where there are many rows.
    """
    findings: list[Finding] = []
    for split in splits:
        findings += check_texts(split)
        if split is not splits[0]:
            findings += check_leaks(splits[0], split, nearly=nearly)
    tables = []
    for table, counted, treatment in _label_groups(recipe, task, splits):
        tables.append(table)
        if task.labels.problem != "answers":
            findings += check_labels(table, counted, treatment=treatment)
    return findings, tables


def _label_groups(
    recipe: Recipe, task: Task, splits: Sequence[CheckedSplit]
) -> list[tuple[LabelTable, Sequence[CheckedSplit], str]]:
    """The tables of a task, the splits with the labels of that table alone, and what treats imbalance."""
    labels, advice = task.labels, _treatment(recipe, task)
    if labels.problem == "regression":
        return []
    if labels.problem == "answers":
        return [(count_labels("question", splits), splits, "")]
    if labels.problem in ("single_label", "multi_label"):
        return [(count_labels("label", splits, names=labels.names), splits, advice)]
    if labels.problem == "tags" and recognise_scheme([labels.names]) == "plain":
        # Of plain tags a row names each one once; that their frequencies differ is in the nature of words.
        return [(count_labels("tag", splits, names=labels.names), splits, "")]
    kinds = sorted(set(labels_in([labels.names], plain=False)))
    if labels.problem == "tags":
        return [(count_labels("entity label", splits, names=kinds, unit="entity"), splits, advice)]
    intents, slots = _part(splits, slice(1)), _part(splits, slice(1, None))
    return [
        (count_labels("intent", intents, names=labels.intents), intents, ""),
        (count_labels("slot", slots, names=kinds, unit="slot"), slots, advice),
    ]


def _part(splits: Sequence[CheckedSplit], part: slice) -> list[CheckedSplit]:
    """Splits whose rows have the intent alone, or the slots alone."""
    return [
        replace(split, rows=[replace(row, labels=row.labels[part]) for row in split.rows]) for split in splits
    ]


def _treatment(recipe: Recipe, task: Task) -> str:
    """What to type against imbalance; a setting that is set already is not named."""
    problem = task.labels.problem
    parts = []
    # Several labels a row have a loss of their own each, which class weights do not reach.
    if recipe.train.class_weights is None and problem != "multi_label":
        parts.append("--set train.class_weights=auto")
    metric = _MACRO.get(problem)
    if metric is not None and recipe.metrics.select != metric:
        reported = metrics_of(task, recipe.metrics.report)
        if metric not in reported:
            parts.append(f"--set metrics.report=[{','.join([*reported, metric])}]")
        parts.append(f"--set metrics.select={metric}")
    return " ".join(parts) or "train.class_weights and metrics.select treat it"
