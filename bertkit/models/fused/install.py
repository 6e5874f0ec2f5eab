"""Put the fused layers into a loaded model, behind its own interface."""

from __future__ import annotations

from types import MethodType
from typing import TYPE_CHECKING, Any

from bertkit.models.fused.shapes import layers_of, stack_shape
from bertkit.models.fused.stack import FusedStack
from bertkit.models.grouped.dropout import DropoutMasks, draw_seed

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

_STACK = "_bertkit_stack"


def fuse_layers(model: PreTrainedModel) -> bool:
    """Compute the layers of a packed model with the fused ones, on processors.

    The model's own layers go on computing on other devices, batches that stay padded, and from the moment
    that one of their parts is replaced or hooked. A copy of the model computes with its own weights.

    Args:
        model: with packing enabled, not wrapped yet; changed in place. Its weights stay where they are.

    Returns:
        False if its layers are not quite BERT's; then nothing is changed.
    """
    module: Any = layers_of(model.base_model)
    if module is None or stack_shape(module, model.config) is None:
        return False
    setattr(module, _STACK, FusedStack(model.config))
    # Bound methods, not closures: a deep copy of the model binds them to the copy.
    module.forward = MethodType(_stack_forward, module)
    _fuse_dropout(model.base_model.embeddings)
    return True


def _stack_forward(module: Any, hidden_states: torch.Tensor, *args: Any, **settings: Any) -> Any:
    from transformers.modeling_outputs import BaseModelOutputWithPastAndCrossAttentions

    stack: FusedStack = getattr(module, _STACK)
    packing: Any = settings.get("packing")
    shape = None
    if packing is not None and hidden_states.device.type == "cpu":
        shape = stack_shape(module, stack.config)
    if shape is None:
        # The packed attention of the model's own layers finds the packing by its name.
        return type(module).forward(module, hidden_states, *args, **settings)
    rows = stack(
        shape, hidden_states[0], packing, training=module.training,
        checkpoint=getattr(module.layer[0], "gradient_checkpointing", False),
    )  # fmt: skip
    return BaseModelOutputWithPastAndCrossAttentions(last_hidden_state=rows[None])


def _fuse_dropout(embeddings: Any) -> None:
    """Let the embeddings' dropout take its mask from where the layers do."""
    from torch import nn

    dropout: Any = getattr(embeddings, "dropout", None)
    if getattr(type(dropout), "forward", None) is nn.Dropout.forward:
        dropout.forward = MethodType(_dropout_forward, dropout)


def _dropout_forward(dropout: Any, hidden: torch.Tensor) -> torch.Tensor:
    if not dropout.training or dropout.p == 0 or hidden.device.type != "cpu":
        own: torch.Tensor = type(dropout).forward(dropout, hidden)
        return own
    mask, factor = DropoutMasks(draw_seed()).draw(tuple(hidden.shape), dropout.p, hidden.dtype)
    return hidden * mask.mul_(factor)
