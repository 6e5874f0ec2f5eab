"""From predictions to scores, and which way each of them is better."""

from __future__ import annotations

import math

import pytest

from bertkit.data.labels import LabelSet
from bertkit.evaluation.metrics import METRICS
from bertkit.evaluation.scoring import metrics_of, score_predictions, selecting, shown
from bertkit.tasks.base import Example, Prediction
from bertkit.tasks.classification import ClassificationTask


def task_of(problem: str, *names: str) -> ClassificationTask:
    return ClassificationTask(text=("text",), label="label", labels=LabelSet(problem, names))


def examples_of(*targets: object) -> list[Example]:
    return [Example(str(n), ("x",), target) for n, target in enumerate(targets)]  # type: ignore[arg-type]


def said(*values: object) -> list[Prediction]:
    return [Prediction(value, None, {}) for value in values]  # type: ignore[arg-type]


def test_the_metrics_of_the_recipe_or_the_usual_ones() -> None:
    task = task_of("single_label", "a", "b")
    assert metrics_of(task, ["f1", "accuracy"]) == ("f1", "accuracy")
    assert metrics_of(task, None) == metrics_of(task, []) == ("accuracy", "f1_macro")
    assert metrics_of(task_of("regression"), None)[0] == "pearson"


def test_only_examples_with_a_target_count() -> None:
    task = task_of("single_label", "a", "b")
    examples = examples_of(0, None, 1, 1)
    scores = score_predictions(task, ["accuracy", "f1"], examples, said("a", "a", "b", "a"))
    assert scores == {"accuracy": pytest.approx(2 / 3), "f1": pytest.approx(2 / 3)}
    assert math.isnan(score_predictions(task, ["accuracy"], examples_of(None), said("a"))["accuracy"])


def test_several_labels_and_numbers() -> None:
    several = task_of("multi_label", "a", "b")
    scores = score_predictions(
        several, ["subset_accuracy", "f1_micro"], examples_of((1, 0), (1, 1), (0, 0)), said(["a"], ["b"], [])
    )
    assert scores == {"subset_accuracy": pytest.approx(2 / 3), "f1_micro": pytest.approx(0.8)}
    number = score_predictions(task_of("regression"), ["mse", "mae"], examples_of(1.0, 2.0), said(1.5, 4.0))
    assert number == {"mse": pytest.approx(4.25 / 2), "mae": pytest.approx(1.25)}


def test_one_prediction_an_example() -> None:
    with pytest.raises(ValueError, match="zip"):
        score_predictions(task_of("single_label", "a", "b"), ["accuracy"], examples_of(0, 1), said("a"))


@pytest.mark.parametrize("name", METRICS)
def test_selecting_grows_with_quality(name: str) -> None:
    larger, smaller = selecting({name: 0.9}, name), selecting({name: 0.1}, name)
    assert (larger > smaller) is METRICS[name].greater_is_better


def test_scores_as_people_read_them() -> None:
    assert shown("accuracy", 0.92666) == "92.67"
    assert shown("matthews", -0.05) == "-5.00"
    assert shown("mse", 0.25) == "0.2500"
    assert shown("pearson", math.nan) == "nan"
