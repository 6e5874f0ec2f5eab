from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy import stats

from bertkit.evaluation import resampling
from bertkit.evaluation.intervals import paired_shares
from bertkit.evaluation.metrics import METRICS
from bertkit.evaluation.significance import (
    holm,
    joined,
    mid_p,
    over_seeds,
    paired_test,
    paired_test_of_rows,
)
from bertkit.evaluation.tallies import TALLIES
from bertkit.evaluation.tally import Tally, mean_tally

NAN = float("nan")


def systems(size: int, *accuracies: float, labels: int = 3, seed: int = 0) -> tuple[list[Any], Any]:
    draws = np.random.default_rng(seed)
    expected = draws.integers(0, labels, size)
    made = [
        np.where(draws.random(size) < accuracy, expected, draws.integers(0, labels, size))
        for accuracy in accuracies
    ]
    return made, expected


def tallied(name: str, predicted: Sequence[Any], expected: Any, labels: int = 3) -> list[Tally]:
    """The tallies of several systems, as parts of one."""
    size = len(expected)
    whole = TALLIES[name](np.concatenate(predicted), np.tile(expected, len(predicted)), label_count=labels)
    return [whole.part(np.arange(number * size, (number + 1) * size)) for number in range(len(predicted))]


def every_swap(name: str, first: Any, second: Any, expected: Any, labels: int) -> float:
    """The exact mid-p value: all arrangements there are, each scored by the metric itself."""
    function = METRICS[name].function

    def gap(left: Any, right: Any) -> float:
        one, other = (function(side, expected, label_count=labels) for side in (left, right))
        return float(other - one)

    seen, larger, equal = abs(gap(first, second)), 0, 0
    arrangements = [np.asarray(swap, dtype=bool) for swap in product([False, True], repeat=len(expected))]
    for swap in arrangements:
        size = abs(gap(np.where(swap, second, first), np.where(swap, first, second)))
        larger += size > seen + 1e-12
        equal += abs(size - seen) <= 1e-12
    return (larger + equal / 2) / len(arrangements)


