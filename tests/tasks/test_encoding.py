"""Token ids are those of the tokenizer, text by text; what is cut is counted; windows lose nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bertkit.tasks.base import Limits
from bertkit.tasks.encoding import CHUNK, encode_texts

TEXTS = [("the film is good",), ("",), ("a " * 40,), ("Great music, and a dull end!",), ("é ☃ x\u200b",)]


def pieces(features) -> list[list[int]]:
    return [
        features.input_ids[a:b].tolist()
        for a, b in zip(features.offsets[:-1], features.offsets[1:], strict=True)
    ]


def test_equal_to_the_tokenizer_one_by_one(tokenizer) -> None:
    features = encode_texts(TEXTS, tokenizer, Limits(16))
    expected = [tokenizer(text, truncation=True, max_length=16)["input_ids"] for (text,) in TEXTS]
    assert pieces(features) == expected
    assert features.cut == 1
    assert features.examples.tolist() == [0, 1, 2, 3, 4]


def test_pairs_have_segments_and_lose_from_the_longer_text(tokenizer) -> None:
    pair = ("the film is good " * 6, "a dull end")
    features = encode_texts([pair, ("a", "the")], tokenizer, Limits(20))
    expected = tokenizer(*pair, truncation="longest_first", max_length=20)
    assert pieces(features)[0] == expected["input_ids"]
    assert features.token_type_ids is not None
    assert features.token_type_ids[:20].tolist() == expected["token_type_ids"]
    assert features.cut == 1


def test_without_segments_where_the_model_has_none(tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizer, "model_input_names", ["input_ids", "attention_mask"])
    assert encode_texts(TEXTS, tokenizer, Limits(16)).token_type_ids is None


def test_no_texts(tokenizer) -> None:
    features = encode_texts([], tokenizer, Limits(16))
    assert len(features) == 0
    assert features.offsets.tolist() == [0]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.integers(0, 200), window=st.integers(16, 40), stride=st.integers(0, 7))
def test_windows_hold_every_token_in_order(tokenizer, words: int, window: int, stride: int) -> None:
    random = np.random.default_rng(words)
    text = " ".join(random.choice(["film", "plot", "actor", "scene", "good", "bad"], size=words))
    features = encode_texts([(text,)], tokenizer, Limits(8, window, stride))
    whole = tokenizer(text, add_special_tokens=False)["input_ids"]
    parts = [piece[1:-1] for piece in pieces(features)]
    assert all(len(piece) <= window for piece in pieces(features))
    assert all(
        piece[0] == tokenizer.cls_token_id and piece[-1] == tokenizer.sep_token_id
        for piece in pieces(features)
    )
    rebuilt = parts[0] + [token for part in parts[1:] for token in part[stride:]]
    assert rebuilt == whole
    assert features.cut == 0


def one_by_one(texts: list[tuple[str, ...]], tokenizer: Any, limits: Limits) -> tuple[list[Any], int]:
    """Ids and segments of each feature with its text, and how many were cut, as transformers gives them."""
    features, cut = [], 0
    for number, text in enumerate(texts):
        parts = [[part] for part in text]  # alone, an empty second text would be none
        made = tokenizer(
            *parts, truncation=True, max_length=limits.window or limits.max_length,
            stride=limits.stride, return_overflowing_tokens=bool(limits.window), return_token_type_ids=True,
        )  # fmt: skip
        cut += not limits.window and len(tokenizer(*parts)["input_ids"][0]) > limits.max_length
        pairs = zip(made["input_ids"], made["token_type_ids"], strict=True)
        features += [(number, ids, segments) for ids, segments in pairs]
    return features, cut


def assert_as_one_by_one(texts: list[tuple[str, ...]], tokenizer: Any, limits: Limits) -> None:
    features = encode_texts(texts, tokenizer, limits)
    expected, cut = one_by_one(texts, tokenizer, limits)
    tokenizer.backend_tokenizer.no_truncation()
    assert features.examples.tolist() == [number for number, *_ in expected]
    assert pieces(features) == [ids for _, ids, _ in expected]
    if "token_type_ids" in tokenizer.model_input_names:
        assert features.token_type_ids is not None
        assert features.token_type_ids.tolist() == [kind for *_, kinds in expected for kind in kinds]
    assert features.cut == cut
    kinds = (features.input_ids.dtype, features.offsets.dtype, features.examples.dtype)
    assert kinds == (np.int32, np.int64, np.int32)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_pairs_are_those_of_the_tokenizer(any_tokenizer, documents, data: st.DataObject) -> None:
    words = documents(12).map(lambda drawn: " ".join(drawn[:12]))
    texts = data.draw(st.lists(st.tuples(words, words), max_size=5))
    assert_as_one_by_one(texts, any_tokenizer, Limits(data.draw(st.integers(12, 60))))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_texts_are_those_of_the_tokenizer(any_tokenizer, documents, data: st.DataObject) -> None:
    texts = data.draw(st.lists(st.tuples(documents(120).map(" ".join)), max_size=5))
    window = data.draw(st.none() | st.integers(16, 60))
    stride = data.draw(st.integers(0, window // 2 if window else 0))
    assert_as_one_by_one(texts, any_tokenizer, Limits(data.draw(st.integers(8, 60)), window, stride))


def test_texts_of_both_kinds_in_one_go(tokenizer) -> None:
    assert_as_one_by_one([("the film " * 9,), ("good", "bad " * 30), ("plot",)], tokenizer, Limits(16))


def test_special_tokens_that_nothing_asks_for() -> None:
    """A tokenizer without a post-processor puts nothing around a text."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.WordPiece({"[UNK]": 0, "film": 1, "good": 2}, unk_token="[UNK]"))
    backend.normalizer, backend.pre_tokenizer = (
        normalizers.BertNormalizer(),
        pre_tokenizers.BertPreTokenizer(),
    )
    plain = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="[UNK]", pad_token="[UNK]")
    assert pieces(encode_texts([("Good film",), ("film",)], plain, Limits(8))) == [[2, 1], [1]]


@pytest.mark.parametrize("texts", [CHUNK, CHUNK + 1, 2 * CHUNK + 7])
def test_chunks_are_joined(tokenizer, texts: int) -> None:
    rows = [(f"film {number}", "the plot") for number in range(texts)]
    features = encode_texts(rows, tokenizer, Limits(16))
    assert features.examples.tolist() == list(range(texts))
    for row in (0, CHUNK - 1, texts - 1):
        assert pieces(features)[row] == tokenizer(*rows[row])["input_ids"]


def test_the_tokenizer_is_left_as_it_was(tokenizer) -> None:
    """Its state is saved with it: a saved model must not cut texts in silence."""
    for limits in (Limits(8), Limits(8, 16, 4)):
        encode_texts(TEXTS, tokenizer, limits)
        assert tokenizer.backend_tokenizer.truncation is None
        assert tokenizer.backend_tokenizer.padding is None


def test_progress_is_told_to_the_end(tokenizer) -> None:
    told: list[int] = []
    encode_texts([("a",)] * 4500, tokenizer, Limits(8), progress=told.append)
    assert told == [2000, 4000, 4500]
