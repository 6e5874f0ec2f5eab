"""Self-attention over concatenated tokens, group by group, and its gradient."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bertkit.models.grouped.dropout import DropoutMasks
from bertkit.models.grouped.groups import Group

if TYPE_CHECKING:
    import torch


# Up to this length a group is computed in float32 throughout. Its products are so small that bf16 gains
# nothing, and its kernels are compiled for each size of group that was not met before: few come twice.
WIDE_LENGTH = 128


@dataclass(frozen=True)
class Attended:
    """What the gradient of one group needs.

    Attributes:
        query, key, value: (sequences * heads, length, head size).
        shares: (sequences * heads, queries, length), the softmax.
        dropped: the same after dropout, not scaled.
        factor: what dropout multiplies with.
    """

    query: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor
    shares: torch.Tensor
    dropped: torch.Tensor
    factor: float


def attend(
    queries: torch.Tensor,
    keys_values: torch.Tensor,
    groups: list[Group],
    *,
    heads: int,
    dropout: float,
    masks: DropoutMasks | None,
    keep: bool,
) -> tuple[torch.Tensor, list[Attended]]:
    """The context of each query.

    Scores and their softmax are in float32 at least, whatever the inputs are: bf16 would lose what tells two
    large scores apart, and its softmax is slower.

    Args:
        queries: (tokens, hidden), or (sequences, hidden) where only the first token of each asks.
        keys_values: (tokens, 2 * hidden).
        groups: of sequences of similar length; together they are all tokens, in order. Rows behind them
            belong to no sequence; their context is 0.
        heads: of the attention.
        dropout: the probability of dropping a share.
        masks: where dropout takes its masks from; None where nothing is dropped.
        keep: keep what the gradient needs.

    Returns:
        (queries, hidden), and what is kept of each group.
    """
    import torch

    hidden = queries.shape[1]
    size = hidden // heads
    by_sequence = len(queries) != len(keys_values)
    context = queries.new_empty(queries.shape)
    wide = torch.promote_types(queries.dtype, torch.float32)
    if not by_sequence:
        context[groups[-1].tokens[1] :] = 0
    kept = []
    for group in groups:
        kind = wide if group.length <= WIDE_LENGTH else queries.dtype
        query = _heads_of_queries(queries, group, heads, by_sequence=by_sequence).to(kind)
        key, value = (part.to(kind) for part in _heads_of(keys_values, group, heads))
        scores = torch.bmm(query.to(wide) * (1 / math.sqrt(size)), key.to(wide).transpose(1, 2))
        if group.padding is not None:
            scores.view(group.size, heads, -1, group.length).add_(group.padding)
        shares = torch.softmax(scores, dim=-1).to(kind)
        dropped, factor = shares, 1.0
        if masks is not None and dropout > 0:
            mask, factor = masks.draw(tuple(shares.shape), dropout, shares.dtype)
            dropped = mask.mul_(shares)
        found = torch.bmm(dropped, value)
        _write_queries(context, found, group, heads, factor, by_sequence=by_sequence)
        if keep:
            kept.append(Attended(query, key, value, shares, dropped, factor))
    return context, kept


def attend_backward(
    gradient: torch.Tensor,
    context: torch.Tensor,
    groups: list[Group],
    kept: list[Attended],
    *,
    heads: int,
    query_gradient: torch.Tensor,
    key_value_gradient: torch.Tensor,
) -> None:
    """Write the gradients of queries, keys and values.

    With `D`, the sum over a query's context times its gradient, the gradient of the scores is
    `dropped * grad_dropped - shares * D` (Dao 2022, for attention without dropout).

    Args:
        gradient: of the context, (queries, hidden).
        context: as `attend` gave it.
        groups: as there.
        heads: as there.
        kept: as `attend` gave it.
        query_gradient: (queries, hidden), written.
        key_value_gradient: (tokens, 2 * hidden), written.
    """
    import torch

    size = gradient.shape[1] // heads
    by_sequence = len(query_gradient) != len(key_value_gradient)
    sums = (gradient * context).view(-1, heads, size).sum(-1)
    end = groups[-1].tokens[1]
    key_value_gradient[end:] = 0
    if not by_sequence:
        query_gradient[end:] = 0
    for group, one in zip(groups, kept, strict=True):
        kind = one.shares.dtype
        outer = _heads_of_queries(gradient, group, heads, by_sequence=by_sequence, zero_padding=True).to(kind)
        if one.factor != 1:
            outer = outer * one.factor
        towards = _heads_of_queries(sums, group, heads, by_sequence=by_sequence, zero_padding=True).to(kind)
        scores = torch.bmm(outer, one.value.transpose(1, 2)).mul_(one.dropped)
        scores.addcmul_(one.shares, towards, value=-1)
        scale = 1 / math.sqrt(size)
        _write_queries(
            query_gradient, torch.bmm(scores, one.key), group, heads, scale, by_sequence=by_sequence
        )
        key_grad = torch.bmm(scores.transpose(1, 2), one.query)
        value_grad = torch.bmm(one.dropped.transpose(1, 2), outer)
        _write(key_value_gradient, (key_grad, value_grad), group, heads, (scale, 1.0))


def _heads_of(rows: torch.Tensor, group: Group, heads: int) -> tuple[torch.Tensor, ...]:
    """(tokens, parts * hidden) of a group as (sequences * heads, length, head size), a tensor a part."""
    parts = 2
    taken = rows[slice(*group.tokens)] if group.take is None else rows.index_select(0, group.take)
    split = taken.view(group.size, group.length, parts, heads, -1).permute(2, 0, 3, 1, 4).contiguous()
    return tuple(part.view(group.size * heads, group.length, -1) for part in split)


def _heads_of_queries(
    rows: torch.Tensor, group: Group, heads: int, *, by_sequence: bool, zero_padding: bool = False
) -> torch.Tensor:
    """(queries, heads * size) of a group as (sequences * heads, queries of one, size)."""
    if by_sequence:
        return rows[slice(*group.sequences)].reshape(group.size * heads, 1, -1)
    taken = rows[slice(*group.tokens)] if group.take is None else rows.index_select(0, group.take)
    if zero_padding and group.empty is not None:
        taken.index_fill_(0, group.empty, 0)
    split = taken.view(group.size, group.length, heads, -1).transpose(1, 2)
    return split.reshape(group.size * heads, group.length, -1)


def _write_queries(
    target: torch.Tensor, found: torch.Tensor, group: Group, heads: int, factor: float, *, by_sequence: bool
) -> None:
    """Write (sequences * heads, queries of one, size) times a factor to the queries' own places."""
    import torch

    if by_sequence:
        torch.mul(found.view(group.size, -1), factor, out=target[slice(*group.sequences)])
    else:
        _write(target, (found,), group, heads, (factor,))


def _write(
    target: torch.Tensor,
    parts: tuple[torch.Tensor, ...],
    group: Group,
    heads: int,
    factors: tuple[float, ...],
) -> None:
    """Write parts of (sequences * heads, length, size), times a factor each, to (tokens, parts * hidden)."""
    import torch

    rows = target[slice(*group.tokens)]
    places = rows if group.put is None else target.new_empty(group.size * group.length, target.shape[1])
    split = places.view(group.size, group.length, len(parts), heads, -1).permute(2, 0, 3, 1, 4)
    for number, (part, factor) in enumerate(zip(parts, factors, strict=True)):
        torch.mul(part.view(group.size, heads, group.length, -1), factor, out=split[number])
    if group.put is not None:
        torch.index_select(places, 0, group.put, out=rows)
