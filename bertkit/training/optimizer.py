"""AdamW with its parameter groups, learning-rate schedules, freezing and fresh layers."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from bertkit.config.schema import TrainSection
from bertkit.errors import RecipeError
from bertkit.models.layers import encoder_layers, layer_depths, restart_weights

if TYPE_CHECKING:
    import torch
    from torch import nn
    from transformers import PreTrainedModel


def build_optimizer(model: PreTrainedModel, settings: TrainSection) -> torch.optim.AdamW:
    """AdamW over the trainable parameters.

    Biases and norms are not decayed. With `layer_decay` the group of each layer carries `rate_factor`,
    its share of the learning rate (Howard and Ruder 2018; Clark et al. 2020).
    """
    import torch

    depths = layer_depths(model)
    top = max(depths.values(), default=0)
    undecayed = _undecayed(model)
    groups: dict[tuple[float, float], list[torch.nn.Parameter]] = defaultdict(list)
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            decay = 0.0 if name in undecayed else settings.weight_decay
            groups[decay, settings.layer_decay ** (top - depths[name])].append(parameter)
    return torch.optim.AdamW(
        [
            {"params": parameters, "weight_decay": decay, "rate_factor": factor}
            for (decay, factor), parameters in groups.items()
        ],
        lr=settings.learning_rate,
        betas=(settings.adam_beta1, settings.adam_beta2),
        eps=settings.adam_epsilon,
        fused=True,  # one pass over the weights instead of eight: half of a step's time on a processor
    )


def set_learning_rate(optimizer: Any, rate: float) -> None:
    """Give each group its share of `rate`."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["rate_factor"]


def learning_rate_at(step: int, total_steps: int, settings: TrainSection) -> float:
    """The rate of optimizer step `step` (from 0) of `total_steps`."""
    warmup = math.ceil(settings.warmup_ratio * total_steps)
    if step < warmup:
        return settings.learning_rate * (step + 1) / (warmup + 1)
    done = (step - warmup) / max(1, total_steps - warmup)
    factor = {"constant": 1.0, "linear": 1.0 - done, "cosine": (1 + math.cos(math.pi * done)) / 2}
    return settings.learning_rate * factor[settings.schedule]


def prepare_layers(model: PreTrainedModel, settings: TrainSection) -> None:
    """Freeze and restart layers as the recipe says, and switch on gradient checkpointing.

    Raises:
        RecipeError: if the encoder has fewer layers than that.
    """
    layers = encoder_layers(model)
    if not layers and (settings.layer_decay < 1 or settings.freeze_layers or settings.reinit_layers):
        raise RecipeError(
            f"the layers of this encoder ({model.config.model_type}) share weights or cannot be told apart",
            hint="leave out train.layer_decay, train.freeze_layers and train.reinit_layers",
        )
    for key, count in (("freeze_layers", settings.freeze_layers), ("reinit_layers", settings.reinit_layers)):
        if count > len(layers):
            raise RecipeError(
                f"train.{key}: {count} is more than the {len(layers)} layers of this encoder",
                hint="take fewer",
            )
    if settings.freeze_embeddings or settings.freeze_layers:
        depths = layer_depths(model)
        for name, parameter in model.named_parameters():
            if depths[name] <= settings.freeze_layers:
                parameter.requires_grad_(False)
    for layer in layers[len(layers) - settings.reinit_layers :]:
        restart_weights(model, layer)
    if settings.gradient_checkpointing:
        try:
            # What transformers 5 called gradient checkpointing at first is activation checkpointing later.
            enable = getattr(model, "activation_checkpointing_enable", model.gradient_checkpointing_enable)
            enable({"use_reentrant": False})
        except ValueError as error:
            raise RecipeError(
                "train.gradient_checkpointing: this encoder cannot", hint="leave it out"
            ) from error


def _undecayed(model: nn.Module) -> set[str]:
    """Names of biases and of the weights of norms, whatever a norm's class is called."""
    return {
        f"{prefix}.{name}" if prefix else name
        for prefix, module in model.named_modules()
        for name, _ in module.named_parameters(recurse=False)
        if name.endswith("bias") or "norm" in type(module).__name__.lower()
    }
