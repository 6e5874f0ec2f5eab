"""Take one ingredient out of bertkit's training, to see what it is worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def _packing() -> None:
    from bertkit.models import execution

    execution.enable_packing = lambda model, **settings: "that is left out"


def _fused_layers() -> None:
    from bertkit.models import execution

    execution.fuse_layers = lambda model: False


def _dropout_masks() -> None:
    import torch

    from bertkit.models.fused.dropout import DropoutMasks

    def draw(self: Any, shape: Any, probability: float, dtype: torch.dtype) -> tuple[torch.Tensor, float]:
        return torch.empty(shape, dtype=dtype).bernoulli_(1 - probability), 1 / (1 - probability)

    DropoutMasks.draw = draw


def _first_token_only() -> None:
    from bertkit.models import execution

    execution.reads_first_token_only = lambda model: False


def _gradients_as_rows() -> None:
    from bertkit.training import loop
    from bertkit.training.gradients import Gradients

    def without(model: Any, *, by_row: bool) -> Gradients:
        return Gradients(model, by_row=False)

    loop.Gradients = without


def _memory_kept() -> None:
    from bertkit.workflows import engine

    engine.keep_memory = lambda: None


def _cut_groups() -> None:
    """All sequences of a batch attend in one group, padded to the longest."""
    from bertkit.models.fused import groups

    groups.GROUP_PRICE = groups.MAX_PAIRS = 10**12


PARTS: Mapping[str, Callable[[], None]] = {
    "padding-free": _packing,
    "fused-layers": _fused_layers,
    "dropout-masks": _dropout_masks,
    "groups": _cut_groups,
    "first-token-only": _first_token_only,
    "gradients-as-rows": _gradients_as_rows,
    "memory-kept": _memory_kept,
}
