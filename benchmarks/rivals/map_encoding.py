"""run_glue's way to tokenize: `map` over batches, each text padded to the limit."""

from __future__ import annotations

import tempfile
import time
from typing import Any

from benchmarks.rivals.features import TEXTS, label_names
from benchmarks.rivals.job import Figures, Job, answer


def encode(job: Job) -> Figures:
    """`job` says `warm`: time the second call, which finds what the first one stored."""
    from datasets import load_dataset
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(job["encoder"])
    numbers = {name: number for number, name in enumerate(label_names(job))}
    columns, limit = TEXTS[job["recipe"]], job["max_length"]

    def preprocess(batch: dict[str, Any]) -> dict[str, Any]:
        texts = [batch[column] for column in columns]
        made = tokenizer(*texts, padding="max_length", max_length=limit, truncation=True)
        made["label"] = [numbers[label] for label in batch["label"]]
        return made

    with tempfile.TemporaryDirectory() as scratch:
        rows = load_dataset("json", data_files=job["rows"], split="train", cache_dir=scratch)
        for _ in range(2 if job.get("warm") else 1):
            began = time.perf_counter()
            made = rows.map(preprocess, batched=True, desc="Running tokenizer on dataset")
            seconds = time.perf_counter() - began
    return {"seconds": seconds, "samples": len(made), "samples_per_second": len(made) / seconds}


if __name__ == "__main__":
    answer(encode)
