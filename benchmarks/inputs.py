"""Make what a workload needs, once, under `benchmarks/.cache/`: rows, encoders, trained models, graphs.

    python -m benchmarks.inputs train-sst2 1600

Prints the job that all rivals of the workload share. A process of its own: what it imports would otherwise
count in the memory of the processes that are measured.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.figures import EncoderShape, Lengths
from benchmarks.workloads import WORKLOADS, Workload

CACHE = Path(__file__).parent / ".cache"
SEED = 42
EVAL_ROWS = 32
# Enough steps for a MiniLM that tells good from bad; predictions of rivals are compared with its own.
MODEL_ROWS = 6_400
NLI_LABELS = ("entailment", "neutral", "contradiction")


def make_inputs(workload: Workload, size: int) -> dict[str, Any]:
    """The job that all rivals share."""
    job: dict[str, Any] = {
        "recipe": workload.recipe,
        "max_length": workload.max_length,
        "batch_size": workload.batch_size,
        "warmup_steps": workload.warmup_steps,
        "seed": SEED,
    }
    if workload.kind == "train":
        job |= training_rows(workload.recipe, size)
        job["encoder"] = str(encoder_folder(workload.encoder))
    elif workload.kind == "encode":
        job |= pairs(workload.recipe, size)
        job["encoder"] = str(encoder_folder(workload.encoder))
    else:
        model = trained_model(workload)
        job |= {"encoder": str(model), **lines(workload.recipe, size, model)}
    return job | (measures(job) if workload.kind in ("train", "predict") else {})


def accuracy_inputs(size: int) -> dict[str, Any]:
    """One epoch of SST-2, scored on its whole validation split."""
    return {
        "recipe": "sst2",
        "max_length": 128,
        "batch_size": 32,
        "learning_rate": 5e-5,
        "encoder": str(encoder_folder("minilm")),
        **training_rows("sst2", size, eval_rows=872),
    }


def measures(job: Mapping[str, Any]) -> dict[str, Any]:
    """Lengths of the sequences, counted once for all rivals, and what the encoder's matrices look like."""
    from transformers import AutoConfig, AutoTokenizer

    from benchmarks.rivals.features import encoded

    config = AutoConfig.from_pretrained(job["encoder"])
    shape = EncoderShape(config.num_hidden_layers, config.hidden_size, config.intermediate_size)
    tokenizer = AutoTokenizer.from_pretrained(job["encoder"])
    features = encoded({**job, "padded": False}, tokenizer)
    lengths = Lengths.of([len(ids) for ids in features["input_ids"]])
    return {"lengths": asdict(lengths), "shape": asdict(shape), "features": lengths.samples}


def training_rows(recipe: str, size: int, *, eval_rows: int = EVAL_ROWS) -> dict[str, str]:
    """Rows of the training split, drawn by the seed, and some to evaluate on, with labels by name."""
    rows, evals = CACHE / f"{recipe}-{size}.jsonl", CACHE / f"{recipe}-eval-{eval_rows}.jsonl"
    if not (rows.is_file() and evals.is_file()):
        train, held_out = splits(recipe)
        write_rows(rows, named_rows(train.shuffle(seed=SEED).select(range(min(size, len(train))))))
        write_rows(evals, named_rows(held_out.select(range(min(eval_rows, len(held_out))))))
    return {"rows": str(rows), "evals": str(evals)}


