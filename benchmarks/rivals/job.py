"""How a rival reads its job and says what it measured; the same for all of them."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from typing import Any

from benchmarks.children import peak_bytes

Job = dict[str, Any]
Figures = dict[str, Any]


def answer(measure: Callable[[Job], Figures]) -> None:
    """Do the job given on the command line; what was measured goes to standard output as one line of JSON."""
    with redirect_stdout(sys.stderr):
        figures = measure(json.loads(sys.argv[1]))
    print(json.dumps(figures))


class Clock:
    """The time of a training from the end of `warmup_steps` on, at least one; it is told of each step."""

    def __init__(self, warmup_steps: int) -> None:
        self.warmup_steps = warmup_steps
        self.ends: list[float] = []
        self.peak_bytes = 0

    def tick(self) -> None:
        """An optimizer step is done."""
        self.ends.append(time.perf_counter())
        self.peak_bytes = peak_bytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)

    def figures(self, *, features: int, steps_per_epoch: int, tokens: Sequence[int] = ()) -> Figures:
        """What the steps after the warm-up took.

        Args:
            features: sequences of an epoch.
            steps_per_epoch: they are spread over so many steps.
            tokens: of each step. Batches by length differ, and few steps of two epochs are not one: with
                these, work is counted by tokens.
        """
        steps = len(self.ends) - self.warmup_steps
        if steps < 1:
            raise SystemExit(f"only {len(self.ends)} steps: none is left after the warm-up")
        seconds = self.ends[-1] - self.ends[self.warmup_steps - 1]
        epochs = steps / steps_per_epoch
        if tokens:
            epochs = sum(tokens[self.warmup_steps :]) / sum(tokens[:steps_per_epoch])
        samples = features * epochs
        return {
            "seconds": seconds,
            "steps": steps,
            "features": features,
            "samples": samples,
            "samples_per_second": samples / seconds,
            "peak_bytes_of_steps": self.peak_bytes,
        }
