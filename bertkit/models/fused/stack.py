"""The stack of layers as one step of autograd."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bertkit.models.fused.dropout import DropoutMasks, draw_seed
from bertkit.models.fused.groups import Group, plan_groups
from bertkit.models.fused.layer import LayerRecord, LayerWeights, layer_backward, layer_forward
from bertkit.models.fused.shapes import StackShape

if TYPE_CHECKING:
    import torch

# Parameters of a layer: weight and bias of queries, keys, values, and of five more parts.
_QKV = 3
# Tokens go through the layers in numbers that recur. oneDNN compiles a kernel for each number that it has not
# met, milliseconds and megabytes a layer, and no two batches have the same number of tokens.
LEAST_STEP, STEPS = 16, 32


def recurring(tokens: int) -> int:
    """The next number of tokens that batches are filled up to: a multiple of 16, and over 512 of a power of
    two that is at most a 32nd part.
    """
    step = max(LEAST_STEP, 1 << ((tokens // STEPS).bit_length() - 1) if tokens >= STEPS else 0)
    return -(-tokens // step) * step


class FusedStack:
    """The layers of one encoder.

    Args:
        shape: where its weights are.
    """

    def __init__(self, shape: StackShape) -> None:
        self.shape = shape
        self.parameters = [parameter for layer in shape.layers for parameter in layer]
        self._kept: tuple[object, list[LayerWeights]] | None = None

    def __call__(
        self, tokens: torch.Tensor, lengths: NDArray[np.int64], *, first_token_only: bool, checkpoint: bool
    ) -> torch.Tensor:
        """Compute all layers.

        Under autocast the products are in its type, and so is what goes from layer to layer; norms, softmax
        and the sums inside a product are in float32. Dropout is on where the module is in training mode.

        Args:
            tokens: (tokens, hidden), out of the embeddings, one sequence after the other.
            lengths: (sequences,) tokens of each, falling.
            first_token_only: compute the last layer for the first token of each sequence alone.
            checkpoint: keep only what goes into each layer, and compute the rest twice.

        Returns:
            (tokens, hidden), or (sequences, hidden).

        Raises:
            RuntimeError: in the backward pass, if it is the second one.
        """
        import torch
        from torch.nn import functional

        kind = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else tokens.dtype
        groups = plan_groups(lengths, heads=self.shape.shape.heads)
        first = None
        if first_token_only:
            first = torch.from_numpy(np.concatenate([[0], np.cumsum(lengths)[:-1]]))
        seed = draw_seed() if self.shape.module.training else None
        call = _Call(self, groups, first, seed, checkpoint=checkpoint)
        count = len(tokens)
        tokens = functional.pad(tokens.to(kind), (0, 0, 0, recurring(count) - count))
        lowest = self._lowest_layer(tokens) if torch.is_grad_enabled() else None
        if lowest is None:
            with torch.no_grad():
                return call.forward(tokens, lowest=None)[:count]
        found: torch.Tensor = _function().apply(tokens, call, lowest, *self.parameters)
        return found[:count]

    def _lowest_layer(self, tokens: torch.Tensor) -> int | None:
        """The lowest layer that a gradient is wanted of; None if there is none."""
        if tokens.requires_grad:
            return 0
        layers = enumerate(self.shape.layers)
        return next((number for number, layer in layers if any(p.requires_grad for p in layer)), None)

    def weights(self, kind: torch.dtype, *, keep: bool) -> list[LayerWeights]:
        """The weights in the type they are computed in, cast once for a whole pass.

        Args:
            kind: of the products.
            keep: keep them for the next pass, if no weight changes until then. A pass with a gradient must
                not: the optimizer's step after it changes weights without counting their versions up.
        """
        version = (kind, [(parameter.data_ptr(), parameter._version) for parameter in self.parameters])
        if keep and self._kept is not None and self._kept[0] == version:
            return self._kept[1]
        made = [_cast(layer, kind) for layer in self.shape.layers]
        self._kept = (version, made) if keep else None
        return made


class _Call:
    """One pass over the layers, and what its gradient needs."""

    def __init__(
        self,
        stack: FusedStack,
        groups: list[Group],
        first: torch.Tensor | None,
        seed: int | None,
        *,
        checkpoint: bool,
    ) -> None:
        self.stack = stack
        self.shape = stack.shape.shape
        self.groups = groups
        self.first = first
        self.seed = seed
        self.checkpoint = checkpoint
        self.weights: list[LayerWeights] = []
        self.inputs: list[torch.Tensor | None] = []
        self.records: list[LayerRecord | None] = []

    def forward(self, tokens: torch.Tensor, *, lowest: int | None) -> torch.Tensor:
        """All layers; from `lowest` on, what the gradient needs is kept."""
        import torch

        with torch.autocast("cpu", enabled=False):
            return self._forward(tokens, lowest)

    def _forward(self, tokens: torch.Tensor, lowest: int | None) -> torch.Tensor:
        self.weights = self.stack.weights(tokens.dtype, keep=lowest is None)
        for number in range(len(self.weights)):
            keep = lowest is not None and number >= lowest
            found, record = self._layer(number, tokens, keep=keep and not self.checkpoint)
            self.inputs.append(tokens if keep and self.checkpoint else None)
            self.records.append(record)
            tokens = found
        return tokens

    def _layer(
        self, number: int, tokens: torch.Tensor, *, keep: bool
    ) -> tuple[torch.Tensor, LayerRecord | None]:
        masks = None if self.seed is None else DropoutMasks(self.seed, number)
        first = self.first if number == len(self.weights) - 1 else None
        return layer_forward(
            tokens, self.weights[number], self.shape, self.groups, first=first, masks=masks, keep=keep
        )

    def _again(self, number: int) -> LayerRecord:
        """What a layer would have kept, from what went into it."""
        tokens = self.inputs[number]
        if tokens is None:
            raise RuntimeError("the gradient of these layers was taken already, and what it needs is gone")
        _, record = self._layer(number, tokens, keep=True)
        assert record is not None
        self.inputs[number] = None
        return record

    def backward(
        self, gradient: torch.Tensor, *, lowest: int
    ) -> tuple[torch.Tensor, list[tuple[torch.Tensor, ...]]]:
        """The gradients of the input of the lowest layer, and of the weights of each from there on."""
        found = []
        for number in reversed(range(lowest, len(self.weights))):
            record = self.records[number]
            if record is None:
                record = self._again(number)
            gradient, weights = layer_backward(
                gradient, record, self.weights[number], self.shape, self.groups
            )
            # What a layer kept is free as soon as its gradient is known.
            self.records[number] = None
            found.append(_by_parameter(weights))
            del record
        return gradient, found[::-1]


def _cast(layer: Sequence[torch.Tensor], kind: torch.dtype) -> LayerWeights:
    import torch

    with torch.no_grad():
        weights, biases = [one.detach() for one in layer[::2]], [one.detach() for one in layer[1::2]]
        hidden = weights[0].shape[1]
        qkv = torch.empty(_QKV * weights[0].shape[0], hidden, dtype=kind)
        qkv_bias = torch.empty(len(qkv), dtype=kind)
        for number in range(_QKV):
            qkv[number * hidden : (number + 1) * hidden] = weights[number]
            qkv_bias[number * hidden : (number + 1) * hidden] = biases[number]
        return LayerWeights(
            qkv, qkv_bias, weights[3].to(kind), biases[3].to(kind), weights[4], biases[4],
            weights[5].to(kind), biases[5].to(kind), weights[6].to(kind), biases[6].to(kind),
            weights[7], biases[7],
        )  # fmt: skip


def _by_parameter(gradients: Sequence[torch.Tensor]) -> tuple[torch.Tensor, ...]:
    """Gradients of `LayerWeights` as those of the parameters of a layer, in their order."""
    weights = [*gradients[0].chunk(_QKV), *gradients[2::2]]
    biases = [*gradients[1].chunk(_QKV), *gradients[3::2]]
    return tuple(one for pair in zip(weights, biases, strict=True) for one in pair)


_made: Any = None


def _function() -> Any:
    """The step of autograd, made when torch is needed first."""
    global _made
    if _made is None:
        import torch

        class Layers(torch.autograd.Function):
            @staticmethod
            def forward(
                ctx: Any, tokens: torch.Tensor, call: _Call, lowest: int, *parameters: torch.Tensor
            ) -> torch.Tensor:
                ctx.call, ctx.lowest = call, lowest
                return call.forward(tokens, lowest=lowest)

            @staticmethod
            def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
                tokens, found = ctx.call.backward(gradients[0].contiguous(), lowest=ctx.lowest)
                parameters = ctx.call.stack.parameters
                given = [one for layer in found for one in layer]
                given = [None] * (len(parameters) - len(given)) + given
                wanted = ctx.needs_input_grad
                cast = (
                    one.to(parameter.dtype) if needed and one is not None else None
                    for one, parameter, needed in zip(given, parameters, wanted[3:], strict=True)
                )  # fmt: skip
                return (tokens if wanted[0] else None, None, None, *cast)

        _made = Layers
    return _made
