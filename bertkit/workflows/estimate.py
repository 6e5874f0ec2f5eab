"""What a training will cost, before it begins: the table of `--dry-run`."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from bertkit.config.loader import LoadedRecipe
from bertkit.models.execution import Execution, speed_up
from bertkit.models.head_kinds import model_class
from bertkit.training.batches import total_steps
from bertkit.training.precision import choose_precision
from bertkit.training.strategies import BYTES_PER_WEIGHT
from bertkit.workflows.baseline import BaselineScores, baselines_of
from bertkit.workflows.events import Listener, silent
from bertkit.workflows.preparation import Prepared, prepare

# Shares of the measured matrix-product rate that a training step is taken to reach: by bertkit's own layers
# and by others. Assumptions, for an estimate within a factor of two on a quiet machine (docs/performance.md).
REACHED_SHARE_FUSED, REACHED_SHARE = 0.4, 0.25
# Activations kept for the backward pass, in numbers of the hidden size, a token and a layer.
ACTIVATIONS = 34


@dataclass(frozen=True)
class SplitSize:
    """Rows and lengths of a split.

    Attributes:
        rows: examples.
        features: rows, or windows of rows.
        median_tokens, longest_tokens: of the features.
        cut: examples that lose tokens.
    """

    rows: int
    features: int
    median_tokens: int
    longest_tokens: int
    cut: int


@dataclass(frozen=True)
class Estimate:
    """What a training will cost.

    Attributes:
        splits: sizes by name, training first.
        weights: trainable and other parameters of the model.
        steps: optimizer steps.
        seconds: of computing, within a factor of two.
        memory_bytes: at its peak, within a factor of two.
        precision: fp32 or bf16.
        device: `cpu` or `cuda`.
        batch_plan: `train.batch_plan`.
        execution: how batches are computed, and why not without padding.
        baselines: scores of what needs no encoder, by split, baseline and metric; empty if not asked for.
    """

    splits: dict[str, SplitSize]
    weights: int
    steps: int
    seconds: float
    memory_bytes: int
    precision: str
    device: str
    batch_plan: str
    execution: str
    baselines: BaselineScores = field(default_factory=dict)


def as_dict(estimate: Estimate) -> dict[str, Any]:
    """For JSON."""
    return asdict(estimate)


def estimate(recipe: LoadedRecipe, *, baseline: bool = False, listen: Listener = silent) -> Estimate:
    """Do everything up to the first step, and tell what would follow. Writes nothing.

    Args:
        recipe: as for `finetune`.
        baseline: score what needs no encoder on the eval splits.
        listen: told what happens.

    Raises:
        BertkitError: as `finetune` would.
    """
    prepared = prepare(recipe.recipe, listen)
    baselines = baselines_of(prepared, listen) if baseline else {}
    settings = recipe.recipe.train
    precision = choose_precision(settings.precision)
    weights, encoder_weights, execution = _without_weights(prepared)
    steps = total_steps(len(prepared.train.features), settings)
    lengths = prepared.train.features.lengths
    tokens = float(lengths.mean()) * settings.batch_size * steps
    rate, device = _matrix_rate(precision)
    layers = int(prepared.source.config.get("num_hidden_layers") or 12)
    hidden = int(prepared.source.config.get("hidden_size") or prepared.source.config.get("dim") or 768)
    piece = settings.micro_batch_size or settings.batch_size
    bytes_of = 4 if precision == "fp32" else 2
    longest = lengths.max() if execution.obstacle else lengths.mean()
    activations = int(piece * longest * hidden * layers * ACTIVATIONS * bytes_of)
    splits = {"train, first rows" if prepared.stream else "train": prepared.train, **prepared.evals}
    share = REACHED_SHARE_FUSED if execution.fused and device == "cpu" else REACHED_SHARE
    return Estimate(
        splits={name: _size(split.features, len(split.examples)) for name, split in splits.items()},
        weights=weights, steps=steps, seconds=6 * encoder_weights * tokens / (rate * share),
        memory_bytes=weights * BYTES_PER_WEIGHT + activations, precision=precision, device=device,
        batch_plan=settings.batch_plan, execution=str(execution), baselines=baselines,
    )  # fmt: skip


def _size(features: Any, rows: int) -> SplitSize:
    lengths = features.lengths
    return SplitSize(rows, len(features), int(np.median(lengths)), int(lengths.max()), features.cut)


def _without_weights(prepared: Prepared) -> tuple[int, int, Execution]:
    """How many weights there are, how many every token is multiplied with, and how the model is computed."""
    import torch
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(prepared.source.folder, local_files_only=True)
    config.num_labels = prepared.task.labels.outputs
    with torch.device("meta"):
        model = model_class(prepared.task.labels.problem).from_config(config)
    weights = sum(parameter.numel() for parameter in model.parameters())
    embeddings = sum(parameter.numel() for parameter in model.get_input_embeddings().parameters())
    return weights, weights - embeddings, speed_up(model)


def _matrix_rate(precision: str) -> tuple[float, str]:
    """Floating-point operations a second of a matrix product on this machine, and the device."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision, torch.float32)
    size = 4096 if device == "cuda" else 1024
    left, right = (torch.ones(size, size, dtype=dtype, device=device) for _ in range(2))
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        (left @ right)[0, 0].item()
        best = min(best, time.perf_counter() - began)
    return 2 * size**3 / best, device
