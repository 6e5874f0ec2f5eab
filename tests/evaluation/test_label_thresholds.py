"""The thresholds of several labels: by hand, with ties, and against a search over all there are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bertkit.evaluation import formulas
from bertkit.evaluation.label_thresholds import MIN_POSITIVES, USUAL, best_label_thresholds


def found(scores: Any, right: Any, metric: str = "f1_micro", *, times: int = MIN_POSITIVES) -> list[float]:
    """The thresholds of these examples, each seen so many times that no label is too rare."""
    columns = np.asarray(scores, dtype=np.float64), np.asarray(right, dtype=bool)
    scores, right = (np.tile(column, (times, 1)) for column in columns)
    return best_label_thresholds(scores, right, metric=metric).tolist()


def f1(name: str, scores: Any, right: Any, thresholds: Any) -> float:
    predicted = (np.asarray(scores) >= np.asarray(thresholds)).astype(int)
    references = np.asarray(right).astype(int)
    metric = getattr(formulas, name)
    return float(metric(predicted, references, label_count=references.shape[1]))


def column(*values: float) -> list[list[float]]:
    return [[value] for value in values]


def test_by_hand() -> None:
    """Three right ones: the first three give 2 * 2 / (3 + 3), the first four 2 * 3 / (4 + 3)."""
    scores, right = column(0.9, 0.7, 0.6, 0.4, 0.2, 0.1), column(1, 0, 1, 1, 0, 0)
    assert found(scores, right) == [pytest.approx(0.3)]
    assert f1("f1_micro", scores, right, 0.3) == pytest.approx(6 / 7)


def test_equal_scores_are_predicted_together_or_not_at_all() -> None:
    """To take the right one of the two at 0.6 and leave the other would be best, but no threshold does it."""
    scores, right = column(0.9, 0.6, 0.6, 0.2), column(1, 1, 0, 0)
    assert found(scores, right) == [pytest.approx(0.4)]  # 2 * 2 / (3 + 2) with both, 2 / (1 + 2) with none
    scores, right = column(0.9, 0.6, 0.6, 0.6, 0.6, 0.2), column(1, 1, 0, 0, 0, 0)
    assert found(scores, right) == [pytest.approx(0.75)]  # 2 * 2 / (5 + 2) with all of them


def test_of_thresholds_that_do_as_well_the_one_nearest_to_a_half() -> None:
    # 2 * 1 / (1 + 2) for the first alone, and 2 * 2 / (4 + 2) for the first four.
    assert found(column(0.9, 0.3, 0.2, 0.1), column(1, 0, 0, 1)) == [pytest.approx(0.6)]
    assert found(column(0.99, 0.97, 0.9, 0.6, 0.2), column(1, 0, 0, 1, 0)) == [pytest.approx(0.4)]


def test_the_ends() -> None:
    assert found(column(0.3, 0.1), column(0, 1)) == [pytest.approx(0.05)]  # all of them
    assert found(column(0.0, 0.0), column(0, 1)) == [0.0]
    assert found(column(1.0, 1.0), column(1, 1)) == [0.5]
    assert found(column(0.3, 0.1), column(0, 0)) == [USUAL]
    assert found(column(0.3, 0.1), column(0, 0), "f1_macro") == [USUAL]
    assert found(column(0.3, 0.1), column(1, 0)) == [pytest.approx(0.2)]
    assert found(column(0.3, 0.1), column(1, 0), times=MIN_POSITIVES - 1) == [USUAL]


@pytest.mark.parametrize("positives", [MIN_POSITIVES, MIN_POSITIVES - 1])
def test_a_rare_label_goes_with_the_others(positives: int) -> None:
    """Eight labels are right in the upper two thirds, the last in a few examples, at scores below 0.1."""
    rows = 30
    often, seldom = np.linspace(0, 1, rows), np.linspace(0, 0.1, rows)
    scores = np.stack([*[often] * 8, seldom], axis=1)
    right = np.stack([*[np.arange(rows) >= 10] * 8, np.arange(rows) >= rows - positives], axis=1)
    common = (often[9] + often[10]) / 2
    alone = (seldom[rows - positives - 1] + seldom[rows - positives]) / 2
    expected = [common] * 8 + [alone if positives == MIN_POSITIVES else common]
    for metric in ("f1_macro", "recall_macro", "f1_weighted"):
        assert found(scores, right, metric, times=1) == pytest.approx(expected, abs=1e-6)
    for metric in ("f1_micro", "subset_accuracy"):
        assert found(scores, right, metric, times=1) == pytest.approx([common] * 9, abs=1e-6)


@settings(deadline=None, max_examples=150)
@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(1, 4), st.booleans())
def test_no_common_threshold_does_better(seed: int, rows: int, labels: int, rounded: bool) -> None:
    """Against a search over all thresholds, for each way to average; scores with and without ties."""
    random = np.random.default_rng(seed)
    scores = np.round(random.random((rows, labels)), 1 if rounded else 6)
    right = random.random((rows, labels)) < scores * random.random()
    values = np.unique([0.0, *scores.ravel(), 1.1])
    for metric in ("f1_micro", "f1_macro", "f1_weighted"):
        thresholds = found(scores, right, metric)
        best = max(f1(metric, scores, right, value) for value in values)
        assert f1(metric, scores, right, thresholds) >= best - 1e-9
        if right.any() and metric == "f1_micro":
            assert f1(metric, scores, right, thresholds) == pytest.approx(best, abs=1e-9)
        if metric == "f1_micro" and right.any():  # it is no score, but where all scores are 0
            assert thresholds[0] not in set(scores.ravel()) - {0.0}


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1))
def test_no_threshold_of_its_own_does_better(seed: int) -> None:
    random = np.random.default_rng(seed)
    scores = np.round(random.random((60, 2)), 2)
    right = random.random((60, 2)) < scores
    right[:MIN_POSITIVES] = True
    thresholds = found(scores, right, "f1_macro")
    for label in range(2):
        mine, one = scores[:, [label]], right[:, [label]]
        best = max(f1("f1_macro", mine, one, value) for value in np.unique(mine))
        assert f1("f1_macro", mine, one, thresholds[label]) == pytest.approx(best, abs=1e-9)
