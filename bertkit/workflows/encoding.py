"""Examples to features, each only once: what was encoded before is found in the cache."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from bertkit.data.feature_cache import cached_features
from bertkit.data.features import Features
from bertkit.models.loading import reset_tokenizer
from bertkit.processes.joining import current_group
from bertkit.tasks.base import Example, Limits, Task
from bertkit.workflows.events import Listener, Progress

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

# Goes up when the same texts are encoded otherwise than before: features in the cache are then made anew.
ENCODING_VERSION = "2"
# Examples that the fingerprint takes at once: one call for a text would take longer than the hashing itself.
BLOCK = 10_000


def encode_examples(
    task: Task,
    examples: Sequence[Example],
    tokenizer: PreTrainedTokenizerFast,
    limits: Limits,
    *,
    what: str,
    listen: Listener,
) -> Features:
    """Features of examples, from the cache where the same were made before."""

    def tell(done: int) -> None:
        listen(Progress(f"tokenizing {what}", done, len(examples)))

    # Truncation is a state of the tokenizer, set again by `encode`: it must not be part of the key.
    reset_tokenizer(tokenizer)
    key = features_key(task, examples, tokenizer, limits)
    # One process tokenizes, and all others of the host map what it has left into their memory.
    with current_group().one_on_each_host_first():
        return cached_features(key, lambda: task.encode(examples, tokenizer, limits, progress=tell))


def features_key(
    task: Task, examples: Sequence[Example], tokenizer: PreTrainedTokenizerFast, limits: Limits
) -> str:
    """A fingerprint of everything that decides the features of examples."""
    digest = hashlib.blake2b(digest_size=16)
    settings = [
        ENCODING_VERSION,
        version("tokenizers"),
        str(tokenizer.special_tokens_map),
        tokenizer.backend_tokenizer.to_str(),
        repr(limits),
        task.name,
        task.encoding_key,
        str(tokenizer.model_input_names),
    ]
    _add_texts(digest, settings)
    for start in range(0, len(examples), BLOCK):
        block = examples[start : start + BLOCK]
        _add_numbers(digest, [len(example.texts) for example in block])
        _add_texts(digest, [text for example in block for text in example.texts])
        words = [example.words for example in block]
        _add_numbers(digest, map(len, words))
        _add_numbers(digest, chain.from_iterable(chain.from_iterable(words)))
    return digest.hexdigest()


def _add_texts(digest: hashlib.blake2b, texts: Sequence[str]) -> None:
    """Add texts joined, and before them where each ends: nothing else gives the same bytes."""
    joined = "".join(texts).encode("utf-8", "surrogatepass")
    _add_numbers(digest, map(len, texts))
    _add_numbers(digest, [len(joined)])
    digest.update(joined)


def _add_numbers(digest: hashlib.blake2b, numbers: Iterable[int]) -> None:
    array = np.fromiter(numbers, np.int64)
    digest.update(len(array).to_bytes(8, "little"))
    digest.update(array.tobytes())
