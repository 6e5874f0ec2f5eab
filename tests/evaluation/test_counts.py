from __future__ import annotations

import numpy as np
import pytest

from bertkit.evaluation.counts import (
    ClassCounts,
    matthews_correlation,
    mean_over,
    micro_f1,
    ratio,
    weighted_f1,
)

# Worked by hand. Labels 0, 1, 2; label 3 is on neither side.
#   label  right predicted actual  precision recall  F1
#   0      2     2         3       1         2/3     4/5
#   1      1     3         2       1/3       1/2     2/5
#   2      0     1         1       0         0       0
FOUR = ClassCounts(np.array([2, 1, 0, 0]), np.array([2, 3, 1, 0]), np.array([3, 2, 1, 0]), exclusive=True)


def test_scores_of_labels() -> None:
    assert FOUR.precision == pytest.approx([1, 1 / 3, 0, 0])
    assert FOUR.recall == pytest.approx([2 / 3, 1 / 2, 0, 0])
    assert FOUR.f1 == pytest.approx([4 / 5, 2 / 5, 0, 0])


def test_scores_of_all_labels() -> None:
    assert micro_f1(FOUR) == pytest.approx(1 / 2)
    assert weighted_f1(FOUR) == pytest.approx((3 * 4 / 5 + 2 * 2 / 5) / 6)
    # (3*6 - (2*3 + 3*2 + 1*1)) / sqrt((36 - 14)(36 - 14)) = 5/22
    assert matthews_correlation(FOUR) == pytest.approx(5 / 22)
    assert mean_over(FOUR.f1, FOUR.averaged) == pytest.approx(2 / 5)


def test_macro_averages_run_over_labels_that_occur_or_over_all() -> None:
    several = ClassCounts(FOUR.right, FOUR.predicted, FOUR.actual, exclusive=False)
    assert FOUR.averaged.tolist() == [True, True, True, False]
    assert several.averaged.tolist() == [True, True, True, True]
    assert mean_over(several.f1, several.averaged) == pytest.approx(3 / 10)


def test_many_sets_at_once_score_as_each_does_alone() -> None:
    tables = np.random.default_rng(0).integers(0, 5, (7, 3, 3))  # (sets, predicted, actual)
    right, predicted, actual = np.diagonal(tables, axis1=1, axis2=2), tables.sum(axis=2), tables.sum(axis=1)
    together = ClassCounts(right, predicted, actual, exclusive=True)
    for number in range(7):
        alone = ClassCounts(right[number], predicted[number], actual[number], exclusive=True)
        for score in (micro_f1, weighted_f1, matthews_correlation):
            assert score(together)[number] == pytest.approx(float(score(alone)), abs=1e-15)
        assert together.f1[number] == pytest.approx(alone.f1)


def test_nothing_to_divide_by_is_zero_without_a_warning() -> None:
    assert ratio(np.array([1.0, 0.0]), np.array([0.0, 0.0])).tolist() == [0, 0]
    assert float(ratio(np.asarray(3), np.asarray(4))) == 0.75
    assert float(mean_over(np.array([1.0, 2.0]), np.array([False, False]))) == 0
    empty = ClassCounts(np.zeros(2), np.zeros(2), np.zeros(2), exclusive=True)
    assert float(micro_f1(empty)) == float(weighted_f1(empty)) == float(matthews_correlation(empty)) == 0


def test_matthews_of_one_class_is_zero() -> None:
    one = ClassCounts(np.array([0, 3]), np.array([0, 5]), np.array([2, 3]), exclusive=True)
    assert float(matthews_correlation(one)) == 0


def test_matthews_of_ten_million_examples_is_not_rounded() -> None:
    # 4,999,999 of 5,000,000 of each class are right: (TP*TN - FP*FN) / (5e6)^2
    right, all_of_it = np.array([4_999_999, 4_999_999]), np.array([5_000_000, 5_000_000])
    expected = (4_999_999**2 - 1) / 5_000_000**2
    assert float(matthews_correlation(ClassCounts(right, all_of_it, all_of_it, True))) == pytest.approx(
        expected, rel=1e-12
    )
