"""When a training writes a checkpoint, and what is said when it cannot."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bertkit.errors import TrainingError
from bertkit.runs.disk import free_bytes, is_disk_full, size_of
from bertkit.runs.folder import RunFolder
from bertkit.training.checkpoint import WEIGHTS, Taken, take, write_checkpoint, write_weights
from bertkit.training.loop import TrainingState

# Bytes on disk for each weight: the model, the best weights and their copy, two checkpoints (weights and
# AdamW's two means) and the one being written.
SPACE_PER_WEIGHT = 4 * (1 + 2 + 3 * 3)


class Saver:
    """Writes the checkpoints of one training.

    Args:
        run: where to.
        state: of the training.
        facts: what each manifest says of it.
        every_minutes: how long at most to go without one; None: only when told.
        seconds: what earlier calls have taken.
    """

    def __init__(
        self,
        run: RunFolder,
        state: TrainingState,
        facts: Mapping[str, Any],
        *,
        every_minutes: float | None,
        seconds: float = 0.0,
    ) -> None:
        self._run, self._state, self._facts = run, state, facts
        self._began = time.monotonic() - seconds
        self._every_seconds = None if every_minutes is None else 60 * every_minutes
        self._saved: tuple[int, int] | None = None
        self._at = time.monotonic()

    @property
    def seconds(self) -> float:
        """From the first step to now, without the time between an interruption and going on."""
        return time.monotonic() - self._began

    def save(self, *, is_best: bool = False) -> None:
        """Write what the training is now, unless that is on the disk already.

        Of several processes the main one writes; all are called at the same point, for each has a part.

        Args:
            is_best: the weights as they are score best so far.

        Raises:
            TrainingError: the disk is full; the checkpoints before are as they were.
        """
        state = self._state
        if self._saved == (state.step, state.judged_step):
            return
        taken = take(state)
        if state.group.is_main:
            try:
                self._write(taken, is_best=is_best)
            except Exception as error:
                if is_disk_full(error):
                    raise self._disk_full() from error
                raise
        # Whoever went on and failed would end the one that still writes.
        state.group.largest(0)
        self._saved, self._at = (state.step, state.judged_step), time.monotonic()

    def _write(self, taken: Taken, *, is_best: bool) -> None:
        state, checkpoints = self._state, self._run.checkpoints
        best_step = state.best_step if state.best is not None else None
        weights = None
        if is_best:
            with checkpoints.writing_best(state.step, self._facts) as folder:
                write_weights(state, folder, taken=taken)
            weights = folder.with_name(f"best-{state.step}") / WEIGHTS
        facts = {**self._facts, "seconds": self.seconds}
        with checkpoints.writing(state.step, facts, best_step=best_step) as folder:
            write_checkpoint(state, folder, weights=weights, taken=taken)

    @property
    def is_due(self) -> bool:
        """True when the last one is long ago, by the clock of the process that writes."""
        long_ago = self._every_seconds is not None and time.monotonic() - self._at >= self._every_seconds
        return long_ago and self._state.group.is_main

    def _disk_full(self) -> TrainingError:
        weights = self._state.accelerator.unwrap_model(self._state.model).num_parameters()
        path = self._run.path
        return TrainingError(
            f"the disk is full: a checkpoint of step {self._state.step} needs up to {size_of(16 * weights)}, "
            f"{size_of(free_bytes(path))} are free; {_kept(self._run)}",
            hint=f"make room, then go on: bertkit finetune --resume {path}",
        )


def _kept(run: RunFolder) -> str:
    found, _ = run.checkpoints.newest()
    return f"that of step {found.step} is whole" if found else "there is none before it"


def while_saving_the_model(run: Path) -> TrainingError:
    """What to say when the disk is full after the training, before all is written."""
    return TrainingError(
        f"the disk is full: the trained model could not be written whole, "
        f"{size_of(free_bytes(run))} are free; its weights are safe in {run / 'checkpoints'}",
        hint=f"make room, then go on: bertkit finetune --resume {run}",
    )
