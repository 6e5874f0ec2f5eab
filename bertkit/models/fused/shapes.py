"""Which encoders have BERT's layers, and where each keeps its weights."""

from __future__ import annotations

from collections.abc import Callable
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
        module: holds the layers; its forward is what is computed otherwise.
        layers: from bottom to top; each a list of parameters: weight and bias of queries, keys, values,
            attention output, its norm, inner, outer, its norm.
        shape: of each layer.
    """

    module: nn.Module
    layers: list[list[nn.Parameter]]
    shape: LayerShape


# Where weight and bias lie within a layer, in the order of `StackShape.layers`.
_BERT_PARTS = (
    "attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense",
    "attention.output.LayerNorm", "intermediate.dense", "output.dense", "output.LayerNorm",
)  # fmt: skip
_DISTILBERT_PARTS = (
    "attention.q_lin", "attention.k_lin", "attention.v_lin", "attention.out_lin", "sa_layer_norm", "ffn.lin1",
    "ffn.lin2", "output_layer_norm",
)  # fmt: skip
_BERT_LIKE = frozenset({"bert", "camembert", "electra", "roberta", "xlm-roberta"})
_APPROXIMATIONS = {"gelu": "none", "gelu_new": "tanh", "gelu_pytorch_tanh": "tanh"}


def stack_shape(encoder: Any) -> StackShape | None:
    """The layers of a transformers encoder (`model.base_model`); None if they are not quite BERT's."""
    config = encoder.config
    if config.model_type in _BERT_LIKE:
        return _bert_like(encoder, config)
    if config.model_type == "distilbert":
        return _distilbert(encoder, config)
    return None


def _bert_like(encoder: Any, config: Any) -> StackShape | None:
    known = (
        config.hidden_act in _APPROXIMATIONS
        and not getattr(config, "is_decoder", False)
        and not getattr(config, "add_cross_attention", False)
        and not getattr(config, "chunk_size_feed_forward", 0)
        and getattr(config, "position_embedding_type", "absolute") in (None, "absolute")
    )
    if not known:
        return None
    shape = LayerShape(
        config.num_attention_heads, config.layer_norm_eps, _APPROXIMATIONS[config.hidden_act],
        config.hidden_dropout_prob, config.hidden_dropout_prob, config.attention_probs_dropout_prob,
    )  # fmt: skip
    return _stack(encoder.encoder, _BERT_PARTS, shape)


def _distilbert(encoder: Any, config: Any) -> StackShape | None:
    if config.activation not in _APPROXIMATIONS:
        return None
    # No dropout after the attention, and a fixed epsilon.
    shape = LayerShape(
        config.n_heads, 1e-12, _APPROXIMATIONS[config.activation], 0.0, config.dropout,
        config.attention_dropout,
    )  # fmt: skip
    return _stack(encoder.transformer, _DISTILBERT_PARTS, shape)


def _stack(module: Any, parts: tuple[str, ...], shape: LayerShape) -> StackShape | None:
    """None where a part is missing or was replaced, as adapters do."""
    from torch import nn

    find: Callable[[Any], tuple[Any, ...]] = attrgetter(*parts)
    layers = []
    for layer in module.layer:
        try:
            found = find(layer)
        except AttributeError:
            return None
        if any(type(part) not in (nn.Linear, nn.LayerNorm) or part.bias is None for part in found):
            return None
        layers.append([parameter for part in found for parameter in (part.weight, part.bias)])
    return StackShape(module, layers, shape) if layers else None
