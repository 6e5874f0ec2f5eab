import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bertkit.data.words import find_words

ODD = (
    "aé_'\u20191 \t\n\r\x00\x85\u00a0日本カﾞ한국.!-"
    "\u0301\u0303\u200b\u200c\u200d\u2060\ufeff\ufe0f👍🏽👩👧🇩🇪🏴↔♀❤\U000e0067"
)
TEXTS = st.one_of(st.text(), st.text(ODD), st.text(st.characters(categories=["Mn", "Cf", "So", "Lo", "Cs"])))


def words_of(text: str, *boundaries: int) -> list[str]:
    return [text[start:end] for start, end in find_words(text, boundaries=boundaries)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" \t\r\n\u3000\u00a0", []),
        ("Ms. Haag plays Elianti .", ["Ms", ".", "Haag", "plays", "Elianti", "."]),
        ("don't l\u2019eau 'quoted'", ["don't", "l\u2019eau", "'", "quoted", "'"]),
        ("snake_case a__b _x_", ["snake_case", "a__b", "_", "x", "_"]),
        ("3.5% of $20,000", ["3", ".", "5", "%", "of", "$", "20", ",", "000"]),
        ("U.S.-based", ["U", ".", "S", ".", "-", "based"]),
        ("cafe\u0301 ngu\u031b\u0323", ["cafe\u0301", "ngu\u031b\u0323"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("東京タワーへ行く。", ["東", "京", "タ", "ワ", "ー", "へ", "行", "く", "。"]),
        ("か\u3099 ｶﾞ 葛\U000e0100", ["か\u3099", "ｶﾞ", "葛\U000e0100"]),
        ("서울에 산다", ["서울에", "산다"]),
        ("👍🏽👍", ["👍🏽", "👍"]),
        ("❤️!", ["❤️", "!"]),
        ("👩‍👩‍👧x", ["👩‍👩‍👧", "x"]),
        ("🙂‍↔️", ["🙂‍↔️"]),
        ("🇩🇪🇫🇷", ["🇩🇪", "🇫🇷"]),
        ("🏴󠁧󠁢󠁥󠁮󠁧󠁿.", ["🏴󠁧󠁢󠁥󠁮󠁧󠁿", "."]),
        ("#️⃣", ["#️⃣"]),
        ("می‌خواهم", ["می‌خواهم"]),
        ("\ufeffHello", ["\ufeffHello"]),
        ("a \u200b\u2060 b", ["a", "b"]),
        ("ภาษา\u200bไทย", ["ภาษา\u200b", "ไทย"]),
        ("a\x00b", ["a", "b"]),
        ("\u0301", ["\u0301"]),
        ("\ud83d", ["\ud83d"]),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_boundaries_cut_words_and_nothing_else() -> None:
    assert words_of("NewYork City", 3, 7, 8) == ["New", "York", "City"]
    assert words_of("abc", 0, 3, 99, -1, 1, 1) == ["a", "bc"]
    assert words_of("abc def", 5, 1) == ["a", "bc", "d", "ef"]


def test_a_cut_leaves_no_word_without_width() -> None:
    assert words_of("foo\u200b bar", 3) == ["foo", "bar"]
    assert words_of("\ufefffoo", 1) == ["foo"]


def shows(character: str) -> bool:
    """What has to be in a word: neither white space, nor a control or format character, nor a selector."""
    name = unicodedata.name(character, "")
    return not (
        character.isspace()
        or unicodedata.category(character) in ("Cc", "Cf")
        or "VARIATION SELECTOR" in name
        or name == "COMBINING GRAPHEME JOINER"
    )


@settings(deadline=None)
@given(TEXTS, st.lists(st.integers(-2, 40)))
def test_words_cover_all_that_shows_and_no_white_space(text: str, boundaries: list[int]) -> None:
    words = find_words(text, boundaries=boundaries)
    end_before = 0
    covered = set()
    for start, end in words:
        assert end_before <= start < end <= len(text)
        end_before = end
        covered |= set(range(start, end))
        assert not any(character.isspace() for character in text[start:end])
        assert not any(start < boundary < end for boundary in boundaries)
    assert covered >= {offset for offset, character in enumerate(text) if shows(character)}


@settings(deadline=None)
@given(TEXTS)
def test_no_word_is_without_width(text: str) -> None:
    invisible = "\u200b\u200c\u200d\u2060\ufeff\ufe0f\u00ad"
    assert all(word.strip(invisible) for word in words_of(text))


@pytest.mark.parametrize(
    "unit",
    ["word ", "\u200b", "\u200d", "👩\u200d", "\ufe0f", "a\u200d", "a'", "a_", "_", "\u0301", "🇩", "日"],
)
def test_time_grows_with_the_length_alone(unit: str) -> None:
    text = unit * 100_000
    begun = time.perf_counter()
    find_words(text, boundaries=range(0, len(text), 7))
    assert time.perf_counter() - begun < 3  # a quadratic walk takes minutes


def test_zero_width_joiners_before_a_letter_leave_the_letter_its_own_word() -> None:
    assert words_of("👩\u200d\u200dab") == ["👩\u200d\u200d", "ab"]
