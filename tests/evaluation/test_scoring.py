"""From predictions to scores, and which way each of them is better."""

from __future__ import annotations

import math

import pytest

from bertkit.data.answers import Answer
from bertkit.data.labels import LabelSet
from bertkit.evaluation.metrics import METRICS
from bertkit.evaluation.scoring import metrics_of, score_predictions, selecting, shown
from bertkit.tasks.base import Example, Prediction
from bertkit.tasks.classification import ClassificationTask
from bertkit.tasks.intent_slots import IntentSlotsTask
from bertkit.tasks.ner import NerTask
from bertkit.tasks.qa import QaTask


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


def test_tags_answers_and_frames() -> None:
    tags = NerTask(text="tokens", label="tags", labels=LabelSet("tags", ("O", "B-P", "I-P")))
    assert metrics_of(tags, None)[0] == "entity_f1"
    plain = NerTask(text="tokens", label="tags", labels=LabelSet("tags", ("N", "V")))
    assert metrics_of(plain, None) == ("tag_accuracy", "tag_f1_macro")
    predictions = [Prediction([], details={"tags": given}) for given in (["B-P", "I-P"], ["O"], ["B-P"])]
    scores = score_predictions(
        tags, ["entity_f1", "tag_accuracy"], examples_of((1, 2), None, (0,)), predictions
    )
    assert scores == {"entity_f1": pytest.approx(2 / 3), "tag_accuracy": pytest.approx(2 / 3)}

    answers = QaTask(text=("question", "context"), label="answers")
    assert metrics_of(answers, None) == ("answer_f1", "exact_match")
    examples = examples_of((Answer("a film", 0), Answer("plot", 9)), None, ())
    said_texts = said({"text": "plot"}, {"text": "x"}, {"text": "x"})
    assert score_predictions(answers, ["exact_match"], examples, said_texts) == {"exact_match": 0.5}

    labels = LabelSet("frames", ("O", "B-P", "I-P"), ("play", "stop"))
    frames = IntentSlotsTask(intent="intent", text="tokens", label="tags", labels=labels)
    found = [
        Prediction({"intent": intent}, details={"tags": given})
        for intent, given in (("play", ["B-P"]), ("play", ["O"]))
    ]
    scores = score_predictions(frames, metrics_of(frames, None), examples_of((0, (1,)), (1, (0,))), found)
    assert scores == {"frame_accuracy": 0.5, "intent_accuracy": 0.5, "slot_f1": 1.0}


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
