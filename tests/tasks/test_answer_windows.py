"""Every token of a context is in a window, and every answer is a stretch of its context."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bertkit.data.features import Features
from bertkit.errors import DataError
from bertkit.tasks.answer_windows import (
    NO_ANSWER,
    NOT_CONTEXT,
    Span,
    answer_tokens,
    best_spans,
    encode_questions,
    trimmed,
)
from bertkit.tasks.base import Example, Limits

KINDS = ("word piece", "byte level", "class token last")
LIMITS = st.tuples(st.integers(32, 128), st.floats(0, 0.5)).map(lambda d: Limits(8, d[0], int(d[0] * d[1])))
slow = settings(
    max_examples=60, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip


def encode(
    pairs: list[tuple[str, str]], tokenizer: Any, limits: Limits, *, question: int = 8
) -> tuple[list[Example], Features]:
    examples = [Example(str(number), pair, None) for number, pair in enumerate(pairs)]
    return examples, encode_questions(examples, tokenizer, limits, max_question_length=question)


def window(features: Features, feature: int, name: str = "start") -> np.ndarray:
    return features.alignment[name][features.offsets[feature] : features.offsets[feature + 1]]


@slow
@given(data=st.data(), limits=LIMITS, kind=st.sampled_from(KINDS), between=st.sampled_from([" ", "", "\r\n"]))
def test_every_token_of_every_context_is_in_a_window(
    tokenizers, documents, data, limits, kind, between
) -> None:
    tokenizer = tokenizers[kind]
    contexts = [between.join(data.draw(documents(1500))), "", "film"]
    questions = [" ".join(data.draw(documents(10))), "what is good?", ""]
    _, features = encode(list(zip(questions, contexts, strict=True)), tokenizer, limits)
    assert features.lengths.max() <= limits.window
    backend = tokenizer.backend_tokenizer
    lengths = [len(backend.encode(text, add_special_tokens=False).ids) for text in questions]
    assert features.cut == sum(length > 8 for length in lengths)
    for number, context in enumerate(contexts):
        whole = backend.encode(context, add_special_tokens=False)
        seen: list[list[int]] = []
        for feature in np.flatnonzero(features.examples == number):
            starts, ends = window(features, feature), window(features, feature, "end")
            assert (starts == NO_ANSWER).sum() == (ends == NO_ANSWER).sum() == 1
            inside = np.flatnonzero(starts >= 0)
            assert (np.diff(inside) == 1).all()
            ids = features.input_ids[features.offsets[feature] : features.offsets[feature + 1]]
            piece = [list(entry) for entry in zip(ids[inside], starts[inside], ends[inside], strict=True)]
            room = limits.window - (len(starts) - len(piece))
            stride = min(limits.stride, room // 2)
            assert not seen or seen[len(seen) - stride :] == piece[:stride]
            seen += piece[stride:] if seen else piece
        assert seen == [[i, *offset] for i, offset in zip(whole.ids, whole.offsets, strict=True)]


@slow
@given(
    data=st.data(), limits=LIMITS, kind=st.sampled_from(KINDS), between=st.sampled_from([" ", "", "\t\r\n"])
)
def test_whatever_the_logits_answers_are_stretches_of_the_context(
    tokenizers, documents, data, limits, kind, between
) -> None:
    contexts = [between.join(data.draw(documents(300))) for _ in range(3)]
    pairs = [("what is good?", context) for context in contexts]
    examples, features = encode(pairs, tokenizers[kind], limits)
    random = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    scale = data.draw(st.sampled_from([0.0, 1.0, 1e4, 1e30]))
    logits = (random.normal(size=(len(features.input_ids), 2)) * scale).astype(np.float32)
    if data.draw(st.booleans()):  # many equal ones
        logits = np.round(logits)
    longest = data.draw(st.integers(1, 12))
    found = best_spans(logits, features, examples, count=7, max_tokens=longest)
    assert len(found) == len(examples)
    for number, (candidates, context) in enumerate(zip(found, contexts, strict=True)):
        places = [(span.start, span.end) for span in candidates.spans]
        assert len(set(places)) == len(places) <= 7
        assert all(0 <= start < end <= len(context) for start, end in places)
        assert all(context[start:end] == context[start:end].strip() for start, end in places)
        scores = [span.score for span in candidates.spans]
        assert scores == sorted(scores, reverse=True)
        for start, end in places:
            assert any(
                in_window(features, feature, start, end, longest)
                for feature in np.flatnonzero(features.examples == number)
            )


def in_window(features: Features, feature: int, start: int, end: int, longest: int) -> bool:
    """True if so many tokens of one window, or fewer, stand for these characters."""
    starts, ends = window(features, feature), window(features, feature, "end")
    touched = np.flatnonzero((starts >= 0) & (starts < end) & (ends > start))
    # Of a character in several tokens, the first and the last one may lie outside the span.
    inner = np.flatnonzero((starts > start) & (ends < end))
    return bool(len(touched)) and len(inner) <= longest


@slow
@given(seed=st.integers(0, 2**32 - 1), longest=st.integers(1, 30))
def test_the_best_span_is_that_of_a_search_through_all(tokenizer, seed: int, longest: int) -> None:
    """With as many candidates as tokens nothing is pruned: compared with trying each pair."""
    random = np.random.default_rng(seed)
    words = random.choice(["film", "plot", "zoo", "é", "!"], random.integers(1, 60)).tolist()
    context = " ".join(words)
    examples, features = encode([("what?", context)], tokenizer, Limits(8, 32, 8))
    logits = random.normal(size=(len(features.input_ids), 2)).astype(np.float32)
    best: dict[tuple[int, int], float] = {}
    for feature in range(len(features)):
        first = features.offsets[feature]
        starts, ends = window(features, feature), window(features, feature, "end")
        inside = np.flatnonzero(starts >= 0)
        for begin in inside:
            for stop in inside[(inside >= begin) & (inside < begin + longest)]:
                score = float(logits[first + begin, 0]) + float(logits[first + stop, 1])
                key = (int(starts[begin]), int(ends[stop]))
                best[key] = max(score, best.get(key, -np.inf))
    expected = sorted(best.items(), key=lambda item: -item[1])[:50]
    (found,) = best_spans(logits, features, examples, count=50, max_tokens=longest)
    assert [span.score for span in found.spans] == pytest.approx([score for _, score in expected])
    assert [(span.start, span.end) for span in found.spans] == [place for place, _ in expected]


def test_windows_by_hand(tokenizer: Any) -> None:
    """Windows of ten: [CLS], the question of two, [SEP], five words of context, [SEP]; two are shared."""
    _, features = encode(
        [("is good", "the film plot actor scene was a")], tokenizer, Limits(99, 10, 2), question=2
    )
    names = [
        tokenizer.convert_ids_to_tokens(features.input_ids[first:last])
        for first, last in zip(features.offsets[:-1], features.offsets[1:], strict=True)
    ]
    assert names == [
        ["[CLS]", "is", "good", "[SEP]", "the", "film", "plot", "actor", "scene", "[SEP]"],
        ["[CLS]", "is", "good", "[SEP]", "actor", "scene", "was", "a", "[SEP]"],
    ]
    none = NOT_CONTEXT
    assert window(features, 1).tolist() == [NO_ANSWER, none, none, none, 14, 20, 26, 30, none]
    assert window(features, 1, "end").tolist() == [NO_ANSWER, none, none, none, 19, 25, 29, 31, none]
    assert features.token_type_ids is not None
    assert features.token_type_ids[:10].tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 1, 1]
    assert answer_tokens(features, 0, 14, 25) == (7, 8)
    assert answer_tokens(features, 1, 14, 25) == (4, 5)
    assert answer_tokens(features, 0, 14, 29) == (0, 0)  # "was" is not in the first window
    assert answer_tokens(features, 1, 9, 29) == (0, 0)
    assert answer_tokens(features, 1, 16, 22) == (4, 5)  # inside of words
    assert answer_tokens(features, 0, -1, -1) == (0, 0)


@pytest.mark.parametrize(
    ("context", "answer"),
    [
        ("the Café is good", "Café"),
        ("the cafe\u0301 is good", "cafe\u0301"),
        ("the cafe\u0301", "cafe\u0301"),
        ("a\u200bb film\u200b", "film\u200b"),
        ("the film is good", " film "),
        ("the\r\n film\t\tis", "\n film\t"),
        ("👍🏽 film 👩\u200d👩\u200d👧 a", "👩\u200d👩\u200d👧"),
        ("这是中文电影。", "中文"),
        ("\u0301film", "\u0301film"),
        ("İstanbul is good", "İstanbul"),
        ("the ﬁlm is", "ﬁlm"),
    ],
)
def test_answers_are_found_in_tokens_and_come_back(any_tokenizer: Any, context: str, answer: str) -> None:
    """Also where the tokenizer strips their last character: that window holds the answer nonetheless."""
    examples, features = encode([("what?", context)], any_tokenizer, Limits(99))
    start = context.index(answer)
    first, last = answer_tokens(features, 0, *trimmed(context, start, start + len(answer)))
    null = int(np.flatnonzero(window(features, 0) == NO_ANSWER)[0])
    assert null not in (first, last)
    logits = np.zeros((len(features.input_ids), 2), np.float32)
    logits[first, 0] = logits[last, 1] = 9
    (found,) = best_spans(logits, features, examples, count=5, max_tokens=30)
    best = found.spans[0]
    unseen = "\u0301\u200b"
    assert context[best.start : best.end].strip(unseen) == answer.strip().strip(unseen)


def test_the_no_answer_token_is_the_class_token_wherever_it_stands(tokenizers: dict[str, Any]) -> None:
    _, features = encode([("what?", "the film")], tokenizers["class token last"], Limits(99))
    assert window(features, 0).tolist()[-2:] == [NOT_CONTEXT, NO_ANSWER]
    assert answer_tokens(features, 0, -1, -1) == (len(features.input_ids) - 1,) * 2
    _, features = encode([("what?", "the film")], tokenizers["byte level"], Limits(99))
    assert window(features, 0)[0] == NO_ANSWER


def test_the_lowest_no_answer_of_all_windows_counts(tokenizer: Any) -> None:
    examples, features = encode([("is", "film " * 30)], tokenizer, Limits(8, 20, 4), question=4)
    assert len(features) > 2
    logits = np.zeros((len(features.input_ids), 2), np.float32)
    logits[features.offsets[:-1]] = 5
    logits[features.offsets[1]] = [1, 2]
    logits[features.offsets[1] + 4, :] = 4
    (found,) = best_spans(logits, features, examples, count=3, max_tokens=30)
    assert found.no_answer == 3
    assert found.spans[0] == Span(65, 69, 8.0)  # the second window begins with word 12


def test_starts_behind_all_ends_give_single_tokens(tokenizer: Any) -> None:
    examples, features = encode([("is", "film plot actor scene")], tokenizer, Limits(99))
    logits = np.zeros((len(features.input_ids), 2), np.float32)
    logits[5:7, 0] = 5  # the last two words begin
    logits[3:5, 1] = [5, 6]  # the first two end
    (found,) = best_spans(logits, features, examples, count=2, max_tokens=30)
    assert [examples[0].texts[1][span.start : span.end] for span in found.spans] == ["plot"]


def test_a_question_that_is_too_long_is_cut_and_counted(tokenizer: Any) -> None:
    pairs = [("film " * 9, "plot"), ("film " * 8, "plot"), ("film " * 50, "plot " * 80)]
    _, features = encode(pairs, tokenizer, Limits(99, 32, 8))
    assert features.cut == 2
    assert (features.lengths <= 32).all()
    film = tokenizer.convert_tokens_to_ids("film")
    assert [(window(features, 0).tolist().count(0), (features.input_ids[:12] == film).sum())] == [(1, 8)]


def test_windows_without_room_are_refused(tokenizer: Any) -> None:
    with pytest.raises(DataError, match="windows of 16 tokens leave no room") as caught:
        encode([("a", "b")], tokenizer, Limits(16), question=64)
    assert "max_question_length" in caught.value.hint
    # Half of what windows share is the least: else they would hardly move.
    with pytest.raises(DataError, match="no room"):
        encode([("a", "b")], tokenizer, Limits(8, 40, 40), question=18)
    encode([("a", "b")], tokenizer, Limits(8, 40, 38), question=18)


def test_no_questions_and_progress(tokenizer: Any) -> None:
    assert len(encode([], tokenizer, Limits(99))[1]) == 0
    told: list[int] = []
    examples = [Example(str(number), ("is", "film"), None) for number in range(4500)]
    encode_questions(examples, tokenizer, Limits(99), max_question_length=8, progress=told.append)
    assert told == [2000, 4000, 4500]
