"""The real tokens of a padded batch, one sequence after the other, and the way back."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bertkit.models.grouped.groups import Group, plan_groups

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False)
class Packing:
    """The real tokens of one padded batch, one sequence after the other, the longest first.

    Attributes:
        shape: (batch, sequence) of the padded batch.
        order: (batch,) the row that each sequence has in the padded batch.
        lengths: (batch,) tokens of each sequence in that order, so they fall.
        places: (tokens,) where each token lies in the flattened padded batch; None where nothing is padded.
        offsets: (batch + 1,) int32, where each sequence begins, as kernels for variable lengths want it.
        first_tokens: (batch,) for each row of the padded batch, where its first token lies.
        ranks: (batch,) for each row of the padded batch, its number in `order`.
        first_token_only: only the first token of each row is wanted back.
    """

    shape: tuple[int, int]
    order: NDArray[np.int64]
    lengths: NDArray[np.int64]
    places: torch.Tensor | None
    offsets: torch.Tensor
    first_tokens: torch.Tensor
    ranks: torch.Tensor
    first_token_only: bool = False
    _groups: dict[tuple[int, int | None], list[Group]] = field(default_factory=dict, repr=False)

    @property
    def tokens(self) -> int:
        """How many there are."""
        return int(self.lengths.sum())

    def groups(self, heads: int, reach: int | None) -> list[Group]:
        """What attends together on a processor; the same for all layers of a kind, so planned once.

        Args:
            heads: of the attention.
            reach: how far a token sees to either side; None: as far as its sequence goes.
        """
        key = (heads, reach)
        if key not in self._groups:
            groups = plan_groups(self.lengths, heads=heads)
            self._groups[key] = groups if reach is None else [_near(group, reach) for group in groups]
        return self._groups[key]

    def pad(self, rows: torch.Tensor) -> torch.Tensor:
        """(tokens, size) as (batch, sequence, size), zeros at padding."""
        batch, sequence = self.shape
        if self.places is not None:
            rows = rows.new_zeros(batch * sequence, rows.shape[1]).index_copy_(0, self.places, rows)
        return rows.reshape(batch, sequence, -1)

    def unpad(self, padded: torch.Tensor) -> torch.Tensor:
        """(batch, sequence) as (tokens,), and (batch, sequence, size) as (tokens, size)."""
        rows = padded.flatten(0, 1)
        return rows if self.places is None else rows.index_select(0, self.places)


def make_packing(attention_mask: torch.Tensor, *, first_token_only: bool = False) -> Packing | None:
    """Plan how to pack a batch.

    Args:
        attention_mask: (batch, sequence), 1 at tokens. On an accelerator this waits for it.
        first_token_only: see `Packing`.

    Returns:
        None if a row is empty or its padding is not on the right.
    """
    import torch

    mask = attention_mask.detach().cpu().numpy() == 1
    batch, sequence = mask.shape
    lengths = mask.sum(axis=1, dtype=np.int64)
    columns = np.arange(sequence)
    if not lengths.all() or not np.array_equal(mask, columns < lengths[:, None]):
        return None
    order = np.argsort(-lengths, kind="stable")
    falling = lengths[order]
    offsets = np.concatenate([[0], np.cumsum(falling)])
    ranks = np.empty_like(order)
    ranks[order] = np.arange(batch)
    places = (order[:, None] * sequence + columns)[columns < falling[:, None]]

    def on_device(numbers: Any) -> torch.Tensor:
        return torch.from_numpy(numbers).to(attention_mask.device)

    return Packing(
        (batch, sequence), order, falling,
        None if len(places) == batch * sequence else on_device(places),
        on_device(offsets.astype(np.int32)), on_device(offsets[ranks]), on_device(ranks), first_token_only,
    )  # fmt: skip


def _near(group: Group, reach: int) -> Group:
    """A group whose tokens see only what is near: its padding becomes a mask of queries and keys."""
    import torch

    if reach >= group.length - 1:
        return group
    place = torch.arange(group.length)
    far = (place[:, None] - place).abs() > reach
    mask = torch.zeros(far.shape).masked_fill_(far, -torch.inf)[None, None]
    if group.padding is None:
        return replace(group, padding=mask)
    # A padded query far from every token sees all of them: what it finds is dropped, but must be finite.
    padded_query = (group.padding < 0).transpose(2, 3)
    return replace(group, padding=torch.where(padded_query, 0.0, mask) + group.padding)
