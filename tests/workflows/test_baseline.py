"""Scores of the baselines on the splits of a task."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bertkit.data.answers import Answer
from bertkit.data.labels import LabelSet
from bertkit.evaluation import tfidf
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
