"""All that is reported of a split."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bertkit.data.labels import LabelSet
from bertkit.evaluation.assessment import assess, why_undefined
from bertkit.evaluation.metrics import METRICS

NUMBERS = LabelSet("regression")


def test_values_are_those_of_the_metrics_and_lie_in_their_intervals() -> None:
    draws = np.random.default_rng(1)
    expected = draws.normal(size=200)
    predicted = expected + draws.normal(size=200)
    found = assess("validation", NUMBERS, ["pearson", "spearman", "mse"], predicted, expected)
    for name, score in found.scores.items():
        assert score.value == METRICS[name].function(predicted, expected, label_count=1)
        assert score.low < score.value < score.high
    # Fisher's z of 200 pairs: the bootstrap has to come near it.
    spearman = found.scores["spearman"]
    z = math.atanh(spearman.value)
    assert spearman.low == pytest.approx(math.tanh(z - 1.96 / math.sqrt(197)), abs=0.03)
    assert spearman.high == pytest.approx(math.tanh(z + 1.96 / math.sqrt(197)), abs=0.03)


def test_an_undefined_score_has_a_reason_and_no_interval() -> None:
    found = assess("validation", NUMBERS, ["pearson", "spearman", "mse"], [2.5] * 3, [1.0, 2.0, 3.0])
    assert math.isnan(found.scores["pearson"].value)
    assert math.isnan(found.scores["spearman"].low)
    assert found.scores["mse"].value == pytest.approx((1.5**2 + 0.5**2 + 0.5**2) / 3)
    reason = why_undefined("pearson", [2.5] * 3, [1.0, 2.0, 3.0])
    assert reason == "all 3 predictions are 2.5, and what does not vary correlates with nothing"
    assert "references are 1" in why_undefined("spearman", [1.0, 2.0], [1.0, 1.0])
    assert (
        why_undefined("mse", [float("nan")], [1.0]) == "not all predictions and references are finite numbers"
    )


def test_slices_of_labels_count_right_answers_whatever_metric_selects() -> None:
    found = assess(
        "validation", LabelSet("single_label", ("a", "b")), ["matthews"], np.array([0, 1, 1]),
        np.array([0, 0, 1]), groups={"label": ["a", "a", "b"]}, select="matthews",
    )  # fmt: skip
    (grouping,) = found.slices
    assert grouping.metric == "accuracy"
    assert [(group.group, group.scores["accuracy"].value) for group in grouping.groups] == [
        ("a", 0.5),
        ("b", 1.0),
    ]


def test_ranks_are_sliced_by_the_linear_correlation() -> None:
    found = assess(
        "validation", NUMBERS, ["spearman"], [1.0, 2, 3, 4], [1.0, 2, 4, 3], groups={"g": [*"aabb"]}
    )
    assert found.slices[0].metric == "pearson"


def test_nothing_to_score() -> None:
    found = assess("test", NUMBERS, ["pearson"], [], [], rows=7)
    assert (found.rows, found.scores, found.parts, found.slices) == (7, {}, None, ())
