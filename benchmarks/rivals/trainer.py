"""transformers.Trainer, set up as its examples do, and as well as a careful user does."""

from __future__ import annotations

import math
import os
import tempfile
from typing import Any

from benchmarks.rivals.features import encoded, label_names
from benchmarks.rivals.job import Clock, Figures, Job, answer

LEARNING_RATE, WEIGHT_DECAY, WARMUP_SHARE, CLIP = 2e-5, 0.01, 0.1, 1.0


def train(job: Job) -> Figures:
    """One epoch and a warm-up; `job` says `padded`, `grouped` and `bf16`."""
    from transformers import AutoTokenizer, TrainerCallback

    clock = Clock(job["warmup_steps"])

    class Ticking(TrainerCallback):
        def on_step_end(self, *args: Any, **given: Any) -> None:
            clock.tick()

    with tempfile.TemporaryDirectory() as scratch:
        tokenizer = AutoTokenizer.from_pretrained(job["encoder"])
        dataset = encoded(job, tokenizer)
        per_epoch = math.ceil(len(dataset) / job["batch_size"])
        steps = per_epoch + job["warmup_steps"]
        trainer = build_trainer(job, tokenizer, dataset, scratch, max_steps=steps)
        trainer.add_callback(Ticking())
        loss = trainer.train().training_loss
    return {**clock.figures(features=len(dataset), steps_per_epoch=per_epoch), "loss": loss}


def build_trainer(job: Job, tokenizer: Any, dataset: Any, scratch: str, **length: Any) -> Any:
    """A Trainer that neither saves nor evaluates; `length` is `max_steps` or `num_train_epochs`."""
    import torch
    from transformers import Trainer, TrainingArguments, set_seed

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    set_seed(job["seed"])
    arguments = TrainingArguments(
        output_dir=scratch,
        per_device_train_batch_size=job["batch_size"],
        learning_rate=job.get("learning_rate", LEARNING_RATE),
        lr_scheduler_type="linear",
        warmup_steps=WARMUP_SHARE,
        weight_decay=WEIGHT_DECAY,
        max_grad_norm=CLIP,
        train_sampling_strategy="group_by_length" if job.get("grouped") else "random",
        bf16=bool(job.get("bf16")),
        use_cpu=True,
        dataloader_pin_memory=False,
        save_strategy="no",
        eval_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        seed=job["seed"],
        **length,
    )
    model = load_model(job)
    # Else loss and gradient are multiplied under accumulation (transformers#47688), for all rivals alike.
    model.accepts_loss_kwargs = False
    return Trainer(
        model=model,
        args=arguments,
        train_dataset=dataset,
        processing_class=tokenizer,
        data_collator=collator(job, tokenizer),
    )


def load_model(job: Job) -> Any:
    import torch
    from transformers import (
        AutoModelForQuestionAnswering,
        AutoModelForSequenceClassification,
        AutoModelForTokenClassification,
    )

    names = label_names(job)
    if job["recipe"] == "squad":
        return AutoModelForQuestionAnswering.from_pretrained(job["encoder"], dtype=torch.float32)
    kinds = {"conll2003": AutoModelForTokenClassification}
    kind = kinds.get(job["recipe"], AutoModelForSequenceClassification)
    return kind.from_pretrained(job["encoder"], num_labels=len(names), dtype=torch.float32)


def collator(job: Job, tokenizer: Any) -> Any:
    """What fills a batch up: nothing where all is padded already, as in run_glue."""
    from transformers import (
        DataCollatorForTokenClassification,
        DataCollatorWithPadding,
        default_data_collator,
    )

    if job["recipe"] == "conll2003":
        return DataCollatorForTokenClassification(tokenizer)
    return default_data_collator if job.get("padded") else DataCollatorWithPadding(tokenizer)


if __name__ == "__main__":
    answer(train)
