"""Does the memory of `bertkit predict` grow with the file?  10,000 and 200,000 short lines, peak of each.

    python benchmarks/predict_memory.py [MODEL]

MODEL is a run or a model folder with a trained head; without one, a small random one is made. Prints
both peaks and their difference in MB, and writes `benchmarks/results/predict_memory.json`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

STORE = Path(__file__).parent / "results" / "predict_memory.json"
SIZES = (10_000, 200_000)
WORDS = [
    "a", "film", "that", "is", "neither", "long", "nor", "short", "but", "told", "with",
    "care", "and", "some", "wit",
]  # fmt: skip
MEASURE = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
"""


def write_lines(path: Path, count: int) -> None:
    with path.open("w", encoding="utf-8") as stream:
        for number in range(count):
            words = [WORDS[(number * 7 + k * k) % len(WORDS)] for k in range(3 + number % 12)]
            stream.write(json.dumps({"text": " ".join(words), "number": number}) + "\n")


def make_model(folder: Path) -> Path:
    """A BERT of 2 layers and hidden size 128 with a random head, over the words of this file."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    vocabulary = {
        word: n for n, word in enumerate(dict.fromkeys(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS]))
    }
    words = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    words.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    PreTrainedTokenizerFast(tokenizer_object=words, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(
        folder
    )
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=512,
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder


def peak_bytes(model: Path, lines: Path, out: Path) -> int:
    command = [
        sys.executable,
        "-m",
        "bertkit",
        "predict",
        str(lines),
        "--model",
        str(model),
        "-o",
        str(out),
        "-q",
    ]
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *command], check=True, capture_output=True, text=True
    )
    code, peak = map(int, done.stdout.split())
    if code != 0:
        raise SystemExit(done.stderr)
    return peak


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else make_model(folder / "model")
        peaks = {}
        for size in SIZES:
            write_lines(folder / f"{size}.jsonl", size)
            peaks[size] = peak_bytes(model, folder / f"{size}.jsonl", folder / f"{size}.out.jsonl")
            print(f"{size:>8,} lines: peak {peaks[size] / 1e6:,.0f} MB", flush=True)
            assert sum(1 for _ in (folder / f"{size}.out.jsonl").open(encoding="utf-8")) == size
    growth = (peaks[SIZES[1]] - peaks[SIZES[0]]) / 1e6
    print(f"difference: {growth:,.0f} MB")
    kept = {
        "peak_mb": {str(size): round(peak / 1e6) for size, peak in peaks.items()},
        "difference_mb": round(growth),
    }
    STORE.parent.mkdir(exist_ok=True)
    STORE.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
