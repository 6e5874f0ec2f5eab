from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bertkit.report.blocks import Passage, Piece
from bertkit.report.passages import OPENED, SHOWN, Place, marked_passage, passage, readable, short


def seen(found: Passage) -> str:
    return "".join(piece.text for piece in found.pieces)


def test_a_short_text_is_whole() -> None:
    assert passage("a text") == Passage([Piece("a text")])


def test_a_long_text_is_cut_between_words_and_the_rest_can_be_opened() -> None:
    text = "word " * 1000
    found = passage(text)
    assert seen(found).endswith("word")
    assert seen(found) + found.rest == text[: len(seen(found)) + OPENED]
    assert found.dropped == len(text) - len(seen(found)) - OPENED


def test_a_word_without_end_is_cut_too() -> None:
    assert len(seen(passage("x" * 3000))) == SHOWN


def test_places_stand_out_in_the_order_of_the_text() -> None:
    found = marked_passage("Ann met Bob.", [Place(8, 11, "wrong", "LOC"), Place(0, 3, "right", "PER")])
    assert list(found.pieces) == [
        Piece("Ann", "right", "PER"), Piece(" met "), Piece("Bob", "wrong", "LOC"), Piece("."),
    ]  # fmt: skip


def test_of_two_places_that_overlap_the_first_counts_and_those_outside_are_left_out() -> None:
    places = [Place(0, 5, "right"), Place(3, 8, "wrong"), Place(5, 99, "wrong"), Place(4, 4, "wrong")]
    assert [piece.mark for piece in marked_passage("0123456789", places).pieces] == ["right", ""]


def test_a_long_text_is_cut_around_the_focus() -> None:
    text = f"{'before ' * 200}HERE{' after' * 200}"
    start = text.index("HERE")
    found = marked_passage(text, [Place(start, start + 4, "wrong")])
    assert [piece.text for piece in found.pieces if piece.mark] == ["HERE"]
    assert found.pieces[0].text == "… "
    assert found.pieces[1].text.startswith("before ")
    assert found.pieces[-2].text.endswith(" after")
    assert len(seen(found)) <= SHOWN + 4
    assert found.opener == "the whole text"


@given(st.text(max_size=1200), st.integers(0, 1300), st.integers(1, 30))
def test_nothing_between_two_cuts_is_lost(text: str, start: int, length: int) -> None:
    found = marked_passage(text, [Place(start, start + length, "wrong")])
    inner = "".join(piece.text for piece in found.pieces if piece.text not in ("… ", " …"))
    assert inner in readable(text)


@given(st.text(alphabet=st.characters(), max_size=60))
def test_what_is_readable_can_be_written(text: str) -> None:
    written = readable(text)
    assert written.encode("utf-8").decode("utf-8") == written
    assert not set(written) & {chr(code) for code in (*range(9), *range(11, 32), 127)}


def test_names_are_cut() -> None:
    assert short("n" * 200) == "n" * 79 + "…"
    assert short("a\x1bb") == "a\N{SYMBOL FOR ESCAPE}b"


def test_half_a_character_is_replaced() -> None:
    assert readable("a\ud800b\r\nc") == "a\N{REPLACEMENT CHARACTER}b\nc"
