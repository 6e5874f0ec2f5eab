"""Temperatures and thresholds: nothing else suits these examples better, and no label is changed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bertkit.data.answers import Answer
from bertkit.data.features import Features
from bertkit.data.labels import LabelSet
from bertkit.evaluation.answers import answer_f1
from bertkit.evaluation.calibration import (
    HIGHEST,
    LOWEST,
    MIN_EXAMPLES,
    best_temperature,
    calibrated,
    calibration_of,
    described,
    negative_log_likelihood,
)
from bertkit.evaluation.scoring import score_predictions
from bertkit.models.contract import Calibration
from bertkit.tasks.answer_windows import NO_ANSWER, NOT_CONTEXT
from bertkit.tasks.base import Example, Task
from bertkit.tasks.calibrating import Choices, tempered
from bertkit.tasks.classification import ClassificationTask
from bertkit.tasks.intent_slots import IntentSlotsTask
from bertkit.tasks.qa import QaTask
from bertkit.tasks.word_windows import SENTENCE

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
    again = task.with_calibration(Calibration(threshold=threshold))
    return score_predictions(again, ["answer_f1"], examples, again.decode(kept, features, examples))[
        "answer_f1"
    ]


answers = st.sampled_from([(), (Answer("ada", 0),), (Answer("met bob", 4), Answer("bob", 8)), None])


@settings(deadline=None, max_examples=80)
@given(st.lists(answers, min_size=1, max_size=12), st.integers(0, 2**32 - 1))
def test_no_threshold_is_better(targets: list[Any], seed: int) -> None:
    examples, features = examples_of(targets), features_of(len(targets))
    kept = np.random.default_rng(seed).normal(scale=3, size=(5 * len(targets), 2)).astype(np.float32)
    task = calibrated(task_of(), kept, features, examples, metric="answer_f1")
    if all(target is None for target in targets):
        assert task.threshold == 0.5
        return
    assert isinstance(task, QaTask) and task.threshold is not None
    reached = f1_at(task, task.threshold, kept, features, examples)
    forced = task.evidence(kept, features, examples).answers
    assert forced is not None
    scores = [0.0, 1.0, *forced.no_answer_scores]
    best = max(f1_at(task, score + step, kept, features, examples) for score in scores for step in (0, 1e-9))
    assert reached == pytest.approx(best, abs=1e-9)


def test_by_hand() -> None:
    """Right and sure, unanswerable and unsure, right and less sure, unanswerable and sure that it is."""
    features = features_of(4)
    examples = examples_of([(Answer("ada", 0),), (), (Answer("bob", 8),), ()])
    kept = np.zeros((20, 2), np.float32)
    kept[[2, 7, 14, 17]] = 5  # ada, ada, bob, ada: each gets 10
    kept[[0, 5, 10, 15], 0] = [2, 12, 11, 20]  # less 8, more by 2, by 1 and by 10
    task = calibrated(task_of(), kept, features, examples, metric="answer_f1")
    assert isinstance(task, QaTask)
    less_sure, unsure = 1 / (1 + np.exp(-1.0)), 1 / (1 + np.exp(-2.0))
    assert task.threshold == pytest.approx((less_sure + unsure) / 2)  # no question stands at its border
    predicted = [one.value["text"] for one in task.decode(kept, features, examples)]
    assert predicted == ["ada", "", "bob", ""]
    assert answer_f1(predicted, [["ada"], [], ["bob"], []]) == 1.0


def single(*names: str, problem: str = "single_label") -> ClassificationTask:
    return ClassificationTask(text=("a",), label="y", labels=LabelSet(problem, names))


def rows_of(count: int) -> Features:
    return Features(np.zeros(count, np.int32), None, np.arange(count + 1), np.arange(count, dtype=np.int32))


def targets_of(targets: Iterable[Any]) -> list[Example]:
    return [Example(str(n), ("x",), target) for n, target in enumerate(targets)]


def random_choices(seed: int, rows: int, classes: int, *, sharper: float) -> Choices:
    """Classes drawn by probabilities, which the model then believes `sharper` times as much in logits."""
    random = np.random.default_rng(seed)
    logits = random.normal(scale=1.5, size=(rows, classes))
    true = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    right = np.array([random.choice(classes, p=row) for row in true])
    believed = np.exp(sharper * logits)
    return Choices(believed / believed.sum(axis=1, keepdims=True), right)


def likelihood_by_hand(choices: Choices, temperature: float) -> float:
    """Of all rows, and of one more as the model believes: written otherwise than in the code."""
    total = 0.0
    for row, right in zip(choices.probabilities.tolist(), choices.right.tolist(), strict=True):
        powers = [max(value, 1e-45) ** (1 / temperature) for value in row]
        logs = [math.log(power / sum(powers)) for power in powers]
        expected = sum(value * log for value, log in zip(row, logs, strict=True))
        total -= logs[right] + expected / len(choices.right)
    return total


@pytest.mark.parametrize("sharper", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("classes", [2, 5])
def test_temperature_against_a_search_on_a_grid(classes: int, sharper: float) -> None:
    choices = random_choices(7, 300, classes, sharper=sharper)
    grid = np.geomspace(LOWEST, HIGHEST, 300)
    by_hand = min(grid, key=lambda temperature: likelihood_by_hand(choices, temperature))
    found = best_temperature(choices)
    assert found == pytest.approx(by_hand, rel=0.03)
    assert likelihood_by_hand(choices, found) <= likelihood_by_hand(choices, by_hand) + 1e-6
    assert found == pytest.approx(sharper, rel=0.25)  # what the model was made wrong by


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 2**32 - 1), st.integers(1, 80), st.integers(2, 6), st.floats(0.01, 60))
def test_never_less_likely_and_always_within_bounds(
    seed: int, rows: int, classes: int, sharper: float
) -> None:
    choices = random_choices(seed, rows, classes, sharper=sharper)
    found = best_temperature(choices)
    assert LOWEST <= found <= HIGHEST
    assert negative_log_likelihood(choices, found) <= negative_log_likelihood(choices, 1.0)


@pytest.mark.parametrize("probability", [0.6, 0.9, 1.0])
def test_a_model_that_is_always_right_is_not_made_certain(probability: float) -> None:
    """A hundred right rows speak for 99 in a hundred or more, and not for certainty."""
    choices = Choices(np.tile([probability, 1 - probability], (100, 1)), np.zeros(100, np.int64))
    sure = tempered(choices.probabilities, best_temperature(choices))[0, 0]
    assert sure == pytest.approx((100 + probability) / 101, abs=1e-4)


@pytest.mark.parametrize(
    ("probabilities", "right", "temperature"),
    [
        ([[0.1, 0.9]], 0, HIGHEST),  # always wrong
        ([[0.0, 1.0]], 0, HIGHEST),
        ([[0.5, 0.5]], 0, 1.0),  # sure of nothing, whatever it is divided by
        ([[1.0, 0.0]], 0, 1.0),
    ],
)
def test_temperatures_of_one_and_the_same_row(probabilities: Any, right: int, temperature: float) -> None:
    choices = Choices(np.tile(probabilities, (60, 1)), np.full(60, right))
    assert best_temperature(choices) == temperature


def test_no_rows_at_all() -> None:
    assert best_temperature(Choices(np.empty((0, 3)), np.empty(0, np.int64))) == 1.0


def test_few_examples_leave_probabilities_as_they_are() -> None:
    kept = np.tile(np.array([[0.9, 0.1]], np.float32), (MIN_EXAMPLES, 1))
    targets: list[Any] = [n % 3 == 0 for n in range(MIN_EXAMPLES)]
    enough = calibrated(single("a", "b"), kept, rows_of(50), targets_of(targets), metric="accuracy")
    fitted = calibration_of(enough)
    assert fitted is not None and fitted.temperature > 1
    # Those without a reference do not count.
    targets[7] = None
    fewer = calibrated(enough, kept, rows_of(50), targets_of(targets), metric="accuracy")
    assert calibration_of(fewer) == Calibration()


def test_several_labels_get_one_temperature_and_a_threshold_each() -> None:
    random = np.random.default_rng(3)
    logits = random.normal(scale=1.5, size=(400, 2)) - [0, 2]
    right = random.random((400, 2)) < 1 / (1 + np.exp(-logits))
    kept = (1 / (1 + np.exp(-2 * logits))).astype(np.float32)
    examples = targets_of(tuple(map(int, row)) for row in right)
    task = single("a", "b", problem="multi_label")
    made = {
        metric: calibrated(task, kept, rows_of(400), examples, metric=metric)
        for metric in ("f1_macro", "f1_micro")
    }
    macro, micro = (calibration_of(made[metric]) for metric in made)
    assert macro is not None and micro is not None
    assert macro.temperature == micro.temperature == pytest.approx(2, rel=0.25)
    assert len(set(micro.thresholds.values())) == 1 and len(set(macro.thresholds.values())) == 2
    # Each is the best for its own F1 of all, also by a search over all that could be stored.
    for metric, fitted in zip(made, (macro, micro), strict=True):
        reached = score_of(made[metric], metric, kept, examples)
        for label in fitted.thresholds:
            for other in np.linspace(0, 1, 101):
                thresholds = dict.fromkeys(fitted.thresholds, float(other))
                if metric == "f1_macro":
                    thresholds = {**fitted.thresholds, label: float(other)}
                changed = task.with_calibration(replace(fitted, thresholds=thresholds))
                assert score_of(changed, metric, kept, examples) <= reached + 1e-9


def score_of(task: Task, metric: str, kept: Any, examples: list[Example]) -> float:
    predictions = task.decode(kept, rows_of(len(examples)), examples)
    return score_predictions(task, [metric], examples, predictions)[metric]


def test_words_and_intents_get_a_temperature_each() -> None:
    """30 texts of two words are too few, 60 are enough; tags and intents are as sure as they are right."""
    names, intents = ("O", "B-P", "I-P"), ("play", "stop")
    task = IntentSlotsTask(intent="i", text="t", label="y", labels=LabelSet("frames", names, intents))
    for count in (30, 60):
        features = Features(
            np.zeros(3 * count, np.int32), None, np.arange(count + 1) * 3, np.arange(count, dtype=np.int32),
            alignment={"words": np.tile(np.array([SENTENCE, 0, 1], np.int32), count)},
        )  # fmt: skip
        kept = np.tile(np.array([[0, 0, 0, 0.99, 0.01], *[[0.6, 0.4, 0, 0.5, 0.5]] * 2]), (count, 1))
        examples = [
            Example(str(n), ("ab cd",), (int(n % 4 == 0), (0, int(n % 10 == 0))), ((0, 2), (3, 5)))
            for n in range(count)
        ]
        fitted = calibration_of(calibrated(task, kept, features, examples, metric="frame_accuracy"))
        assert fitted is not None
        if count == 30:
            assert fitted == Calibration()
            continue
        shares = tempered(np.array([[0.99, 0.01]]), fitted.intent_temperature)[0]
        assert shares[0] == pytest.approx(0.75, abs=0.01) and fitted.intent_temperature > 1
        shares = tempered(np.array([[0.6, 0.4]]), fitted.temperature)[0]
        assert shares[0] == pytest.approx(0.95, abs=0.01) and fitted.temperature < 1


def test_where_there_is_nothing_to_fit() -> None:
    """A task that always answers, numbers, examples without a reference, and a model that went astray."""
    features, kept = features_of(1), np.zeros((5, 2), np.float32)
    always = task_of(None)
    assert calibrated(always, kept, features, examples_of([()]), metric="answer_f1") is always
    unknown = task_of()
    assert calibrated(unknown, kept, features, examples_of([None]), metric="answer_f1") is unknown
    number = ClassificationTask(text=("a",), label="y", labels=LabelSet("regression"))
    ones = np.ones((60, 1), np.float32)
    assert calibrated(number, ones, rows_of(60), targets_of([1.0] * 60), metric="mse") is number
    several, lost = single("a", "b", problem="multi_label"), np.full((60, 2), np.nan, np.float32)
    assert calibrated(several, lost, rows_of(60), targets_of([(1, 0)] * 60), metric="f1_micro") is several


def test_what_was_fitted_in_words() -> None:
    assert described(None) == described(Calibration()) == ""
    assert described(Calibration(1.62551)) == "temperature 1.626"
    assert described(Calibration(thresholds={"a": 0.3125, "b": 0.3125})) == (
        "a label is predicted from 0.312 on"
    )
    assert described(Calibration(2.0, 0.5, {"a": 0.1, "b": 0.7})) == (
        "temperature 2; temperature 0.5 of intents; "
        "a label is predicted from its own threshold on, from 0.100 to 0.700"
    )
    assert described(Calibration(threshold=0.25)) == "no answer is given where its score is above 0.250"
