from __future__ import annotations

import math
from typing import Any

import pytest

from bertkit.data.label_values import LabelColumn, as_written
from bertkit.data.labels import LabelReader, LabelSet, learn_labels
from bertkit.errors import DataError

NLI = ("entailment", "neutral", "contradiction")


def learn(
    *splits: list[Any], problem: str = "auto", names: list[str] | None = None, classes: tuple[str, ...] = ()
) -> LabelSet:
    return learn_labels([LabelColumn(values, classes) for values in splits], problem=problem, names=names)


def read(value: Any, *names: str, problem: str = "single_label", **options: Any) -> Any:
    return LabelReader(LabelSet(problem, names), **options).read(value)


def fault(value: Any, *names: str, **options: Any) -> DataError:
    with pytest.raises(DataError) as caught:
        read(value, *names, **options)
    return caught.value


# --- what kind of labels, and which ---


@pytest.mark.parametrize(
    ("values", "problem", "names"),
    [
        (["pos", "neg", "pos"], "single_label", ("neg", "pos")),
        ([1, 0, 1], "single_label", ("0", "1")),
        (["10", "9", "10"], "single_label", ("9", "10")),  # text of a CSV, in the order of numbers
        ([3.0, 1.0, math.nan, 2.0], "single_label", ("1", "2", "3")),
        (["3.0", "1.0", "", "2"], "single_label", ("1", "2", "3")),
        ([True, False], "single_label", ("false", "true")),
        (["1", "x"], "single_label", ("1", "x")),
        ([0.5, 1.0, 3.25], "regression", ()),
        (["0.5", "1", "3.25", ""], "regression", ()),
        ([["a", "b"], ["c"], []], "multi_label", ("a", "b", "c")),
        ([[0, 2], [1]], "multi_label", ("0", "1", "2")),
        (["a,b", "a", "b", "b, a"], "multi_label", ("a", "b")),
        (["Arts, Crafts", "Beauty", "Books"], "single_label", ("Arts, Crafts", "Beauty", "Books")),
        (["--5", "5"], "single_label", ("--5", "5")),
        (["007", "8"], "single_label", ("007", "8")),
    ],
)
def test_learned(values: list[Any], problem: str, names: tuple[str, ...]) -> None:
    assert learn(values) == LabelSet(problem, names)


def test_class_names_keep_their_order() -> None:
    assert learn([2, 0, -1], classes=NLI) == LabelSet("single_label", NLI)


def test_class_names_of_a_later_split_serve_an_own_training_file() -> None:
    columns = [LabelColumn(["neutral", "entailment"]), LabelColumn([0, 1, 2], NLI)]
    assert learn_labels(columns, problem="auto", names=None).names == NLI


def test_labels_of_all_splits_are_collected() -> None:
    assert learn(["a", "b"], ["c"]).names == ("a", "b", "c")


def test_recipe_names_win() -> None:
    assert learn([0, 1], names=["negative", "positive"]).names == ("negative", "positive")
    assert learn([0.5, 1.5], names=["a", "b"]).problem == "single_label"
    assert learn([["a"]], names=["a", "b"]).problem == "multi_label"
    assert learn(["a,B", "a"], names=["a", "b"]).problem == "multi_label"
    assert learn(["a,c", "a"], names=["a", "b"]).problem == "single_label"
    assert learn(["a,b", "a"], names=["a", "b", "a,b"]).problem == "single_label"


def test_problem_given() -> None:
    assert learn([1, 2, 3], problem="regression") == LabelSet("regression")
    assert learn(["a,b", "c"], problem="multi_label").names == ("a", "b", "c")
    assert learn(["a,b", "a", "b"], problem="single_label").names == ("a", "a,b", "b")


@pytest.mark.parametrize("mark", [-1, -1.0, "-1", "-1.0", "", "-", None, math.nan])
def test_hidden_labels_are_no_labels(mark: Any) -> None:
    assert learn([0, 1, 2, mark]).names == ("0", "1", "2")
    assert learn(["a", mark, "b"]).names == ("a", "b")


@pytest.mark.parametrize(
    "values", [[-1, 1], [-1, 0, 1], ["-1", "1"], ["-1", "0", "1", ""], [-2, -1, 0, 1, 2], [-1.0, 0.0, 1.0]]
)
def test_minus_one_of_a_scale_is_a_label(values: list[Any]) -> None:
    learned = learn(values)
    assert "-1" in learned.names
    assert read(-1, *learned.names) == learned.names.index("-1")


def test_minus_one_hides_the_labels_of_an_eval_split() -> None:
    assert learn([0, 1], [-1, -1]).names == ("0", "1")


@pytest.mark.parametrize("values", [[], [None, ""], ["a", "a"], [2, -1, 2]])
def test_fewer_than_two_labels(values: list[Any]) -> None:
    with pytest.raises(DataError, match=r"the label column holds (no label|only one label)"):
        learn(values)


def test_a_column_of_texts_is_no_label_column() -> None:
    with pytest.raises(DataError, match="the label column holds 100 different labels in 100 rows"):
        learn([f"text {number}" for number in range(100)])
    assert len(learn([f"intent {number % 60}" for number in range(100)]).names) == 60


# --- from a raw label to a target ---


@pytest.mark.parametrize(("value", "target"), [(0, 0), (2, 2), ("neutral", 1), ("Neutral ", 1), (-1, None)])
def test_class_label_numbers(value: Any, target: int | None) -> None:
    assert read(value, *NLI, class_names=NLI) == target


def test_class_labels_are_matched_by_name_not_by_number() -> None:
    assert read(0, *NLI, class_names=("contradiction", "neutral", "entailment")) == 2


