"""From texts to token ids, cut or in windows; the same for training, scoring and predicting."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bertkit.data.features import Features
from bertkit.errors import ModelError
from bertkit.tasks.base import Limits, Progress
from bertkit.tasks.layout import lay_out, ranges, special_ids
from bertkit.tasks.spaced_words import Tokens, tokenize_with
from bertkit.tasks.template import Template, template_of

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

# Texts encoded at once: enough for the tokenizer's threads, few enough for a smooth progress bar.
CHUNK = 2000

Texts = Sequence[tuple[str, ...]]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class _Chunk:
    """Features of some texts.

    Attributes:
        ids, segments: (tokens,) int32 and int8.
        lengths: (features,) tokens of each.
        texts: (features,) the text each is of, from 0.
        cut: texts that lost tokens.
    """

    ids: NDArray[np.int32]
    segments: NDArray[np.int8]
    lengths: Ints
    texts: Ints
    cut: int


class _Encoder(Protocol):
    def encode(self, texts: Texts) -> _Chunk: ...


def encode_texts(
    texts: Texts,
    tokenizer: PreTrainedTokenizerFast,
    limits: Limits,
    *,
    progress: Progress | None = None,
) -> Features:
    """Encode single texts or pairs.

    Texts over `limits.max_length` are cut (the longer one of a pair first) and counted; with
    `limits.window` they become several features that share `limits.stride` tokens.

    Args:
        texts: one or two strings an example.
        tokenizer: its Rust part does the work; Python's objects for each text would take three times as long.
        limits: see above; special tokens count.
        progress: told how many texts are done.
    """
    encoder = _encoder(texts, tokenizer, limits)
    chunks = []
    for start in range(0, len(texts), CHUNK):
        chunks.append(encoder.encode(texts[start : start + CHUNK]))
        if progress is not None:
            progress(min(start + CHUNK, len(texts)))
    lengths = _joined([chunk.lengths for chunk in chunks], np.int64)
    with_segments = "token_type_ids" in tokenizer.model_input_names
    return Features(
        input_ids=_joined([chunk.ids for chunk in chunks], np.int32),
        token_type_ids=_joined([chunk.segments for chunk in chunks], np.int8) if with_segments else None,
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
        examples=_joined([number * CHUNK + chunk.texts for number, chunk in enumerate(chunks)], np.int32),
        cut=sum(chunk.cut for chunk in chunks),
    )


def _joined(arrays: list[NDArray[Any]], kind: type[np.generic]) -> NDArray[Any]:
    return np.concatenate(arrays).astype(kind, copy=False) if arrays else np.empty(0, dtype=kind)


def _encoder(texts: Texts, tokenizer: PreTrainedTokenizerFast, limits: Limits) -> _Encoder:
    backend = tokenizer.backend_tokenizer
    backend.no_padding()
    backend.no_truncation()
    parts = set(map(len, texts))
    # A window is of a single text.
    if len(parts) != 1 or (limits.window and parts != {1}):
        return _WholeEncoder(backend, limits)
    try:
        template = template_of(tokenizer, pair=parts == {2})
    except ModelError:  # it has no special tokens: a head of words refuses that, others take what there is
        return _WholeEncoder(backend, limits)
    if (limits.window or limits.max_length) - template.size <= limits.stride:
        return _WholeEncoder(backend, limits)
    return _PartEncoder(tokenize_with(backend), template, limits)


class _WholeEncoder:
    """Leaves all to the tokenizer, which takes long where it cuts: it makes every window of every text."""

    def __init__(self, backend: Tokenizer, limits: Limits) -> None:
        self._backend = backend
        self._limits = limits

    def encode(self, texts: Texts) -> _Chunk:
        """Features of a chunk."""
        with _cutting(self._backend, self._limits):
            encodings = self._backend.encode_batch_fast(
                [pair if len(pair) == 2 else pair[0] for pair in texts]
            )
        pieces = [[whole, *(whole.overflowing if self._limits.window else ())] for whole in encodings]
        every = list(chain.from_iterable(pieces))
        return _Chunk(
            ids=np.array([token for piece in every for token in piece.ids], np.int32),
            segments=np.array([segment for piece in every for segment in piece.type_ids], np.int8),
            lengths=np.array([len(piece) for piece in every], np.int64),
            texts=np.repeat(np.arange(len(texts)), [len(of_text) for of_text in pieces]),
            cut=0 if self._limits.window else sum(bool(whole.overflowing) for whole in encodings),
        )


@contextmanager
def _cutting(backend: Tokenizer, limits: Limits) -> Iterator[None]:
    """The tokenizer, set to these limits. They are state, and would be saved with it: they go again."""
    backend.enable_truncation(
        max_length=limits.window or limits.max_length,
        stride=limits.stride if limits.window else 0,
        strategy="longest_first",
        direction="right",
    )
    try:
        yield
    finally:
        backend.no_truncation()


class _PartEncoder:
    """Takes the tokens of each text alone, and cuts and wraps them as the tokenizer would.

    Args:
        tokenize: texts to tokens.
        template: of one text or of a pair, whichever there are.
        limits: as for `encode_texts`.
    """

    def __init__(
        self, tokenize: Callable[[Sequence[str]], Tokens], template: Template, limits: Limits
    ) -> None:
        self._tokenize = tokenize
        self._template = template
        self._room = (limits.window or limits.max_length) - template.size
        self._stride = limits.stride if limits.window else None

    def encode(self, texts: Texts) -> _Chunk:
        """Features of a chunk."""
        tokens = self._tokenize(list(chain.from_iterable(texts)))
        lengths = tokens.lengths.reshape(len(texts), -1)
        starts = (np.cumsum(tokens.lengths) - tokens.lengths).reshape(lengths.shape)
        numbers, cut = np.arange(len(texts)), 0
        if self._stride is None:
            kept = _longest_first(lengths, self._room)
            cut = int((kept < lengths).any(axis=1).sum())
        else:
            numbers, starts, kept = _windows(starts, lengths, self._room, self._stride)
        layout = lay_out(self._template, starts, kept)
        ids = layout.taken(special_ids(self._template), tokens.ids)
        return _Chunk(ids, layout.segments, layout.lengths, numbers, cut)


def _longest_first(lengths: Ints, room: int) -> Ints:
    """What is kept of each text where all of a feature, (features, parts), have room for so many tokens.

    Of a pair the longer one loses tokens until both have as many, as the tokenizer cuts; then they share the
    room, and an odd token goes to the longer one, of equal ones to the second.
    """
    if lengths.shape[1] == 1:
        return np.minimum(lengths, room)
    first, second = lengths[:, 0], lengths[:, 1]
    shorter = np.minimum(first, second)
    short = np.minimum(shorter, room // 2)
    long = np.minimum(np.maximum(first, second), room - short)
    is_longer = first > second
    return np.stack([np.where(is_longer, long, short), np.where(is_longer, short, long)], axis=1)


def _windows(starts: Ints, lengths: Ints, room: int, stride: int) -> tuple[Ints, Ints, Ints]:
    """The text, the start and the tokens of each window of single texts, (texts, 1)."""
    step = room - stride
    counts = 1 + np.maximum(0, -(-(lengths[:, 0] - room) // step))
    texts = np.repeat(np.arange(len(lengths)), counts)
    passed = ranges(np.zeros_like(counts), counts)[:, None] * step
    return texts, starts[texts] + passed, np.minimum(room, lengths[texts] - passed)
