"""Which column a task reads, and which value of a record."""

from __future__ import annotations

from typing import Any

import pytest

from bertkit.errors import DataError
from bertkit.tasks.columns import (
    as_text,
    choose_column,
    find_value,
    identity_column,
    identity_of,
    optional_column,
)

ALIASES = {"tokens": ("words", "text"), "tags": ("ner_tags",)}


def test_as_written_then_without_case_then_by_a_usual_name(make_rows) -> None:
    rows = make_rows([{"words": 1, "Text": 2, "tokens ": 3}])
    assert choose_column("words", rows, option="--text", aliases=ALIASES) == "words"
    assert choose_column("text", rows, option="--text", aliases=ALIASES) == "Text"
    assert choose_column(
        "tokens", make_rows([{"Text": 1, "words": 2}]), option="--text", aliases=ALIASES
    ) == ("words")


def test_a_name_that_is_not_the_tasks_own_is_not_guessed(make_rows) -> None:
    rows = make_rows([{"words": 1}])
    with pytest.raises(DataError, match=r"rows\.jsonl has no column 'sentences'.*'words'"):
        choose_column("sentences", rows, option="--text", aliases=ALIASES)
    with pytest.raises(DataError, match="no column 'tags'"):
        choose_column("tags", rows, option="--label", aliases=ALIASES)
    assert optional_column("tags", rows, option="--label", aliases=ALIASES) is None
    assert optional_column("tokens", rows, option="--text", aliases=ALIASES) == "words"


def test_own_ids(make_rows) -> None:
    rows = make_rows([{"guid": "x", "idx": 3, "text": "a"}])
    assert identity_column(rows, ("text",)) == "idx"
    assert identity_column(rows, ("idx", None)) == "guid"
    assert identity_column(make_rows([{"text": "a"}]), ()) is None
    assert identity_of({"idx": 3}, "idx", 9) == "3"
    assert identity_of({"idx": None}, "idx", 9) == identity_of({}, None, 9) == "9"


def test_values_of_a_record() -> None:
    assert find_value({"Tokens": 1, "text": 2}, "tokens", "text") == 1
    assert find_value({" text ": 2}, "tokens", "text") == 2
    assert find_value({"text": 2}, " Text ") == 2
    assert find_value({"TEXT": 1, "text": 2}, "text") == 2
    with pytest.raises(DataError, match="'tokens' is null"):
        find_value({"tokens": None, "text": "a"}, "tokens", "text")
    with pytest.raises(DataError, match="no 'tokens', only 'token'") as caught:
        find_value({"token": 1}, "tokens")
    assert caught.value.hint == "did you mean 'token'?"
    with pytest.raises(DataError, match="only nothing"):
        find_value({}, "tokens")


@pytest.mark.parametrize(("value", "text"), [("a", "a"), ("", ""), (5, "5"), (0.5, "0.5"), (True, "True")])
def test_texts(value: Any, text: str) -> None:
    assert as_text(value, "a") == text


@pytest.mark.parametrize("value", [["a"], {"a": 1}, ("a",)])
def test_what_is_no_text(value: Any) -> None:
    with pytest.raises(DataError, match="'a' is not a text"):
        as_text(value, "a")
