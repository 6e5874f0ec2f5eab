"""From texts to token ids, cut or in windows; the same for training, scoring and predicting."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from bertkit.data.features import Features
from bertkit.tasks.base import Limits, Progress

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

# Texts handed to the tokenizer at once: enough for its threads, few enough for a smooth progress bar.
CHUNK = 2000


@contextmanager
def _cutting(tokenizer: PreTrainedTokenizerFast, limits: Limits) -> Iterator[Tokenizer]:
    """Its Rust part, set to these limits. They are state, and would be saved with it: they go again."""
    backend = tokenizer.backend_tokenizer
    backend.no_padding()
    backend.enable_truncation(
        max_length=limits.window or limits.max_length,
        stride=limits.stride if limits.window else 0,
        strategy="longest_first",
        direction="right",
    )
    try:
        yield backend
    finally:
        backend.no_truncation()


def encode_texts(
    texts: Sequence[tuple[str, ...]],
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
    with_segments = "token_type_ids" in tokenizer.model_input_names
    ids: list[np.ndarray] = []
    segments: list[np.ndarray] = []
    lengths: list[int] = []
    examples: list[int] = []
    cut = 0
    for start in range(0, len(texts), CHUNK):
        chunk = [text if len(text) == 2 else text[0] for text in texts[start : start + CHUNK]]
        with _cutting(tokenizer, limits) as backend:
            encodings = backend.encode_batch_fast(chunk)
        for number, encoding in enumerate(encodings, start):
            pieces = [encoding]
            if encoding.overflowing:
                cut += not limits.window
                pieces += encoding.overflowing if limits.window else []
            for piece in pieces:
                ids.append(np.asarray(piece.ids, dtype=np.int32))
                if with_segments:
                    segments.append(np.asarray(piece.type_ids, dtype=np.int8))
                lengths.append(len(piece.ids))
                examples.append(number)
        if progress is not None:
            progress(min(start + CHUNK, len(texts)))
    return Features(
        input_ids=np.concatenate(ids) if ids else np.empty(0, dtype=np.int32),
        token_type_ids=(np.concatenate(segments) if segments else np.empty(0, np.int8))
        if with_segments
        else None,
        offsets=np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64),
        examples=np.asarray(examples, dtype=np.int32),
        cut=cut,
    )