def pairs(recipe: str, size: int) -> dict[str, str]:
    """As many pairs as asked for; where the split has fewer, its texts are paired anew, each pair once."""
    file = CACHE / f"{recipe}-pairs-{size}.jsonl"
    training = training_rows(recipe, 64)  # for its evals
    if not file.is_file():
        train, _ = splits(recipe)
        found = list(named_rows(train))
        write_rows(
            file,
            (
                {
                    **found[n % len(found)],
                    "hypothesis": found[(n + n // len(found)) % len(found)]["hypothesis"],
                }
                for n in range(size)
            ),
        )
    return {"rows": str(file), "evals": training["evals"]}


def lines(recipe: str, size: int, model: Path) -> dict[str, str]:
    """Lines of the first eval split in an order drawn by the seed, repeated up to the size.

    With them go the labels that the model gives them one by one in fp32.
    """
    file = CACHE / f"{recipe}-lines-{size}.jsonl"
    reference = CACHE / f"{recipe}-lines-{size}-{model.name}.labels.json"
    if not file.is_file():
        _, held_out = splits(recipe)
        rows = list(named_rows(held_out))
        texts = [{key: value for key, value in row.items() if key != "label"} for row in rows]
        random.Random(SEED).shuffle(texts)
        write_rows(file, (texts[n % len(texts)] for n in range(size)))
    if not reference.is_file():
        from benchmarks.rivals.line_files import read_texts
        from benchmarks.rivals.pipeline import load_pipeline

        classify = load_pipeline(str(model), batch_size=1)
        kinds = [answer["label"] for answer in classify(read_texts(file))]
        reference.write_text(json.dumps(kinds), encoding="utf-8")
    return {"rows": str(file), "reference": str(reference)}


def splits(recipe: str) -> tuple[Any, Any]:
    """The training split and the first eval split of a recipe of bertkit, from the Hub."""
    from datasets import load_dataset

    from bertkit import load_recipe

    data = load_recipe(recipe).recipe.data
    held_out = next(iter(data.eval.values()))
    return tuple(load_dataset(data.source, data.config, split=name) for name in (data.train, held_out))


def named_rows(split: Any) -> Iterator[dict[str, Any]]:
    """Rows with class names in place of class numbers."""
    naming = {}
    for column, feature in split.features.items():
        kind = getattr(feature, "feature", feature)
        if hasattr(kind, "int2str"):
            naming[column] = kind.int2str
    for row in split:
        yield {
            column: naming[column](value) if column in naming else value
            for column, value in row.items()
            if column not in ("idx", "title", "pos_tags", "chunk_tags")
        }


def write_rows(file: Path, rows: Iterator[Mapping[str, Any]]) -> None:
    file.parent.mkdir(exist_ok=True)
    growing = file.with_suffix(".part")
    with growing.open("w", encoding="utf-8") as stream:
        stream.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    growing.replace(file)


def encoder_folder(name: str) -> Path:
    """MiniLM-L6 as it was trained; a BERT-base with random weights and the tokenizer of the uncased one."""
    if name == "minilm":
        from bertkit.models.sources import find_model

        return Path(find_model("minilm").folder)
    folder = CACHE / "bert-base-random"
    if not (folder / "model.safetensors").is_file():
        import torch
        from transformers import AutoTokenizer, BertConfig, BertModel

        torch.manual_seed(SEED)
        AutoTokenizer.from_pretrained("google-bert/bert-base-uncased").save_pretrained(folder)
        BertModel(BertConfig()).save_pretrained(folder)
    return folder


def trained_model(workload: Workload) -> Path:
    """A model with a head: MiniLM trained on SST-2 by bertkit; BERT-base with random weights."""
    if workload.encoder == "minilm":
        return _trained_by_bertkit(workload.recipe)
    folder = CACHE / "bert-base-random-nli"
    if not (folder / "model.safetensors").is_file():
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        torch.manual_seed(SEED)
        encoder = encoder_folder(workload.encoder)
        AutoTokenizer.from_pretrained(encoder).save_pretrained(folder)
        AutoModelForSequenceClassification.from_pretrained(
            encoder, id2label=dict(enumerate(NLI_LABELS)), label2id={k: n for n, k in enumerate(NLI_LABELS)}
        ).save_pretrained(folder)
    return folder


def _trained_by_bertkit(recipe: str) -> Path:
    run = CACHE / f"{recipe}-minilm"
    if not (run / "metrics.json").is_file():
        from benchmarks.rivals.bertkit_training import own_rows
        from bertkit import finetune

        rows = training_rows(recipe, MODEL_ROWS)
        settings = {"model.name": "minilm", "train.epochs": 1, "train.learning_rate": 1e-4}
        finetune(own_rows(recipe, rows, settings), out=run, force=True)
    return run / "model"


def main() -> None:
    # What libraries print on the way is no part of the answer.
    with redirect_stdout(sys.stderr):
        name, size = sys.argv[1], int(sys.argv[2])
        job = accuracy_inputs(size) if name == "accuracy" else make_inputs(WORKLOADS[name], size)
        if "onnx" in sys.argv[3:]:
            from benchmarks.rivals.onnx_runtime import graphs

            job["graphs"] = graphs(Path(job["encoder"]), CACHE)
    print(json.dumps(job))


if __name__ == "__main__":
    main()
