"""The stack of layers as one step of autograd."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bertkit.models.fused.layer import LayerRecord, LayerShape, LayerWeights, layer_backward, layer_forward
from bertkit.models.fused.shapes import StackShape
from bertkit.models.grouped.dropout import DropoutMasks, draw_seed
from bertkit.models.grouped.groups import Group
from bertkit.models.packed_batch import Packing
from bertkit.models.recurring import recurring

if TYPE_CHECKING:
    import torch

# Parameters of a layer: weight and bias of queries, keys, values, and of five more parts.
_QKV = 3


class FusedStack:
    """The layers of one encoder.

    Args:
        config: of the encoder.
    """

    def __init__(self, config: Any) -> None:
        self.config = config
        self._kept: tuple[object, list[LayerWeights]] | None = None

    def __call__(
        self, shape: StackShape, tokens: torch.Tensor, packing: Packing, *, training: bool, checkpoint: bool
    ) -> torch.Tensor:
        """Compute all layers.

        Under autocast the products are in its type, and so is what goes from layer to layer; norms, softmax
        and the sums inside a product are in float32. The last layer is computed for no more tokens than
        `packing` wants back.

        Args:
            shape: the layers and their weights.
            tokens: (tokens, hidden), out of the embeddings, one sequence after the other.
            packing: of the batch.
            training: dropout is on.
            checkpoint: keep only what goes into each layer, and compute the rest twice.

        Returns:
            (tokens, hidden), or (sequences, hidden) of the first token of each.

        Raises:
            RuntimeError: in the backward pass, if it is the second one.
        """
        import torch
        from torch.nn import functional

        kind = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else tokens.dtype
        count = len(tokens)
        tokens = functional.pad(tokens.to(kind), (0, 0, 0, recurring(count) - count))
        lowest = _lowest_layer(shape, tokens) if torch.is_grad_enabled() else None
        parameters = [parameter for layer in shape.layers for parameter in layer]
        call = _Call(
            shape.shape,
            self._weights(shape, parameters, kind, keep=lowest is None),
            packing.groups(shape.shape.heads, None),
            packing.offsets[:-1].long() if packing.first_token_only else None,
            draw_seed() if training else None,
            checkpoint=checkpoint,
        )
        if lowest is None:
            with torch.no_grad():
                return call.forward(tokens, lowest=None)[:count]
        found: torch.Tensor = _function().apply(tokens, call, lowest, *parameters)
        return found[:count]

    def _weights(
        self, shape: StackShape, parameters: Sequence[torch.Tensor], kind: torch.dtype, *, keep: bool
    ) -> list[LayerWeights]:
        """The weights in the type they are computed in, cast once for a whole pass.

        They are kept for the next pass, if no weight changes until then. The step of an optimizer changes
        weights without counting their versions up: they are not kept while there are gradients for one.
        """
        version = (kind, [(parameter.data_ptr(), parameter._version) for parameter in parameters])
        keep = keep and all(parameter.grad is None for parameter in parameters)
        if keep and self._kept is not None and self._kept[0] == version:
            return self._kept[1]
        made = [_cast(layer, kind) for layer in shape.layers]
        self._kept = (version, made) if keep else None
        return made


def _lowest_layer(shape: StackShape, tokens: torch.Tensor) -> int | None:
    """The lowest layer that a gradient is wanted of; None if there is none."""
    if tokens.requires_grad:
        return 0
    layers = enumerate(shape.layers)
    return next((number for number, layer in layers if any(p.requires_grad for p in layer)), None)


class _Call:
    """One pass over the layers, and what its gradient needs."""

    def __init__(
        self,
        shape: LayerShape,
        weights: list[LayerWeights],
        groups: list[Group],
        first: torch.Tensor | None,
        seed: int | None,
        *,
        checkpoint: bool,
    ) -> None:
        self.shape = shape
        self.weights = weights
        self.groups = groups
        self.first = first
        self.seed = seed
        self.checkpoint = checkpoint
        self.inputs: list[torch.Tensor | None] = []
        self.records: list[LayerRecord | None] = []

    def forward(self, tokens: torch.Tensor, *, lowest: int | None) -> torch.Tensor:
        """All layers; from `lowest` on, what the gradient needs is kept."""
        import torch

        with torch.autocast("cpu", enabled=False):
            return self._forward(tokens, lowest)

    def _forward(self, tokens: torch.Tensor, lowest: int | None) -> torch.Tensor:
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
                ctx.kinds = [parameter.dtype for parameter in parameters]
                return call.forward(tokens, lowest=lowest)

            @staticmethod
            def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
                tokens, found = ctx.call.backward(gradients[0].contiguous(), lowest=ctx.lowest)
                given = [one for layer in found for one in layer]
                given = [None] * (len(ctx.kinds) - len(given)) + given
                wanted = ctx.needs_input_grad
                cast = (
                    one.to(kind) if needed and one is not None else None
                    for one, kind, needed in zip(given, ctx.kinds, wanted[3:], strict=True)
                )
                return (tokens if wanted[0] else None, None, None, *cast)

        _made = Layers
    return _made
