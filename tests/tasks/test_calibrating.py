"""Temperatures change how sure a model is and never what it says; thresholds decide by what is written."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bertkit.data.features import Features
from bertkit.data.labels import LabelSet
from bertkit.models.contract import Calibration, ModelContract
from bertkit.tasks.base import Example
from bertkit.tasks.calibrating import decision_scores, tempered
from bertkit.tasks.classification import ClassificationTask
from bertkit.tasks.intent_slots import IntentSlotsTask
from bertkit.tasks.ner import NerTask
from bertkit.tasks.nli import NliTask
from bertkit.tasks.tagging import TagDecoder
from bertkit.tasks.word_windows import SENTENCE

TAGS = ("O", "B-P", "I-P", "B-L", "I-L")
temperatures = st.floats(0.05, 20)
seeds = st.integers(0, 2**32 - 1)


def shares(seed: int, rows: int, classes: int) -> Any:
    """Probabilities of all kinds: even ones, sure ones, and some that underflow."""
    random = np.random.default_rng(seed)
    logits = random.normal(size=(rows, classes)) * random.choice([0.01, 1, 10, 80], size=(rows, 1))
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


def rows_of(examples: list[int]) -> Features:
    count = len(examples)
    return Features(np.zeros(count, np.int32), None, np.arange(count + 1), np.asarray(examples, np.int32))


def of_classes(problem: str, *names: str, calibration: Calibration) -> ClassificationTask:
    return ClassificationTask(
        text=("a",), label="y", labels=LabelSet(problem, names), calibration=calibration
    )


def test_tempered_by_hand() -> None:
    """Of odds 9 to 1 a temperature of 2 makes 3 to 1, and one of 0.5 makes 81 to 1."""
    rows = np.array([[0.9, 0.1]])
    assert tempered(rows, 2.0)[0].tolist() == pytest.approx([3 / 4, 1 / 4])
    assert tempered(rows, 0.5)[0].tolist() == pytest.approx([81 / 82, 1 / 82])
    assert tempered(rows, 1.0) is rows
    assert tempered(np.array([[1.0, 0.0]]), 0.05)[0].tolist() == [1.0, 0.0]
    assert decision_scores(rows, 2.0).tolist() == [[0.75, 0.25]]
    # What float32 rounds to 0 or 1 stays there, as far as it is written.
    assert decision_scores(np.array([[1.0, 0.0, 0.5]]), 0.5).tolist() == [[1.0, 0.0, 0.5]]
    assert decision_scores(np.array([[0.12345678]]), 1.0).tolist() == [[0.123457]]


@settings(deadline=None, max_examples=150)
@given(seeds, st.integers(2, 6), temperatures)
def test_no_temperature_changes_a_class(seed: int, classes: int, temperature: float) -> None:
    """Over windows too: they are averaged first."""
    names = [f"label {n}" for n in range(classes)]
    kept, features = shares(seed, 12, classes), rows_of([0, 1, 1, 2, 3, 3, 3, 4, 5, 6, 7, 7])
    examples = [Example(str(n), ("x",), None) for n in range(8)]
    plain, other = (
        of_classes("single_label", *names, calibration=Calibration(value)).decode(kept, features, examples)
        for value in (1.0, temperature)
    )
    assert [one.value for one in plain] == [one.value for one in other]
    for one in other:
        assert sum(one.scores.values()) == pytest.approx(1, abs=1e-5)
        assert one.score == one.scores[one.value] == max(one.scores.values())


@settings(deadline=None, max_examples=150)
@given(seeds, temperatures)
def test_decisions_keep_their_order_and_their_half(seed: int, temperature: float) -> None:
    plain = np.sort(shares(seed, 8, 3).astype(np.float64), axis=None)[None]
    other = decision_scores(plain, temperature)
    assert (np.diff(other[0]) >= 0).all()
    sure = np.abs(plain - 0.5) > 1e-4
    assert ((other >= 0.5) == (plain >= 0.5))[sure].all()


@settings(deadline=None, max_examples=100)
@given(seeds, st.integers(1, 12), temperatures, st.booleans())
def test_no_temperature_changes_a_tag(seed: int, words: int, temperature: float, constrained: bool) -> None:
    decoder = TagDecoder(TAGS, constrained=constrained)
    rows = shares(seed, words, len(TAGS)).astype(np.float64)
    plain, tags = decoder.best(rows), decoder.best(rows, temperature=temperature)
    assert tags[0] == plain[0]
    # And it is the best sequence of the tempered probabilities too, but for those that are 0 and 0.
    if constrained and rows.min() > 1e-9 and temperature > 0.5:
        assert decoder.best(tempered(rows, temperature))[0] == plain[0]


def test_a_tag_or_an_entity_is_as_sure_as_its_tempered_words() -> None:
    features = Features(
        np.zeros(3, np.int32), None, np.array([0, 3]), np.array([0], np.int32),
        alignment={"words": np.array([SENTENCE, 0, 1], np.int32)},
    )  # fmt: skip
    kept = np.array([[0.2] * 5 + [0.9, 0.1], [0.1, 0.9, 0, 0, 0, 0.5, 0.5], [0.2, 0, 0.8, 0, 0, 0.5, 0.5]])
    example = Example("0", ("Ada Bee",), None, ((0, 3), (4, 7)))
    fitted = Calibration(temperature=2.0, intent_temperature=0.5)
    tagger = NerTask(text="t", label="y", labels=LabelSet("tags", TAGS), calibration=fitted)
    (found,) = tagger.decode(kept[:, :5], features, [example])
    # Odds of 9 to 1 and of 4 to 1 become 3 to 1 and 2 to 1.
    assert found.value[0]["score"] == pytest.approx((3 / 4 + 2 / 3) / 2, abs=1e-6)
    both = IntentSlotsTask(
        intent="i", text="t", label="y", labels=LabelSet("frames", TAGS, ("x", "z")), calibration=fitted
    )
    (frame,) = both.decode(kept, features, [example])
    assert frame.value["slots"] == found.value
    assert (frame.value["intent"], frame.score) == ("x", pytest.approx(81 / 82, abs=1e-6))


def test_labels_are_decided_by_their_own_threshold_and_by_what_is_written() -> None:
    """`a` from 0.75 on, `b` from 0.3 on, `c`, which is not named, from 0.5 on."""
    fitted = Calibration(temperature=2.0, thresholds={"a": 0.75, "b": 0.3})
    task = of_classes("multi_label", "a", "b", "c", calibration=fitted)
    kept = np.array([[0.9, 0.1, 0.5], [0.89, 0.2, 0.49], [0.9000001, 0, 0]])
    found = task.decode(kept, rows_of([0, 1, 2]), [Example(str(n), ("x",), None) for n in range(3)])
    assert [one.value for one in found] == [["a", "c"], ["b"], ["a"]]
    assert found[0].scores == {"a": 0.75, "b": 0.25, "c": 0.5}


def test_windows_of_a_text_are_averaged_before_the_temperature() -> None:
    task = of_classes("multi_label", "a", calibration=Calibration(2.0))
    (found,) = task.decode(np.array([[1.0], [0.8]]), rows_of([0, 0]), [Example("0", ("x",), None)])
    assert found.scores["a"] == pytest.approx(0.75, abs=1e-6)


@pytest.mark.parametrize("labels", [("x", "y y", "Z"), ("Z", "x", "y y"), ("z", "Y_Y", "X")])
def test_thresholds_stay_with_their_labels(labels: tuple[str, ...]) -> None:
    """A recipe may name the labels of a model in another order, or spell them otherwise."""
    contract = ModelContract(
        task="classification", text=("a",), problem="multi_label", labels=("x", "y y", "Z"),
        thresholds={"x": 0.1, "y y": 0.2, "Z": 0.3},
    )  # fmt: skip
    task = ClassificationTask.from_contract(contract.model_copy(update={"labels": labels}))
    assert task.calibration is not None
    found = {name.casefold().replace("_", " "): value for name, value in task.calibration.thresholds.items()}
    assert found == {"x": 0.1, "y y": 0.2, "z": 0.3}
    assert set(task.calibration.thresholds) == set(labels)


def test_thresholds_know_other_names_of_a_task() -> None:
    contract = ModelContract(
        task="nli", text=("a", "b"), problem="multi_label", labels=("contradicts", "neutral", "entails"),
        thresholds={"contradicts": 0.1, "neutral": 0.2, "entails": 0.3},
    )  # fmt: skip
    wanted = {"labels": ("entailment", "neutral", "contradiction")}
    task = NliTask.from_contract(contract.model_copy(update=wanted))
    assert task.calibration is not None
    assert task.calibration.thresholds == {"entailment": 0.3, "neutral": 0.2, "contradiction": 0.1}


def test_what_examples_show() -> None:
    """Those whose reference is known, in their order, before any temperature; windows as one."""
    kept, features = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [1, 0]]), rows_of([0, 1, 1, 2])
    examples = [Example(str(n), ("x",), target) for n, target in enumerate([None, 0, 1])]
    task = of_classes("single_label", "a", "b", calibration=Calibration(3.0))
    shown = task.evidence(kept, features, examples)
    assert (shown.examples, shown.decisions, shown.answers) == (2, None, None)
    assert shown.choices is not None
    np.testing.assert_allclose(shown.choices.probabilities, [[0.3, 0.7], [1, 0]])
    assert shown.choices.right.tolist() == [0, 1]
    several = of_classes("multi_label", "a", "b", calibration=Calibration(3.0))
    examples = [Example(str(n), ("x",), target) for n, target in enumerate([None, (0, 1), (1, 1)])]
    shown = several.evidence(kept, features, examples)
    assert shown.choices is None and shown.decisions is not None
    assert shown.decisions.right.tolist() == [[False, True], [True, True]]
    assert several.evidence(kept, features, [Example("0", ("x",), None)] * 3).examples == 0


def test_another_calibration_is_another_task() -> None:
    task = of_classes("multi_label", "a", "b", calibration=Calibration(3.0))
    again = task.with_calibration(Calibration(2.0, thresholds={"a": 0.1, "b": 0.2}))
    assert (task.calibration, again.calibration) == (
        Calibration(3.0), Calibration(2.0, thresholds={"a": 0.1, "b": 0.2}),
    )  # fmt: skip
    assert of_classes("regression", calibration=Calibration()).calibration is None
