"""Columns, labels, weights, windows and losses of classification, worked by hand."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from bertkit.data.features import Features
from bertkit.data.labels import LabelSet
from bertkit.errors import DataError
from bertkit.tasks.base import Example
from bertkit.tasks.classification import ClassificationTask

AB = LabelSet("single_label", ("a", "b"))


def task_of(labels: LabelSet = AB, text: tuple[str, ...] = ("review",)) -> ClassificationTask:
    return ClassificationTask(text=text, label="stars", labels=labels)


def features_of(examples: list[int]) -> Features:
    count = len(examples)
    return Features(np.zeros(count, np.int32), None, np.arange(count + 1), np.asarray(examples, np.int32))


def examples_of(count: int) -> list[Example]:
    return [Example(str(number), ("x",), None) for number in range(count)]


def right(*labels: object) -> dict[str, torch.Tensor]:
    return {"label": torch.tensor(labels)}


def outputs_of(values: list[list[float]]) -> SimpleNamespace:
    return SimpleNamespace(logits=torch.tensor(values))


def test_rows_without_label_or_text_are_left_out_and_counted(make_rows) -> None:
    rows = make_rows([
        {"review": "x", "stars": "a"}, {"review": None, "stars": "b"}, {"review": "y", "stars": ""},
        {"review": 7, "stars": "b"}, {"review": "", "stars": "a"},
    ])  # fmt: skip
    found = task_of().examples(rows)
    assert [(e.id, e.texts, e.target) for e in found.examples] == [
        ("0", ("x",), 0),
        ("3", ("7",), 1),
        ("4", ("",), 0),
    ]
    assert (found.without_label, found.without_text) == (1, 1)
    assert [e.target for e in task_of().examples(rows, keep_unlabelled=True).examples] == [0, None, 1, 0]


def test_a_label_outside_the_set_names_its_row(make_rows) -> None:
    rows = make_rows([{"review": "x", "stars": "a"}, {"review": "x", "stars": "c"}])
    with pytest.raises(DataError, match=r"rows\.jsonl:2: the label 'c' is not among the labels: a, b"):
        task_of().examples(rows)


def test_labels_of_a_split_that_may_have_none(make_rows) -> None:
    """The column is found as everywhere: without regard to case and to `_`, `-` and spaces."""
    task = ClassificationTask(text=("review",), label="Star Rating", labels=AB)
    rows = make_rows([{"review": "x", "star_rating": "b"}])
    assert [e.target for e in task.examples(rows, keep_unlabelled=True).examples] == [1]
    rows = make_rows([{"review": "x"}])
    assert [e.target for e in task.examples(rows, keep_unlabelled=True).examples] == [None]
    with pytest.raises(DataError, match="no column 'Star Rating'"):
        task.examples(rows)


def test_own_ids_are_kept(make_rows) -> None:
    rows = make_rows([{"review": "x", "stars": "a", "idx": 17}, {"review": "x", "stars": "a", "idx": None}])
    assert [e.id for e in task_of().examples(rows).examples] == ["17", "1"]


@pytest.mark.parametrize(
    ("record", "text"),
    [
        ({"review": "x"}, "x"),
        ({" Review ": "x", "text": "other"}, "x"),
        ({"text": "x"}, "x"),
        ({"review": 5}, "5"),
        ({"review": ""}, ""),
    ],
)
def test_a_record_is_read(record: dict[str, object], text: str) -> None:
    assert task_of().read(record, "3") == Example("3", (text,), None)


@pytest.mark.parametrize("record", [{}, {"reviews": "x"}, {"review": None}, {"review": ["x"]}])
def test_records_without_a_text(record: dict[str, object]) -> None:
    with pytest.raises(DataError, match="review"):
        task_of().read(record, "0")


def test_class_weights_by_hand() -> None:
    examples = [Example(str(n), ("x",), target) for n, target in enumerate([0, 0, 0, 1])]
    features = features_of([0, 1, 2, 3, 3])  # the last example has two windows
    auto = task_of().targets(examples, features, label_weights="auto").weights
    # Four rows, two labels: 4 / (2 * 3) for `a`, 4 / (2 * 1) for `b`, shared by its two windows.
    assert auto.tolist() == pytest.approx([2 / 3, 2 / 3, 2 / 3, 1.0, 1.0])
    given = task_of().targets(examples, features, label_weights={"b": 5.0}).weights
    assert given.tolist() == pytest.approx([1, 1, 1, 2.5, 2.5])
    with pytest.raises(DataError, match="'c'"):
        task_of().targets(examples, features, label_weights={"c": 1.0})
    with pytest.raises(DataError, match="one label a row"):
        task_of(LabelSet("multi_label", ("a", "b"))).targets(
            [Example("0", ("x",), (1, 0))], features_of([0]), label_weights="auto"
        )


def test_losses_by_hand() -> None:
    half = math.log(2)
    single = task_of().loss(outputs_of([[0.0, 0.0], [0.0, math.log(3)]]), right(0, 1), label_smoothing=0.0)
    assert single.tolist() == pytest.approx([half, -math.log(0.75)])
    smoothed = task_of().loss(outputs_of([[0.0, math.log(3)]]), right(1), label_smoothing=0.2)
    assert smoothed.tolist() == pytest.approx([-0.9 * math.log(0.75) - 0.1 * math.log(0.25)])
    several = task_of(LabelSet("multi_label", ("a", "b"))).loss(
        outputs_of([[0.0, math.log(3)]]), right([1.0, 1.0]), label_smoothing=0.0
    )
    assert several.tolist() == pytest.approx([(half - math.log(0.75)) / 2])
    number = task_of(LabelSet("regression")).loss(outputs_of([[1.5]]), right(1.0), label_smoothing=0.0)
    assert number.tolist() == pytest.approx([0.25])


def test_windows_are_averaged() -> None:
    kept = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]], dtype=np.float32)
    first, second = task_of().decode(kept, features_of([0, 1, 1]), examples_of(2))
    assert (first.value, first.score) == ("a", 0.9)
    assert (second.value, second.score) == ("b", pytest.approx(0.7))
    assert second.scores == {"a": pytest.approx(0.3), "b": pytest.approx(0.7)}


def test_several_labels_from_a_half_on() -> None:
    task = task_of(LabelSet("multi_label", ("a", "b", "c")))
    kept = task.keep(outputs_of([[0.0, -0.1, 2.0]]))
    (prediction,) = task.decode(kept, features_of([0]), examples_of(1))
    assert prediction.value == ["a", "c"]
    assert prediction.score is None


def test_keep_is_float32_also_from_bfloat16() -> None:
    kept = task_of().keep(SimpleNamespace(logits=torch.zeros(1, 2, dtype=torch.bfloat16)))
    assert kept.dtype == np.float32
    assert kept.tolist() == [[0.5, 0.5]]
