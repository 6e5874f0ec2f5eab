"""How a loaded model is computed: without padding where its family can, with fused layers where they fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bertkit.models.fused.install import fuse_layers
from bertkit.models.packing import enable_packing, reads_first_token_only

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class Execution:
    """How a model is computed.

    Attributes:
        obstacle: why it is computed with padding; None if it is not.
        fused: its layers are computed by bertkit's own code on processors.
    """

    obstacle: str | None
    fused: bool

    def __str__(self) -> str:
        if self.obstacle is not None:
            return f"with padding, because {self.obstacle}"
        return "without padding, on processors in fused layers" if self.fused else "without padding"


def speed_up(model: PreTrainedModel) -> Execution:
    """Set up the fastest execution that gives the same numbers to rounding.

    The model is called as before, and gives what its head gives. Two things differ inside: the encoder of a
    head that reads the first token alone gives back that token alone, (batch, 1, hidden); and places that are
    padding hold other numbers, which nobody reads.

    Args:
        model: with or without a head, not wrapped yet; changed in place. One that was loaded with eager
            attention is left as it is: then attention weights are wanted.
    """
    obstacle = enable_packing(model, first_token_only=reads_first_token_only(model))
    return Execution(obstacle, obstacle is None and fuse_layers(model))
