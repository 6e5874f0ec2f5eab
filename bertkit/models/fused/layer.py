"""One BERT layer over concatenated tokens, forth and back, in as few passes over memory as torch allows.

    attention -> dropout + residual + norm -> feed forward -> dropout + residual + norm

The gradient is written by hand: the same sums as autograd's, without its copies, fills and casts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bertkit.models.grouped.attention import Attended, attend, attend_backward
from bertkit.models.grouped.dropout import DropoutMasks
from bertkit.models.grouped.groups import Group

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class LayerShape:
    """What a layer is, beside its weights.

    Attributes:
        heads: of the attention.
        epsilon: of the norms.
        approximate: of GELU, `none` or `tanh`.
        mixed_dropout, outer_dropout: of what the attention and what the feed forward adds.
        attention_dropout: of the attention's shares.
    """

    heads: int
    epsilon: float
    approximate: str
    mixed_dropout: float
    outer_dropout: float
    attention_dropout: float


@dataclass(frozen=True)
class LayerWeights:
    """Weights of one layer in the type they are computed in; the norms stay in float32.

    Attributes:
        qkv, qkv_bias: (3 * hidden, hidden) and (3 * hidden,), queries first.
        mixed, mixed_bias: the attention's output, (hidden, hidden).
        mixed_norm, mixed_norm_bias: (hidden,).
        inner, inner_bias: (intermediate, hidden).
        outer, outer_bias: (hidden, intermediate).
        outer_norm, outer_norm_bias: (hidden,).
    """

    qkv: torch.Tensor
    qkv_bias: torch.Tensor
    mixed: torch.Tensor
    mixed_bias: torch.Tensor
    mixed_norm: torch.Tensor
    mixed_norm_bias: torch.Tensor
    inner: torch.Tensor
    inner_bias: torch.Tensor
    outer: torch.Tensor
    outer_bias: torch.Tensor
    outer_norm: torch.Tensor
    outer_norm_bias: torch.Tensor


@dataclass(frozen=True)
class Normed:
    """What the gradient of dropout + residual + norm needs."""

    mask: torch.Tensor | None
    factor: float
    summed: torch.Tensor
    mean: torch.Tensor
    inverse_deviation: torch.Tensor


@dataclass(frozen=True)
class LayerRecord:
    """What the gradient of a layer needs.

    Attributes:
        tokens: (tokens, hidden), what went in.
        first: (sequences,) the tokens that the layer was computed for; None for all.
        asking: (queries, hidden), what went in at these.
        context: (queries, hidden), out of the attention.
        attended: by group.
        mixed: of the first norm.
        middle: (queries, hidden), out of the first norm.
        inner, activated: (queries, intermediate), before and after GELU.
        outer: of the second norm.
    """

    tokens: torch.Tensor
    first: torch.Tensor | None
    asking: torch.Tensor
    context: torch.Tensor
    attended: list[Attended]
    mixed: Normed
    middle: torch.Tensor
    inner: torch.Tensor
    activated: torch.Tensor
    outer: Normed


def layer_forward(
    tokens: torch.Tensor,
    weights: LayerWeights,
    shape: LayerShape,
    groups: list[Group],
    *,
    first: torch.Tensor | None,
    masks: DropoutMasks | None,
    keep: bool,
) -> tuple[torch.Tensor, LayerRecord | None]:
    """The layer's output, and what its gradient needs.

    Args:
        tokens: (tokens, hidden).
        weights: of the layer.
        shape: of the layer.
        groups: which sequences attend together.
        first: (sequences,) first token of each, where the output is wanted for these alone; keys and values
            are still those of all tokens.
        masks: for dropout; None where nothing is dropped.
        keep: keep what the gradient needs.
    """
    from torch.nn import functional

    hidden = tokens.shape[1]
    if first is None:
        asking = tokens
        joined = functional.linear(tokens, weights.qkv, weights.qkv_bias)
        queries, keys_values = joined[:, :hidden], joined[:, hidden:]
    else:
        asking = tokens.index_select(0, first)
        queries = functional.linear(asking, weights.qkv[:hidden], weights.qkv_bias[:hidden])
        keys_values = functional.linear(tokens, weights.qkv[hidden:], weights.qkv_bias[hidden:])
    context, attended = attend(
        queries, keys_values, groups, heads=shape.heads, dropout=shape.attention_dropout, masks=masks,
        keep=keep,
    )  # fmt: skip
    del queries, keys_values
    mixed = functional.linear(context, weights.mixed, weights.mixed_bias)
    middle, mixed_normed = _add_and_norm(
        asking,
        mixed,
        (weights.mixed_norm, weights.mixed_norm_bias, shape.epsilon),
        shape.mixed_dropout,
        masks,
    )
    inner = functional.linear(middle, weights.inner, weights.inner_bias)
    activated = functional.gelu(inner, approximate=shape.approximate)
    outer = functional.linear(activated, weights.outer, weights.outer_bias)
    found, outer_normed = _add_and_norm(
        middle,
        outer,
        (weights.outer_norm, weights.outer_norm_bias, shape.epsilon),
        shape.outer_dropout,
        masks,
    )
    if not keep:
        return found, None
    record = LayerRecord(
        tokens, first, asking, context, attended, mixed_normed, middle, inner, activated, outer_normed
    )
    return found, record


def layer_backward(
    gradient: torch.Tensor,
    record: LayerRecord,
    weights: LayerWeights,
    shape: LayerShape,
    groups: list[Group],
) -> tuple[torch.Tensor, Sequence[torch.Tensor]]:
    """The gradient of the layer's input, and those of its weights in the order of `LayerWeights`."""
    import torch

    hidden = gradient.shape[1]
    residual, branch, outer_norm, outer_norm_bias = _norm_backward(
        gradient, record.outer, weights.outer_norm, weights.outer_norm_bias
    )
    outer, outer_bias = torch.mm(branch.t(), record.activated), branch.sum(0)
    inner_grad = torch.ops.aten.gelu_backward(
        torch.mm(branch, weights.outer), record.inner, approximate=shape.approximate
    )
    inner, inner_bias = torch.mm(inner_grad.t(), record.middle), inner_grad.sum(0)
    middle_grad = torch.addmm(residual, inner_grad, weights.inner)
    residual, branch, mixed_norm, mixed_norm_bias = _norm_backward(
        middle_grad, record.mixed, weights.mixed_norm, weights.mixed_norm_bias
    )
    mixed, mixed_bias = torch.mm(branch.t(), record.context), branch.sum(0)
    context_grad = torch.mm(branch, weights.mixed)
    if record.first is None:
        joined = torch.empty(len(record.tokens), 3 * hidden, dtype=gradient.dtype)
        attend_backward(
            context_grad, record.context, groups, record.attended, heads=shape.heads,
            query_gradient=joined[:, :hidden], key_value_gradient=joined[:, hidden:],
        )  # fmt: skip
        qkv, qkv_bias = torch.mm(joined.t(), record.tokens), joined.sum(0)
        towards_input = torch.addmm(residual, joined, weights.qkv)
    else:
        queries = torch.empty_like(context_grad)
        keys_values = torch.empty(len(record.tokens), 2 * hidden, dtype=gradient.dtype)
        attend_backward(
            context_grad, record.context, groups, record.attended, heads=shape.heads,
            query_gradient=queries, key_value_gradient=keys_values,
        )  # fmt: skip
        qkv = torch.cat([torch.mm(queries.t(), record.asking), torch.mm(keys_values.t(), record.tokens)])
        qkv_bias = torch.cat([queries.sum(0), keys_values.sum(0)])
        towards_input = torch.mm(keys_values, weights.qkv[hidden:])
        asking = torch.addmm(residual, queries, weights.qkv[:hidden])
        towards_input.index_add_(0, record.first, asking)
    return towards_input, (
        qkv, qkv_bias, mixed, mixed_bias, mixed_norm, mixed_norm_bias, inner, inner_bias, outer, outer_bias,
        outer_norm, outer_norm_bias,
    )  # fmt: skip


