"""What is put together from words is what the tokenizer gives for the text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bertkit.tasks import spaced_words
from bertkit.tasks.layout import ranges
from bertkit.tasks.spaced_words import SpacedWords, stops_at_spaces


def backend_of(**normalizer: Any) -> Any:
    """A WordPiece tokenizer of its own, with words that case and accents decide about."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    letters = [*"abcdefghijklmnopqrstuvwxyz", *"ABCDEFGHIJKLMNOPQRSTUVWXYZ", *"0123456789"]
    words = [
        "film",
        "Film",
        "FILM",
        "don",
        "cafe",
        "café",
        "3",
        "14",
        "ab",
        "a" * 60,
        "cls",
        "CLS",
        "new",
        *".,'!_-/()[]<>",
    ]
    pieces = ["[UNK]", "[CLS]", "[SEP]", *words, *letters, *(f"##{letter}" for letter in letters)]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    backend = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=50))
    backend.add_special_tokens(["[CLS]", "[SEP]"])
    backend.normalizer = normalizers.BertNormalizer(**normalizer) if normalizer else None
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return backend


def one_by_one(backend: Any, texts: list[str]) -> list[list[int]]:
    return [backend.encode(text, add_special_tokens=False).ids for text in texts]


def encoded(words: SpacedWords, texts: list[str]) -> list[list[int]]:
    tokens = words.encode(texts)
    assert tokens.ids.dtype == np.int32
    return [piece.tolist() for piece in np.split(tokens.ids, np.cumsum(tokens.lengths))[:-1]]


PLAIN = [
    "film",
    "Film",
    "FILM",
    "films",
    "a" * 60,
    "a" * 51,
    "film,",
    "(don't)",
    "3.14",
    "[CLS]",
    "x[SEP]y",
    "[cls]",
]
SETTINGS = [
    {}, {"lowercase": True}, {"lowercase": False}, {"lowercase": False, "strip_accents": True},
    {"lowercase": True, "strip_accents": False}, {"lowercase": True, "clean_text": False},
    {"lowercase": True, "handle_chinese_chars": False},
]  # fmt: skip


@pytest.mark.parametrize("normalizer", SETTINGS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_equal_to_the_tokenizer_text_by_text(
    documents, normalizer: dict[str, Any], data: st.DataObject
) -> None:
    backend = backend_of(**normalizer)
    assert stops_at_spaces(backend)
    words = SpacedWords(backend)
    for _ in range(2):  # the second time many words are known
        drawn = data.draw(st.lists(documents(60), max_size=4))
        own = data.draw(st.lists(st.sampled_from(PLAIN), max_size=8))
        spaces = data.draw(st.sampled_from([" ", "  ", "", " \t"]))
        texts = [spaces.join(text) for text in [*drawn, own]]
        assert encoded(words, texts) == one_by_one(backend, texts)


def test_no_texts_and_texts_without_tokens() -> None:
    words = SpacedWords(backend_of(lowercase=True))
    assert encoded(words, []) == []
    assert encoded(words, ["", " ", "\u200b", "   "]) == [[], [], [], []]
    assert encoded(words, ["film", "", "film"]) == [[3], [], [3]]


def test_each_word_is_asked_for_once() -> None:
    backend = backend_of(lowercase=True)

    class Counting:
        def __init__(self) -> None:
            self.asked: list[str] = []

        def __getattr__(self, name: str) -> Any:
            return getattr(backend, name)

        def encode_batch_fast(self, texts: list[str], **options: Any) -> Any:
            self.asked += texts
            return backend.encode_batch_fast(texts, **options)

    counting = Counting()
    words = SpacedWords(counting)
    words.encode(["zzz café film Film", "café zzz"])
    words.encode(["yyy zzz café"])
    # Those in the vocabulary are never asked for.
    assert counting.asked == ["zzz", "café", "yyy"]


def test_forgets_when_it_knows_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spaced_words, "MAX_TOKENS", 20)
    backend = backend_of(lowercase=True)
    words = SpacedWords(backend)
    texts = [f"word{number} film x{number}" for number in range(40)]
    for start in range(0, 40, 4):
        assert encoded(words, texts[start : start + 4]) == one_by_one(backend, texts[start : start + 4])
        assert len(words._ids) <= 20 + 4 * 20


def test_only_tokenizers_that_are_known_to_stop_at_spaces(tokenizers: dict[str, Any]) -> None:
    from tokenizers import normalizers, pre_tokenizers

    assert stops_at_spaces(tokenizers["word piece"].backend_tokenizer)
    assert not stops_at_spaces(tokenizers["byte level"].backend_tokenizer)
    backend = backend_of(lowercase=True)
    backend.normalizer = normalizers.Sequence([normalizers.BertNormalizer(), normalizers.Strip()])
    assert not stops_at_spaces(backend)
    backend = backend_of(lowercase=True)
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    assert not stops_at_spaces(backend)


@pytest.mark.parametrize(
    ("content", "options", "stops"),
    [
        ("<new>", {}, True), ("new", {}, True), ("new york", {}, False),
        ("中文", {}, False), ("a\tb", {}, False),
        ("<new>", {"lstrip": True}, False), ("<new>", {"rstrip": True}, False),
        ("<new>", {"single_word": True}, False),
    ],
)  # fmt: skip
def test_added_tokens_that_reach_over_spaces(content: str, options: dict[str, Any], stops: bool) -> None:
    from tokenizers import AddedToken

    backend = backend_of(lowercase=True)
    backend.add_tokens([AddedToken(content, **options)])
    assert stops_at_spaces(backend) == stops


@pytest.mark.parametrize("added", ["ilm", "<new>", "Don"])
def test_added_tokens_in_the_midst_of_words(added: str) -> None:
    backend = backend_of(lowercase=True)
    backend.add_tokens([added])
    texts = ["film Film", "don't", f"a{added}b {added}", "FILM," + added, "<new>"]
    assert stops_at_spaces(backend)
    assert encoded(SpacedWords(backend), texts) == one_by_one(backend, texts)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 6)), max_size=20))
def test_ranges(pairs: list[tuple[int, int]]) -> None:
    starts, lengths = (
        np.array(side, dtype=np.int64) for side in (list(zip(*pairs, strict=True)) or [[], []])
    )
    expected = [place for start, length in pairs for place in range(start, start + length)]
    assert ranges(starts, lengths).tolist() == expected
