"""The Trainer with dynamic padding over one epoch, and its accuracy."""

from __future__ import annotations

import tempfile
import time

from benchmarks.rivals.features import encoded
from benchmarks.rivals.job import Figures, Job, answer
from benchmarks.rivals.trainer import build_trainer


def train(job: Job) -> Figures:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(job["encoder"])
    with tempfile.TemporaryDirectory() as scratch:
        trainer = build_trainer(job, tokenizer, encoded(job, tokenizer), scratch, num_train_epochs=1)
        began = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - began
        found = trainer.predict(encoded({**job, "rows": job["evals"]}, tokenizer))
    right = found.predictions.argmax(axis=-1) == found.label_ids
    return {"accuracy": 100 * float(right.mean()), "seconds": seconds}


if __name__ == "__main__":
    answer(train)
