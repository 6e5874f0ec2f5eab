"""transformers.pipeline over all lines."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.rivals.job import Figures, Job, answer
from benchmarks.rivals.line_files import Text, timed


def load_pipeline(model: str, *, batch_size: int) -> Any:
    from transformers import pipeline

    return pipeline("text-classification", model=model, batch_size=batch_size, device="cpu")


def predict(job: Job) -> Figures:
    """`job` says `batch_size`."""
    import torch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    classifier = load_pipeline(job["encoder"], batch_size=job["batch_size"])

    def classify(texts: Sequence[Text]) -> list[str]:
        cut = {"truncation": True, "max_length": job["max_length"]}
        return [found["label"] for found in classifier(list(texts), **cut)]

    with tempfile.TemporaryDirectory() as scratch:
        return timed(job, Path(scratch), classify)


if __name__ == "__main__":
    answer(predict)
