"""Groups of examples by texts and columns, and the gap between them."""

from __future__ import annotations

import math
import tracemalloc
from typing import Any

import numpy as np
import pytest

from bertkit.evaluation.grouping import (
    MISSING,
    OTHERS,
    by_length,
    by_negation,
    by_unseen_words,
    by_value,
    vocabulary,
    word_count,
)
from bertkit.evaluation.results import Grouping
from bertkit.evaluation.slices import ENOUGH, sliced


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


def test_numbers_that_are_texts_or_lack_some_are_cut_into_quarters_too() -> None:
    quarters = {"0 to 24", "25 to 49", "50 to 74", "75 to 99"}
    assert set(by_value([str(number) for number in range(100)])) == quarters
    texts = by_value([*map(str, range(100)), "", " NaN "])
    assert texts[-2:] == [MISSING] * 2
    assert set(texts[:-2]) == quarters
    numbers = by_value([None, *range(100), float("nan")])
    assert numbers[1] == "0 to 24"
    assert (numbers[0], numbers[-1], set(numbers)) == (MISSING, MISSING, quarters | {MISSING})
    assert by_value(["1_0", *map(str, range(100))]).count(OTHERS) == 90  # one is no number: they are names
    assert len(set(by_value([10**400 + number for number in range(100)]))) == 12


def test_quarters_of_large_whole_numbers_do_not_look_alike() -> None:
    assert by_value([1_600_000_000 + number for number in range(100)])[0] == "1,600,000,000 to 1,600,000,024"


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


@pytest.mark.parametrize("size", [12, 40, 200])
def test_chance_of_a_gap_between_groups_that_do_not_differ_is_spread_evenly(size: int) -> None:
    draws = np.random.default_rng(3)
    groups = ["a", "b", "c", "d"] * size
    chances = []
    for _ in range(500):
        predicted = (draws.random(4 * size) < 0.3).astype(np.int64)
        found = sliced("column", groups, "accuracy", predicted, np.zeros(4 * size, np.int64), label_count=2)
        assert found is not None
        assert found.gap is not None
        chances.append(found.gap.chance)
    assert 0.03 <= np.mean(np.array(chances) < 0.05) <= 0.07
    assert 0.45 <= np.mean(chances) <= 0.55


def test_the_chance_of_few_examples_is_that_of_all_ways_to_deal_them() -> None:
    # Four wrong ones among 20: of 4,845 ways to place them 210 have all in the one ten, 210 in the other.
    predicted = [1] * 4 + [0] * 16
    found = sliced("column", ["a"] * 10 + ["b"] * 10, "accuracy", predicted, [0] * 20, label_count=2)
    assert found is not None
    assert found.gap is not None
    assert found.gap.chance == pytest.approx(2 * 210 / 4845 / 2, abs=0.015)


def test_kinds_that_are_nearly_all_distinct_are_dealt_out_as_the_few_are() -> None:
    draws = np.random.default_rng(5)
    groups = ["a", "b"] * 1500
    errors = np.round(draws.random(3000), 1) + np.where(np.arange(3000) % 2, 0.02, 0.0)
    chances = []
    for noise in (0.0, 1e-9):  # with it all errors differ, and no score changes
        predicted = errors + noise * np.arange(3000)
        found = sliced("column", groups, "mae", predicted, np.zeros(3000), label_count=1)
        assert found is not None
        assert found.gap is not None
        chances.append(found.gap.chance)
    assert chances[0] == pytest.approx(chances[1], abs=0.03)
    assert 0.001 < chances[0] < 0.5


def _found(group: str, grouping: Grouping | None) -> float:
    assert grouping is not None
    return next(each.scores[grouping.metric or ""].value for each in grouping.groups if each.group == group)


@pytest.mark.parametrize(
    ("metric", "nothing", "right", "wrong"),
    [
        ("entity_f1", (["O"], ["O"]), (["B-PER"], ["B-PER"]), (["O"], ["B-PER"])),
        ("slot_f1", (("a", ["O"]),) * 2, (("a", ["B-x"]),) * 2, (("a", ["O"]), ("a", ["B-x"]))),
        ("answerable_f1", ("", []), ("here", ["here"]), ("there", ["here"])),
        ("f1", (0, 0), (1, 1), (0, 1)),
        ("recall", (0, 0), (1, 1), (0, 1)),
    ],
)  # fmt: skip
def test_a_group_with_nothing_to_find_is_not_the_worst(
    metric: str, nothing: Any, right: Any, wrong: Any
) -> None:
    pairs = [nothing] * 15 + [right] * 20 + [right] * 10 + [wrong] * 10
    groups = ["empty"] * 15 + ["good"] * 20 + ["poor"] * 20
    predicted, expected = zip(*pairs, strict=True)
    grouping = sliced("column", groups, metric, predicted, expected, label_count=2)
    assert math.isnan(_found("empty", grouping))
    assert _found("good", grouping) == 1.0
    assert grouping is not None
    assert grouping.gap is not None
    assert (grouping.gap.best, grouping.gap.worst) == ("good", "poor")
    # Deals that leave a group without any are compared by the rest of the groups.
    assert 0 < grouping.gap.chance < 0.05


def test_finding_what_is_not_there_is_a_fault_and_not_nothing() -> None:
    predicted = [["B-PER"]] * 15 + [["B-PER"]] * 15
    expected = [["O"]] * 15 + [["B-PER"]] * 15
    grouping = sliced(
        "column", ["false"] * 15 + ["true"] * 15, "entity_f1", predicted, expected, label_count=0
    )
    assert _found("false", grouping) == 0.0
    assert grouping is not None
    assert grouping.gap is not None
    assert grouping.gap.worst == "false"


def test_one_long_name_does_not_make_all_names_long() -> None:
    names = ["long " * 20_000, *(f"n{number % 40}" for number in range(5_000))]
    tracemalloc.start()
    try:
        groups = by_value(names)
        sliced("column", [names[0], *groups[1:]], "accuracy", [0] * 5001, [0] * 5001, label_count=2)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 50_000_000  # 5,001 names of 100,000 characters would be 2 GB


def test_names_that_begin_like_numbers_are_put_in_order_without_being_numbers() -> None:
    groups = ["1.2.3", "1.10.1", "...", "2020-01-02", ",5"]
    found = sliced("version", groups, "accuracy", [0] * 5, [0] * 5, label_count=2)
    assert found is not None
    assert {group.group for group in found.groups} == set(groups)


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
