"""Tagged words in every form people have them, and what is told of rows that cannot be right."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bertkit.config.schema import TaskSection
from bertkit.data.cell_lists import is_cell_list, read_cell_list
from bertkit.data.tag_schemes import Entity, entities_of
from bertkit.errors import DataError
from bertkit.tasks.ner import NerTask
from bertkit.tasks.tag_names import renamed_tags, tag_names
from bertkit.tasks.tag_rows import (
    BACKWARDS,
    BLANK_SPAN,
    OTHER_COUNT,
    OUTSIDE_TEXT,
    OVERLAP,
    WIDENED,
    as_tokens,
    holds_spans,
    joined,
    read_spans,
    read_tags,
    tagged_by_spans,
    tagged_tokens,
)
from bertkit.tasks.tagged_rows import TaggedRows, learn_tags


@pytest.mark.parametrize(
    ("value", "tokens"),
    [
        (["a", "b"], ["a", "b"]),
        (("a",), ["a"]),
        ([], []),
        (["a", None, 3], ["a", "", "3"]),
        ('["a", "b c"]', None),
        ("a b", None),
        ("[sic] a text", None),
        ("[a, b]", None),
        ("", None),
    ],
)
def test_tokens(value: Any, tokens: list[str] | None) -> None:
    assert as_tokens(value) == tokens


@pytest.mark.parametrize("value", [[["a"]], [{"a": 1}]])
def test_tokens_that_are_none(value: Any) -> None:
    with pytest.raises(DataError, match="list or an object"):
        as_tokens(value)


@pytest.mark.parametrize(
    ("cell", "items"),
    [
        ('["a", "b c"]', ["a", "b c"]),
        (" ['a', \"b's\"] ", ["a", "b's"]),
        ("[]", []),
        ("[3, 0]", [3, 0]),
    ],
)
def test_lists_in_cells(cell: str, items: list[Any]) -> None:
    assert is_cell_list(cell)
    assert read_cell_list(cell) == items


@pytest.mark.parametrize("cell", ["['EU' 'rejects']", "[3 0]", "[a, b]", "[__import__('os')]", '["a" "b"]'])
def test_lists_as_numpy_prints_them_are_refused(cell: str) -> None:
    """Python would read two neighbouring texts as one word."""
    with pytest.raises(DataError, match="is not understood") as caught:
        read_cell_list(cell)
    assert "JSON" in caught.value.hint


@pytest.mark.parametrize("text", ["[sic] a text", "a b", "", "[", "]a["])
def test_texts_are_no_lists(text: str) -> None:
    assert not is_cell_list(text) or text == "["


def test_tokens_stand_where_the_text_has_them() -> None:
    tokens = ["New York", "", "é👍🏽", " ", "x"]
    text, words = joined(tokens)
    assert [text[start:end] for start, end in words] == tokens
    assert text == "New York  é👍🏽   x"
    assert joined([]) == ("", ())


@pytest.mark.parametrize(
    ("value", "classes", "tags"),
    [
        (["O", "B-P"], (), ["O", "B-P"]),
        ([0, 1], ("O", "B-P"), ["O", "B-P"]),
        ([0, "O"], ("X", "O"), ["X", "O"]),
        ([3, 1], (), ["3", "1"]),
        ("O B-P  O", (), ["O", "B-P", "O"]),
        ('["O", "B-P"]', (), ["O", "B-P"]),
        ("[]", (), []),
        ("", (), []),
        ([], (), []),
        (None, (), None),
        (5, (), None),
    ],
)
def test_tags(value: Any, classes: tuple[str, ...], tags: list[str] | None) -> None:
    assert read_tags(value, classes) == tags


@pytest.mark.parametrize("number", [-1, 2])
def test_a_number_that_is_no_class(number: int) -> None:
    with pytest.raises(DataError, match=f"the tag {number} is none of the classes 0 to 1"):
        read_tags([0, number], ("O", "B-P"))


@pytest.mark.parametrize(
    ("value", "yes"),
    [
        ([{"start": 0}], True), ([[0, 1, "P"]], True), ('[{"start": 0}]', True), ([], False), ("[]", False),
        (["O"], False), ('["O"]', False), ("O B-P", False), ("3", False), (None, False),
    ],
)  # fmt: skip
def test_spans_are_told_from_tags(value: Any, yes: bool) -> None:
    assert holds_spans(value) is yes


def test_spans_in_both_forms() -> None:
    spans = [{"start": 0, "end": 3, "label": "P", "id": 7}, [4, 6, "L"]]
    expected = [Entity("P", 0, 3), Entity("L", 4, 6)]
    assert read_spans(spans) == read_spans(json.dumps(spans)) == expected
    assert read_spans([]) == read_spans("") == []


@pytest.mark.parametrize("span", [{"start": 0, "end": 3}, {"start": "0", "end": 3, "label": "P"}, [0, 3], 5])
def test_a_span_that_is_not_understood(span: Any) -> None:
    with pytest.raises(DataError, match="is not understood") as caught:
        read_spans([span])
    assert '"label": "PER"' in caught.value.hint


def by_spans(text: str, *spans: tuple[int, int, str]) -> tuple[list[tuple[str, str]], tuple[str, ...], bool]:
    tagged = tagged_by_spans(text, read_spans(list(spans)))
    assert tagged.tags is not None
    words = [text[start:end] for start, end in tagged.words]
    named = [(word, tag) for word, tag in zip(words, tagged.tags, strict=True) if tag != "O"]
    return named, tagged.faults, tagged.is_usable


TEXT = "Ada Lovelace lived in London."  # Ada 0-3, Lovelace 4-12, London 22-28


def test_spans_become_tags() -> None:
    named, faults, usable = by_spans(TEXT, (22, 28, "LOC"), (0, 12, "PER"))
    assert named == [("Ada", "B-PER"), ("Lovelace", "I-PER"), ("London", "B-LOC")]
    assert (faults, usable) == ((), True)
    # Blanks at the ends of a span are no fault: no word is cut.
    assert by_spans(TEXT, (21, 28, "LOC"), (0, 4, "PER"))[:2] == (
        [("Ada", "B-PER"), ("London", "B-LOC")],
        (),
    )


@pytest.mark.parametrize(
    ("spans", "named", "faults", "usable"),
    [
        ([(5, 8, "PER")], [("Lovelace", "B-PER")], (WIDENED,), True),
        ([(2, 6, "PER")], [("Ada", "B-PER"), ("Lovelace", "I-PER")], (WIDENED,), True),
        ([(0, 3, "A"), (0, 12, "B")], [("Ada", "B-B"), ("Lovelace", "I-B")], (OVERLAP,), True),
        ([(4, 8, "A"), (8, 12, "B")], [("Lovelace", "B-A")], tuple(sorted([OVERLAP, WIDENED])), True),
        ([(0, 3, "A"), (0, 3, "B")], [("Ada", "B-A")], (OVERLAP,), True),
        ([(3, 4, "A")], [], (BLANK_SPAN,), True),
        ([(28, 40, "A")], [], (OUTSIDE_TEXT,), False),
        ([(-1, 3, "A")], [], (OUTSIDE_TEXT,), False),
        ([(3, 0, "A")], [], (BACKWARDS,), False),
        ([(3, 3, "A"), (0, 3, "B")], [("Ada", "B-B")], (BACKWARDS,), False),
    ],
)
def test_faults_of_spans(spans: Any, named: Any, faults: tuple[str, ...], usable: bool) -> None:
    assert by_spans(TEXT, *spans) == (named, faults, usable)


def test_spans_over_given_tokens() -> None:
    text, words = joined(["Ada-Lovelace", "", "in"])
    tagged = tagged_by_spans(text, [Entity("P", 0, 3), Entity("Q", 14, 16)], words=words)
    assert tagged.words == words
    assert tagged.tags == ["B-P", "O", "B-Q"]


@settings(deadline=None)
@given(st.text(max_size=60), st.lists(st.tuples(st.integers(-3, 63), st.integers(-3, 63)), max_size=8))
def test_whatever_the_spans_the_tags_fit_the_words(text: str, bounds: list[tuple[int, int]]) -> None:
    spans = [Entity(f"L{number}", *pair) for number, pair in enumerate(bounds)]
    tagged = tagged_by_spans(text, spans)
    assert tagged.tags is not None and len(tagged.tags) == len(tagged.words)
    kept = entities_of(tagged.tags)
    assert len({entity.label for entity in kept}) == len(kept)
    for entity in kept:  # whole words, of which the outer two are touched by the span
        _, start, end = spans[int(entity.label[1:])]
        assert tagged.words[entity.start][0] < end and tagged.words[entity.start][1] > start
        assert tagged.words[entity.end - 1][0] < end and tagged.words[entity.end - 1][1] > start
    assert len(kept) == len(spans) or tagged.faults


def test_tags_of_every_scheme_become_iob2() -> None:
    tokens = ["a", "b", "c", "d"]
    for tags in (["I-P", "I-P", "B-P", "O"], ["B-P", "E-P", "S-P", "O"], ["B-P", "L-P", "U-P", "O"]):
        assert tagged_tokens(tokens, tags, plain=False).tags == ["B-P", "I-P", "B-P", "O"]
    assert tagged_tokens(tokens, ["I-P", "N", "O", ""], plain=True).tags == ["I-P", "N", "O", ""]
    assert tagged_tokens(tokens, None, plain=False).tags is None
    other = tagged_tokens(tokens, ["O"], plain=False)
    assert (other.tags, other.faults, other.is_usable) == (None, (OTHER_COUNT,), False)


def test_names_of_outputs() -> None:
    assert tag_names({"P", "L"}, plain=False) == ("O", "B-L", "I-L", "B-P", "I-P")
    order = ("O", "B-P", "I-P", "B-L", "I-L")
    assert tag_names({"L", "P", "M"}, plain=False, order=order) == (*order, "B-M", "I-M")
    assert tag_names({"L"}, plain=False, given=["P", "L"]) == ("O", "B-P", "I-P", "B-L", "I-L")
    assert tag_names({"L"}, plain=False, given=["O", "B-P", "I-P", "B-L", "I-L"]) == order
    assert tag_names({"N", "V"}, plain=True, order=("V", "N", "X")) == ("V", "N")
    with pytest.raises(DataError, match=r"'PERS', which is not among task\.labels: PER, LOC") as caught:
        tag_names({"PERS"}, plain=False, given=["PER", "LOC"])
    assert "--labels PERS=PER" in caught.value.hint


def test_renaming() -> None:
    tags = ["B-P", "I-P", "O", "B-Q", "B"]
    assert renamed_tags(tags, {"P": "X", "Q": "O", "ENTITY": "Y"}, plain=False) == [
        "B-X", "I-X", "O", "O", "B-Y",
    ]  # fmt: skip
    assert renamed_tags(["NN", "VB"], {"NN": "N"}, plain=True) == ["N", "VB"]


# Whole splits.


def section(**changes: Any) -> TaskSection:
    return TaskSection(type="ner", text=["tokens"], label="tags", **changes)


def learned(*splits: Any, **changes: Any) -> tuple[str, tuple[str, ...]]:
    tagged = [TaggedRows(rows, "tokens", "tags", NerTask.aliases) for rows in splits]
    return learn_tags(tagged, section(**changes))


def test_labels_and_scheme_are_those_of_all_splits(make_rows) -> None:
    first = make_rows([{"tokens": ["a", "b"], "tags": ["I-P", "O"]}])
    second = make_rows([{"tokens": ["a", "b"], "tags": ["I-Q", "B-Q"]}])
    assert learned(first, second) == ("IOB1", ("O", "B-P", "I-P", "B-Q", "I-Q"))
    assert learned(first, second, rename={"Q": "P"}) == ("IOB1", ("O", "B-P", "I-P"))
    assert learned(first, second, rename={"Q": "O"})[1] == ("O", "B-P", "I-P")


def test_one_tag_without_a_prefix_is_a_slip_and_not_another_scheme(make_rows) -> None:
    first = make_rows([{"tokens": ["a", "b"], "tags": ["B-P", "O"]}])
    other = make_rows([{"tokens": ["a"], "tags": ["O"]}, {"tokens": ["a"], "tags": ["NN"]}])
    with pytest.raises(DataError, match=r"^rows\.jsonl:2: the tag 'NN'"):
        learned(first, other)
    assert learned(first, other, tag_scheme="plain") == ("plain", ("B-P", "NN", "O"))


def test_class_numbers_with_names_keep_their_order(make_rows) -> None:
    names = {"tags": ("O", "B-P", "I-P", "B-L", "I-L")}
    rows = make_rows([{"tokens": ["a", "b"], "tags": [0, 1]}], class_names=names)
    assert learned(rows) == ("IOB2", ("O", "B-P", "I-P", "B-L", "I-L"))


@pytest.mark.parametrize("tags", [[["O", "O"]], [None], [[]], [["NN", "NN"]]])
def test_nothing_to_learn_from(make_rows, tags: Any) -> None:
    rows = make_rows([{"tokens": ["a", "b"], "tags": value} for value in tags])
    with pytest.raises(DataError, match=r"^rows\.jsonl: the tags name (no entity|only the tag 'NN')"):
        learned(rows)


def test_an_empty_list_in_a_table_does_not_make_tags_plain(make_rows) -> None:
    """A cell `[]` is no tag called `[]`."""
    rows = make_rows([{"tokens": '["a"]', "tags": '["B-P"]'}, {"tokens": "[]", "tags": "[]"}])
    assert learned(rows) == ("IOB2", ("O", "B-P", "I-P"))


def test_columns_by_their_usual_names(make_rows) -> None:
    tagged = TaggedRows(make_rows([{"words": "a b", "ner_tags": "O O"}]), "tokens", "tags", NerTask.aliases)
    assert (tagged.text, tagged.label) == ("words", "ner_tags")
    with pytest.raises(DataError, match="no column 'tags'"):
        TaggedRows(make_rows([{"words": "a b"}]), "tokens", "tags", NerTask.aliases)
    optional = TaggedRows(make_rows([{"words": "a"}]), "tokens", "tags", NerTask.aliases, required=False)
    assert optional.label is None
    assert list(optional.sequences()) == []
