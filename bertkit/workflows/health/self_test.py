"""The whole way on a tiny scale: an encoder and texts are made up, trained on, scored and predicted."""

from __future__ import annotations

import csv
import json
import math
import random
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bertkit.config.flags import settings_from_flags
from bertkit.config.loader import load_recipe
from bertkit.workflows.events import Event

NEUTRAL = ("the", "a", "film", "plot", "scene", "music", "was", "is", "of", "this", "and", "very", "end")
DECIDING = {"positive": ("good", "lovely", "great"), "negative": ("bad", "dull", "awful")}
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
TRAIN_ROWS, EVAL_ROWS = 384, 64
SETTINGS = (
    "train.epochs=6", "train.batch_size=16", "train.learning_rate=3e-3", "train.max_length=16",
)  # fmt: skip
# The mean loss of the last tenth of the steps has to lie so far below that of the first.
FALLEN_TO = 0.5
WANTED_ACCURACY = 0.9


def run_self_test(folder: Path) -> dict[str, Any]:
    """Train, score and predict in an empty folder, which is the working directory too.

    Returns:
        What came of it: `first_loss`, `last_loss`, `accuracy`, `same_scores`, `same_predictions`, `seconds`.
    """
    from bertkit.training.events import Step
    from bertkit.workflows.evaluate import evaluate
    from bertkit.workflows.finetune import finetune
    from bertkit.workflows.predict import predict

    began = time.monotonic()
    make_encoder(folder / "encoder")
    shuffled = random.Random(0)
    train, held_out = (
        write_rows(folder / f"{name}.csv", (make_row(shuffled) for _ in range(count)))
        for name, count in (("train", TRAIN_ROWS), ("eval", EVAL_ROWS))
    )
    losses: list[float] = []

    def listen(event: Event) -> None:
        if isinstance(event, Step):
            losses.append(event.loss)

    flags = settings_from_flags(
        model=str(folder / "encoder"), train=str(train), evals=[str(held_out)], text="text", label="label"
    )
    recipe = load_recipe("classification", flags=flags, assignments=SETTINGS)
    trained = finetune(recipe, out=folder / "run", listen=listen)
    scored = evaluate(str(trained.run))
    answered = predict(held_out, model=str(trained.run)).predictions
    stored = [
        json.loads(line)["prediction"]
        for line in (trained.run / "predictions" / "validation.jsonl")
        .read_text(encoding="utf-8")
        .splitlines()
    ]
    tenth = max(1, len(losses) // 10)
    return {
        "first_loss": math.fsum(losses[:tenth]) / tenth,
        "last_loss": math.fsum(losses[-tenth:]) / tenth,
        "accuracy": trained.scores["validation"]["accuracy"],
        "same_scores": math.isclose(
            trained.scores["validation"]["accuracy"], scored.scores["validation"]["accuracy"], abs_tol=1e-9
        ),
        "same_predictions": [line.get("prediction") for line in answered] == stored,
        "seconds": time.monotonic() - began,
    }


def fault_of_self_test(found: dict[str, Any]) -> str:
    """What is wrong with what came of it, in words; empty if all is as it should be."""
    if not found["last_loss"] < FALLEN_TO * found["first_loss"]:
        return f"the loss did not fall: {found['first_loss']:.3f} at first, {found['last_loss']:.3f} at last"
    if not found["accuracy"] >= WANTED_ACCURACY:
        return f"the trained model has an accuracy of {found['accuracy']:.2f} on texts that a word decides"
    if not found["same_scores"]:
        return "the saved model scores otherwise than it did at the end of the training"
    if not found["same_predictions"]:
        return "the saved model predicts otherwise than it did at the end of the training"
    return ""


def make_row(shuffled: random.Random) -> tuple[str, str]:
    """A text, and the label that one of its words decides."""
    label = shuffled.choice(list(DECIDING))
    words = shuffled.choices(NEUTRAL, k=shuffled.randint(3, 8))
    words.insert(shuffled.randrange(len(words) + 1), shuffled.choice(DECIDING[label]))
    return " ".join(words), label


def write_rows(path: Path, rows: Iterable[tuple[str, str]]) -> Path:
    """A CSV of texts and labels."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("text", "label"), *rows])
    return path


def make_encoder(folder: Path) -> None:
    """A BERT of two layers with random weights that knows the words of the texts."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    words = (*SPECIAL, *NEUTRAL, *(word for words in DECIDING.values() for word in words))
    vocabulary = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(name, vocabulary[name]) for name in ("[CLS]", "[SEP]")],
    )  # fmt: skip
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]",
        sep_token="[SEP]", mask_token="[MASK]",
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    ).save_pretrained(folder)  # fmt: skip
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=64, max_position_embeddings=32,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
