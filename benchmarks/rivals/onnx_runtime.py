"""ONNX Runtime over an exported graph, in fp32 or dynamically quantized to int8."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.rivals.job import Figures, Job, answer
from benchmarks.rivals.line_files import Text, batches_by_length, timed

USUAL_BATCH_SIZE = 32
INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def graphs(model: Path, cache: Path) -> dict[str, str]:
    """The graph of a model in fp32 and in int8, exported once."""
    folder = cache / "graphs" / model.parent.name / model.name
    exact, quantized = folder / "fp32.onnx", folder / "int8.onnx"
    if not quantized.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        _export(model, exact)
        _quantize(exact, quantized)
    return {"fp32": str(exact), "int8": str(quantized)}


def _export(model: Path, target: Path) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    class LogitsOnly(torch.nn.Module):
        def __init__(self, classifier: Any) -> None:
            super().__init__()
            self.classifier = classifier

        def forward(self, input_ids: Any, attention_mask: Any, token_type_ids: Any) -> Any:
            return self.classifier(input_ids, attention_mask, token_type_ids).logits

    classifier = LogitsOnly(AutoModelForSequenceClassification.from_pretrained(model)).eval()
    # Texts of two lengths: a mask of nothing but ones would be left out of the graph.
    tokenizer = AutoTokenizer.from_pretrained(model)
    given = tokenizer(["a film with wit", "a film"], padding=True, return_tensors="pt")
    shape = {0: torch.export.Dim("batch", max=4096), 1: torch.export.Dim("sequence", max=512)}
    torch.onnx.export(
        classifier, tuple(given[name] for name in INPUTS), target, dynamo=True,
        input_names=list(INPUTS), output_names=["logits"], dynamic_shapes=(shape, shape, shape),
    )  # fmt: skip


def _quantize(exact: Path, target: Path) -> None:
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    graph = onnx.load(exact)
    # Shapes that the exporter noted contradict those of the quantized operators.
    del graph.graph.value_info[:]
    quantize_dynamic(graph, target, weight_type=QuantType.QInt8)


def classify_with(job: Job, run: Callable[[dict[str, Any]], Any]) -> Callable[[Sequence[Text]], list[str]]:
    """Labels of texts by a function from arrays to logits, in batches of like length."""
    from transformers import AutoConfig, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(job["encoder"])
    names = AutoConfig.from_pretrained(job["encoder"]).id2label
    size = job.get("texts_at_once", USUAL_BATCH_SIZE)

    def classify(texts: Sequence[Text]) -> list[str]:
        pairs = [(each["text"], each["text_pair"]) if isinstance(each, dict) else each for each in texts]
        found = tokenizer(pairs, truncation=True, max_length=job["max_length"])
        labels = [""] * len(pairs)
        for batch in batches_by_length(found["input_ids"], size):
            padded = tokenizer.pad(
                {name: [found[name][place] for place in batch] for name in INPUTS}, return_tensors="np"
            )
            best = run({name: padded[name].astype("int64") for name in INPUTS}).argmax(axis=-1)
            for place, number in zip(batch, best, strict=True):
                labels[place] = names[int(number)]
        return labels

    return classify


def predict(job: Job) -> Figures:
    """`job` says which `graph`."""
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = int(os.environ["OMP_NUM_THREADS"])
    settings.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        job["graphs"][job["graph"]], settings, providers=["CPUExecutionProvider"]
    )
    with tempfile.TemporaryDirectory() as scratch:
        return timed(job, Path(scratch), classify_with(job, lambda given: session.run(None, given)[0]))


if __name__ == "__main__":
    answer(predict)
