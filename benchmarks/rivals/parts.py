"""Take one ingredient out of bertkit's training, to see what it is worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def _replace(owner: Any, name: str, value: Any) -> None:
    """Put something else in the place of what must be there: else a row would measure nothing left out."""
    if name not in vars(owner):
        raise SystemExit(f"{owner.__name__} has no {name} any more")
    setattr(owner, name, value)


def _packing() -> None:
    from bertkit.models import execution

    _replace(execution, "enable_packing", lambda model, **settings: "that is left out")


def _fused_layers() -> None:
    from bertkit.models import execution

    _replace(execution, "fuse_layers", lambda model: False)


def _dropout_masks() -> None:
    import torch

    from bertkit.models.grouped.dropout import DropoutMasks

    def draw(self: Any, shape: Any, probability: float, dtype: torch.dtype) -> tuple[torch.Tensor, float]:
        return torch.empty(shape, dtype=dtype).bernoulli_(1 - probability), 1 / (1 - probability)

    _replace(DropoutMasks, "draw", draw)


def _first_token_only() -> None:
    from bertkit.models import execution

    _replace(execution, "reads_first_token_only", lambda model: False)


def _gradients_as_rows() -> None:
    from bertkit.training import loop
    from bertkit.training.gradients import Gradients

    def without(model: Any, *, by_row: bool) -> Gradients:
        return Gradients(model, by_row=False)

    _replace(loop, "Gradients", without)


def _memory_kept() -> None:
    from bertkit.workflows import engine

    _replace(engine, "keep_memory", lambda: None)


def _recurring_shapes() -> None:
    from bertkit.models.fused import stack
    from bertkit.models.grouped import attention

    _replace(stack, "recurring", lambda tokens: tokens)
    _replace(attention, "WIDE_LENGTH", 0)


def _cut_groups() -> None:
    """All sequences of a batch attend in one group, padded to the longest."""
    from bertkit.models.grouped import groups

    _replace(groups, "GROUP_PRICE", 10**12)
    _replace(groups, "MAX_PAIRS", 10**12)


PARTS: Mapping[str, Callable[[], None]] = {
    "padding-free": _packing,
    "fused-layers": _fused_layers,
    "dropout-masks": _dropout_masks,
    "groups": _cut_groups,
    "first-token-only": _first_token_only,
    "gradients-as-rows": _gradients_as_rows,
    "memory-kept": _memory_kept,
    "recurring-shapes": _recurring_shapes,
}
