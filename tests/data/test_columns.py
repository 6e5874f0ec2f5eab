from __future__ import annotations

import pytest

from bertkit.data.columns import find_column, guess_column, nearest
from bertkit.errors import DataError

COLUMNS = ("Review Text", "Stars", "review_id")


def find(wanted: str, columns: tuple[str, ...] = COLUMNS) -> str:
    return find_column(wanted, columns, origin="own.csv", option="--text")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [("Stars", "Stars"), (" Stars ", "Stars"), ("stars", "Stars"), ("review_text", "Review Text"),
     ("REVIEW-TEXT", "Review Text"), ("Review  Id", "review_id")],
)  # fmt: skip
def test_case_spaces_and_dashes_do_not_matter(wanted: str, found: str) -> None:
    assert find(wanted) == found


def test_exact_name_wins_over_likeness() -> None:
    assert find("text", ("Text", "text")) == "text"


def test_ambiguous_name_lists_candidates() -> None:
    with pytest.raises(DataError) as caught:
        find("TEXT", ("Text", "text", "label"))
    assert caught.value.message == "own.csv: 'TEXT' could be any of 'Text', 'text'"
    assert caught.value.hint == "name one exactly, as --text Text"


def test_missing_name_lists_columns_and_nearest() -> None:
    with pytest.raises(DataError) as caught:
        find("reviewtext")
    assert caught.value.message == (
        "own.csv has no column 'reviewtext'; its columns are 'Review Text', 'Stars', 'review_id'"
    )
    assert caught.value.hint == "did you mean 'Review Text'? --text \"Review Text\""


def test_nothing_near() -> None:
    with pytest.raises(DataError) as caught:
        find("xyz")
    assert caught.value.hint == "name the column: --text COLUMN"


@pytest.mark.parametrize(
    ("name", "near"), [("sentense", "sentence"), ("sent", "sentence"), ("zzz", None), ("LABELS", "label")]
)
def test_nearest(name: str, near: str | None) -> None:
    assert nearest(name, ["sentence", "label", "idx"]) == near


def test_part_of_two_names_is_near_to_none() -> None:
    assert nearest("sen", ["first sentence of all", "second sentence of all"]) is None


@pytest.mark.parametrize(
    ("candidates", "columns", "found"),
    [
        (("text", "sentence"), ("Sentence", "label"), "Sentence"),
        (("text", "sentence"), ("sentence", "Text"), "Text"),  # the order of the candidates counts
        (("review_text",), ("id", "Review-Text "), "Review-Text "),
        (("text",), ("Text", "text"), "text"),
        (("text",), ("TEXT", "Text"), "TEXT"),
        (("text",), ("texts", "context"), None),
        ((), ("text",), None),
        (("text",), (), None),
    ],
)
def test_guess(candidates: tuple[str, ...], columns: tuple[str, ...], found: str | None) -> None:
    assert guess_column(candidates, columns) == found
