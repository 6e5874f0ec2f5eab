"""Groups of examples by texts and columns, and the gap between them."""

from __future__ import annotations

import numpy as np
import pytest

from bertkit.evaluation.slices import (
    ENOUGH,
    MISSING,
    OTHERS,
    by_length,
    by_negation,
    by_unseen_words,
    by_value,
    sliced,
    vocabulary,
    word_count,
)


def test_each_chinese_character_is_a_word() -> None:
    assert word_count(("这 部电影 good film", "a b")) == 8


def test_lengths_are_cut_into_quarters_that_say_what_they_hold() -> None:
    groups = by_length([("word " * count,) for count in range(1, 9)])
    assert groups == [
        name for name in ("1 to 2 words", "3 to 4 words", "5 to 6 words", "7 to 8 words") for _ in range(2)
    ]
    assert by_length([("one",)] * 3 + [("one two",)]) == ["1 word"] * 3 + ["2 words"]
    assert by_length([]) == []


@pytest.mark.parametrize(
    ("text", "group"),
    [("it is NOT good", "with"), ("it does n't work", "with"), ("it isn\u2019t", "with"), ("never", "with"),
     ("a notable knot", "without"), ("", "without")],
)  # fmt: skip
def test_negation(text: str, group: str) -> None:
    assert by_negation([(text,)]) == [group]


def test_negation_in_either_text_of_a_pair_counts() -> None:
    assert by_negation([("yes", "no")]) == ["with"]


def test_unseen_words_are_told_without_case_and_counted_once() -> None:
    known = vocabulary([("The film", "a Plot")])
    assert by_unseen_words([("the PLOT",), ("the actor, the actor",), ("new actor", "film")], known) == [
        "0",
        "1",
        "2 or more",
    ]


def test_values_of_a_column_are_groups_and_rare_ones_are_put_together() -> None:
    assert by_value(["de", None, "", "fr"]) == ["de", MISSING, MISSING, "fr"]
    many = [f"country {number}" for number in range(30)] + ["country 3"] * 5
    groups = by_value(many)
    assert groups.count("country 3") == 6
    assert len(set(groups)) == 12
    assert OTHERS in groups


def test_many_numbers_are_cut_into_quarters() -> None:
    assert set(by_value(list(range(100)))) == {"0 to 24", "25 to 49", "50 to 74", "75 to 99"}
    assert by_value([*range(100), None])[-1] == MISSING


def test_the_gap_is_between_groups_that_are_large_enough() -> None:
    groups = ["a"] * 40 + ["b"] * 40 + ["c"] * (ENOUGH - 1)
    expected = np.zeros(len(groups), dtype=np.int64)
    predicted = np.array([0] * 36 + [1] * 4 + [0] * 20 + [1] * 20 + [1] * (ENOUGH - 1))
    found = sliced("column", groups, "accuracy", predicted, expected, label_count=2)
    assert found is not None
    assert [(group.group, group.rows, group.scores["accuracy"].value) for group in found.groups] == [
        ("a", 40, 0.9),
        ("b", 40, 0.5),
        ("c", ENOUGH - 1, 0.0),
    ]
    assert found.gap is not None
    assert (found.gap.best, found.gap.worst) == ("a", "b")
    assert found.gap.difference == pytest.approx(0.4)
    assert found.gap.chance < 0.01  # Fisher's exact test of these two groups: 0.0002


def test_a_gap_of_errors_has_the_smaller_one_as_best() -> None:
    groups = ["low"] * 20 + ["high"] * 20
    found = sliced("column", groups, "mse", [0.1] * 20 + [1.0] * 20, [0.0] * 40, label_count=1)
    assert found is not None
    assert found.gap is not None
    assert (found.gap.best, found.gap.worst) == ("low", "high")


def test_chance_of_a_gap_between_groups_that_do_not_differ_is_spread_evenly() -> None:
    draws = np.random.default_rng(3)
    chances = []
    for _ in range(200):
        predicted = (draws.random(400) < 0.2).astype(np.int64)
        groups = [str(group) for group in draws.integers(0, 4, 400)]
        found = sliced("column", groups, "accuracy", predicted, np.zeros(400, np.int64), label_count=2)
        assert found is not None
        assert found.gap is not None
        chances.append(found.gap.chance)
    # 200 draws: between 2 % and 9 % below 0.05, and a mean near a half.
    assert 0.02 <= np.mean(np.array(chances) < 0.05) <= 0.09
    assert 0.42 <= np.mean(chances) <= 0.58


def test_one_group_is_no_slice() -> None:
    assert sliced("column", ["a", "a"], "accuracy", [0, 1], [0, 0], label_count=2) is None


def test_numbers_are_read_in_their_order_and_the_rest_comes_last() -> None:
    groups = ["10 to 20 words"] * 3 + ["2 to 9 words"] * 2 + [OTHERS] * 9 + ["1,000 to 2,000 words"]
    found = sliced("length", groups, "accuracy", [0] * 15, [0] * 15, label_count=2)
    assert found is not None
    assert [group.group for group in found.groups] == [
        "2 to 9 words",
        "10 to 20 words",
        "1,000 to 2,000 words",
        OTHERS,
    ]
