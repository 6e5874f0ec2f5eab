"""simpletransformers, with its defaults where the others do not say otherwise."""

from __future__ import annotations

import math
import os
import tempfile
from typing import Any

from benchmarks.rivals.features import TEXTS, label_names, read_rows
from benchmarks.rivals.job import Clock, Figures, Job, answer


def train(job: Job) -> Figures:
    """One epoch, its first steps as warm-up: all are padded to the limit and cost the same."""
    import torch
    from torch.optim.optimizer import register_optimizer_step_post_hook

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    clock = Clock(job["warmup_steps"])
    with tempfile.TemporaryDirectory() as scratch:
        model, table = model_and_table(job, scratch)
        register_optimizer_step_post_hook(lambda *_: clock.tick())
        _, loss = model.train_model(table)
    per_epoch = math.ceil(job["features"] / job["batch_size"])
    return {**clock.figures(features=job["features"], steps_per_epoch=per_epoch), "loss": loss}


def model_and_table(job: Job, scratch: str) -> tuple[Any, Any]:
    settings = {
        "train_batch_size": job["batch_size"],
        "num_train_epochs": 1,
        "max_seq_length": job["max_length"],
        "learning_rate": 2e-5,
        "warmup_ratio": 0.1,
        "weight_decay": 0.01,
        "max_grad_norm": 1.0,
        "manual_seed": job["seed"],
        "fp16": False,
        "use_multiprocessing": False,
        "use_multiprocessing_for_evaluation": False,
        "no_save": True,
        "no_cache": True,
        "save_eval_checkpoints": False,
        "save_model_every_epoch": False,
        "silent": True,
        "output_dir": f"{scratch}/model",
        "cache_dir": f"{scratch}/cache",
        "tensorboard_dir": f"{scratch}/events",
        "overwrite_output_dir": True,
    }
    rows, names = read_rows(job["rows"]), label_names(job)
    if job["recipe"] == "squad":
        from simpletransformers.question_answering import QuestionAnsweringModel

        raise SystemExit(f"{QuestionAnsweringModel.__name__} can be imported now: measure it")
    import pandas

    if job["recipe"] == "conll2003":
        from simpletransformers.ner import NERModel

        words = [
            {"sentence_id": number, "words": word, "labels": tag}
            for number, row in enumerate(rows)
            for word, tag in zip(row["tokens"], row["ner_tags"], strict=True)
        ]
        model = NERModel("bert", job["encoder"], labels=names, args=settings, use_cuda=False)
        return model, pandas.DataFrame(words)
    from simpletransformers.classification import ClassificationModel

    columns = TEXTS[job["recipe"]]
    places = ("text",) if len(columns) == 1 else ("text_a", "text_b")
    table = pandas.DataFrame(
        {place: [row[column] for row in rows] for place, column in zip(places, columns, strict=True)}
        | {"labels": [names.index(row["label"]) for row in rows]}
    )
    model = ClassificationModel("bert", job["encoder"], num_labels=len(names), args=settings, use_cuda=False)
    return model, table


if __name__ == "__main__":
    answer(train)
