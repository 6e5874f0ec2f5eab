"""What is encoded in large pieces is what a loop over examples gives that asks transformers for each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bertkit.data.features import Features
from bertkit.tasks import feature_builder
from bertkit.tasks.answer_windows import NO_ANSWER, NOT_CONTEXT, encode_questions
from bertkit.tasks.base import Example, Limits
from bertkit.tasks.encoding import encode_texts
from bertkit.tasks.word_windows import NO_WORD, SENTENCE, encode_words

WORDS = [
    "film",
    "Good",
    "plot",
    "unbelievably",
    "don't",
    "(scene)",
    "3.14",
    "café",
    "Zürich,",
    "actor",
    "the",
]
COUNT = 300


def rows(features: Features) -> list[dict[str, list[int]]]:
    """Each feature as lists, by what they are."""
    arrays = {"ids": features.input_ids, **features.alignment}
    if features.token_type_ids is not None:
        arrays["segments"] = features.token_type_ids
    bounds = zip(features.offsets[:-1], features.offsets[1:], strict=True)
    return [
        {"example": [int(example)]} | {name: values[start:end].tolist() for name, values in arrays.items()}
        for example, (start, end) in zip(features.examples, bounds, strict=True)
    ]


def row(
    example: int, encoding: Any, part: int, tokenizer: Any, **alignment: list[int]
) -> dict[str, list[int]]:
    made = {"example": [example], "ids": encoding["input_ids"][part]} | alignment
    if "token_type_ids" in tokenizer.model_input_names:
        made["segments"] = encoding["token_type_ids"][part]
    return made


def sentence_place(ids: list[int], tokenizer: Any) -> int:
    """The class token; of a text, which holds none by itself."""
    return ids.index(tokenizer.cls_token_id)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Texts of 0 to 29 words, in blocks that end in their midst."""
    monkeypatch.setattr(feature_builder, "BLOCK", 7)
    for module in ("encoding", "word_windows", "answer_windows"):
        monkeypatch.setattr(f"bertkit.tasks.{module}.CHUNK", 16)
    random = np.random.default_rng(0)
    return [random.choice(WORDS, size=size).tolist() for size in random.integers(0, 30, 2 * COUNT)]


def test_pairs(any_tokenizer: Any, drawn: list[list[str]]) -> None:
    texts = [(" ".join(a), " ".join(b)) for a, b in zip(drawn[:COUNT], drawn[COUNT:], strict=True)]
    expected, cut = [], 0
    for number, (first, second) in enumerate(texts):
        whole = any_tokenizer([first], [second])["input_ids"][0]
        made = any_tokenizer([first], [second], truncation=True, max_length=48, return_token_type_ids=True)
        cut += len(whole) > 48
        expected.append(row(number, made, 0, any_tokenizer))
    features = encode_texts(texts, any_tokenizer, Limits(48))
    assert rows(features) == expected
    assert features.cut == cut > 10


def test_tags(any_tokenizer: Any, drawn: list[list[str]]) -> None:
    examples, expected = [], []
    for number, words in enumerate(drawn[:COUNT]):
        text, spans = "", []
        for word in words:
            spans.append((len(text), len(text) + len(word)))
            text += word + " "
        made = any_tokenizer([text], return_offsets_mapping=True, return_token_type_ids=True)
        ids, places = made["input_ids"][0], made["offset_mapping"][0]
        aligned = [NO_WORD] * len(ids)
        for token, (start, end) in enumerate(places):
            for word, (first, last) in enumerate(spans):
                if start < last and end > first:
                    aligned[token] = word
        aligned[sentence_place(ids, any_tokenizer)] = SENTENCE
        examples.append(Example(str(number), (text,), None, tuple(spans), number))
        expected.append(row(number, made, 0, any_tokenizer, words=aligned))
    assert rows(encode_words(examples, any_tokenizer, Limits(512))) == expected


def test_questions(any_tokenizer: Any, drawn: list[list[str]]) -> None:
    examples, expected, cut = [], [], 0
    for number in range(COUNT):
        # A context has several questions, some of which are too long.
        question, context = " ".join(drawn[number][:9]), " ".join(drawn[COUNT + number // 3] * 2)
        examples.append(Example(str(number), (question, context), None, (), number))
        whole = any_tokenizer([question], add_special_tokens=False)["input_ids"][0]
        if len(whole) > 16:
            cut += 1
            continue  # a question that ends within a word is no text that transformers could be asked for
        made = any_tokenizer(
            [question], [context], truncation="only_second", max_length=64, stride=16,
            return_overflowing_tokens=True, return_offsets_mapping=True, return_token_type_ids=True,
        )  # fmt: skip
        for part, ids in enumerate(made["input_ids"]):
            is_context = [text == 1 for text in made.sequence_ids(part)]
            starts, ends = (
                [place[side] if inside else NOT_CONTEXT
                 for place, inside in zip(made["offset_mapping"][part], is_context, strict=True)]
                for side in (0, 1)
            )  # fmt: skip
            starts[sentence_place(ids, any_tokenizer)] = ends[sentence_place(ids, any_tokenizer)] = NO_ANSWER
            expected.append(row(number, made, part, any_tokenizer, start=starts, end=ends))
    features = encode_questions(examples, any_tokenizer, Limits(64, 64, 16), max_question_length=16)
    asked = {example for made in expected for example in made["example"]}
    assert [made for made in rows(features) if made["example"][0] in asked] == expected
    assert features.cut == cut > 10
    assert len(expected) > len(asked) + 50
