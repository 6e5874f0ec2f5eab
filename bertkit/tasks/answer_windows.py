"""From questions and contexts to token ids, and from logits back to characters of the context."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bertkit.data.features import Features
from bertkit.errors import DataError
from bertkit.tasks.base import Example, Limits, Progress
from bertkit.tasks.encoding import CHUNK
from bertkit.tasks.feature_builder import FeatureBuilder
from bertkit.tasks.spaced_words import tokenize_with
from bertkit.tasks.template import template_of

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

# In `Features.alignment`: a token that is not of the context.
NOT_CONTEXT = -1
# The token that stands for "there is no answer here", as `[CLS]`.
NO_ANSWER = -2

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class _Text:
    """Tokens of a text, and where each begins and ends in it, in characters."""

    ids: NDArray[np.int32]
    starts: NDArray[np.int32]
    ends: NDArray[np.int32]


def encode_questions(
    examples: Sequence[Example],
    tokenizer: PreTrainedTokenizerFast,
    limits: Limits,
    *,
    max_question_length: int,
    progress: Progress | None = None,
) -> Features:
    """Encode questions over contexts, a long context in windows that each have the whole question.

    Args:
        examples: with question and context as texts.
        tokenizer: its offsets bring tokens to characters. Equal texts are encoded once.
        limits: `window` and `stride` in tokens; question and special tokens count.
        max_question_length: tokens of a question; what is over is cut and counted in `Features.cut`.
        progress: told how many questions are done.

    Returns:
        Features whose `alignment["start"]` and `alignment["end"]`, (tokens,), are the characters of the
        context that a token stands for, `NO_ANSWER` or `NOT_CONTEXT`.

    Raises:
        DataError: a window has no room for the context.
    """
    template = template_of(tokenizer, pair=True)
    size = limits.window or limits.max_length
    room = size - template.size
    if room - max_question_length < max(1, limits.stride // 2):
        raise DataError(
            f"windows of {size} tokens leave no room for the context beside a question of up to "
            f"{max_question_length}",
            hint="--set train.max_length=384, or a smaller task.max_question_length",
        )
    contexts = _Contexts(tokenizer.backend_tokenizer)
    tokenize = tokenize_with(tokenizer.backend_tokenizer)
    with_segments = "token_type_ids" in tokenizer.model_input_names
    built = FeatureBuilder(
        template, "start", "end", nothing=NOT_CONTEXT, sentence=NO_ANSWER, with_segments=with_segments
    )
    cut = 0
    for first in range(0, len(examples), CHUNK):
        chunk = examples[first : first + CHUNK]
        questions = tokenize([example.texts[0] for example in chunk])
        contexts.prepare([example.texts[1] for example in chunk])
        ends = np.cumsum(questions.lengths)
        for number, (example, start, end) in enumerate(
            zip(chunk, ends - questions.lengths, ends, strict=True)
        ):
            question = questions.ids[start : min(end, start + max_question_length)]
            context = contexts.encoded[example.texts[1]]
            _add_windows(built, first + number, question, context, room - len(question), limits.stride)
        cut += int((questions.lengths > max_question_length).sum())
        if progress is not None:
            progress(min(first + CHUNK, len(examples)))
    return built.features(cut=cut)


class _Contexts:
    """Encodes the contexts of one chunk after the other, each different one once."""

    def __init__(self, backend: Tokenizer) -> None:
        self._backend = backend
        self.encoded: dict[str, _Text] = {}

    def prepare(self, texts: Sequence[str]) -> None:
        """Encode these; what is not among them is forgotten."""
        wanted = dict.fromkeys(texts)
        self.encoded = {text: known for text, known in self.encoded.items() if text in wanted}
        missing = [text for text in wanted if text not in self.encoded]
        encodings = self._backend.encode_batch(missing, add_special_tokens=False)
        for text, encoding in zip(missing, encodings, strict=True):
            offsets = np.asarray(encoding.offsets, dtype=np.int32).reshape(-1, 2)
            starts, ends = offsets.T.copy()
            self.encoded[text] = _Text(np.asarray(encoding.ids, dtype=np.int32), starts, ends)


def _add_windows(
    built: FeatureBuilder, example: int, question: NDArray[np.int32], context: _Text, room: int, stride: int
) -> None:
    """Add all windows of one question over its context, each of so much room."""
    # Beside a long question little room is left: then windows share at most half of it.
    step = max(1, room - min(stride, room // 2))
    beside = np.full(len(question), NOT_CONTEXT, dtype=np.int32)
    for start in range(0, max(1, len(context.ids) - room + step), step):
        piece = slice(start, start + room)
        built.add(
            example, question, context.ids[piece],
            start=[beside, context.starts[piece]], end=[beside, context.ends[piece]],
        )  # fmt: skip


def answer_tokens(features: Features, feature: int, start: int, end: int) -> tuple[int, int]:
    """The first and the last token of characters `start` to `end` of the context in one feature.

    Positions count from the start of the feature; both are that of the no-answer token where the answer is
    not wholly inside this window. Characters that no token stands for, as blanks and accents that the
    tokenizer strips, may be at its ends.
    """
    first, last = features.offsets[feature : feature + 2]
    starts, ends = (features.alignment[name][first:last] for name in ("start", "end"))
    null = int(np.flatnonzero(starts == NO_ANSWER)[0])
    context = np.flatnonzero(starts >= 0)
    touched = context[(starts[context] < end) & (ends[context] > start)]
    if not len(touched):
        return null, null
    # Only what lies beyond the first or the last token of a window can be in another one.
    example = features.examples[feature]
    is_first = feature == 0 or features.examples[feature - 1] != example
    is_last = feature + 1 == len(features) or features.examples[feature + 1] != example
    begins = is_first or touched[0] != context[0] or starts[touched[0]] <= start
    stops = is_last or touched[-1] != context[-1] or ends[touched[-1]] >= end
    return (int(touched[0]), int(touched[-1])) if begins and stops else (null, null)


@dataclass(frozen=True)
class Span:
    """A candidate answer: characters of the context, and the sum of its two logits."""

    start: int
    end: int
    score: float


@dataclass(frozen=True)
class Candidates:
    """What all windows of one question offer.

    Attributes:
        spans: the best first, each place once, with text in it.
        no_answer: the logits of the no-answer token, summed, the lowest of all windows: where one window
            shows an answer there is one.
    """

    spans: Sequence[Span]
    no_answer: float


def best_spans(
    logits: NDArray[Any], features: Features, examples: Sequence[Example], *, count: int, max_tokens: int
) -> list[Candidates]:
    """The best spans of each example over all its windows.

    Args:
        logits: (tokens, 2) of start and end.
        features: of the examples.
        examples: with question and context as texts.
        count: candidates of each window and of each example.
        max_tokens: the longest span.
    """
    spans: list[dict[tuple[int, int], float]] = [{} for _ in examples]
    no_answers = np.full(len(examples), np.inf)
    starts, ends = features.alignment["start"], features.alignment["end"]
    for feature, example in enumerate(features.examples):
        first, last = features.offsets[feature : feature + 2]
        window, begins, stops = logits[first:last], starts[first:last], ends[first:last]
        null = float(window[begins == NO_ANSWER].sum())
        no_answers[example] = min(no_answers[example], null)
        places = np.flatnonzero(begins >= 0)
        if not len(places):
            continue
        for score, start, end in _pairs(window[places], count, max_tokens):
            key = trimmed(examples[example].texts[1], int(begins[places[start]]), int(stops[places[end]]))
            if key[0] < key[1]:
                spans[example][key] = max(score, spans[example].get(key, -np.inf))
    return [
        Candidates(
            [
                Span(start, end, score)
                for (start, end), score in sorted(found.items(), key=lambda item: -item[1])[:count]
            ],
            float(null),
        )
        for found, null in zip(spans, no_answers, strict=True)
    ]


def _pairs(logits: NDArray[Any], count: int, max_tokens: int) -> list[tuple[float, int, int]]:
    """The best (score, start, end) of one window, of its best starts and its best ends."""
    starts, ends = (_top(logits[:, side], count) for side in (0, 1))
    sums = logits[starts, 0][:, None].astype(np.float64) + logits[ends, 1][None, :]
    lengths = ends[None, :] - starts[:, None] + 1
    allowed = (lengths >= 1) & (lengths <= max_tokens)
    if not allowed.any():  # the best starts lie behind the best ends: then single tokens
        best = _top(logits.sum(axis=1), 1)
        return [(float(logits[place].sum()), int(place), int(place)) for place in best]
    flat = np.where(allowed, sums, -np.inf).ravel()
    chosen = _top(flat, count)
    rows, columns = np.unravel_index(chosen, sums.shape)
    return [
        (float(flat[place]), int(starts[row]), int(ends[column]))
        for place, row, column in zip(chosen, rows, columns, strict=True)
        if flat[place] > -np.inf
    ]


def _top(values: NDArray[Any], count: int) -> Ints:
    """The indices of the greatest values, the greatest first; of equal ones the first."""
    return np.argsort(-values, kind="stable")[:count]


def trimmed(context: str, start: int, end: int) -> tuple[int, int]:
    """The same characters without white space at both ends, which some tokenizers count to a token."""
    text = context[start:end]
    return start + len(text) - len(text.lstrip()), start + len(text.rstrip())
