"""Baselines of each problem: predictions that the metrics of the task score."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest

from bertkit.config.names import PROBLEMS
from bertkit.data.answers import Answer
from bertkit.data.labels import LabelSet
from bertkit.data.words import find_words
from bertkit.evaluation import tfidf
from bertkit.evaluation.baselines import _FITTERS, TITLES, fit_baselines
from bertkit.evaluation.metrics import default_metrics
from bertkit.evaluation.scoring import score_predictions
from bertkit.tasks.base import Example, Task
from bertkit.tasks.classification import ClassificationTask
from bertkit.tasks.intent_slots import IntentSlotsTask
from bertkit.tasks.ner import NerTask
from bertkit.tasks.nli import NliTask
from bertkit.tasks.qa import QaTask

TAGS = ("O", "B-PER", "I-PER")
LABELS = ("bad", "fine", "good")


def scored(task: Task, train: list[Example], examples: list[Example]) -> dict[str, dict[str, float]]:
    metrics = default_metrics(task.labels)
    return {
        baseline.name: score_predictions(task, metrics, examples, baseline.predict(examples))
        for baseline in fit_baselines(task, train)
    }


def texts_task(problem: str, *names: str) -> ClassificationTask:
    return ClassificationTask(text=("text",), label="label", labels=LabelSet(problem, names))


def words(text: str, target: object) -> Example:
    return Example(text, (text,), target, tuple(find_words(text)))


def reviews(count: int, seed: int) -> list[Example]:
    """Texts whose one telling word names the label; `good` is the most frequent."""
    dice = random.Random(seed)
    numbers = [dice.choice([0, 1, 2, 2]) for _ in range(count)]
    fill = [dice.choice("abcdefgh") for _ in range(count)]
    return [
        Example(str(n), (f"{fill[n]} {LABELS[number]} film",), number) for n, number in enumerate(numbers)
    ]


def every_task() -> list[tuple[Task, list[Example]]]:
    """A task of each problem, with what its baselines learn from."""
    frames = LabelSet("frames", TAGS, ("call", "play"))
    return [
        (texts_task("single_label", *LABELS), reviews(9, 0)),
        (texts_task("multi_label", *LABELS), [words("good", (0, 1, 1)), words("bad", (1, 0, 0))]),
        (texts_task("regression"), [words("good", 1.5), words("bad", 0.5)]),
        (NerTask(text="t", label="l", labels=LabelSet("tags", TAGS)), [words("Otto slept", (1, 0))]),
        (
            IntentSlotsTask(intent="i", text="t", label="l", labels=frames),
            [words("call Otto", (0, (0, 1))), words("play", (1, (0,)))],
        ),
        (QaTask(text=("q", "c"), label="a"), [Example("0", ("who?", "Otto"), ())]),
    ]


def test_each_problem_has_its_fitter_and_each_baseline_its_title() -> None:
    assert set(_FITTERS) == set(PROBLEMS)
    for task, train in every_task():
        assert {baseline.name for baseline in fit_baselines(task, train)} <= set(TITLES)


def test_majority_class_and_what_words_tell() -> None:
    train, examples = reviews(120, 0), reviews(80, 1)
    found = scored(texts_task("single_label", *LABELS), train, examples)
    assert list(found) == ["majority_class", "tfidf_logistic"]
    share = sum(example.target == 2 for example in examples) / 80
    assert found["majority_class"]["accuracy"] == pytest.approx(share)
    assert found["tfidf_logistic"] == {"accuracy": 1.0, "f1_macro": 1.0}


def test_a_prediction_is_of_the_form_of_the_task() -> None:
    majority, learned = fit_baselines(texts_task("single_label", *LABELS), reviews(120, 0))
    for baseline in (majority, learned):
        (prediction,) = baseline.predict([Example("0", ("a good film",), None)])
        assert prediction.value == "good"
        assert prediction.score == prediction.scores["good"]
        assert sum(prediction.scores.values()) == pytest.approx(1, abs=1e-5)
        assert tuple(prediction.scores) == LABELS


def test_equally_frequent_classes_are_settled_by_their_order() -> None:
    train = [Example("0", ("x",), 2), Example("1", ("y",), 1)]
    majority, _ = fit_baselines(texts_task("single_label", *LABELS), train)
    assert majority.predict(train[:1])[0].value == "fine"


def test_labels_of_what_is_scored_are_not_looked_at() -> None:
    examples = reviews(20, 1)
    hidden = [replace(example, target=None) for example in examples]
    for baseline in fit_baselines(texts_task("single_label", *LABELS), reviews(60, 0)):
        assert baseline.predict(examples) == baseline.predict(hidden)


@pytest.mark.parametrize("texts", [("",), ("  ", "\n"), ("?",)])
def test_texts_that_tell_nothing_leave_the_majority(texts: tuple[str, ...]) -> None:
    train = [Example(str(n), texts, int(n % 4 == 0)) for n in range(40)]
    found = scored(texts_task("single_label", "no", "yes"), train, train)
    assert found["tfidf_logistic"] == found["majority_class"]


def test_pairs_are_told_apart_by_what_they_share() -> None:
    dice = random.Random(0)
    pairs = []
    for number in range(200):
        first = dice.sample("abcdefghijklmnop", 6)
        same = number % 2
        second = dice.sample(first, 5) if same else dice.sample("abcdefghijklmnop", 5)
        pairs.append(Example(str(number), (" ".join(first), " ".join(second)), same))
    task = NliTask(text=("a", "b"), label="label", labels=LabelSet("single_label", ("other", "same")))
    found = scored(task, pairs[:150], pairs[150:])
    assert found["tfidf_logistic"]["accuracy"] > 0.9


def test_the_order_of_a_pair_matters() -> None:
    train = [Example(str(n), ("x", "no") if n % 2 else ("no", "x"), n % 2) for n in range(60)]
    task = NliTask(text=("a", "b"), label="label", labels=LabelSet("single_label", ("first", "second")))
    assert scored(task, train, train)["tfidf_logistic"]["accuracy"] == 1


def test_several_labels() -> None:
    dice = random.Random(0)
    names = ("joy", "anger", "never")
    train = []
    for number in range(120):
        target = (int(dice.random() < 0.8), int(dice.random() < 0.4), 0)
        told = [name for name, chosen in zip(names, target, strict=True) if chosen]
        train.append(Example(str(number), (" ".join([*told, dice.choice("abcdef")]),), target))
    found = scored(texts_task("multi_label", *names), train, train)
    assert list(found) == ["majority_labels", "tfidf_logistic"]
    joy_alone = sum(example.target == (1, 0, 0) for example in train) / 120
    assert found["majority_labels"]["subset_accuracy"] == pytest.approx(joy_alone)
    assert found["tfidf_logistic"]["subset_accuracy"] == 1


def test_numbers() -> None:
    train = [Example(str(n), (f"{'good' if n % 3 else 'bad'} {n % 5}",), float(n % 3 > 0)) for n in range(60)]
    found = scored(texts_task("regression"), train, train)
    assert found["mean"]["mse"] == pytest.approx(2 / 9)
    assert math.isnan(found["mean"]["pearson"])
    assert found["tfidf_ridge"]["pearson"] > 0.95


def test_tags() -> None:
    task = NerTask(text="tokens", label="tags", labels=LabelSet("tags", TAGS))
    train = [words("Otto Hahn slept", (1, 2, 0)), words("Eva met Otto", (1, 0, 1))]
    examples = [words("Eva met Hahn", (1, 0, 1)), words("Mia slept", (1, 0))]
    found = scored(task, train, examples)
    assert found == {
        "word_tags": {
            "entity_f1": pytest.approx(0.8), "entity_precision": 1.0, "entity_recall": pytest.approx(2 / 3),
            "tag_accuracy": pytest.approx(0.8),
        }
    }  # fmt: skip
    (prediction, _) = fit_baselines(task, train)[0].predict(examples)
    assert [entity["text"] for entity in prediction.value] == ["Eva", "Hahn"]


def test_frames() -> None:
    labels = LabelSet("frames", TAGS, ("call", "play"))
    task = IntentSlotsTask(intent="intent", text="tokens", label="tags", labels=labels)
    train = [
        words("call Otto", (0, (0, 1))),
        words("play Otto", (1, (0, 1))),
        words("call Eva", (0, (0, 1))),
    ] * 9
    examples = [words("play Eva", (1, (0, 1))), words("call", (0, (0,)))]
    assert scored(task, train, examples) == {
        "majority_intent": {"frame_accuracy": 0.5, "intent_accuracy": 0.5, "slot_f1": 0.0},
        "tfidf_word_tags": {"frame_accuracy": 1.0, "intent_accuracy": 1.0, "slot_f1": 1.0},
    }


def test_questions_have_a_baseline_where_some_have_no_answer() -> None:
    task = QaTask(text=("question", "context"), label="answers")
    answered = Example("0", ("who?", "Otto slept"), (Answer("Otto", 0),))
    without = Example("1", ("where?", "Otto slept"), ())
    assert fit_baselines(task, [answered]) == []
    found = scored(task, [answered, without], [answered, without, without])
    assert found["no_answer"]["exact_match"] == pytest.approx(2 / 3)


def test_nothing_is_learned_from_rows_without_labels() -> None:
    task = texts_task("single_label", *LABELS)
    hidden = [replace(example, target=None) for example in reviews(30, 0)]
    assert fit_baselines(task, hidden) == []
    assert {baseline.rows for baseline in fit_baselines(task, reviews(40, 0) + hidden)} == {40}


def test_one_label_in_training_is_predicted_for_all() -> None:
    train = [Example(str(n), (f"text {n}",), 1) for n in range(10)]
    found = scored(texts_task("single_label", *LABELS), train, train)
    assert found["tfidf_logistic"]["accuracy"] == found["majority_class"]["accuracy"] == 1


def test_of_too_many_rows_some_are_learned_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tfidf, "CHARACTERS", 600)
    train = reviews(120, 0)
    majority, learned = fit_baselines(texts_task("single_label", *LABELS), train)
    assert majority.rows == 120
    assert 40 <= learned.rows < 60
    right = [LABELS[example.target] for example in train]
    assert [prediction.value for prediction in learned.predict(train)] == right
