"""A small training with transformers.Trainer that saves as it goes, for benchmarks/reliability.py.

python -m benchmarks.rivals.trainer_with_faults MODEL ROWS.csv OUT [--resume]
"""

from __future__ import annotations

import argparse
import csv
import os
import signal
import sys
from typing import Any

STEPS, SAVE_EVERY, BATCH = 28, 5, 16


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("rows")
    parser.add_argument("out")
    parser.add_argument("--resume", action="store_true")
    given = parser.parse_args()
    from transformers import Trainer, TrainerCallback, TrainingArguments, set_seed

    set_seed(42)

    class Telling(TrainerCallback):
        def on_step_end(self, arguments: Any, state: Any, control: Any, **more: Any) -> None:
            print(f"step {state.global_step}", file=sys.stderr, flush=True)
            if os.environ.get("STOP_AT") == str(state.global_step):
                os.kill(os.getpid(), signal.SIGTERM)

    model, tokenizer, dataset = prepared(given.model, given.rows)
    trainer = Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=given.out, max_steps=STEPS, per_device_train_batch_size=BATCH, learning_rate=1e-3,
            save_strategy="steps", save_steps=SAVE_EVERY, save_total_limit=2, eval_strategy="no",
            logging_steps=1, report_to="none", use_cpu=True, disable_tqdm=True, seed=42,
            dataloader_pin_memory=False,
        ),
        train_dataset=dataset, processing_class=tokenizer, callbacks=[Telling()],
    )  # fmt: skip
    trainer.train(resume_from_checkpoint=True if given.resume else None)
    trainer.save_model(os.path.join(given.out, "model"))  # noqa: PTH118


def prepared(encoder: str, file: str) -> tuple[Any, Any, Any]:
    """Model, tokenizer and rows of a classification with two labels."""
    import datasets
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(encoder)
    model = AutoModelForSequenceClassification.from_pretrained(encoder, num_labels=2)
    model.accepts_loss_kwargs = False
    with open(file, encoding="utf-8", newline="") as stream:  # noqa: PTH123
        rows = list(csv.DictReader(stream))
    encoded = tokenizer([row["text"] for row in rows], truncation=True, max_length=32)
    labels = [int(row["label"] == "positive") for row in rows]
    return model, tokenizer, datasets.Dataset.from_dict({**encoded, "labels": labels})


if __name__ == "__main__":
    main()