def _add_and_norm(
    residual: torch.Tensor,
    branch: torch.Tensor,
    norm: tuple[torch.Tensor, torch.Tensor, float],
    dropout: float,
    masks: DropoutMasks | None,
) -> tuple[torch.Tensor, Normed]:
    import torch

    mask, factor = None, 1.0
    if masks is not None and dropout > 0:
        mask, factor = masks.draw(tuple(branch.shape), dropout, branch.dtype)
        summed = torch.addcmul(residual, branch, mask, value=factor)
    else:
        summed = residual + branch
    found: Any = torch.native_layer_norm(summed, (summed.shape[1],), *norm)
    return found[0], Normed(mask, factor, summed, found[1], found[2])


def _norm_backward(
    gradient: torch.Tensor, normed: Normed, weight: torch.Tensor, bias: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Gradients of the residual, the branch, and the norm's weight and bias."""
    import torch

    residual, for_weight, for_bias = torch.ops.aten.native_layer_norm_backward(
        gradient, normed.summed, (gradient.shape[1],), normed.mean, normed.inverse_deviation, weight, bias,
        [True, True, True],
    )  # fmt: skip
    branch = residual
    if normed.mask is not None:
        branch = (residual * normed.mask).mul_(normed.factor)
    return residual, branch, for_weight, for_bias
