"""Rows that are set aside: so many and no more, each once, in little memory, written so that all can read."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest

from bertkit.data.rejection import ROW_CHARACTERS, RejectedRows, TooManyRejectedError
from bertkit.data.rows import Rows
from bertkit.errors import DataError


def wrong(place: str = "a.csv:2", what: str = "no label") -> DataError:
    return DataError(f"{place}: {what}", hint="mend it")


def test_none_is_set_aside_where_none_may_be() -> None:
    error = wrong()
    with pytest.raises(DataError) as caught:
        RejectedRows().add("a.csv:2", error)
    assert caught.value is error
    with pytest.raises(DataError, match="no label") as caught:
        RejectedRows(advise=True).add("a.csv:2", error)
    assert "--skip-bad-rows" in caught.value.hint and "mend it" in caught.value.hint


def test_one_more_than_may_be_ends_it_with_the_first_ones() -> None:
    rejected = RejectedRows(2)
    rejected.add("a.csv:2", wrong())
    rejected.add("a.csv:7", wrong("a.csv:7", "no text"))
    assert len(rejected) == 2
    with pytest.raises(TooManyRejectedError) as caught:
        rejected.add("b.csv:3", wrong("b.csv:3"))
    said = caught.value.message
    assert "3 rows" in said and "\n" not in said
    assert [said.index(part) for part in ("a.csv:2: no label", "a.csv:7: no text", "b.csv:3: no label")]
    assert "--skip-bad-rows" in caught.value.hint
    with pytest.raises(TooManyRejectedError):  # whoever goes on all the same is told again
        rejected.add("a.csv:2", wrong())


def test_a_row_that_is_read_twice_counts_once() -> None:
    rejected = RejectedRows(1)
    rejected.add("a.csv:2", wrong())
    rejected.add("a.csv:2", wrong(what="something else"))
    assert [row.reason for row in rejected] == ["no label"]


def test_what_is_written(tmp_path: Path) -> None:
    rejected = RejectedRows(10)
    rejected.add("a.csv:2", wrong(), b"x,\xff\x1b[31m\n")
    rejected.add(
        "a.parquet: row 3", wrong("a.parquet: row 3"), {"text": None, "on": datetime.date(2020, 1, 2)}
    )
    rejected.add("b.jsonl:4", wrong("b.jsonl:4"), {"text": "\u202ex\ud800"})
    rejected.write(tmp_path / "rejected.jsonl")
    written = (tmp_path / "rejected.jsonl").read_bytes()
    assert not any(byte in written for byte in (b"\x1b", b"\xff", "\u202e".encode()))
    first, second, third = map(json.loads, written.decode().splitlines())
    assert first == {
        "place": "a.csv:2", "file": "a.csv", "line": 2, "reason": "no label", "row": "x,\\xff\x1b[31m\n",
    }  # fmt: skip
    assert (second["file"], second["line"]) == ("a.parquet", None)
    assert "2020, 1, 2" in second["row"]
    assert third["line"] == 4


def test_no_file_where_none_may_be_set_aside(tmp_path: Path) -> None:
    RejectedRows().write(tmp_path / "rejected.jsonl")
    assert not list(tmp_path.iterdir())
    RejectedRows(1).write(tmp_path / "rejected.jsonl")
    assert (tmp_path / "rejected.jsonl").read_text() == ""


@pytest.mark.parametrize("row", ["x" * 10_000_000, b"x" * 10_000_000, {"text": "x" * 10_000_000}])
def test_little_is_kept_of_a_long_row(row: object) -> None:
    rejected = RejectedRows(1)
    rejected.add("a.csv:2", wrong(what="y" * 10_000_000), row)
    (kept,) = rejected
    assert len(kept.row) < 3 * ROW_CHARACTERS and len(kept.reason) < 1_000
    assert len(rejected.sentence) < 1_000


def test_rows_refuse_with_their_place() -> None:
    rows = Rows([{"a": 1}, {"a": 2}], ("a",), "t", lambda index: f"t:{index + 5}")
    with pytest.raises(DataError, match=r"^t:6: odd$") as caught:
        rows.refuse(1, DataError("odd", hint="mend it"))
    assert caught.value.hint == "mend it"
    assert not rows.sets_aside(1, "odd")
    rejected = RejectedRows(1)
    rows = Rows(rows.records, rows.columns, rows.origin, rows.place, rejected=rejected)
    assert rows.sets_aside(1, "odd")
    assert [(row.place, row.reason, json.loads(row.row)) for row in rejected] == [("t:6", "odd", {"a": 2})]
