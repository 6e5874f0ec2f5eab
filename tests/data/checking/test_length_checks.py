from __future__ import annotations

import numpy as np
import pytest

from bertkit.data.checking.length_checks import check_lengths, measure


def check(lengths: list[int], *, limit: int = 128, windowed: bool = False, positions: int = 512, **options):
    counted = np.asarray(lengths)
    cut = options.pop("cut_questions", 0)
    found = measure("train", counted, limit=limit, windowed=windowed, cut_questions=cut)
    return check_lengths(found, counted, positions=positions, single=options.pop("single", True))


def test_median_most_and_longest() -> None:
    found = measure("train", np.arange(1, 101), limit=90, windowed=False)
    assert (found.median, found.most, found.longest, found.over) == (50, 95, 100, 10)
    assert measure("train", np.arange(1, 101), limit=90, windowed=False, unit="words").over == 0


def test_all_fit_to_the_last_token() -> None:
    assert check([5, 128]).text == "all texts fit 128 tokens"
    assert check([5, 129]).severity == "warning"


@pytest.mark.parametrize(
    ("longest", "positions", "single", "advice"),
    [
        (150, 512, True, "--set train.max_length=192, or --window 128"),
        (150, 512, False, "--set train.max_length=192"),
        (900, 512, True, "--window 256"),
        (900, 512, False, "--set train.max_length=512 cuts fewer"),
        (900, 128, False, ""),
        (150, 128, False, ""),
        (150, 128, True, "--window 128"),
    ],
)
def test_the_setting_that_treats_it(longest: int, positions: int, single: bool, advice: str) -> None:
    found = check([20] * 50 + [longest] * 50, positions=positions, single=single)
    assert (found.severity, found.advice) == ("warning", advice)
    assert found.text == "50 of 100 texts (50.0 %) are cut at 128 tokens"


def test_a_few_cut_texts_are_a_remark() -> None:
    assert check([20] * 99 + [900]).severity == "good"
    assert check([20] * 98 + [900] * 2).severity == "warning"


def test_windows_lose_nothing_but_cut_questions_do() -> None:
    assert check([20, 900], windowed=True).severity == "good"
    assert "1 of 2 texts (50.0 %) are read in several windows" in check([20, 900], windowed=True).text
    assert check([20, 900], windowed=True, cut_questions=3).severity == "warning"
