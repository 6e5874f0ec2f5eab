"""Training on a stream: one block in memory, and the next one made meanwhile."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from bertkit.config.schema import TrainSection
from bertkit.data.batching import Rows, plan_training
from bertkit.errors import DataError, RecipeError
from bertkit.training.batches import TrainingData

# A stream has no epoch that somebody has counted: it is scored so often in a training.
EVALUATIONS = 10


@dataclass(frozen=True)
class Block:
    """Features that are in memory at once.

    Attributes:
        data: at least one feature.
        position: where it begins, as JSON, with `epoch` and `block`, its numbers from 0.
        begin, end: how much of the epoch lies before and behind it, 0 to 1.
    """

    data: TrainingData
    position: Mapping[str, Any]
    begin: float
    end: float


Blocks = Callable[[Mapping[str, Any] | None], Iterator[Block]]


class StreamedData:
    """Training rows that are read while they are trained on.

    Args:
        blocks: all blocks from a position on, without end. It is walked in a thread of its own, so it must
            change nothing that others read, and draw from no generator that others draw from.
    """

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks
        self._latest: StreamedBatches | None = None

    def batches(self, settings: TrainSection, position: Mapping[str, Any] | None) -> StreamedBatches:
        """The batches from the block on that a position names."""
        self._latest = StreamedBatches(self._blocks, settings, position)
        return self._latest

    def ids_of(self, features: Sequence[int]) -> list[str]:
        """The ids of the rows that some features of the latest batch are of."""
        return [] if self._latest is None else self._latest.block.data.ids_of(features)


class StreamedBatches:
    """The batches of a stream, planned within each block: the same for any number of processes."""

    def __init__(self, blocks: Blocks, settings: TrainSection, position: Mapping[str, Any] | None) -> None:
        self._settings = settings
        self._first_step = int(position["first_step"]) if position else 0
        self._walk = blocks(position["block"] if position else None)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="next block")
        self._next: Future[Block | None] = self._thread.submit(next, self._walk, None)
        self._block: Block | None = None
        self._plan: list[Rows] = []
        if settings.max_steps is None:  # the recipe is refused long before
            raise RecipeError("a stream needs train.max_steps", hint="--set train.max_steps=10000")
        self.total_steps = settings.max_steps
        self.eval_every = math.ceil(settings.max_steps / EVALUATIONS)

    @property
    def block(self) -> Block:
        """The one that is trained on."""
        if self._block is None:
            self._take()
        assert self._block is not None
        return self._block

    @property
    def position(self) -> Mapping[str, Any]:
        """The block of the latest batch, and the step of its first batch: together they lead to any of it."""
        return {"first_step": self._first_step, "block": self.block.position}

    def batch_at(self, step: int) -> tuple[TrainingData, Rows]:
        """See `Batches.batch_at`; steps must not fall.

        Raises:
            DataError: the stream cannot be read on; nothing has changed.
        """
        data = self.block.data
        while step >= self._first_step + len(self._plan):
            done = len(self._plan)
            self._take()
            self._first_step += done
            data = self.block.data
        return data, self._plan[step - self._first_step]

    def _take(self) -> None:
        """Go on to the next block, and let the one after it be made."""
        found = self._next.result()
        if found is None:
            raise DataError(
                "the stream holds no row with both text and label", hint="check --text and --label"
            )
        self._block = found
        self._next = self._thread.submit(next, self._walk, None)
        settings, position = self._settings, found.position
        self._plan = plan_training(
            found.data.features.lengths, plan=settings.batch_plan, batch_size=settings.batch_size,
            seed=settings.seed, epoch=position["epoch"], block=position["block"],
        )  # fmt: skip

    def epoch_at(self, step: int) -> float:
        """See `Batches.epoch_at`; within a block steps are taken to be equal."""
        block = self.block
        share = min(1.0, (step - self._first_step) / len(self._plan))
        return float(block.position["epoch"] + block.begin + (block.end - block.begin) * share)

    def close(self) -> None:
        """End the thread and close the files, after the block that is being made; that is not waited for.

        Somebody may have asked to stop, and the state is still to be saved.
        """
        idle = self._next.done()
        close = getattr(self._walk, "close", None)
        if close is not None:
            self._thread.submit(close)  # a walk is closed where it is made
        self._thread.shutdown(wait=idle)
