from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from bertkit.evaluation import resampling
from bertkit.evaluation.intervals import (
    RESAMPLES,
    enclosing,
    interval,
    paired_shares,
    resampled_interval,
    resampled_totals,
    wilson,
)
from bertkit.evaluation.metrics import METRICS
from bertkit.evaluation.resampling import sample_of
from bertkit.evaluation.tallies import TALLIES
from bertkit.evaluation.tally import mean_tally

NAN = float("nan")


def classes(size: int, labels: int = 3, seed: int = 0) -> tuple[Any, Any]:
    draws = np.random.default_rng(seed)
    expected = draws.integers(0, labels, size)
    return np.where(draws.random(size) < 0.7, expected, draws.integers(0, labels, size)), expected


def naive(
    function: Callable[..., float], predicted: Any, expected: Any, resamples: int, **given: Any
) -> np.ndarray[Any, Any]:
    """The bootstrap as textbooks say it: rows are drawn, and the metric itself scores them."""
    draws = np.random.default_rng(99)
    rows = (draws.integers(0, len(expected), len(expected)) for _ in range(resamples))
    return np.asarray([function(predicted[row], expected[row], **given) for row in rows])


def test_wilson_by_hand() -> None:
    # 8 of 10, z = 1.96: centre (0.8 + 3.8416/20) / 1.38416 = 0.71674,
    # half 1.96/1.38416 * sqrt(0.016 + 3.8416/400) = 1.41602 * 0.16002 = 0.22659
    low, high = wilson(8, 10)
    assert low == pytest.approx(0.71674 - 0.22659, abs=2e-5)
    assert high == pytest.approx(0.71674 + 0.22659, abs=2e-5)


def test_wilson_of_all_and_of_nothing() -> None:
    # None wrong of n: from n / (n + z^2) to 1.
    low, high = wilson(20, 20)
    assert (low, high) == (pytest.approx(20 / (20 + 1.959964**2), abs=1e-6), 1.0)
    assert wilson(0, 20) == (0.0, pytest.approx(1 - low))
    assert all(map(math.isnan, wilson(0, 0)))


def test_the_difference_of_shares_by_hand() -> None:
    # 7 gained, 1 lost of 21: 8/23 and 2/23; difference 6/23 = 0.26087,
    # half 1.96 * sqrt((10/23 - 36/529) / 23) = 1.96 * sqrt(0.015944) = 0.24748
    low, high = paired_shares(7, 1, 21)
    assert low == pytest.approx(0.26087 - 0.24748, abs=5e-5)
    assert high == pytest.approx(0.26087 + 0.24748, abs=5e-5)
    assert paired_shares(1, 0, 1)[1] <= 1.0
    assert all(map(math.isnan, paired_shares(0, 0, 0)))


def test_of_shares_it_is_wilsons() -> None:
    found = interval(TALLIES["accuracy"]([1] * 8 + [0] * 2, [1] * 10, label_count=2))
    assert (found.value, found.low, found.high) == (0.8, *wilson(8, 10))


def test_questions_that_are_not_asked_do_not_count() -> None:
    predicted, expected = ["red", "blue", "", "x"], [["red"], ["red"], [], []]
    tally = TALLIES["unanswerable_accuracy"](predicted, expected)
    assert interval(tally) == interval(TALLIES["accuracy"]([1, 0], [1, 1], label_count=2))


@pytest.mark.parametrize("name", ["f1_macro", "matthews", "f1_weighted", "balanced_accuracy"])
def test_totals_are_drawn_as_rows_would_be(name: str) -> None:
    predicted, expected = classes(150)
    tally = TALLIES[name](predicted, expected, label_count=3)
    scores = np.concatenate([tally.finish(totals) for totals in resampled_totals(tally, resamples=4000)])
    rows = naive(METRICS[name].function, predicted, expected, 4000, label_count=3)
    # The mean of 4,000 draws is known to sd / 63, their sd to 1.1 % of itself: four times that is allowed.
    assert scores.shape == (4000,)
    assert scores.mean() == pytest.approx(rows.mean(), abs=4 * math.sqrt(2) * rows.std() / 63)
    assert scores.std() == pytest.approx(rows.std(), rel=4 * math.sqrt(2) * 0.0112)


def test_draws_are_made_in_pieces_and_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    tally = TALLIES["f1_macro"](*classes(100), label_count=3)
    monkeypatch.setattr(resampling, "DRAWS_AT_ONCE", 100)
    pieces = list(resampled_totals(tally, resamples=57))
    assert len(pieces) > 1
    assert sum(map(len, pieces)) == 57
    # Each resample is of as many examples: predicted and actual sum to them.
    assert np.all(np.concatenate(pieces)[:, 3:6].sum(axis=1) == 100)


def test_more_kinds_than_can_be_drawn_are_drawn_in_groups() -> None:
    draws = np.random.default_rng(5)
    expected = draws.normal(size=60_000)
    predicted = expected + draws.normal(size=60_000)
    tally = TALLIES["pearson"](predicted, expected, label_count=1)
    assert len(tally.counts) == 60_000 > resampling.GROUPS
    found = interval(tally)
    # Fisher: the correlation r of n pairs has the standard deviation (1 - r^2) / sqrt(n) for normal values.
    deviation = (1 - found.value**2) / math.sqrt(60_000)
    assert found.value == pytest.approx(math.sqrt(0.5), abs=5 * deviation)
    assert found.high - found.low == pytest.approx(2 * 1.96 * deviation, rel=0.15)


