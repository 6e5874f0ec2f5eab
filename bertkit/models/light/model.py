"""The whole encoder with its head, called as a model of transformers is: with padded tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bertkit.models.head_kinds import HEAD_KINDS
from bertkit.models.light.families import Shape
from bertkit.models.light.layers import EqualLengths, Layer, Norm, Product, activate
from bertkit.models.recurring import recurring

if TYPE_CHECKING:
    from torch import Tensor

# Tokens that go through the layers together: enough for the products, few enough for the caches.
TOKENS_AT_ONCE = 4096


@dataclass(frozen=True)
class Piece:
    """Texts that go through the layers together.

    Attributes:
        texts: their places among all texts, which are ordered by length.
        tokens: their places among all tokens.
        groups: those of one length; places count from the start of the piece.
    """

    texts: slice
    tokens: slice
    groups: Sequence[EqualLengths]


def pieces_of(lengths: NDArray[np.int64], tokens_at_once: int | None = None) -> list[Piece]:
    """Cut texts into pieces of so many tokens, or of one text that is longer.

    Args:
        lengths: (texts,) in order, so that equal ones are neighbours.
        tokens_at_once: the most of a piece; None: `TOKENS_AT_ONCE`.
    """
    tokens_at_once = tokens_at_once or TOKENS_AT_ONCE
    pieces: list[Piece] = []
    first_text = first_token = 0
    ends = np.cumsum(lengths)
    while first_text < len(lengths):
        end = int(np.searchsorted(ends, first_token + tokens_at_once, side="right"))
        end = max(end, first_text + 1)
        groups: list[EqualLengths] = []
        token = 0
        for length, equal in groupby(lengths[first_text:end].tolist()):
            count = len(list(equal))
            groups.append(EqualLengths(token, count, length))
            token += count * length
        pieces.append(Piece(slice(first_text, end), slice(first_token, first_token + token), groups))
        first_text, first_token = end, first_token + token
    return pieces


@dataclass(frozen=True)
class Embeddings:
    """From token ids to the first layer.

    Attributes:
        words: (vocabulary, size) as they are stored; the file is mapped into memory, only rows used are read.
        places: (segments * positions, size) float32: segment and position of a token in one row.
        norm: of their sum.
        projection: to the hidden size, or None.
        dtype: of what comes out.
    """

    words: Tensor
    places: Tensor
    norm: Norm
    projection: Product | None
    dtype: Any

    def __call__(self, ids: Tensor, places: Tensor) -> Tensor:
        """(tokens, hidden) of (tokens,) token ids and rows of `places`."""
        from torch.nn import functional

        x = functional.embedding(ids, self.words).float()
        x = self.norm(x.add_(functional.embedding(places, self.places))).to(self.dtype)
        return x if self.projection is None else self.projection(x)


@dataclass(frozen=True)
class Head:
    """What stands on the encoder, in float32: it is a thousandth of the work, and its output is read.

    Attributes:
        dense: before the output, with its activation, or None.
        activation: see `layers.activate`.
        output: an output a label.
    """

    dense: Product | None
    activation: str
    output: Product

    def __call__(self, x: Tensor) -> Tensor:
        """(rows, outputs) of (rows, hidden)."""
        x = x.float()
        if self.dense is not None:
            x = activate(self.dense(x), self.activation)
        return self.output(x)


@dataclass(frozen=True)
class LightModel:
    """An encoder and its head, for prediction on a processor.

    Attributes:
        shape: what it computes.
        embeddings, layers, head: its parts, in their order.
    """

    shape: Shape
    embeddings: Embeddings
    layers: Sequence[Layer]
    head: Head

    def eval(self) -> LightModel:
        """Itself: it knows no other mode."""
        return self

    def __call__(
        self, *, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None
    ) -> SimpleNamespace:
        """The outputs of a padded batch, by the names that transformers gives them.

        Args:
            input_ids: (batch, sequence)
            attention_mask: the same; padding, 0, stands behind each text.
            token_type_ids: the same, or None: one segment.

        Returns:
            `logits`, (batch, labels) or (batch, sequence, labels), or `start_logits` and `end_logits`,
            (batch, sequence), in float32. Those of padding are 0.
        """
        import torch

        with torch.inference_mode(), torch.autocast(input_ids.device.type, enabled=False):
            lengths = attention_mask.sum(dim=1)
            order = lengths.argsort(descending=True, stable=True)
            mask = attention_mask[order] > 0
            places = self._places(input_ids, token_type_ids)[order][mask]
            logits = self._logits(input_ids[order][mask], places, lengths[order].numpy())
            if self.shape.first_token_only:
                whole = torch.empty_like(logits)
                whole[order] = logits
                return SimpleNamespace(logits=whole)
            whole = logits.new_zeros(*mask.shape, logits.shape[1])
            whole[mask] = logits
            whole[order] = whole.clone()
        if self.shape.head == HEAD_KINDS["answers"].name:
            return SimpleNamespace(start_logits=whole[..., 0], end_logits=whole[..., 1])
        return SimpleNamespace(logits=whole)

    def _places(self, ids: Tensor, segments: Tensor | None) -> Tensor:
        """(batch, sequence) rows of the table of segments and positions."""
        import torch

        if self.shape.family.after_padding:
            real = (ids != self.shape.padding).long()
            positions = real.cumsum(dim=1) * real + self.shape.padding
        else:
            positions = torch.arange(ids.shape[1], device=ids.device).expand_as(ids)
        return positions if segments is None else positions + segments * self.shape.positions

    def _logits(self, ids: Tensor, places: Tensor, lengths: NDArray[np.int64]) -> Tensor:
        """(texts, outputs), or (tokens, outputs), of texts ordered by length, one after the other."""
        import torch
        from torch.nn import functional

        parts = []
        for piece in pieces_of(lengths):
            x = self.embeddings(ids[piece.tokens], places[piece.tokens])
            x = functional.pad(x, (0, 0, 0, recurring(len(x)) - len(x)))
            first = None
            if self.shape.first_token_only:
                counts = lengths[piece.texts]
                first = torch.from_numpy(np.cumsum(counts) - counts)
            for layer in self.layers:
                x = layer(x, piece.groups, first)
            parts.append(self.head(x if first is not None else x[: piece.groups[-1].end]))
        return torch.cat(parts)
