"""Which encoders have BERT's layers, and where each keeps its weights."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from bertkit.models.fused.layer import LayerShape

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class StackShape:
    """A stack of like layers.

    Attributes:
        layers: from bottom to top; each a list of parameters: weight and bias of queries, keys, values,
            attention output, its norm, inner, outer, its norm.
        shape: of each layer.
    """

    layers: list[list[nn.Parameter]]
    shape: LayerShape


@dataclass(frozen=True)
class _Parts:
    """Where a layer keeps what.

    Attributes:
        weights: in the order of `StackShape.layers`.
        mixed_dropout, outer_dropout, attention_dropout: as in `LayerShape`; None where there is none.
    """

    weights: tuple[str, ...]
    mixed_dropout: str | None
    outer_dropout: str
    attention_dropout: str


_BERT = _Parts(
    (
        "attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense",
        "attention.output.LayerNorm", "intermediate.dense", "output.dense", "output.LayerNorm",
    ),
    "attention.output.dropout", "output.dropout", "attention.self.dropout",
)  # fmt: skip
_DISTILBERT = _Parts(
    (
        "attention.q_lin", "attention.k_lin", "attention.v_lin", "attention.out_lin", "sa_layer_norm",
        "ffn.lin1", "ffn.lin2", "output_layer_norm",
    ),
    None, "ffn.dropout", "attention.dropout",
)  # fmt: skip
_BERT_LIKE = frozenset({"bert", "camembert", "electra", "roberta", "xlm-roberta"})
_APPROXIMATIONS = {"gelu": "none", "gelu_new": "tanh", "gelu_pytorch_tanh": "tanh"}


def layers_of(encoder: Any) -> nn.Module | None:
    """The module of a transformers encoder (`model.base_model`) that holds layers like BERT's, or None."""
    if encoder.config.model_type in _BERT_LIKE:
        found: nn.Module = encoder.encoder
        return found
    return encoder.transformer if encoder.config.model_type == "distilbert" else None


def stack_shape(module: Any, config: Any) -> StackShape | None:
    """What there is to compute; None if the layers are not quite BERT's, or no longer.

    It is asked before each pass: adapters, hooks and the like may have come since the last one.

    Args:
        module: as `layers_of` found it.
        config: of the encoder.
    """
    if config.model_type == "distilbert":
        return _shape(module, _DISTILBERT, config.n_heads, 1e-12, config.activation)
    usual = (
        not getattr(config, "is_decoder", False)
        and not getattr(config, "add_cross_attention", False)
        and not getattr(config, "chunk_size_feed_forward", 0)
        and getattr(config, "position_embedding_type", "absolute") in (None, "absolute")
    )
    if not usual:
        return None
    return _shape(module, _BERT, config.num_attention_heads, config.layer_norm_eps, config.hidden_act)


def _shape(module: Any, parts: _Parts, heads: int, epsilon: float, activation: str) -> StackShape | None:
    approximate = _APPROXIMATIONS.get(activation)
    layers = [_parameters(layer, parts) for layer in module.layer]
    rates = {_dropouts(layer, parts) for layer in module.layer}
    known = [layer for layer in layers if layer is not None]
    if approximate is None or len(known) != len(layers) or len(rates) != 1 or _watched(module):
        return None
    return StackShape(known, LayerShape(heads, epsilon, approximate, *rates.pop()))


def _parameters(layer: Any, parts: _Parts) -> list[nn.Parameter] | None:
    """None where a part is missing, has another size or was replaced, as adapters do."""
    from torch import nn

    try:
        found: tuple[Any, ...] = attrgetter(*parts.weights)(layer)
    except AttributeError:
        return None
    if any(type(part) not in (nn.Linear, nn.LayerNorm) or part.bias is None for part in found):
        return None
    *square, _, inner, outer, _ = found
    square.pop()  # the norm in between
    hidden = inner.in_features
    if any(part.weight.shape != (hidden, hidden) for part in square) or outer.out_features != hidden:
        return None
    return [parameter for part in found for parameter in (part.weight, part.bias)]


def _dropouts(layer: Any, parts: _Parts) -> tuple[float, float, float]:
    def rate(name: str | None) -> float:
        return float(attrgetter(name)(layer).p) if name is not None else 0.0

    return rate(parts.mixed_dropout), rate(parts.outer_dropout), rate(parts.attention_dropout)


def _watched(module: Any) -> bool:
    """Whether somebody waits at a part of a layer, or has put a forward of his own there."""
    return any(
        part._forward_hooks or part._forward_pre_hooks or part._backward_hooks or part._backward_pre_hooks
        or "forward" in part.__dict__
        for layer in module.layer for part in layer.modules()
    )  # fmt: skip
