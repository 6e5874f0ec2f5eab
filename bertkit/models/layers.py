"""The encoder seen as a stack of layers, and fresh weights for parts of a loaded model."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel


def encoder_layers(model: PreTrainedModel) -> list[nn.Module]:
    """The encoder's layers from bottom to top, found by their number; empty where layers share weights."""
    from torch import nn

    count = getattr(model.config, "num_hidden_layers", 0)
    lists = [module for module in model.base_model.modules() if isinstance(module, nn.ModuleList)]
    stacks = [stack for stack in lists if len(stack) == count]
    return list(stacks[0]) if stacks else []


def embedding_module(model: PreTrainedModel) -> nn.Module:
    """All embeddings of an encoder (words, positions, segments, their norm), not the words alone."""
    embeddings: nn.Module = getattr(model.base_model, "embeddings", None) or model.get_input_embeddings()
    return embeddings


def restart_head(model: PreTrainedModel) -> None:
    """Give every module outside the encoder fresh weights."""
    for child in model.children():
        if child is not model.base_model:
            restart_weights(model, child)


def restart_weights(model: PreTrainedModel, part: nn.Module) -> None:
    """Give one part of a loaded model fresh weights, as the family initialises them.

    transformers 5 marks what it has loaded and then initialises it no more: the marks go first.
    """
    marked: Any
    for marked in chain(part.modules(), part.parameters(), part.buffers()):
        if getattr(marked, "_is_hf_initialized", False):
            marked._is_hf_initialized = False
    part.apply(model._init_weights)
