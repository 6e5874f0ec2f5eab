"""What the formulas do at the edge of what a float holds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import pearsonr

from bertkit.evaluation.formulas import pearson


@pytest.mark.parametrize("offset", [0.0, 1e6, 1e9, 1e12])
def test_correlation_far_from_zero(offset: float) -> None:
    draws = np.random.default_rng(0)
    left = draws.normal(size=1000)
    right = left + draws.normal(size=1000)
    expected = pearsonr(left + offset, right + offset)[0]
    assert pearson(left + offset, right + offset, label_count=1) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1e200, 1e300])
def test_correlation_of_values_whose_squares_leave_the_range(scale: float) -> None:
    left = np.array([0.1, 0.5, 0.3, 0.9])
    right = np.array([0.2, 0.4, 0.3, 0.5])
    expected = pearsonr(left, right)[0]
    assert pearson(left * scale, right, label_count=1) == pytest.approx(expected, abs=1e-12)
