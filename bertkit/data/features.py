"""Token ids of many features in flat arrays, and tensors of a few of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Features:
    """What the model reads, without padding: feature `i` has the tokens `offsets[i]` to `offsets[i+1]`.

    Attributes:
        input_ids: (tokens,) int32, all features one after the other.
        token_type_ids: (tokens,) int8, or None for models that have no segments.
        offsets: (features + 1,) int64.
        examples: (features,) int32, the example each feature belongs to; features of one example are
            neighbours.
        cut: how many examples lost tokens to the length limit.
        alignment: (tokens,) int32 each: what a task has to know of a token to bring it back to its text,
            as the number of its word. The model does not read it.
    """

    input_ids: NDArray[np.int32]
    token_type_ids: NDArray[np.int8] | None
    offsets: NDArray[np.int64]
    examples: NDArray[np.int32]
    cut: int = 0
    alignment: Mapping[str, NDArray[np.int32]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.examples)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(features,) tokens of each."""
        return np.diff(self.offsets)

    @property
    def feature_of_token(self) -> NDArray[np.int64]:
        """(tokens,) the feature each token belongs to."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def flat_positions(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where the tokens of some features stand in the flat arrays, feature after feature."""
        starts, ends = self.offsets[rows], self.offsets[rows + 1]
        return np.concatenate([np.arange(start, end) for start, end in zip(starts, ends, strict=True)])


@dataclass(frozen=True)
class Targets:
    """What the loss compares with, by names that the task gives and reads.

    Attributes:
        values: (features, ...) each: one entry a feature.
        weights: (features,) float32, how much the loss of each feature counts. The task decides: windows of a
            classified text share the weight of one, a feature of tags counts its tags, and each window of a
            question counts 1, because each has an answer of its own.
        token_values: (tokens,) each: one entry a token. Padding gets 0.
    """

    values: Mapping[str, NDArray[Any]]
    weights: NDArray[np.float32]
    token_values: Mapping[str, NDArray[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Padding:
    """How a tokenizer fills up short features.

    Attributes:
        token_id: the padding token.
        segment_id: the segment of padding.
        left: put it before the text, as XLNet wants, whose head reads the last position.
    """

    token_id: int
    segment_id: int = 0
    left: bool = False


@dataclass(frozen=True)
class Batch:
    """Padded tensors of a few features.

    Attributes:
        inputs: `input_ids`, `attention_mask` and, where the model has segments, `token_type_ids`, each
            (batch, sequence).
        targets: (batch, ...) and (batch, sequence) by name; None where there are none.
        weights: (batch,) float32 or None.
    """

    inputs: dict[str, torch.Tensor]
    targets: dict[str, torch.Tensor] | None
    weights: torch.Tensor | None


def collate(
    features: Features,
    rows: Sequence[int] | NDArray[np.int64],
    *,
    padding: Padding,
    device: torch.device | str,
    targets: Targets | None = None,
) -> Batch:
    """Pad the chosen features, at least one, to the longest of them and move them to a device."""
    import torch

    rows = np.asarray(rows, dtype=np.int64)
    starts, ends = features.offsets[rows], features.offsets[rows + 1]
    shape = (len(starts), int((ends - starts).max()))
    places = np.arange(shape[1])[::-1] if padding.left else np.arange(shape[1])
    mask = places < (ends - starts)[:, None]
    flat = features.flat_positions(rows)
    input_ids = np.full(shape, padding.token_id, dtype=np.int64)
    input_ids[mask] = features.input_ids[flat]
    arrays = {"input_ids": input_ids, "attention_mask": mask.astype(np.int64)}
    if features.token_type_ids is not None:
        arrays["token_type_ids"] = np.full(shape, padding.segment_id, dtype=np.int64)
        arrays["token_type_ids"][mask] = features.token_type_ids[flat]
    inputs = {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}
    if targets is None:
        return Batch(inputs, None, None)
    wanted = {name: values[rows] for name, values in targets.values.items()}
    for name, values in targets.token_values.items():
        wanted[name] = np.zeros(shape, dtype=values.dtype)
        wanted[name][mask] = values[flat]
    return Batch(
        inputs,
        {name: torch.from_numpy(array).to(device) for name, array in wanted.items()},
        torch.from_numpy(targets.weights[rows]).to(device),
    )
