"""Scores of the baselines on the splits of a task."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from bertkit.data.answers import Answer
from bertkit.data.labels import LabelSet
from bertkit.evaluation import tfidf
from bertkit.evaluation.baselines import TITLES, fit_baselines
from bertkit.evaluation.formulas import f1_macro, f1_micro
from bertkit.evaluation.label_thresholds import best_label_thresholds
from bertkit.tasks.base import Example
from bertkit.tasks.classification import ClassificationTask
from bertkit.tasks.qa import QaTask
from bertkit.workflows.baseline import score_baselines
from bertkit.workflows.events import Event, Note

TASK = ClassificationTask(text=("text",), label="label", labels=LabelSet("single_label", ("bad", "good")))


def examples_of(count: int) -> list[Example]:
    return [
        Example(str(n), (f"a {'good' if n % 4 else 'bad'} film {n % 3}",), int(n % 4 > 0))
        for n in range(count)
    ]


def test_by_split_baseline_and_metric() -> None:
    splits = {"validation": examples_of(40), "other": examples_of(8)[1:4]}
    assert score_baselines(TASK, examples_of(60), splits, ("accuracy", "f1")) == {
        "validation": {
            "majority_class": {"accuracy": 0.75, "f1": pytest.approx(6 / 7)},
            "tfidf_logistic": {"accuracy": 1.0, "f1": 1.0},
        },
        "other": {
            "majority_class": {"accuracy": 1.0, "f1": 1.0},
            "tfidf_logistic": {"accuracy": 1.0, "f1": 1.0},
        },
    }


def test_splits_whose_labels_are_hidden_are_left_out() -> None:
    hidden = [replace(example, target=None) for example in examples_of(9)]
    splits = {"validation": examples_of(8), "test": hidden, "none": []}
    assert list(score_baselines(TASK, examples_of(20), splits, ("accuracy",))) == ["validation"]
    assert score_baselines(TASK, examples_of(20), {"test": hidden}, ("accuracy",)) == {}


def notes_of(*arguments: object) -> tuple[object, list[str]]:
    said: list[str] = []

    def listen(event: Event) -> None:
        assert isinstance(event, Note)
        said.append(event.text)

    return score_baselines(*arguments, listen), said  # type: ignore[arg-type]


def test_it_is_said_where_not_all_rows_are_learned_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tfidf, "CHARACTERS", 700)
    _, said = notes_of(TASK, examples_of(100), {"validation": examples_of(8)}, ("accuracy",))
    assert [note for note in said if note.startswith("TF-IDF")] == [
        "TF-IDF + logistic regression: learned from 54 of 100 rows, drawn by chance, so that it takes seconds"
    ]


def test_it_is_said_where_there_is_no_baseline() -> None:
    task = QaTask(text=("question", "context"), label="answers")
    answered = [Example("0", ("who?", "Otto slept"), (Answer("Otto", 0),))]
    found, said = notes_of(task, answered, {"validation": answered}, ("exact_match",))
    assert found == {}
    assert said[-1].startswith("no baseline: each training question has an answer")


def several_labels(count: int, seed: int) -> list[Example]:
    """Each text names its label and much else, so that what is rare is never likelier than not."""
    dice = random.Random(seed)
    rows = []
    for n in range(count):
        told = dice.choice(["joy", "anger", "none", "none", "none", "none"])
        fill = " ".join(dice.choices("bcdefgh", k=6))
        target = tuple(int(told == name and dice.random() < 0.6) for name in ("joy", "anger"))
        rows.append(Example(str(n), (f"{fill} {told}x{n % 3}",), target))
    return rows


@pytest.mark.parametrize("metric", ["f1_micro", "f1_macro"])
def test_several_labels_go_by_thresholds_of_the_first_split_as_the_encoder_does(metric: str) -> None:
    """They are the best there are on that split, by the metric that selects, and only taken to the others."""
    task = ClassificationTask(text=("text",), label="label", labels=LabelSet("multi_label", ("joy", "anger")))
    train, first, other = (several_labels(count, seed) for count, seed in ((150, 0), (90, 1), (60, 2)))
    found = score_baselines(
        task, train, {"dev": first, "test": other}, ("f1_micro", "f1_macro"), select=metric
    )
    assert list(found["dev"]) == ["majority_labels", "tfidf_logistic_thresholds"]

    rows = fit_baselines(task, train)[1].predict([*first, *other])  # of which the scores are taken
    scores = np.asarray([list((row.scores or {}).values()) for row in rows])
    right = np.asarray([example.target for example in [*first, *other]])
    average = {"f1_micro": f1_micro, "f1_macro": f1_macro}[metric]
    grid = np.linspace(0.01, 0.99, 99)
    pairs = [(a, a) for a in grid] if metric == "f1_micro" else [(a, b) for a in grid for b in grid]
    best = max(average((scores[:90] >= pair).astype(int), right[:90], label_count=2) for pair in pairs)
    usual = average((scores[:90] >= 0.5).astype(int), right[:90], label_count=2)
    assert found["dev"]["tfidf_logistic_thresholds"][metric] >= best > usual + 0.05

    thresholds = best_label_thresholds(scores[:90], right[:90].astype(bool), metric=metric)
    expected = average((scores[90:] >= thresholds).astype(int), right[90:], label_count=2)
    assert found["test"]["tfidf_logistic_thresholds"][metric] == pytest.approx(expected)


def test_it_is_said_that_both_go_by_fitted_thresholds() -> None:
    task = ClassificationTask(text=("text",), label="label", labels=LabelSet("multi_label", ("joy", "anger")))
    hidden = [replace(example, target=None) for example in several_labels(9, 3)]
    splits = {"hidden": hidden, "dev": several_labels(40, 1)}
    _, said = notes_of(task, several_labels(60, 0), splits, ("f1_micro",))
    assert said[-1].endswith("the baseline's were fitted on dev")
    assert "fitted thresholds" in TITLES["tfidf_logistic_thresholds"]
