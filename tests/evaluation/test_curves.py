from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bertkit.evaluation.curves import (
    Curve,
    confusion_counts,
    precision_recall_curve,
    reliability,
    roc_curve,
    thinned,
)


def test_confusion_counts_rows_are_references() -> None:
    assert confusion_counts([0, 0, 1, 2], [0, 1, 1, 0], 3).tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]


def test_confusion_counts_of_nothing() -> None:
    assert confusion_counts([], [], 2).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize(("expected", "predicted"), [([0, 2], [0, 0]), ([0], [-1]), ([0, 1], [0])])
def test_confusion_counts_refuse_what_does_not_fit(expected: list[int], predicted: list[int]) -> None:
    with pytest.raises(ValueError, match=r"of 2|references"):
        confusion_counts(expected, predicted, 2)


def test_reliability_by_hand() -> None:
    # Bins of a half: (0, 0.5] holds 0.2 and 0.5, (0.5, 1] holds 0.9 and 1.0.
    found = reliability([0.2, 0.5, 0.9, 1.0], [0, 1, 1, 0], bins=2)
    assert found.counts.tolist() == [2, 2]
    assert found.confidence.tolist() == pytest.approx([0.35, 0.95])
    assert found.accuracy.tolist() == pytest.approx([0.5, 0.5])
    assert found.ece == pytest.approx(0.5 * 0.15 + 0.5 * 0.45)


def test_reliability_of_the_ends_and_of_empty_bins() -> None:
    found = reliability([0.0, 1.0], [False, True])
    assert found.counts.sum() == 2
    assert found.counts[0] == found.counts[-1] == 1
    assert np.isnan(found.accuracy[1:-1]).all()
    assert found.ece == 0
    assert math.isnan(reliability([], []).ece)


@pytest.mark.parametrize("confidence", [[1.1], [-0.1], [float("nan")], [0.5, 0.5]])
def test_reliability_refuses_what_is_no_probability(confidence: list[float]) -> None:
    with pytest.raises(ValueError, match=r"between 0 and 1|decisions"):
        reliability(confidence, [1])


def test_an_upper_edge_belongs_to_its_bin() -> None:
    counts = reliability([edge / 15 for edge in range(1, 16)], [1] * 15).counts
    assert counts.tolist() == [1] * 15


_decisions = st.lists(
    st.tuples(st.booleans(), st.integers(0, 8).map(lambda n: n / 8)), min_size=2, max_size=40
)


@settings(max_examples=200, deadline=None)
@given(_decisions)
def test_areas_equal_scikit_learn(decisions: list[tuple[bool, float]]) -> None:
    from sklearn.metrics import average_precision_score, roc_auc_score

    positive, scores = map(list, zip(*decisions, strict=True))
    if any(positive):
        area = precision_recall_curve(positive, scores).area
        assert area == pytest.approx(average_precision_score(positive, scores), abs=1e-12)
    if any(positive) and not all(positive):
        assert roc_curve(positive, scores).area == pytest.approx(roc_auc_score(positive, scores), abs=1e-12)


def test_points_equal_scikit_learn() -> None:
    from sklearn.metrics import precision_recall_curve as sklearn_curve
    from sklearn.metrics import roc_curve as sklearn_roc

    draws = np.random.default_rng(0)
    positive, scores = draws.random(300) < 0.3, draws.random(300).round(2)
    found = roc_curve(positive, scores)
    x, y, _ = sklearn_roc(positive, scores, drop_intermediate=False)
    assert np.allclose(found.x, x)
    assert np.allclose(found.y, y)
    precision, recall, _ = sklearn_curve(positive, scores)
    found = precision_recall_curve(positive, scores)
    # Here the curve begins at the precision of the first answers, there at a precision of 1.
    assert np.allclose(found.x[1:], recall[:-1][::-1])
    assert np.allclose(found.y[1:], precision[:-1][::-1])


def test_one_kind_alone_has_no_curve() -> None:
    assert math.isnan(roc_curve([1, 1], [0.1, 0.2]).area)
    assert math.isnan(roc_curve([], []).area)
    assert math.isnan(precision_recall_curve([0, 0], [0.1, 0.2]).area)
    assert precision_recall_curve([1, 1], [0.1, 0.2]).area == 1


def test_a_score_that_is_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="nan"):
        roc_curve([0, 1], [0.5, float("nan")])


def test_thinned_keeps_ends_area_and_steep_parts() -> None:
    x = np.linspace(0, 1, 10_000)
    curve = Curve(x, np.where(x < 0.5, 0.0, 1.0), 0.5)
    found = thinned(curve, 101)
    assert len(found.x) <= 101
    assert (found.x[0], found.x[-1], found.area) == (0, 1, 0.5)
    assert np.interp([0.49, 0.51], found.x, found.y) == pytest.approx([0, 1], abs=0.05)
    assert thinned(curve, 20_000) is curve
