"""The encoder seen as a stack of layers, and fresh weights for parts of a loaded model."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel


def encoder_layers(model: PreTrainedModel) -> list[nn.Module]:
    """The encoder's layers from bottom to top, found by their number.

    Empty where layers share weights (ALBERT) and where a layer is spread over several lists (XLM).
    """
    from torch import nn

    count = getattr(model.config, "num_hidden_layers", 0)
    for parent in model.base_model.modules():
        stacks = [
            child for child in parent.children() if isinstance(child, nn.ModuleList) and len(child) == count
        ]
        if stacks:
            return list(stacks[0]) if len(stacks) == 1 else []
    return []


def layer_depths(model: PreTrainedModel) -> dict[str, int]:
    """The depth of each parameter by name: embeddings 0, layers from 1 on, what is above them one more.

    Embeddings are those of words, positions, segments and relative positions, their norms, and their
    projection to the hidden size, wherever a family keeps them.
    """
    layers = encoder_layers(model)
    of_layer = {id(p): depth for depth, layer in enumerate(layers, 1) for p in layer.parameters()}
    embeddings = {
        id(parameter) for name, parameter in model.base_model.named_parameters()
        if "emb" in name and id(parameter) not in of_layer
    }  # fmt: skip
    return {
        name: 0 if id(parameter) in embeddings else of_layer.get(id(parameter), len(layers) + 1)
        for name, parameter in model.named_parameters()
    }


def restart_head(model: PreTrainedModel) -> None:
    """Give every module outside the encoder fresh weights."""
    for child in model.children():
        if child is not model.base_model:
            restart_weights(model, child)


def restart_weights(model: PreTrainedModel, part: nn.Module) -> None:
    """Give one part of a loaded model fresh weights, as the family initialises them.

    transformers 5 marks what it has loaded and then initialises it no more. So the marks of this part go, and
    all others are set: the whole model is walked, because some families initialise a part from its parent.
    """
    inside = {id(item) for item in chain(part.modules(), part.parameters(), part.buffers())}
    item: Any
    for item in chain(model.modules(), model.parameters(), model.buffers()):
        item._is_hf_initialized = id(item) not in inside
    model.apply(model._init_weights)