@pytest.mark.parametrize("name", ["accuracy", "f1_macro", "matthews", "f1_weighted"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_swaps_as_they_are_counted_one_by_one(name: str, seed: int) -> None:
    (first, second), expected = systems(11, 0.4, 0.8, seed=seed)
    found = paired_test(*tallied(name, [first, second], expected), shuffles=20_000)
    # The share of 20,000 draws is known to at most 0.0036.
    assert found.p_value == pytest.approx(every_swap(name, first, second, expected, 3), abs=0.015)


def test_swaps_of_numbers() -> None:
    draws = np.random.default_rng(4)
    expected = draws.normal(size=10)
    first, second = expected + draws.normal(size=10), expected + 0.5 * draws.normal(size=10)
    for name in ("mse", "pearson"):
        found = paired_test(*tallied(name, [first, second], expected, 1), shuffles=20_000)
        assert found.p_value == pytest.approx(every_swap(name, first, second, expected, 1), abs=0.015)
        assert found.differing == 10


def test_of_shares_it_is_mcnemars_mid_p_test() -> None:
    # Of 40 examples, 9 only the second gets right and 2 only the first.
    expected = np.ones(40, dtype=int)
    first, second = expected.copy(), expected.copy()
    first[:9], second[9:11] = 0, 0
    found = paired_test(*tallied("accuracy", [first, second], expected, 2), shuffles=50_000)
    exact = 2 * stats.binom.sf(9, 11, 0.5) + stats.binom.pmf(9, 11, 0.5)
    assert found.p_value == pytest.approx(exact, abs=0.004)
    assert found.difference.value == pytest.approx(7 / 40)
    assert (found.difference.low, found.difference.high) == paired_shares(9, 2, 40)
    assert found.differing == 11


@pytest.mark.parametrize("name", ["accuracy", "f1_macro", "matthews"])
def test_identical_predictions(name: str) -> None:
    (first,), expected = systems(50, 0.7)
    found = paired_test(*tallied(name, [first, first], expected))
    assert found.p_value == 1.0
    assert found.differing == 0
    # Of shares even this says only so much of other examples.
    low, high = paired_shares(0, 0, 50) if name == "accuracy" else (0, 0)
    assert (found.difference.value, found.difference.low, found.difference.high) == (0, low, high)


def test_predictions_that_are_wrong_in_other_ways_do_not_differ_in_accuracy() -> None:
    expected = np.zeros(20, dtype=int)
    found = paired_test(*tallied("accuracy", [expected + 1, expected + 2], expected))
    assert (found.p_value, found.differing) == (1.0, 0)
    assert paired_test(*tallied("f1_weighted", [expected + 1, expected + 2], expected)).differing == 20


def test_a_clear_difference_and_which_way_it_goes() -> None:
    (worse, better), expected = systems(500, 0.3, 0.9)
    for name in ("accuracy", "f1_macro"):
        found = paired_test(*tallied(name, [worse, better], expected))
        back = paired_test(*tallied(name, [better, worse], expected))
        assert found.p_value < 0.001
        assert 0 < found.difference.low < found.difference.value < found.difference.high
        assert back.difference.value == pytest.approx(-found.difference.value)
        assert back.difference.high < 0


def test_one_example_shows_nothing() -> None:
    found = paired_test(*tallied("accuracy", [np.array([0]), np.array([1])], np.array([1]), 2))
    assert found.p_value == pytest.approx(0.5, abs=0.001)
    assert found.difference.low < 0 < found.difference.high
    error = paired_test(*tallied("mse", [np.array([0.0]), np.array([1.0])], np.array([1.0]), 1))
    assert (error.difference.value, error.p_value) == (-1.0, pytest.approx(0.5, abs=0.001))
    assert math.isnan(error.difference.low)


def test_the_interval_is_that_of_drawn_rows() -> None:
    (first, second), expected = systems(200, 0.6, 0.7)
    found = paired_test(*tallied("f1_macro", [first, second], expected), shuffles=20_000)
    draws, function = np.random.default_rng(1), METRICS["f1_macro"].function
    gaps = []
    for _ in range(2000):
        rows = draws.integers(0, 200, 200)
        one, other = (function(side[rows], expected[rows], label_count=3) for side in (first, second))
        gaps.append(other - one)
    half = 1.96 * float(np.std(gaps))
    # Both deviations are known to 1.6 %.
    assert found.difference.high - found.difference.value == pytest.approx(half, rel=0.08)
    assert found.difference.value - found.difference.low == pytest.approx(half, rel=0.08)


@pytest.mark.parametrize("name", ["pearson", "mse"])
def test_a_score_that_is_no_number_is_compared_with_nothing(name: str) -> None:
    expected = np.linspace(0, 1, 20)
    broken = expected.copy()
    broken[3] = NAN
    found = paired_test(*tallied(name, [expected + 0.1, broken], expected, 1))
    assert math.isnan(found.p_value)
    assert math.isnan(found.difference.value)
    assert found.differing == 20


def test_more_kinds_than_can_be_drawn_are_swapped_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    draws = np.random.default_rng(6)
    expected = draws.normal(size=3000)
    first = expected + draws.normal(size=3000)
    second = expected + 0.97 * draws.normal(size=3000)
    tallies = tallied("mae", [first, second], expected, 1)
    exact = paired_test(*tallies)
    monkeypatch.setattr(resampling, "GROUPS", 1000)
    grouped = paired_test(*tallies)
    assert 0.02 < exact.p_value < 0.9  # or there is nothing to see
    assert grouped.p_value == pytest.approx(exact.p_value, abs=0.06)
    assert grouped.difference.low == pytest.approx(exact.difference.low, abs=0.1 * abs(exact.difference.low))


def test_two_systems_of_sixty_thousand_numbers() -> None:
    draws = np.random.default_rng(8)
    expected = draws.normal(size=60_000)
    first, second = (expected + spread * draws.normal(size=60_000) for spread in (1.0, 0.99))
    found = paired_test(*tallied("mae", [first, second], expected, 1), shuffles=2000)
    errors = np.abs(second - expected) - np.abs(first - expected)
    normal = stats.ttest_1samp(errors, 0.0)
    assert found.p_value == pytest.approx(normal.pvalue, abs=0.02)
    low, high = normal.confidence_interval()
    assert found.difference.low == pytest.approx(low, abs=0.12 * (high - low))


def test_only_tallies_of_the_same_examples_are_compared() -> None:
    (first, second), expected = systems(10, 0.5, 0.6)
    one, other = tallied("accuracy", [first, second], expected)
    with pytest.raises(ValueError, match="same examples"):
        paired_test(one, other.part(np.arange(5)))
    with pytest.raises(ValueError, match="same examples"):
        paired_test(one, TALLIES["accuracy"](second, expected, label_count=3))


def test_differences_that_are_as_large_count_half() -> None:
    # Larger: one; as large: two, and the one that was seen.
    assert mid_p(0.2, np.array([0.3, 0.2, -0.2, 0.1, NAN])) == pytest.approx((1 + 3 / 2) / 5)


def test_runs_of_one_system_are_scored_by_their_mean() -> None:
    made, expected = systems(60, 0.3, 0.4, 0.7, 0.8, 0.9)
    for name in ("accuracy", "f1_macro", "matthews"):
        runs = tallied(name, made, expected)
        first, second = joined([runs[:2], runs[2:]])
        assert first.score == pytest.approx(np.mean([run.score for run in runs[:2]]))
        assert second.score == pytest.approx(np.mean([run.score for run in runs[2:]]))
        found = paired_test(first, second)
        assert found.difference.value == pytest.approx(second.score - first.score)
        assert found.p_value < 0.05


def test_runs_with_many_labels_are_joined_in_sparse_matrices() -> None:
    made, expected = systems(300, 0.5, 0.6, 0.7, labels=70)
    runs = tallied("f1_macro", made, expected, 70)
    assert hasattr(runs[0].counts, "toarray")
    first, second = joined([runs[:1], runs[1:]])
    assert second.score == pytest.approx((runs[1].score + runs[2].score) / 2)
    assert paired_test(first, second, shuffles=500).p_value < 0.05


def test_single_runs_are_joined_to_themselves() -> None:
    runs = tallied("accuracy", *systems(20, 0.5, 0.6))
    assert joined([[runs[0]], [runs[1]]]) == runs


def test_the_mean_of_two_runs_by_hand() -> None:
    # Run 1 of the first system has 1 of 4 right, run 2 has 3: 1/2; the second system has all: 1.
    expected = np.ones(4, dtype=int)
    made = [np.array([1, 0, 0, 0]), np.array([1, 1, 1, 0]), expected]
    runs = tallied("accuracy", made, expected, 2)
    first, second = joined([runs[:2], runs[2:]])
    assert (first.score, second.score) == (0.5, 1.0)
    found = paired_test(first, second, shuffles=50_000)
    # The second is better by 0, 1/2, 1/2 and 1: of the 8 sums of +-1/2, +-1/2, +-1 the size 2 occurs twice.
    assert found.p_value == pytest.approx(1 / 8, abs=0.006)
    assert found.differing == 3


def test_ranks_are_swapped_row_by_row() -> None:
    draws = np.random.default_rng(9)
    expected = draws.normal(size=9)
    first, second = expected + 2 * draws.normal(size=9), expected + 0.3 * draws.normal(size=9)

    def spearman(left: Any, right: Any) -> float:
        return METRICS["spearman"].function(left, right, label_count=1)

    found = paired_test_of_rows(spearman, [first], [second], expected, shuffles=4000)
    assert found.p_value == pytest.approx(every_swap("spearman", first, second, expected, 1), abs=0.03)
    assert found.difference.value == pytest.approx(spearman(second, expected) - spearman(first, expected))
    assert found.difference.low <= found.difference.value <= found.difference.high
    same = paired_test_of_rows(spearman, [first], [first], expected)
    assert (same.p_value, same.differing) == (1.0, 0)
    constant = paired_test_of_rows(spearman, [first], [np.zeros(9)], expected)
    assert math.isnan(constant.p_value)


def test_ranks_of_several_runs_are_their_mean() -> None:
    draws = np.random.default_rng(10)
    expected = draws.normal(size=50)
    runs = [expected + spread * draws.normal(size=50) for spread in (1.0, 1.2, 0.1)]

    def spearman(left: Any, right: Any) -> float:
        return METRICS["spearman"].function(left, right, label_count=1)

    found = paired_test_of_rows(spearman, runs[:2], runs[2:], expected, shuffles=500)
    scores = [spearman(run, expected) for run in runs]
    assert found.difference.value == pytest.approx(scores[2] - np.mean(scores[:2]))
    assert found.p_value < 0.05


def test_welch_over_seeds() -> None:
    first, second = [0.80, 0.82, 0.81], [0.85, 0.90, 0.88, 0.86]
    expected = stats.ttest_ind(first, second, equal_var=False).pvalue
    assert over_seeds(first, second) == pytest.approx(float(expected))
    # One that does not vary: a t-test with one degree of freedom, t = (0.9 - 0.8) / (0.02 / 2) = 10.
    assert over_seeds([0.8, 0.8], [0.89, 0.91]) == pytest.approx(2 * float(stats.t.sf(10, 1)))


@pytest.mark.parametrize(
    ("first", "second"), [([0.8], [0.9, 0.91]), ([0.8, 0.8], [0.9, 0.9]), ([0.8, NAN], [0.9, 0.91])]
)
def test_seeds_that_say_nothing_of_chance(first: list[float], second: list[float]) -> None:
    assert math.isnan(over_seeds(first, second))


def test_the_interval_of_a_mean_is_that_of_textbooks() -> None:
    draws = np.random.default_rng(12)
    first, second = draws.normal(size=15), draws.normal(size=15)
    whole = mean_tally(np.concatenate([first, second]))
    found = paired_test(whole.part(np.arange(15)), whole.part(np.arange(15, 30)), shuffles=200_000)
    half = 1.96 * np.std(second - first, ddof=1) / math.sqrt(15)
    # The deviation of 20,000 resamples is known to 0.5 %.
    assert found.difference.low == pytest.approx(found.difference.value - half, abs=0.02 * half)
    assert found.difference.high == pytest.approx(found.difference.value + half, abs=0.02 * half)


def test_holm_by_hand() -> None:
    # Sorted 0.01 0.02 0.03 0.04, times 4 3 2 1: 0.04 0.06 0.06 0.04, and never less than the one before.
    assert holm([0.03, 0.01, 0.04, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.01, 0.02], family=3) == pytest.approx([0.03, 0.04])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []
    corrected = holm([NAN, 0.01])
    assert math.isnan(corrected[0])
    assert corrected[1] == 0.01