def test_class_number_without_a_name() -> None:
    assert fault(3, *NLI, class_names=NLI).message.startswith("the label '3' is not among the labels: entail")
    assert fault(2, *NLI, class_names=NLI[:2]).message.startswith("the label '2' is not among")


@pytest.mark.parametrize(("value", "target"), [(0, 0), ("1", 1), (1.0, 1), ("1.0", 1), ("positive", 1)])
def test_numbers_are_positions_of_the_recipes_names(value: Any, target: int) -> None:
    assert read(value, "negative", "positive") == target


def test_a_position_that_is_not_there() -> None:
    assert fault(2, "negative", "positive").message == (
        "the label '2' is not among the labels: negative, positive"
    )


@pytest.mark.parametrize("value", ["1", 1, 1.0, "1.0", "01"])
def test_numeric_names_are_never_positions(value: Any) -> None:
    assert read(value, "1", "2", "3") == 0


def test_numeric_names_leave_no_position_zero() -> None:
    assert fault(0, "1", "2", "3").message.startswith("the label '0' is not among")
    assert fault(0, "1", "many").message.startswith("the label '0' is not among")


@pytest.mark.parametrize("mark", [-1, "-1", "-1.0", "", " ", "-", None, math.nan])
def test_unlabelled(mark: Any) -> None:
    assert read(mark, "a", "b") is None
    assert read(mark, "0", "1") is None


def test_marks_that_are_labels() -> None:
    assert read("-", "+", "-") == 1
    assert read(-1, "-1", "0", "1") == 0
    assert read("-1.0", "-1", "0", "1") == 0
    assert read(-1, "-1.0", "1.0") == 0


@pytest.mark.parametrize(("value", "target"), [(True, 1), (False, 0), ("True", 1), ("FALSE", 0), ("true", 1)])
def test_booleans(value: Any, target: int) -> None:
    assert read(value, "false", "true") == target
    assert read(value, "False", "True") == target


def test_names_that_differ_by_case_only() -> None:
    assert [read(name, "us", "US") for name in ("us", "US")] == [0, 1]


def test_aliases() -> None:
    aliases = {"contradictory": "contradiction"}
    assert read("Contradictory", *NLI, aliases=aliases) == 2
    assert fault("contradictory", "a", "b", aliases=aliases).message.startswith("the label 'contradictory'")


def test_unknown_label_names_the_nearest() -> None:
    error = fault("positiv", "negative", "positive")
    assert error.message == "the label 'positiv' is not among the labels: negative, positive"
    assert error.hint == "did you mean 'positive'? mend the row"
    assert fault("xyz", "negative", "positive").hint == "mend the row, or name all: --set task.labels=[...]"


def test_many_labels_are_not_all_listed() -> None:
    message = fault("zzz", *(f"topic {letter}" for letter in "abcdefghijklmnopqrstuvwxy")).message
    assert message.endswith("topic t, ...")


def test_list_where_one_label_is_meant() -> None:
    assert fault(["a", "b"], "a", "b").hint.endswith("--set task.problem=multi_label")


@pytest.mark.parametrize(
    ("value", "target"),
    [(0.5, 0.5), ("3.25", 3.25), (2, 2.0), ("-1", -1.0), (-1, -1.0), ("1e-3", 0.001), (None, None),
     ("", None), ("-", None), (math.nan, None)],
)  # fmt: skip
def test_regression(value: Any, target: float | None) -> None:
    assert read(value, problem="regression") == target


@pytest.mark.parametrize("value", ["good", "nan", "inf", math.inf, ["1"]])
def test_regression_needs_numbers(value: Any) -> None:
    assert fault(value, problem="regression").message.endswith("is not a number")


@pytest.mark.parametrize(
    ("value", "target"),
    [(["a", "c"], (1, 0, 1)), ([], (0, 0, 0)), ("a, C", (1, 0, 1)), ("b", (0, 1, 0)), ([2, 0], (1, 0, 1)),
     (["a", None], (1, 0, 0)), (None, None), ("", None), (-1, None), ("-", None), (["a", "a"], (1, 0, 0))],
)  # fmt: skip
def test_several_labels(value: Any, target: tuple[int, ...] | None) -> None:
    assert read(value, "a", "b", "c", problem="multi_label") == target


def test_list_of_class_numbers() -> None:
    assert read([2, 0], "a", "b", "c", problem="multi_label", class_names=("c", "b", "a")) == (1, 0, 1)


def test_unknown_name_in_a_list() -> None:
    assert fault(["a", "d"], "a", "b", problem="multi_label").message.startswith("the label 'd' is not among")


def test_marks_of_zero_and_one_are_not_taken_for_names() -> None:
    assert "marks each label with 0 or 1" in fault([0, 1, 0], "a", "b", "c", problem="multi_label").message
    with pytest.raises(DataError, match="marks each label"):
        learn([[0, 1, 1], [1, 0, 0]])


def test_object_is_no_label() -> None:
    assert fault({"a": 1}, "a", "b").message == "the label {'a': 1} is an object"


def test_written() -> None:
    values = [1, 2.5, 2.0, " x ", "", None, True, [0]]
    assert [as_written(value) for value in values] == ["1", 2.5, "2", "x", None, None, "true", ["0"]]
    assert list(LabelColumn([0, -1, 1], ("a", "b")).written()) == ["a", None, "b"]


def test_outputs_of_the_head() -> None:
    assert [LabelSet("regression").outputs, LabelSet("single_label", ("a", "b")).outputs] == [1, 2]
