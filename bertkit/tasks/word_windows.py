"""From words to token ids and back: no word is ever lost, and each is decided exactly once.

A text that is longer than the encoder reads is given to it in overlapping windows. Windows begin and end
between words. A word that stands in two windows is decided by the one that shows more of its surroundings;
in the other one its tokens count nothing, in training and in prediction alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bertkit.data.features import Features
from bertkit.tasks.base import Example, Limits, Progress
from bertkit.tasks.encoding import CHUNK
from bertkit.tasks.feature_builder import FeatureBuilder
from bertkit.tasks.template import template_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

# In `Features.alignment["words"]`: a special token, or one whose word another window decides.
NO_WORD = -1
# The token that stands for the whole text, as `[CLS]`.
SENTENCE = -2

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class _Window:
    """Tokens `start` to `end` of a text, of which the words in tokens `first` to `last` are decided here."""

    start: int
    end: int
    first: int
    last: int


def encode_words(
    examples: Sequence[Example],
    tokenizer: PreTrainedTokenizerFast,
    limits: Limits,
    *,
    progress: Progress | None = None,
) -> Features:
    """Encode texts whose words are known.

    A word for which the tokenizer gives no token (white space and control characters alone) is read as its
    unknown token. A word of more tokens than half a window keeps the first ones, in texts that need windows.

    Args:
        examples: with one text and its words each.
        tokenizer: its offsets bring tokens to words.
        limits: `window` and `stride` in tokens; special tokens count.
        progress: told how many texts are done.

    Returns:
        Features whose `alignment["words"]`, (tokens,), is the number of the word that a token belongs to,
        `SENTENCE`, or `NO_WORD`.
    """
    template = template_of(tokenizer, pair=False)
    room = (limits.window or limits.max_length) - template.size
    with_segments = "token_type_ids" in tokenizer.model_input_names
    built = FeatureBuilder(template, "words", nothing=NO_WORD, sentence=SENTENCE, with_segments=with_segments)
    unknown = next(
        token for token in (tokenizer.unk_token_id, tokenizer.mask_token_id, tokenizer.pad_token_id)
        if token is not None
    )  # fmt: skip
    for start in range(0, len(examples), CHUNK):
        chunk = examples[start : start + CHUNK]
        texts = [example.texts[0] for example in chunk]
        encodings = tokenizer.backend_tokenizer.encode_batch(texts, add_special_tokens=False)
        for number, (example, encoding) in enumerate(zip(chunk, encodings, strict=True), start):
            ids = np.asarray(encoding.ids, dtype=np.int32)
            words = _words_of(np.asarray(encoding.offsets, dtype=np.int64).reshape(-1, 2), example.words)
            ids, words = _with_every_word(ids, words, len(example.words), unknown)
            if len(ids) > room:
                ids, words = _shortened(ids, words, max(1, room // 2))
            for window in _windows(words, room, limits.stride):
                _add_window(built, number, ids, words, window)
        if progress is not None:
            progress(min(start + CHUNK, len(examples)))
    return built.features()


def _words_of(offsets: Ints, words: Sequence[tuple[int, int]]) -> Ints:
    """(tokens,) the word in which each token begins, or the next one it reaches; -1 between words."""
    if not len(offsets) or not words:
        return np.full(len(offsets), NO_WORD, dtype=np.int64)
    bounds = np.asarray(words, dtype=np.int64)
    starts, ends = offsets[:, 0], np.maximum(offsets[:, 1], offsets[:, 0] + 1)
    found = np.searchsorted(bounds[:, 1], starts, side="right")
    inside = np.minimum(found, len(bounds) - 1)
    outside = (found == len(bounds)) | (bounds[inside, 0] >= ends)
    # Some normalisers swap characters; words still follow each other.
    ordered = np.maximum.accumulate(np.where(outside, 0, inside))
    return np.where(outside, NO_WORD, ordered)


def _with_every_word(
    ids: NDArray[np.int32], words: Ints, count: int, unknown: int
) -> tuple[NDArray[np.int32], Ints]:
    """The tokens, with an unknown one for each word that has none."""
    has_tokens = np.zeros(count, dtype=bool)
    has_tokens[words[words != NO_WORD]] = True
    missing = np.flatnonzero(~has_tokens)
    if not len(missing):
        return ids, words
    # Tokens between words go with the word before them.
    places = np.searchsorted(np.maximum.accumulate(words), missing) if len(words) else np.zeros_like(missing)
    return np.insert(ids, places, unknown), np.insert(words, places, missing)


def _shortened(ids: NDArray[np.int32], words: Ints, most: int) -> tuple[NDArray[np.int32], Ints]:
    """The tokens without those over `most` of one word, and without those between words."""
    begins = np.flatnonzero(np.diff(words, prepend=-3) != 0)
    place_in_word = np.arange(len(words)) - np.repeat(begins, np.diff(np.append(begins, len(words))))
    kept = (place_in_word < most) & (words != NO_WORD)
    return ids[kept], words[kept]


def _windows(words: Ints, room: int, stride: int) -> Iterator[_Window]:
    """Windows over the tokens of one text, each of at most `room` tokens, from word to word."""
    count = len(words)
    if count <= room:
        yield _Window(0, count, 0, count)
        return
    begins = np.append(np.flatnonzero(np.diff(words, prepend=-3) != 0), count)
    start = first = 0
    while True:
        end = int(begins[np.searchsorted(begins, start + room, side="right") - 1])
        if end == count:
            yield _Window(start, end, first, end)
            return
        after = int(begins[np.searchsorted(begins, start, side="right")])
        following = max(int(begins[np.searchsorted(begins, end - stride)]), after)
        # The overlap is cut in its middle: a word there has equal surroundings in both windows.
        last = int(begins[np.searchsorted(begins, (following + end) // 2)])
        last = min(max(last, following, first), end)
        yield _Window(start, end, first, last)
        start, first = following, last


def _add_window(
    built: FeatureBuilder, example: int, ids: NDArray[np.int32], words: Ints, window: _Window
) -> None:
    decided = np.full(window.end - window.start, NO_WORD, dtype=np.int32)
    decided[window.first - window.start : window.last - window.start] = words[window.first : window.last]
    built.add(example, ids[window.start : window.end], words=[decided])


def first_tokens(features: Features) -> Ints:
    """(words,) where the first token of each decided word stands, word after word, example after example."""
    words = features.alignment["words"]
    begins = words != np.concatenate([[SENTENCE - 1], words[:-1]]) if len(words) else np.empty(0, dtype=bool)
    return np.flatnonzero((words >= 0) & begins)


def sentence_tokens(features: Features) -> Ints:
    """(features,) where the token that stands for the whole text stands in each."""
    return np.flatnonzero(features.alignment["words"] == SENTENCE)
