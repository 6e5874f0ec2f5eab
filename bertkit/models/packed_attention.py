"""Self-attention over concatenated sequences, as a function of transformers' attention interface.

Nothing here knows of hooks: `packing` gives a `Packing` to the model, whose layers hand it down to here.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any

from bertkit.models.grouped.attention import Attended, attend, attend_backward
from bertkit.models.grouped.dropout import DropoutMasks, draw_seed
from bertkit.models.grouped.groups import Group
from bertkit.models.packed_batch import Packing

if TYPE_CHECKING:
    import torch
    from torch import nn

# The name under which transformers knows this attention.
PACKED = "bertkit_packed"


def register_packed_attention() -> None:
    """Tell transformers of this attention; once is enough, more do no harm."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(PACKED, packed_attention_forward)
    # For batches that stay padded: they are computed by `sdpa`, which wants its own mask.
    AttentionMaskInterface.register(PACKED, sdpa_mask)


def no_mask() -> torch.Tensor:
    """What a model gets as its mask when its batch is packed.

    A mask of four dimensions is used as it is, so no family builds its own. This one fits no scores: where a
    family hands it to another attention than ours, that fails instead of looking across sequences.
    """
    import torch

    return torch.empty(1, 1, 0, 0, dtype=torch.bool)


def packed_attention_forward(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    dropout: float = 0.0,
    scaling: float | None = None,
    packing: Packing | None = None,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """Attention inside each sequence; `sdpa` where the batch is not packed.

    Args:
        module: the layer's attention.
        query: (1, heads, tokens, size); the same holds of `key` and `value`.
        key: as `query`.
        value: as `query`.
        attention_mask: `no_mask()` where `packing` is given.
        dropout: the probability of dropping a share.
        scaling: of the scores; None is 1 / sqrt(size).
        packing: of this batch.
        others: `sliding_window`, one more than a token sees to either side, and what `sdpa` takes.

    Returns:
        (1, tokens, heads, size), and no shares.
    """
    if packing is None:
        if attention_mask is not None and not attention_mask.numel():
            raise RuntimeError(f"{type(module).__name__} lost the packing of its batch on the way")
        from transformers.integrations.sdpa_attention import sdpa_attention_forward

        found: tuple[torch.Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **others
        )
        return found
    window = others.get("sliding_window")
    mixed = attend_packed(
        _by_token(query), _by_token(key), _by_token(value), packing, dropout=dropout, scaling=scaling,
        reach=None if window is None else int(window) - 1,
    )  # fmt: skip
    return mixed[None], None


def attend_packed(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    packing: Packing,
    *,
    dropout: float = 0.0,
    scaling: float | None = None,
    reach: int | None = None,
) -> torch.Tensor:
    """Attention inside each sequence of concatenated ones, in the way that suits the device.

    Args:
        query: (tokens, heads, size), sequences as in `packing`; the same holds of `key` and `value`.
        key: as `query`.
        value: as `query`.
        packing: of this batch.
        dropout: the probability of dropping a share.
        scaling: of the scores; None is 1 / sqrt(size).
        reach: how far a token sees to either side; None: as far as its sequence goes.

    Returns:
        (tokens, heads, size).
    """
    query, key, value = _of_one_type(query, key, value)
    size = query.shape[2]
    scaling = 1 / math.sqrt(size) if scaling is None else scaling
    if reach is not None and reach >= packing.lengths[0] - 1:
        reach = None
    if query.device.type == "cpu":
        # The grouped attention scales by 1 / sqrt(size) itself; every family so far wants just that.
        if not math.isclose(scaling, 1 / math.sqrt(size)):
            query = query * (scaling * math.sqrt(size))
        rows = (part.flatten(1) for part in (query, key, value))
        groups = packing.groups(query.shape[1], reach)
        grouped: torch.Tensor = _grouped_attention().apply(*rows, groups, query.shape[1], dropout)
        return grouped.view_as(query)
    if dropout == 0 and _takes_varlen(query):
        return _attend_varlen(query, key, value, packing, scaling, reach)
    return attend_padded(query, key, value, packing, dropout=dropout, scaling=scaling, reach=reach)


def attend_padded(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    packing: Packing,
    *,
    dropout: float,
    scaling: float,
    reach: int | None,
) -> torch.Tensor:
    """As `attend_packed`, padded for the attention alone: for accelerators, which mind calls, not padding."""
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    batch, sequence = packing.shape
    heads = query.shape[1]

    def padded(part: torch.Tensor) -> torch.Tensor:
        return packing.pad(part.flatten(1)).view(batch, sequence, heads, -1).transpose(1, 2)

    seen = None
    if packing.places is not None:
        seen = torch.zeros(batch * sequence, dtype=torch.bool, device=query.device)
        seen = seen.index_fill_(0, packing.places, True).view(batch, 1, 1, sequence)
    if reach is not None:
        place = torch.arange(sequence, device=query.device)
        near = ((place[:, None] - place).abs() <= reach)[None, None]
        # A padded query far from every token sees all of them: what it finds is dropped, but must be finite.
        seen = near if seen is None else (seen & near) | ~seen.transpose(2, 3)
    mixed = scaled_dot_product_attention(
        padded(query), padded(key), padded(value), attn_mask=seen, dropout_p=dropout, scale=scaling
    )
    return packing.unpad(mixed.transpose(1, 2).flatten(2)).view_as(query)


def _by_token(part: torch.Tensor) -> torch.Tensor:
    """(1, heads, tokens, size) as (tokens, heads, size)."""
    return part[0].transpose(0, 1)


def _of_one_type(*parts: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Queries, keys and values in the type that autocast would give them, or in that of the values."""
    import torch

    device = parts[0].device.type
    kind = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else parts[-1].dtype
    return tuple(part.to(kind) for part in parts)


def _takes_varlen(query: torch.Tensor) -> bool:
    """Whether this torch and this card have attention for variable lengths."""
    import torch

    if query.device.type != "cuda" or query.dtype not in (torch.float16, torch.bfloat16):
        return False
    size = query.shape[2]
    # What flash attention asks for; torch has the kernel from 2.10 on.
    return (
        size % 8 == 0
        and size <= 256
        and torch.cuda.get_device_capability(query.device) >= (8, 0)
        and _varlen_attention() is not None
    )


@cache
def _varlen_attention() -> Any:
    try:
        from torch.nn.attention.varlen import varlen_attn
    except ImportError:
        return None
    return varlen_attn


def _attend_varlen(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, packing: Packing, scaling: float,
    reach: int | None,
) -> torch.Tensor:  # fmt: skip
    longest = int(packing.lengths[0])
    window = (-1, -1) if reach is None else (reach, reach)
    query, key, value = (part.contiguous() for part in (query, key, value))
    mixed: torch.Tensor = _varlen_attention()(
        query, key, value, packing.offsets, packing.offsets, longest, longest, scale=scaling,
        window_size=window,
    )  # fmt: skip
    return mixed


@cache
def _grouped_attention() -> Any:
    """The step of autograd on a processor, made when torch is needed first."""
    import torch

    class GroupedAttention(torch.autograd.Function):
        @staticmethod
        def forward(
            ctx: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor,
            groups: list[Group], heads: int, dropout: float,
        ) -> torch.Tensor:  # fmt: skip
            masks = DropoutMasks(draw_seed()) if dropout > 0 else None
            keep = any(ctx.needs_input_grad)
            with torch.autocast("cpu", enabled=False):
                mixed, kept = attend(
                    query.contiguous(), torch.cat([key, value], dim=1), groups,
                    heads=heads, dropout=dropout, masks=masks, keep=keep,
                )  # fmt: skip
            if keep:
                # Saved the official way, so that gradient checkpointing can drop and recompute them.
                parts = [(one.query, one.key, one.value, one.shares, one.dropped) for one in kept]
                ctx.save_for_backward(mixed, *(part for one in parts for part in one))
                ctx.groups, ctx.heads, ctx.factors = groups, heads, [one.factor for one in kept]
            return mixed

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx: Any, gradient: torch.Tensor) -> Any:
            mixed, *saved = ctx.saved_tensors
            # As they were saved: five of each group.
            of_group = zip(*(saved[number::5] for number in range(5)), ctx.factors, strict=True)
            kept = [Attended(*one) for one in of_group]
            tokens, width = mixed.shape
            query_gradient, keys_values = mixed.new_empty(tokens, width), mixed.new_empty(tokens, 2 * width)
            with torch.autocast("cpu", enabled=False):
                attend_backward(
                    gradient.contiguous(), mixed, ctx.groups, kept, heads=ctx.heads,
                    query_gradient=query_gradient, key_value_gradient=keys_values,
                )  # fmt: skip
            return query_gradient, keys_values[:, :width], keys_values[:, width:], None, None, None

    return GroupedAttention
