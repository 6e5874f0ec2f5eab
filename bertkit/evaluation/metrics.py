"""The table of metrics: `METRICS` says what there is, `score` computes; the formulas are in `formulas.py`.

Scores are fractions (0.927, not 92.7); `Metric.percent` says which are shown times 100.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from numpy.typing import ArrayLike

from bertkit.errors import DataError, RecipeError
from bertkit.evaluation.formulas import (
    Array,
    MetricFunction,
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


@dataclass(frozen=True)
class Metric:
    """One line of the table of metrics.

    Attributes:
        name: as written in a recipe.
        function: the pure function.
        problems: what it scores, of `single_label`, `multi_label` and `regression`.
        about: one line for people.
        greater_is_better: which way `select` looks.
        percent: shown times 100; false for what has a unit.
    """

    name: str
    function: MetricFunction
    problems: frozenset[str]
    about: str
    greater_is_better: bool = True
    percent: bool = True


_SINGLE = frozenset({"single_label"})
_MULTI = frozenset({"multi_label"})
_NUMBER = frozenset({"regression"})
_CLASSES = _SINGLE | _MULTI

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
        Metric("mae", mae, _NUMBER, "mean absolute error", greater_is_better=False, percent=False),
    )
}

_DEFAULTS = {
    "single_label": ("accuracy", "f1_macro"),
    "multi_label": ("f1_micro", "f1_macro", "subset_accuracy"),
    "regression": ("pearson", "spearman", "mse"),
}


def default_metrics(problem: str, label_count: int) -> tuple[str, ...]:
    """Names of the metrics to report where a recipe names none; KeyError for an unknown problem."""
    return _DEFAULTS[problem]


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
        METRICS[name].function([], [], label_count=label_count)  # raises where it cannot serve so many labels


def score(
    names: Sequence[str], predictions: ArrayLike, references: ArrayLike, *, problem: str, label_count: int
) -> dict[str, float]:
    """Several metrics of the same predictions, in the order of `names`.

    Raises:
        RecipeError: as `check_metrics`.
        DataError: a class that is not in `range(label_count)`, as the -1 of hidden test labels.
        ValueError: arrays of different or wrong shape, or fractions where classes are expected.
    """
    check_metrics(names, problem=problem, label_count=label_count)
    predicted, expected = aligned(predictions, references)
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
