"""The table of metrics: `METRICS` says what there is, `score` computes; the formulas are in `formulas.py`.

Scores are fractions (0.927, not 92.7); `Metric.percent` says which are shown times 100.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from numpy.typing import ArrayLike

from bertkit.data.labels import LabelSet
from bertkit.data.tag_schemes import recognise_scheme
from bertkit.errors import DataError, RecipeError
from bertkit.evaluation.answers import (
    answer_f1,
    answerable_exact,
    answerable_f1,
    exact_match,
    unanswerable_accuracy,
)
from bertkit.evaluation.counts import Array
from bertkit.evaluation.entities import (
    entity_f1,
    entity_f1_macro,
    entity_precision,
    entity_recall,
    tag_accuracy,
    tag_f1_macro,
)
from bertkit.evaluation.formulas import (
    accuracy,
    aligned,
    balanced_accuracy,
    f1,
    f1_macro,
    f1_micro,
    f1_weighted,
    mae,
    matthews,
    mse,
    pearson,
    precision,
    precision_macro,
    recall,
    recall_macro,
    spearman,
    subset_accuracy,
)
from bertkit.evaluation.frames import frame_accuracy, intent_accuracy, slot_f1


@dataclass(frozen=True)
class Metric:
    """One line of the table of metrics.

    Attributes:
        name: as written in a recipe.
        function: the pure function.
        problems: what it scores, of `bertkit.config.names.PROBLEMS`.
        about: one line for people.
        greater_is_better: which way `select` looks.
        percent: shown times 100; false for what has a unit.
    """

    name: str
    function: Callable[..., float]
    problems: frozenset[str]
    about: str
    greater_is_better: bool = True
    percent: bool = True


_SINGLE = frozenset({"single_label"})
_MULTI = frozenset({"multi_label"})
_NUMBER = frozenset({"regression"})
_CLASSES = _SINGLE | _MULTI
_TAGS = frozenset({"tags"})
_ANSWERS = frozenset({"answers"})
_FRAMES = frozenset({"frames"})
# Problems whose predictions are numbers in arrays, and are checked as such.
_NUMERIC = _CLASSES | _NUMBER

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("accuracy", accuracy, _SINGLE, "share of examples whose class is right"),
        Metric("f1", f1, _SINGLE, "F1 of the second of two labels"),
        Metric("f1_macro", f1_macro, _CLASSES, "mean F1 of the labels, each counting the same"),
        Metric("f1_micro", f1_micro, _CLASSES, "F1 of all decisions together"),
        Metric("f1_weighted", f1_weighted, _CLASSES, "mean F1 of the labels, weighted by frequency"),
        Metric("precision", precision, _SINGLE, "precision of the second of two labels"),
        Metric("recall", recall, _SINGLE, "recall of the second of two labels"),
        Metric("precision_macro", precision_macro, _CLASSES, "mean precision of the labels"),
        Metric("recall_macro", recall_macro, _CLASSES, "mean recall of the labels"),
        Metric(
            "balanced_accuracy", balanced_accuracy, _SINGLE, "mean recall of the classes in the references"
        ),
        Metric("matthews", matthews, _SINGLE, "Matthews correlation, GLUE's score for CoLA"),
        Metric("subset_accuracy", subset_accuracy, _MULTI, "share of examples of which every label is right"),
        Metric("pearson", pearson, _NUMBER, "linear correlation"),
        Metric("spearman", spearman, _NUMBER, "rank correlation"),
        Metric("mse", mse, _NUMBER, "mean squared error", greater_is_better=False, percent=False),
        Metric("entity_f1", entity_f1, _TAGS, "F1 of entities with exact bounds and label, as conlleval"),
        Metric("entity_precision", entity_precision, _TAGS, "share of the predicted entities that are right"),
        Metric("entity_recall", entity_recall, _TAGS, "share of the entities that are found"),
        Metric("entity_f1_macro", entity_f1_macro, _TAGS, "mean entity F1 of the labels"),
        Metric("tag_accuracy", tag_accuracy, _TAGS, "share of words whose tag is right"),
        Metric("tag_f1_macro", tag_f1_macro, _TAGS, "mean F1 of the tags"),
        Metric("answer_f1", answer_f1, _ANSWERS, "shared words of answer and reference, SQuAD's F1"),
        Metric("exact_match", exact_match, _ANSWERS, "share of answers that are a reference, SQuAD's EM"),
        Metric("answerable_f1", answerable_f1, _ANSWERS, "answer_f1 of questions that have an answer"),
        Metric("answerable_exact", answerable_exact, _ANSWERS, "exact_match of questions with an answer"),
        Metric(
            "unanswerable_accuracy", unanswerable_accuracy, _ANSWERS, "share of questions without answer told"
        ),
        Metric("frame_accuracy", frame_accuracy, _FRAMES, "share of texts whose intent and slots are right"),
        Metric("intent_accuracy", intent_accuracy, _FRAMES, "share of texts whose intent is right"),
        Metric("slot_f1", slot_f1, _FRAMES, "entity_f1 of the slots"),
        Metric("mae", mae, _NUMBER, "mean absolute error", greater_is_better=False, percent=False),
    )
}

_DEFAULTS = {
    "single_label": ("accuracy", "f1_macro"),
    "multi_label": ("f1_micro", "f1_macro", "subset_accuracy"),
    "regression": ("pearson", "spearman", "mse"),
    "tags": ("entity_f1", "entity_precision", "entity_recall", "tag_accuracy"),
    "answers": ("answer_f1", "exact_match"),
    "frames": ("frame_accuracy", "intent_accuracy", "slot_f1"),
}


def default_metrics(labels: LabelSet) -> tuple[str, ...]:
    """Names of the metrics to report where a recipe names none; KeyError for an unknown problem."""
    if labels.problem == "tags" and recognise_scheme([labels.names]) == "plain":
        return ("tag_accuracy", "tag_f1_macro")
    return _DEFAULTS[labels.problem]


def check_metrics(names: Sequence[str], *, problem: str, label_count: int) -> None:
    """Tells before any training whether `score` can compute these metrics.

    Raises:
        RecipeError: an unknown name, a metric for another problem, or for another number of labels.
    """
    serving = [name for name, metric in METRICS.items() if problem in metric.problems]
    for name in names:
        if name not in METRICS:
            near = difflib.get_close_matches(name, serving, 1, 0.5) or difflib.get_close_matches(
                name, METRICS, 1
            )
            hint = f"did you mean {near[0]}?" if near else f"metrics for {problem}: {', '.join(serving)}"
            raise RecipeError(f"there is no metric {name!r}", hint=hint)
        if name not in serving:
            hint = f"metrics for {problem}: {', '.join(serving)}"
            raise RecipeError(f"metric {name} does not score a {problem} problem", hint=hint)
        if problem in _NUMERIC:
            METRICS[name].function([], [], label_count=label_count)  # raises where it cannot serve so many


def score(
    names: Sequence[str],
    predictions: ArrayLike | Sequence[Any],
    references: ArrayLike | Sequence[Any],
    *,
    problem: str,
    label_count: int,
) -> dict[str, float]:
    """Several metrics of the same predictions, in the order of `names`.

    Raises:
        RecipeError: as `check_metrics`.
        DataError: a class that is not in `range(label_count)`, as the -1 of hidden test labels.
        ValueError: arrays of different or wrong shape, or fractions where classes are expected.
    """
    check_metrics(names, problem=problem, label_count=label_count)
    if problem not in _NUMERIC:
        return {
            name: METRICS[name].function(predictions, references, label_count=label_count) for name in names
        }
    predicted, expected = aligned(cast("ArrayLike", predictions), cast("ArrayLike", references))
    _check_values("predictions", predicted, problem, label_count)
    _check_values("references", expected, problem, label_count)
    return {name: METRICS[name].function(predicted, expected, label_count=label_count) for name in names}


def _check_values(side: str, values: Array, problem: str, label_count: int) -> None:
    if values.size == 0:
        return
    expected = (len(values), label_count) if problem == "multi_label" else (len(values),)
    if values.shape != expected:
        raise ValueError(f"{side} of a {problem} problem have the shape {expected}, not {values.shape}")
    if problem == "regression":
        return
    if values.dtype.kind not in "biu":
        raise ValueError(f"{side} of a {problem} problem are integers, not {values.dtype}")
    top = label_count - 1 if values.ndim == 1 else 1
    wrong = values[(values < 0) | (values > top)]
    if len(wrong):
        hint = "give the recipe all labels, in the order of their numbers"
        if wrong[0] == -1:
            hint = "-1 marks a split whose labels are hidden: score another one"
        raise DataError(f"{side} hold {wrong[0]}, which is none of the values 0 to {top}", hint=hint)
