from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bertkit.data.reading import arrow_records
from bertkit.data.reading.arrow_records import ArrowRecords
from bertkit.data.reading.places import CountPlace
from bertkit.data.rows import Rows

if TYPE_CHECKING:
    import datasets

TABLE = [{"text": f"row {number}", "label": number % 3, "parts": [number, None]} for number in range(10)]


def make() -> datasets.Dataset:
    import datasets

    return datasets.Dataset.from_list(TABLE)


@pytest.fixture(params=[1_000, 3])
def dataset(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> datasets.Dataset:
    """Walked in one block, and in several."""
    monkeypatch.setattr(arrow_records, "BLOCK_ROWS", request.param)
    return make()


def test_same_rows_as_the_data_set(dataset: datasets.Dataset) -> None:
    records = ArrowRecords(dataset)
    assert len(records) == 10
    assert list(records) == TABLE
    assert [records[number] for number in range(-10, 10)] == TABLE + TABLE
    assert records.column("parts") == [row["parts"] for row in TABLE]
    with pytest.raises(IndexError):
        records[10]


def test_slices_and_shuffled_data(dataset: datasets.Dataset) -> None:
    order = [7, 2, 9, 0]
    records = ArrowRecords(dataset.select(order))
    assert list(records) == [TABLE[number] for number in order]
    assert list(records[1:3]) == [TABLE[2], TABLE[9]]
    assert records[1:3].column("label") == [2, 0]
    assert list(records[:100]) == list(records)


def test_features_that_are_stored_in_another_form() -> None:
    import datasets

    features = datasets.Features({"answer": datasets.Json()})
    rows = [{"answer": {"a": 1}}, {"answer": "x"}, {"answer": [1]}]
    records = ArrowRecords(datasets.Dataset.from_list(rows, features=features))
    assert list(records) == rows
    assert [records[number] for number in range(3)] == rows
    assert records.column("answer") == [row["answer"] for row in rows]


def test_rows_give_columns_and_their_first_rows() -> None:
    place = CountPlace("x")
    for records in (TABLE, ArrowRecords(make())):
        rows = Rows(records, ("text", "label", "parts"), "x", place, {"label": ("a", "b", "c")})
        assert list(rows.column("label")) == [row["label"] for row in TABLE]
        assert list(rows.first(3).records) == TABLE[:3]
        assert (rows.first(3).class_names, rows.first(3).place) == (rows.class_names, place)
        assert rows.first(10) is rows
