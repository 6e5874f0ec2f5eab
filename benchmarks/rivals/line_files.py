"""Lines of JSON with a text or a pair in, lines with a prediction out; the same for all rivals."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.rivals.job import Figures, Job

WARMUP_LINES = 64

Text = str | dict[str, str]


def read_texts(file: Path | str) -> list[Text]:
    """A string a line, or a pair as `pipeline` reads it."""
    with Path(file).open(encoding="utf-8") as stream:
        return [as_text(json.loads(line)) for line in stream]


def as_text(row: dict[str, Any]) -> Text:
    if "premise" in row:
        return {"text": row["premise"], "text_pair": row["hypothesis"]}
    return str(row["sentence"])


def timed(job: Job, scratch: Path, classify: Callable[[Sequence[Text]], list[str]]) -> Figures:
    """Read all lines, label them, write all lines: what it takes, after a warm-up, without loading."""
    source, target = Path(job["rows"]), scratch / "predictions.jsonl"
    classify(read_texts(source)[:WARMUP_LINES])
    began = time.perf_counter()
    labels = classify(read_texts(source))
    with source.open(encoding="utf-8") as given, target.open("w", encoding="utf-8") as stream:
        for line, label in zip(given, labels, strict=True):
            stream.write(json.dumps({**json.loads(line), "prediction": label}, ensure_ascii=False) + "\n")
    return compared(job, target, time.perf_counter() - began)


def compared(job: Job, predictions: Path, seconds: float) -> Figures:
    """The figures, with the share of lines that got the label of the model one by one in fp32."""
    with predictions.open(encoding="utf-8") as stream:
        labels = [json.loads(line)["prediction"] for line in stream]
    reference = json.loads(Path(job["reference"]).read_text(encoding="utf-8"))
    agreeing = sum(label == wanted for label, wanted in zip(labels, reference, strict=True))
    return {
        "seconds": seconds,
        "samples": len(labels),
        "samples_per_second": len(labels) / seconds,
        "agreement": agreeing / len(labels),
    }


def batches_by_length(encodings: Sequence[Sequence[int]], size: int) -> list[list[int]]:
    """Places in batches of texts of like length, the longest first."""
    order = sorted(range(len(encodings)), key=lambda place: -len(encodings[place]))
    return [order[start : start + size] for start in range(0, len(order), size)]