def test_groups_of_many_labels_in_a_sparse_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    predicted, expected = classes(4000, labels=70)
    tally = TALLIES["f1_macro"](predicted, expected, label_count=70)
    exact = np.concatenate([tally.finish(totals) for totals in resampled_totals(tally)])
    monkeypatch.setattr(resampling, "GROUPS", 500)
    assert tally.counts.shape[0] > 500
    grouped = np.concatenate([tally.finish(totals) for totals in resampled_totals(tally)])
    assert grouped.mean() == pytest.approx(exact.mean(), abs=0.2 * exact.std())
    # The standard deviation of 500 groups is known to 1 / sqrt(1000) of itself.
    assert grouped.std() == pytest.approx(exact.std(), rel=0.16)


def test_skewed_scores_have_skewed_intervals_as_scipy_has() -> None:
    values = np.random.default_rng(3).exponential(size=40) ** 2
    tally, draws = mean_tally(values), np.random.default_rng(2)
    sample = sample_of(tally.codes, tally.counts, draws)
    drawn = np.concatenate([tally.finish(totals) for totals in sample.drawn(20_000, draws)])
    found = enclosing(tally.score, drawn, size=40, acceleration=sample.acceleration(tally.finish))
    oracle = stats.bootstrap(
        (values,), np.mean, method="BCa", n_resamples=20_000, rng=np.random.default_rng(1)
    ).confidence_interval
    width = oracle.high - oracle.low
    assert (found.low, found.high) == pytest.approx((oracle.low, oracle.high), abs=0.03 * width)
    plain = enclosing(tally.score, drawn, size=40)
    assert abs(plain.high - oracle.high) > 0.06 * width  # or the correction would not be seen here
    assert interval(tally).high > (plain.high + oracle.high) / 2


def test_an_interval_is_the_same_each_time() -> None:
    tally = TALLIES["f1_macro"](*classes(80), label_count=3)
    assert interval(tally) == interval(tally)
    assert interval(tally) != interval(tally, seed=1)


@pytest.mark.parametrize(("name", "asked"), [("f1_macro", 30), ("f1", 5), ("precision", 5), ("recall", 5)])
def test_perfect_scores_are_not_certain(name: str, asked: int) -> None:
    expected = np.array([1] * 5 + [0] * 25)
    found = interval(TALLIES[name](expected, expected, label_count=2))
    assert (found.value, found.low, found.high) == (1.0, *wilson(asked, asked))


def test_what_is_never_found_is_as_uncertain_as_it_is_rare() -> None:
    expected = np.array([1] * 5 + [0] * 95)
    found = interval(TALLIES["recall"](np.zeros(100, int), expected, label_count=2))
    assert (found.value, found.low, found.high) == (0.0, *wilson(0, 5))


@pytest.mark.parametrize(
    ("name", "predicted", "expected"),
    [
        ("matthews", [0] * 30, [0, 1] * 15),
        ("matthews", [0, 1] * 15, [0, 1] * 15),
        ("mse", [1.0, 2.0], [0.0, 1.0]),
    ],
)
def test_resamples_that_all_agree_say_nothing_of_what_is_no_share(
    name: str, predicted: list[float], expected: list[float]
) -> None:
    found = interval(TALLIES[name](predicted, expected, label_count=2))
    assert found.value in (0.0, 1.0)
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_one_example() -> None:
    found = interval(TALLIES["accuracy"]([1], [1], label_count=2))
    assert found.low == pytest.approx(0.2065, abs=1e-4)
    assert found.high == 1.0
    error = interval(TALLIES["mse"]([1.0], [3.0], label_count=1))
    assert error.value == 4.0
    assert math.isnan(error.low)
    assert math.isnan(error.high)


@pytest.mark.parametrize("value", [NAN, math.inf])
def test_what_has_no_score_has_no_interval(value: float) -> None:
    tally = TALLIES["f1_macro"](*classes(10), label_count=3)
    found = interval(tally, value=value)
    assert found.value is value
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert math.isnan(interval(tally.part(np.arange(0))).low)


def test_resamples_without_a_score_are_left_out() -> None:
    found = enclosing(0.5, np.array([NAN, 0.4, 0.6, math.inf]), size=10)
    assert 0.4 <= found.low < 0.5 < found.high <= 0.6
    assert math.isnan(enclosing(0.5, np.array([NAN]), size=10).low)
    # Of two predictions that differ, every other resample is constant and has no correlation.
    tally = TALLIES["pearson"]([0.1, 0.9, 0.1], [0.2, 0.8, 0.3], label_count=1)
    assert not math.isnan(interval(tally).low)


def test_the_value_lies_inside() -> None:
    assert enclosing(0.9, np.array([0.1, 0.2, 0.3]), size=3).high == 0.9


def test_ranks_are_drawn_row_by_row() -> None:
    draws = np.random.default_rng(7)
    expected = draws.normal(size=200)
    predicted = expected + draws.normal(size=200)
    function = METRICS["spearman"].function
    value = function(predicted, expected, label_count=1)
    found = resampled_interval(
        lambda rows: function(predicted[rows], expected[rows], label_count=1),
        200,
        value=value,
    )
    rows = naive(function, predicted, expected, RESAMPLES, label_count=1)
    assert (found.low, found.high) == pytest.approx(np.quantile(rows, [0.025, 0.975]), abs=0.03)
    assert math.isnan(resampled_interval(lambda rows: 0.0, 0, value=0.5).low)
