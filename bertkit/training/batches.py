"""What the loop trains on, batch after batch: all of it in memory, or what streams give later."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bertkit.config.schema import TrainSection
from bertkit.data.batching import Rows, plan_training
from bertkit.data.features import Features, Padding, Targets


class Batches(Protocol):
    """The batches of a training, asked for one after the other."""

    total_steps: int
    """Optimizer steps of the whole training."""
    eval_every: int
    """Optimizer steps between evaluations, where the settings leave that open."""

    @property
    def position(self) -> Mapping[str, Any] | None:
        """What leads back to the batch given out last, as JSON; None where its step alone does."""
        ...

    def batch_at(self, step: int) -> tuple[TrainingData, Rows]:
        """The batch of an optimizer step (from 0), and the features that its numbers are of."""
        ...

    def epoch_at(self, step: int) -> float:
        """Passes over the training rows after so many steps, with a fraction."""
        ...

    def close(self) -> None:
        """Nothing more will be asked for."""
        ...


class BatchSource(Protocol):
    """Training rows, wherever they are."""

    def batches(self, settings: TrainSection, position: Mapping[str, Any] | None) -> Batches:
        """Their batches, from the beginning or from a position of these on."""
        ...


@dataclass(frozen=True)
class TrainingData:
    """What is trained on.

    Attributes:
        features: token ids.
        targets: what the loss compares with, and the weight of each feature.
        padding: how batches are filled up.
        ids: of the examples, for messages.
    """

    features: Features
    targets: Targets
    padding: Padding
    ids: Sequence[str] = ()

    def batches(self, settings: TrainSection, position: Mapping[str, Any] | None = None) -> WholeBatches:
        """Its batches; a step is all it takes to find one."""
        return WholeBatches(self, settings)

    def ids_of(self, features: Sequence[int]) -> list[str]:
        """The ids of the rows that some features are of."""
        return [self.ids[number] for number in dict.fromkeys(self.features.examples[list(features)].tolist())]


class WholeBatches:
    """The batches of features that are all in memory: a plan an epoch."""

    def __init__(self, data: TrainingData, settings: TrainSection) -> None:
        self._data = data
        self._settings = settings
        self._plan: list[Rows] = []
        self._planned = -1
        self.total_steps = total_steps(len(data.features), settings)
        self.eval_every = steps_per_epoch(len(data.features), settings)

    @property
    def position(self) -> None:
        """See `Batches.position`."""
        return None

    def batch_at(self, step: int) -> tuple[TrainingData, Rows]:
        """See `Batches.batch_at`."""
        epoch, number = divmod(step, self.eval_every)
        if epoch != self._planned:
            self._plan = plan_training(
                self._data.features.lengths, plan=self._settings.batch_plan,
                batch_size=self._settings.batch_size, seed=self._settings.seed, epoch=epoch,
            )  # fmt: skip
            self._planned = epoch
        return self._data, self._plan[number]

    def epoch_at(self, step: int) -> float:
        """See `Batches.epoch_at`."""
        return step / self.eval_every

    def close(self) -> None:
        """See `Batches.close`."""


def steps_per_epoch(features: int, settings: TrainSection) -> int:
    """Optimizer steps of one pass; the last one may see fewer rows."""
    return math.ceil(features / settings.batch_size)


def total_steps(features: int, settings: TrainSection) -> int:
    """Optimizer steps of the whole training."""
    if settings.max_steps is not None:
        return settings.max_steps
    # 1.1 epochs of 10 steps are 11 steps, though 1.1 * 10 is a little more than 11.
    return max(1, math.ceil(round(settings.epochs * steps_per_epoch(features, settings), 6)))
