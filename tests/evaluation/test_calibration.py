"""The no-answer threshold: no other one gives these examples a better F1."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bertkit.data.answers import Answer
from bertkit.data.features import Features
from bertkit.data.labels import LabelSet
from bertkit.evaluation.answers import answer_f1
from bertkit.evaluation.calibration import calibrated
from bertkit.evaluation.scoring import score_predictions
from bertkit.tasks.answer_windows import NO_ANSWER, NOT_CONTEXT
from bertkit.tasks.base import Example
from bertkit.tasks.classification import ClassificationTask
from bertkit.tasks.qa import QaTask

CONTEXT = "ada met bob"
WORDS = ((0, 3), (4, 7), (8, 11))


def task_of(threshold: float | None = 0.5) -> QaTask:
    return QaTask(text=("question", "context"), label="answers", threshold=threshold)


def features_of(count: int) -> Features:
    """Each a no-answer token, a question of one, and three words of context."""
    starts = [NO_ANSWER, NOT_CONTEXT, *(start for start, _ in WORDS)]
    ends = [NO_ANSWER, NOT_CONTEXT, *(end for _, end in WORDS)]
    return Features(
        np.zeros(5 * count, np.int32), None, np.arange(count + 1) * 5, np.arange(count, dtype=np.int32),
        alignment={
            "start": np.tile(np.array(starts, np.int32), count),
            "end": np.tile(np.array(ends, np.int32), count),
        },
    )  # fmt: skip


def examples_of(targets: Sequence[Any]) -> list[Example]:
    return [Example(str(n), ("q", CONTEXT), target) for n, target in enumerate(targets)]


def f1_at(task: QaTask, threshold: float, kept: Any, features: Features, examples: list[Example]) -> float:
    again = task.with_threshold(threshold)
    return score_predictions(again, ["answer_f1"], examples, again.decode(kept, features, examples))[
        "answer_f1"
    ]


answers = st.sampled_from([(), (Answer("ada", 0),), (Answer("met bob", 4), Answer("bob", 8)), None])


@settings(deadline=None, max_examples=80)
@given(st.lists(answers, min_size=1, max_size=12), st.integers(0, 2**32 - 1))
def test_no_threshold_is_better(targets: list[Any], seed: int) -> None:
    examples, features = examples_of(targets), features_of(len(targets))
    kept = np.random.default_rng(seed).normal(scale=3, size=(5 * len(targets), 2)).astype(np.float32)
    task = calibrated(task_of(), kept, features, examples)
    if all(target is None for target in targets):
        assert task.threshold == 0.5
        return
    assert isinstance(task, QaTask) and task.threshold is not None
    reached = f1_at(task, task.threshold, kept, features, examples)
    scores = [0.0, 1.0, *task.forced(kept, features, examples).no_answer_scores]
    best = max(f1_at(task, score + step, kept, features, examples) for score in scores for step in (0, 1e-9))
    assert reached == pytest.approx(best, abs=1e-9)


def test_by_hand() -> None:
    """Right and sure, unanswerable and unsure, right and less sure, unanswerable and sure that it is."""
    features = features_of(4)
    examples = examples_of([(Answer("ada", 0),), (), (Answer("bob", 8),), ()])
    kept = np.zeros((20, 2), np.float32)
    kept[[2, 7, 14, 17]] = 5  # ada, ada, bob, ada: each gets 10
    kept[[0, 5, 10, 15], 0] = [2, 12, 11, 20]  # less 8, more by 2, by 1 and by 10
    task = calibrated(task_of(), kept, features, examples)
    assert isinstance(task, QaTask)
    less_sure, unsure = 1 / (1 + np.exp(-1.0)), 1 / (1 + np.exp(-2.0))
    assert task.threshold == pytest.approx((less_sure + unsure) / 2)  # no question stands at its border
    predicted = [one.value["text"] for one in task.decode(kept, features, examples)]
    assert predicted == ["ada", "", "bob", ""]
    assert answer_f1(predicted, [["ada"], [], ["bob"], []]) == 1.0


def test_where_there_is_no_threshold_to_find() -> None:
    """A task that always answers, one that has no threshold, and examples without a reference."""
    features, kept = features_of(1), np.zeros((5, 2), np.float32)
    always = task_of(None)
    assert calibrated(always, kept, features, examples_of([()])) is always
    unknown = task_of()
    assert calibrated(unknown, kept, features, examples_of([None])) is unknown
    other = ClassificationTask(text=("a",), label="y", labels=LabelSet("single_label", ("a", "b")))
    assert calibrated(other, SimpleNamespace(), features, []) is other  # type: ignore[arg-type]
