"""Token ids of many texts at once, each different word tokenized once.

BERT's own tokenizers never look across a space: what they give for a text is what they give for its words,
one after the other. A corpus has few different words and says each of them often, so that a look-up in a
dictionary takes the place of most of the tokenizer's work.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bertkit.tasks.layout import ranges

if TYPE_CHECKING:
    from tokenizers import AddedToken, Tokenizer

# Tokens of all words that are remembered; above it, all are forgotten. Texts without spaces are one word
# each, and nothing would be gained by keeping them.
MAX_TOKENS = 1_000_000

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Tokens:
    """Tokens of some texts, without special ones.

    Attributes:
        ids: (tokens,) int32, text after text.
        lengths: (texts,) tokens of each.
    """

    ids: NDArray[np.int32]
    lengths: Ints


def tokenize_with(backend: Tokenizer) -> Callable[[Sequence[str]], Tokens]:
    """What turns texts to tokens, special ones left away, the faster one where two are right.

    Args:
        backend: set neither to cut nor to pad.
    """
    return SpacedWords(backend).encode if stops_at_spaces(backend) else lambda texts: _tokens(texts, backend)


def _tokens(texts: Sequence[str], backend: Tokenizer) -> Tokens:
    encodings = backend.encode_batch_fast(texts, add_special_tokens=False)
    lengths = np.fromiter(map(len, encodings), np.int64, len(encodings))
    ids = chain.from_iterable(encoding.ids for encoding in encodings)
    return Tokens(np.fromiter(ids, np.int32, int(lengths.sum())), lengths)


def stops_at_spaces(backend: Tokenizer) -> bool:
    """True if a tokenizer is known to give for a text what it gives for its words between spaces."""
    from tokenizers import models, normalizers, pre_tokenizers

    return (
        isinstance(backend.model, models.WordPiece)
        and isinstance(backend.pre_tokenizer, pre_tokenizers.BertPreTokenizer)
        and (backend.normalizer is None or isinstance(backend.normalizer, normalizers.BertNormalizer))
        and all(map(_within_a_word, backend.get_added_tokens_decoder().values()))
    )


def _within_a_word(token: AddedToken) -> bool:
    """A token that is looked for in the text as it is; normalised, other letters may become several words."""
    plain = token.content.isascii() and token.content.isprintable() and " " not in token.content
    return plain and not (token.lstrip or token.rstrip or token.single_word)


class _Numbers(dict[str, int]):
    """Words and their numbers, from 0; a new word gets the next one."""

    def __init__(self) -> None:
        super().__init__()
        self.unseen: list[str] = []

    def __missing__(self, word: str) -> int:
        self.unseen.append(word)
        number = self[word] = len(self)
        return number


class SpacedWords:
    """Tokenizes texts, and remembers the tokens of their words.

    Args:
        backend: one that `stops_at_spaces`, set neither to cut nor to pad.
    """

    def __init__(self, backend: Tokenizer) -> None:
        self._backend = backend
        self._whole = _WholeWords(backend)
        self._forget()

    def encode(self, texts: Sequence[str]) -> Tokens:
        """The tokens of each text."""
        if not texts:
            return Tokens(np.empty(0, np.int32), np.empty(0, np.int64))
        if len(self._ids) > MAX_TOKENS:
            self._forget()
        # A text has one word more than spaces; some are empty and have no tokens.
        counts = np.fromiter((text.count(" ") + 1 for text in texts), np.int64, len(texts))
        words = " ".join(texts).split(" ")
        numbers = np.fromiter(map(self._numbers.__getitem__, words), np.int64, len(words))
        self._learn()
        lengths = self._lengths[numbers]
        ids = self._ids[ranges(self._starts[numbers], lengths)]
        return Tokens(ids, np.add.reduceat(lengths, np.cumsum(counts) - counts))

    def _forget(self) -> None:
        self._numbers = _Numbers()
        self._ids = np.empty(0, np.int32)
        self._starts = np.empty(0, np.int64)
        self._lengths = np.empty(0, np.int64)

    def _learn(self) -> None:
        """Tokenize the words that are new."""
        unseen, self._numbers.unseen = self._numbers.unseen, []
        ids_of = [self._whole.ids(word) for word in unseen]
        others = [number for number, ids in enumerate(ids_of) if not ids]
        encodings = self._backend.encode_batch_fast([unseen[n] for n in others], add_special_tokens=False)
        for number, encoding in zip(others, encodings, strict=True):
            ids_of[number] = encoding.ids
        lengths = np.fromiter(map(len, ids_of), np.int64, len(ids_of))
        ids = np.fromiter(chain.from_iterable(ids_of), np.int32, int(lengths.sum()))
        self._starts = np.concatenate([self._starts, len(self._ids) + np.cumsum(lengths) - lengths])
        self._lengths = np.concatenate([self._lengths, lengths])
        self._ids = np.concatenate([self._ids, ids])


# ASCII that is neither a letter nor a digit, each of which is a word of its own to BERT.
_MARKS = string.punctuation
_WORD_OR_MARK = re.compile(f"[A-Za-z0-9]+|[{re.escape(_MARKS)}]")


class _WholeWords:
    """Finds words of plain letters, digits and marks that are in the vocabulary as they are."""

    def __init__(self, backend: Tokenizer) -> None:
        added = [token.content for token in backend.get_added_tokens_decoder().values()]
        # The tokenizer looks for these in the midst of words; what may hold one is left to it.
        telling = {next((mark for mark in token if mark in _MARKS), None) for token in added}
        allowed = "".join(mark for mark in _MARKS if mark not in telling)
        self._is_plain = re.compile(f"[A-Za-z0-9{re.escape(allowed)}]*").fullmatch
        self._lowers = backend.normalizer is not None and backend.normalizer.lowercase
        self._token = backend.token_to_id
        self._longest = 0 if None in telling else backend.model.max_input_chars_per_word

    def ids(self, word: str) -> list[int]:
        """Its tokens, or none where the tokenizer has to be asked."""
        if len(word) > self._longest or not self._is_plain(word):
            return []
        parts = _WORD_OR_MARK.findall(word.lower() if self._lowers else word)
        ids = [token for token in map(self._token, parts) if token is not None]
        return ids if len(ids) == len(parts) else []
