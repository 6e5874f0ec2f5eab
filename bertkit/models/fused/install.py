"""Put the fused layers into a loaded model, behind its own interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bertkit.models.fused.dropout import DropoutMasks, draw_seed
from bertkit.models.fused.shapes import stack_shape
from bertkit.models.fused.stack import FusedStack
from bertkit.models.packing import gives_first_token_only

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel


def fuse_layers(model: PreTrainedModel) -> bool:
    """Compute the layers of a packed model with the fused ones, on processors.

    On other devices, and for batches that stay padded, the model's own layers go on.

    Args:
        model: with packing enabled, not wrapped yet; changed in place. Its weights stay where they are.

    Returns:
        False if its layers are not quite BERT's; then nothing is changed.
    """
    from transformers.modeling_outputs import BaseModelOutputWithPastAndCrossAttentions

    shape = stack_shape(model.base_model)
    if shape is None:
        return False
    stack = FusedStack(shape)
    module: Any = shape.module
    own = type(module).forward.__get__(module)

    def forward(hidden_states: torch.Tensor, *args: Any, packing: Any = None, **settings: Any) -> Any:
        if packing is None or hidden_states.device.type != "cpu":
            # The packed attention of the model's own layers finds the packing by its name.
            given = settings if packing is None else settings | {"packing": packing}
            return own(hidden_states, *args, **given)
        rows = stack(
            hidden_states[0], packing.lengths, first_token_only=gives_first_token_only(model),
            checkpoint=getattr(module.layer[0], "gradient_checkpointing", False),
        )  # fmt: skip
        return BaseModelOutputWithPastAndCrossAttentions(last_hidden_state=rows[None])

    module.forward = forward
    _fuse_dropout(model.base_model.embeddings)
    return True


def _fuse_dropout(embeddings: Any) -> None:
    """Let the embeddings' dropout take its mask from where the layers do."""
    from torch import nn

    module = getattr(embeddings, "dropout", None)
    if type(module) is not nn.Dropout:
        return
    dropout: Any = module
    own = nn.Dropout.forward.__get__(dropout)

    def forward(hidden: torch.Tensor) -> torch.Tensor:
        if not dropout.training or dropout.p == 0 or hidden.device.type != "cpu":
            kept: torch.Tensor = own(hidden)
            return kept
        mask, factor = DropoutMasks(draw_seed()).draw(tuple(hidden.shape), dropout.p, hidden.dtype)
        return hidden * mask.mul_(factor)

    dropout.forward = forward
