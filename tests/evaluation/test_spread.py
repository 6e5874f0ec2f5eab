from __future__ import annotations

import math

import pytest

from bertkit.evaluation.spread import Spread, spread_of


def test_worked_by_hand() -> None:
    # mean 0.9; deviations -0.02, 0, 0.02; (0.0004 + 0 + 0.0004) / 2 = 0.0004, of which the root is 0.02
    spread = spread_of([0.92, 0.88, 0.90])
    assert spread.mean == pytest.approx(0.9)
    assert spread.deviation == pytest.approx(0.02)
    assert (spread.low, spread.high, spread.n) == (0.88, 0.92, 3)


def test_equal_scores_do_not_vary() -> None:
    assert spread_of([0.1] * 3).deviation == 0
    assert spread_of([0.1] * 3).mean == pytest.approx(0.1)


def test_one_score_has_no_deviation() -> None:
    spread = spread_of([0.5])
    assert (spread.mean, spread.low, spread.high, spread.n) == (0.5, 0.5, 0.5, 1)
    assert math.isnan(spread.deviation)
    assert spread.as_dict()["deviation"] is None


def test_a_score_that_is_not_defined_makes_the_mean_so() -> None:
    spread = spread_of([0.5, math.nan])
    assert math.isnan(spread.mean)
    assert spread.n == 2
    assert spread.as_dict() == {"mean": None, "deviation": None, "low": None, "high": None, "n": 2}


def test_nothing_has_no_spread() -> None:
    with pytest.raises(ValueError, match="needs scores"):
        spread_of([])
    assert isinstance(spread_of([1]), Spread)
