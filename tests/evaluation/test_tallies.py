from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bertkit.evaluation.class_tallies import class_tally
from bertkit.evaluation.item_tallies import item_rows, tag_items
from bertkit.evaluation.metrics import METRICS
from bertkit.evaluation.tallies import TALLIES
from bertkit.evaluation.tally import Tally

TAGS = ("O", "B-P", "I-P", "B-L", "I-L")
TEXTS = ("", "the", "red car", "a car", "Car", "red", "blue sky")


def examples(problem: str, labels: int, size: int, draws: np.random.Generator) -> tuple[Any, Any]:
    """Predictions and references as the metrics of a problem take them; half of the predictions are right."""
    match problem:
        case "single_label":
            expected = draws.integers(0, labels, size)
            return np.where(draws.random(size) < 0.5, expected, draws.integers(0, labels, size)), expected
        case "multi_label":
            expected = draws.integers(0, 2, (size, labels))
            return np.where(draws.random((size, labels)) < 0.7, expected, 1 - expected), expected
        case "regression":
            expected = np.round(draws.normal(3, 2, size), 1)
            return expected + np.round(draws.normal(0, 1, size), 2), expected
        case "tags":
            expected = [list(draws.choice(TAGS, draws.integers(1, 7))) for _ in range(size)]
            return [_mostly(row, TAGS, draws) for row in expected], expected
        case "frames":
            tagged = examples("tags", labels, size, draws)
            intents = ([str(intent) for intent in draws.integers(0, 2, size)] for _ in range(2))
            return tuple(
                list(zip(named, rows, strict=True)) for named, rows in zip(intents, tagged, strict=True)
            )  # type: ignore[return-value]
        case _:
            right = [list(draws.choice(TEXTS[1:], draws.integers(0, 3))) for _ in range(size)]
            return [str(text) for text in draws.choice(TEXTS, size)], right


def _mostly(row: Sequence[str], others: Sequence[str], draws: np.random.Generator) -> list[str]:
    return [tag if draws.random() < 0.7 else str(draws.choice(others)) for tag in row]


def metric_cases() -> list[Any]:
    cases = []
    for name in TALLIES:
        for problem in sorted(METRICS[name].problems):
            counts = [2] if name in ("f1", "precision", "recall") else [2, 4]
            cases += [pytest.param(name, problem, count, id=f"{name}-{problem}-{count}") for count in counts]
    return cases


def taken(side: Any, chosen: np.ndarray[Any, Any]) -> Any:
    return side[chosen] if isinstance(side, np.ndarray) else [side[number] for number in chosen]


def test_only_ranks_have_no_tally() -> None:
    assert set(METRICS) - set(TALLIES) == {"spearman"}
    assert set(TALLIES) <= set(METRICS)


