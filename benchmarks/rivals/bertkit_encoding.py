"""bertkit's own tokenization into its cache."""

from __future__ import annotations

import os
import tempfile
import time

from benchmarks.rivals.bertkit_training import own_rows, settings_of
from benchmarks.rivals.job import Figures, Job, answer


def encode(job: Job) -> Figures:
    """From examples in memory to features, the cache's key and file included; `warm`: the second call."""
    from bertkit.data.reading.sources import load_splits
    from bertkit.models.loading import load_tokenizer
    from bertkit.models.sources import find_model
    from bertkit.workflows.encoding import encode_examples
    from bertkit.workflows.events import silent
    from bertkit.workflows.lengths import limits_of
    from bertkit.workflows.preparation import settle_task

    recipe = own_rows(job["recipe"], job, settings_of(job)).recipe
    task, examples, _, _ = settle_task(recipe, load_splits(recipe.data), silent)
    source = find_model(recipe.model.name)
    limits = limits_of(recipe, source)
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["BERTKIT_CACHE"] = scratch
        for _ in range(2 if job.get("warm") else 1):
            tokenizer = load_tokenizer(source)
            began = time.perf_counter()
            features = encode_examples(task, examples, tokenizer, limits, what="train", listen=silent)
            seconds = time.perf_counter() - began
    return {"seconds": seconds, "samples": len(features), "samples_per_second": len(features) / seconds}


if __name__ == "__main__":
    answer(encode)
