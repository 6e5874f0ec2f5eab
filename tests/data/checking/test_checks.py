from __future__ import annotations

import pytest

from bertkit.data.checking.checks import (
    CheckedRow,
    CheckedSplit,
    Finding,
    RowFault,
    counted,
    fault_findings,
    short_place,
    some_of,
)
from bertkit.data.rows import Rows


def rows_of(count: int, origin: str = "a.csv", between: str = ":") -> Rows:
    return Rows([{}] * count, ("text",), origin, lambda index: f"{origin}{between}{index + 2}")


def test_a_finding_is_one_sentence() -> None:
    finding = Finding("empty", "4 rows", "dev", "warning", 4, ("a.csv:2", "a.csv:3"), "mend them")
    assert finding.sentence == "dev: 4 rows (a.csv:2, a.csv:3, ...); mend them"
    assert Finding("held_out", "fine", severity="good").sentence == "fine"
    assert Finding("x", "2 rows", "dev", count=2, places=("p", "q")).sentence == "dev: 2 rows (p, q)"


def test_a_split_tells_the_first_three_places() -> None:
    split = CheckedSplit("dev", [CheckedRow(str(n), ("x",), row=n) for n in range(5)], rows_of(5))
    found = split.finding("odd", split.rows[1:], "are odd", "none is odd", advice="mend")
    assert found == Finding(
        "odd", "4 rows are odd", "dev", "warning", 4, ("a.csv:3", "a.csv:4", "a.csv:5"), "mend"
    )
    assert split.finding("odd", [], "are odd", "none is odd") == Finding("odd", "none is odd", "dev", "good")


def test_of_a_data_set_that_is_named_anyway_only_the_row_is_told() -> None:
    assert short_place(rows_of(9, "glue, train", ": row "), 4) == "row 6"
    assert short_place(rows_of(9, "a.csv"), 4) == "a.csv:6"


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [(1, "row", "1 row"), (2100, "row", "2,100 rows"), (0, "entity", "0 entities")],
)
def test_numbers_with_nouns(number: int, noun: str, text: str) -> None:
    assert counted(number, noun) == text


def test_long_lists_are_cut() -> None:
    assert some_of("abcde") == "a, b, c, d, e"
    assert some_of("abcdef") == "a, b, c, d, e and 1 more"


def test_faults_of_rows_are_counted_by_kind() -> None:
    faults = [RowFault("a span", f"x:{n}", left_out=n == 2) for n in range(4)] + [
        RowFault("moved", "x:9", False)
    ]
    spans, moved = fault_findings("train", faults)
    assert (spans.text, spans.count, spans.places) == (
        "a span: 4 rows, left out",
        4,
        ("x:0", "x:1", "x:2"),
    )
    assert (moved.text, moved.severity) == ("moved: 1 row", "warning")