@pytest.mark.parametrize(("name", "problem", "labels"), metric_cases())
@settings(max_examples=25, deadline=None)
@given(size=st.integers(1, 40), seed=st.integers(0, 10_000))
def test_a_tally_scores_what_its_metric_scores(
    name: str, problem: str, labels: int, size: int, seed: int
) -> None:
    draws = np.random.default_rng(seed)
    predicted, expected = examples(problem, labels, size, draws)
    tally = TALLIES[name](predicted, expected, label_count=labels)
    value = METRICS[name].function(predicted, expected, label_count=labels)
    assert len(tally) == size
    assert tally.score == pytest.approx(value, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize(("name", "problem", "labels"), metric_cases())
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_so_does_a_part_of_it(name: str, problem: str, labels: int, seed: int) -> None:
    draws = np.random.default_rng(seed)
    predicted, expected = examples(problem, labels, 40, draws)
    chosen = draws.permutation(40)[:25]
    if problem == "answers":  # a part keeps the rules of the whole, so it needs a question without answer
        expected[chosen[0]], expected[chosen[1]] = [], ["car"]
    mask = np.isin(np.arange(40), chosen)
    tally = TALLIES[name](predicted, expected, label_count=labels)
    value = METRICS[name].function(taken(predicted, chosen), taken(expected, chosen), label_count=labels)
    assert tally.part(chosen).score == pytest.approx(value, abs=1e-12, nan_ok=True)
    assert tally.part(mask).score == pytest.approx(value, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize(("name", "problem", "labels"), metric_cases())
def test_no_examples_have_no_score(name: str, problem: str, labels: int) -> None:
    predicted, expected = examples(problem, labels, 5, np.random.default_rng(0))
    tally = TALLIES[name](predicted, expected, label_count=labels)
    assert math.isnan(tally.part(np.arange(0)).score)


@pytest.mark.parametrize("name", ["accuracy", "mse", "mae", "pearson", "entity_f1", "answer_f1", "f1_macro"])
def test_a_tally_of_nothing(name: str) -> None:
    assert math.isnan(TALLIES[name]([], [], label_count=2).score)


@pytest.mark.parametrize("name", ["pearson", "mse", "mae"])
@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_number_has_no_score_and_spoils_no_other_system(name: str, wrong: float) -> None:
    draws = np.random.default_rng(1)
    predicted, expected = examples("regression", 1, 30, draws)
    broken = predicted.copy()
    broken[7] = wrong
    both = TALLIES[name](
        np.concatenate([predicted, broken]), np.concatenate([expected, expected]), label_count=1
    )
    value = METRICS[name].function(predicted, expected, label_count=1)
    assert both.part(np.arange(30)).score == pytest.approx(value, abs=1e-12)
    assert math.isnan(both.part(np.arange(30, 60)).score)


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
def test_pearson_of_sizes_whose_squares_no_float_holds(scale: float) -> None:
    predicted, expected = examples("regression", 1, 50, np.random.default_rng(2))
    tally = TALLIES["pearson"](predicted * scale, expected * scale, label_count=1)
    value = METRICS["pearson"].function(predicted, expected, label_count=1)
    assert tally.score == pytest.approx(value, abs=1e-12)


def test_what_does_not_vary_has_no_correlation() -> None:
    expected = np.asarray([0.1, 0.2, 0.7, 0.4])
    constant = np.full(4, 0.3)
    both = TALLIES["pearson"](
        np.concatenate([expected + 0.01, constant]), np.tile(expected, 2), label_count=1
    )
    assert both.part(np.arange(4)).score == pytest.approx(1.0)
    assert math.isnan(both.part(np.arange(4, 8)).score)


def test_an_overflow_is_infinite_as_the_metric_says() -> None:
    assert TALLIES["mse"]([1e200, 1.0], [0.0, 1.0], label_count=1).score == math.inf


@pytest.mark.parametrize("name", ["accuracy", "f1_macro", "f1_weighted", "matthews", "balanced_accuracy"])
def test_many_labels_are_counted_the_same_in_a_sparse_matrix(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    predicted, expected = examples("single_label", 80, 500, np.random.default_rng(3))
    sparse = TALLIES[name](predicted, expected, label_count=80)
    monkeypatch.setattr("bertkit.evaluation.class_tallies._SPARSE_LABELS", 1000)
    dense = TALLIES[name](predicted, expected, label_count=80)
    assert name == "accuracy" or hasattr(sparse.counts, "toarray")
    assert isinstance(dense.counts, np.ndarray)
    assert sparse.score == dense.score
    half = np.arange(250)
    assert sparse.part(half).score == dense.part(half).score


def test_examples_that_count_the_same_are_one_kind() -> None:
    tally = TALLIES["accuracy"]([0, 1, 1, 0], [0, 0, 1, 1], label_count=2)
    assert tally.counts.tolist() == [[0, 1], [1, 1]]
    assert tally.codes.tolist() == [1, 0, 1, 0]
    assert tally.frequencies.tolist() == [2, 2]
    assert tally.share


def test_a_class_counts_a_third_each() -> None:
    # Right, predicted, actual of labels 0 and 1: the first example is right, the second a 1 that is a 0.
    tally = class_tally([0, 1], [0, 0], label_count=2, formula=lambda counts: counts.f1[..., 0])
    assert tally.totals.tolist() == [1, 0, 1, 1, 2, 0]


def test_items_by_label() -> None:
    # Both have an x at 0; the prediction a y at 1, where the reference has an x.
    labels, rows = item_rows([["x", "y"]], [["x", "x"]], tag_items)
    assert labels == ("x", "y")
    assert rows.tolist() == [[1, 0, 1, 1, 2, 0]]


def test_a_million_predictions_are_a_handful_of_kinds() -> None:
    predicted, expected = examples("single_label", 3, 100_000, np.random.default_rng(4))
    tally: Tally = TALLIES["f1_macro"](predicted, expected, label_count=3)
    assert tally.counts.shape == (9, 9)
