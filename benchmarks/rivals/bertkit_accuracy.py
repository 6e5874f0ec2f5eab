"""bertkit over one epoch with its own settings, and its accuracy."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.rivals.bertkit_training import own_rows, settings_of
from benchmarks.rivals.job import Figures, Job, answer


def train(job: Job) -> Figures:
    from bertkit import finetune

    settings = settings_of(job) | {"train.epochs": 1}
    with tempfile.TemporaryDirectory() as scratch:
        found = finetune(own_rows(job["recipe"], job, settings), out=Path(scratch) / "run")
    return {"accuracy": 100 * found.scores["validation"]["accuracy"], "seconds": found.seconds}


if __name__ == "__main__":
    answer(train)
