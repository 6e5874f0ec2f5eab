"""bertkit's own training, from outside: a recipe, and a listener that looks at the clock."""

from __future__ import annotations

import math
import os
import statistics
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.rivals.job import Clock, Figures, Job, answer
from benchmarks.rivals.parts import PARTS

# After the last step only.
NEVER = 1_000_000


def own_rows(recipe: str, rows: Mapping[str, str], settings: Mapping[str, Any]) -> Any:
    """A recipe of bertkit over files of rows."""
    from bertkit import load_recipe

    data = {"data.source": None, "data.config": None, "data.revision": None, "data.test": None}
    data |= {"data.train": rows["rows"], "data.eval": {"validation": rows["evals"]}}
    return load_recipe(recipe, flags={**data, **settings})


def settings_of(job: Job) -> dict[str, Any]:
    """What the job says, in the words of a recipe; other settings are bertkit's own."""
    settings = {
        "model.name": job["encoder"],
        "model.head": "new",
        "train.batch_size": job["batch_size"],
        "train.max_length": job["max_length"],
        "train.learning_rate": job.get("learning_rate", 2e-5),
        "train.precision": job.get("precision", "auto"),
        "train.seed": job["seed"],
    }
    return settings | ({"train.batch_plan": job["plan"]} if "plan" in job else {})


def train(job: Job) -> Figures:
    """One epoch and a warm-up; `job` says `plan` and `precision`, and `without` which of the `PARTS`."""
    if "without" in job:
        PARTS[job["without"]]()
    from bertkit import finetune
    from bertkit.training.events import Step
    from bertkit.workflows.events import TrainingBegins

    os.environ.setdefault("ACCELERATE_USE_CPU", "true")
    clock = Clock(job["warmup_steps"])
    losses: list[float] = []
    tokens: list[int] = []
    seen: dict[str, Any] = {}

    def listen(event: Any) -> None:
        if isinstance(event, Step):
            clock.tick()
            losses.append(event.loss)
            tokens.append(event.tokens)
        elif isinstance(event, TrainingBegins):
            seen.update(features=event.rows, precision=event.precision)

    per_epoch = math.ceil(job["features"] / job["batch_size"])
    epochs = 1 + job["warmup_steps"] / per_epoch
    settings = settings_of(job) | {"train.epochs": epochs, "train.eval_every_steps": NEVER}
    with tempfile.TemporaryDirectory() as scratch:
        finetune(own_rows(job["recipe"], job, settings), out=Path(scratch) / "run", listen=listen)
    return {
        **clock.figures(features=seen["features"], steps_per_epoch=per_epoch, tokens=tokens),
        "loss": statistics.fmean(losses),
        "precision": seen["precision"],
    }


if __name__ == "__main__":
    answer(train)
