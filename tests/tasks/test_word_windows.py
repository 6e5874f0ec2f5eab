"""No word is ever lost and each is decided once, whatever the text, the tokenizer and the window."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from bertkit.data.features import Features
from bertkit.data.words import find_words
from bertkit.errors import ModelError
from bertkit.tasks.base import Example, Limits
from bertkit.tasks.tag_rows import joined
from bertkit.tasks.tagging import entities_in_text, scores_by_example, token_targets
from bertkit.tasks.word_windows import NO_WORD, SENTENCE, encode_words, first_tokens, sentence_tokens

KINDS = ("word piece", "byte level", "class token last")
# (window, stride): as small as the schema allows, usual ones, and strides of 0 and of half.
LIMITS = st.tuples(st.integers(16, 128), st.floats(0, 0.5)).map(lambda d: Limits(8, d[0], int(d[0] * d[1])))
slow = settings(
    max_examples=100, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip


def of_tokens(*documents: list[str]) -> list[Example]:
    examples = []
    for number, tokens in enumerate(documents):
        text, words = joined(tokens)
        examples.append(Example(str(number), (text,), None, words))
    return examples


def pieces(features: Features, values: np.ndarray) -> list[list[int]]:
    return [values[a:b].tolist() for a, b in zip(features.offsets[:-1], features.offsets[1:], strict=True)]


def assert_each_word_once(examples: list[Example], features: Features, limits: Limits) -> None:
    words = features.alignment["words"]
    assert features.lengths.max(initial=0) <= (limits.window or limits.max_length)
    assert len(sentence_tokens(features)) == len(features)
    assert np.array_equal(features.examples[features.feature_of_token[sentence_tokens(features)]],
                          features.examples)  # fmt: skip
    firsts = first_tokens(features)
    expected = [(n, word) for n, example in enumerate(examples) for word in range(len(example.words))]
    of_example = features.examples[features.feature_of_token[firsts]]
    assert list(zip(of_example.tolist(), words[firsts].tolist(), strict=True)) == expected
    # All tokens that count for a word are in one window, side by side.
    where: dict[tuple[int, int], int] = {}
    for place, (feature, word) in enumerate(zip(features.feature_of_token, words, strict=True)):
        if word >= 0:
            key = (int(features.examples[feature]), int(word))
            assert where.get(key, place - 1) == place - 1
            assert features.feature_of_token[where.get(key, place)] == feature
            where[key] = place


@slow
@given(data=st.data(), limits=LIMITS, kind=st.sampled_from(KINDS))
def test_every_word_of_every_text_is_decided_once(tokenizers, documents, data, limits, kind) -> None:
    tokens = data.draw(documents(5000))
    examples = of_tokens(tokens, [], tokens[:3])
    features = encode_words(examples, tokenizers[kind], limits)
    assert_each_word_once(examples, features, limits)
    assert set(features.examples.tolist()) == {0, 1, 2}
    assert features.cut == 0
    tags = [list(range(len(example.words))) for example in examples]
    values, counts = token_targets(tags, features, all_subwords=False)
    assert counts.sum() == sum(map(len, tags))
    assert values[counts > 0].tolist() == [tag for of_example in tags for tag in of_example]
    rows = scores_by_example(values[:, None].astype(np.float32), features, examples)
    assert [row[:, 0].tolist() for row in rows] == tags


@pytest.mark.parametrize("limits", [Limits(8, 16, 8), Limits(8, 128, 32), Limits(512)])
def test_documents_of_thousands_of_words(any_tokenizer: Any, limits: Limits) -> None:
    random = np.random.default_rng(0)
    tokens = random.choice(
        ["film", "unbelievable", "字", "👩\u200d👩\u200d👧", "", "\u200b", "\x00", "z"], 5000
    )
    examples = of_tokens(tokens.tolist(), ["film"] * 5000, ["x" * 9000], [""] * 700)
    assert_each_word_once(examples, encode_words(examples, any_tokenizer, limits), limits)


@slow
@given(data=st.data(), between=st.sampled_from([" ", "\r\n", "\t", ""]), kind=st.sampled_from(KINDS))
def test_entities_of_raw_text_are_where_they_say(tokenizers, documents, data, between, kind) -> None:
    tokens = data.draw(documents(200))
    text = between.join(tokens)
    words = tuple(find_words(text))
    example = Example("0", (text,), None, words)
    features = encode_words([example], tokenizers[kind], Limits(8, 32, 8))
    assert_each_word_once([example], features, Limits(8, 32, 8))
    tags = [("B-P", "I-P", "O", "B-L")[number % 4] for number in range(len(words))]
    entities = entities_in_text(example, tags, np.ones(len(words)))
    assert len(entities) == sum(tag[0] == "B" for tag in tags)
    assert all(entity["text"] == text[entity["start"] : entity["end"]] for entity in entities)
    assert all(entity["text"].strip() and entity["score"] == 1.0 for entity in entities)


@slow
@given(data=st.data(), limits=LIMITS, kind=st.sampled_from(KINDS))
def test_windows_begin_between_words(tokenizers, documents, data, limits, kind) -> None:
    """What a window decides is whole words; each begins with the token that the whole text has there."""
    tokens = data.draw(documents(300))
    examples = of_tokens(tokens)
    features = encode_words(examples, tokenizers[kind], limits)
    whole = encode_words(examples, tokenizers[kind], Limits(10**6))
    room = limits.window - 2
    in_whole, decided = (
        np.bincount(words[words >= 0], minlength=len(tokens))
        for words in (whole.alignment["words"], features.alignment["words"])
    )
    alone = len(whole.input_ids) <= limits.window
    assert decided.tolist() == (in_whole if alone else np.minimum(in_whole, room // 2)).tolist()
    assert np.array_equal(whole.input_ids[first_tokens(whole)], features.input_ids[first_tokens(features)])


def test_windows_by_hand(tokenizer: Any) -> None:
    """Eight words of one token in windows of six, of which four are for words; two are shared."""
    words = ["the", "film", "plot", "actor", "scene", "is", "was", "a"]
    features = encode_words(of_tokens(words), tokenizer, Limits(99, 6, 2))
    names = [tokenizer.convert_ids_to_tokens(piece) for piece in pieces(features, features.input_ids)]
    assert names == [
        ["[CLS]", "the", "film", "plot", "actor", "[SEP]"],
        ["[CLS]", "plot", "actor", "scene", "is", "[SEP]"],
        ["[CLS]", "scene", "is", "was", "a", "[SEP]"],
    ]
    # A word in two windows is decided by the one that shows more around it.
    assert pieces(features, features.alignment["words"]) == [
        [SENTENCE, 0, 1, 2, NO_WORD, NO_WORD],
        [SENTENCE, NO_WORD, 3, 4, NO_WORD, NO_WORD],
        [SENTENCE, NO_WORD, 5, 6, 7, NO_WORD],
    ]


def test_subwords_and_words_without_a_token_by_hand(tokenizer: Any) -> None:
    """`zoo` is three letters to the tiny tokenizer; nothing and a mark alone are unknown tokens."""
    examples = of_tokens(["zoo", "", "film", "\u0301", "!"])
    features = encode_words(examples, tokenizer, Limits(32))
    assert tokenizer.convert_ids_to_tokens(features.input_ids) == [
        "[CLS]", "z", "##o", "##o", "[UNK]", "film", "[UNK]", "!", "[SEP]",
    ]  # fmt: skip
    assert features.alignment["words"].tolist() == [SENTENCE, 0, 0, 0, 1, 2, 3, 4, NO_WORD]
    tags = [(5, 6, 7, 8, 9)]
    values, counts = token_targets(tags, features, all_subwords=False)
    assert counts.tolist() == [0, 1, 0, 0, 1, 1, 1, 1, 0]
    assert values.tolist() == [0, 5, 0, 0, 6, 7, 8, 9, 0]
    values, counts = token_targets(tags, features, all_subwords=True)
    assert counts.tolist() == [0, 1, 1, 1, 1, 1, 1, 1, 0]
    assert values.tolist() == [0, 5, 5, 5, 6, 7, 8, 9, 0]


def test_a_word_longer_than_half_a_window_keeps_its_first_tokens(tokenizer: Any) -> None:
    features = encode_words(of_tokens(["film", "z" * 50, "plot"]), tokenizer, Limits(99, 12, 0))
    assert [piece.count(1) for piece in pieces(features, features.alignment["words"])] == [5]
    short = encode_words(of_tokens(["film", "z" * 50, "plot"]), tokenizer, Limits(99, 54, 0))
    assert (short.alignment["words"] == 1).sum() == 50


def test_special_tokens_at_both_ends(tokenizers: dict[str, Any]) -> None:
    tokens = of_tokens(["film", "is"])
    last = tokenizers["class token last"]
    features = encode_words(tokens, last, Limits(16))
    assert features.alignment["words"].tolist()[-2:] == [NO_WORD, SENTENCE]
    assert last.convert_ids_to_tokens(features.input_ids)[-2:] == ["</s>", "<s>"]
    assert features.token_type_ids is not None and features.token_type_ids.tolist()[-1] == 2
    features = encode_words(tokens, tokenizers["byte level"], Limits(16))
    assert features.alignment["words"].tolist()[0] == SENTENCE
    assert features.token_type_ids is None


def plain_tokenizer(**special: str) -> Any:
    backend = Tokenizer(models.WordLevel({"a": 0, "[UNK]": 1, "[PAD]": 2, "</s>": 3}, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    if special:
        from tokenizers import processors

        backend.post_processor = processors.TemplateProcessing(
            single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 3)]
        )
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="[UNK]", pad_token="[PAD]", **special)


def test_without_a_token_before_the_text_the_last_one_stands_for_it() -> None:
    features = encode_words(of_tokens(["a", "b"]), plain_tokenizer(eos_token="</s>"), Limits(16))
    assert features.alignment["words"].tolist() == [0, 1, SENTENCE]


def test_a_tokenizer_without_special_tokens_is_refused() -> None:
    """Its first word would be taken for the token that stands for the text, and be lost."""
    with pytest.raises(ModelError, match="no special tokens"):
        encode_words(of_tokens(["a", "b"]), plain_tokenizer(), Limits(16))


def test_equal_to_the_tokenizer_where_texts_are_short(tokenizer: Any) -> None:
    texts = ["The film, is good!", "unknown wörds", ""]
    examples = [Example("0", (text,), None, tuple(find_words(text))) for text in texts]
    features = encode_words(examples, tokenizer, Limits(64))
    assert pieces(features, features.input_ids) == tokenizer(texts)["input_ids"]


def test_no_texts_and_progress(tokenizer: Any) -> None:
    assert len(encode_words([], tokenizer, Limits(16))) == 0
    told: list[int] = []
    encode_words(of_tokens(*[["a"]] * 4500), tokenizer, Limits(16), progress=told.append)
    assert told == [2000, 4000, 4500]
