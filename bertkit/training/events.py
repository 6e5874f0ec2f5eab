"""What the loop tells while it works."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One optimizer step is done.

    Attributes:
        step: from 1.
        epoch: passes over the training rows so far, with a fraction.
        loss: mean over the labelled items of the batch.
        learning_rate: of the head, in this step.
        grad_norm: before clipping.
        tokens: real tokens of the batch, over all processes.
    """

    step: int
    epoch: float
    loss: float
    learning_rate: float
    grad_norm: float
    tokens: int


@dataclass(frozen=True)
class Evaluation:
    """The model was scored.

    Attributes:
        step: optimizer steps done.
        epoch: passes over the training rows so far.
        scores: by metric, of the eval split that selects.
        is_best: better than all before it.
    """

    step: int
    epoch: float
    scores: Mapping[str, float]
    is_best: bool


@dataclass(frozen=True)
class SmallerBatches:
    """Memory ran out; the same step is computed again in smaller pieces.

    Attributes:
        micro_batch_size: features computed at once from now on.
    """

    micro_batch_size: int


@dataclass(frozen=True)
class SkippedStep:
    """A step was left out because its loss or its gradient was no number; the weights are as before.

    Attributes:
        step: from 1.
        epoch: passes over the training rows so far, with a fraction.
        features: those whose own loss was no number, or the whole batch where each was one.
    """

    step: int
    epoch: float
    features: tuple[int, ...]


Event = Step | Evaluation | SmallerBatches | SkippedStep
