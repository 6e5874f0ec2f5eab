"""How much memory does training on a stream take?  Peaks of processes that train on 5 GB and on a few rows.

    python -m benchmarks.streaming [--gigabytes 5] [--shards 20] [--steps 800] [--model minilm]

Writes so much text into a temporary folder (JSON lines, about 1,000 characters a row, in shards), and runs
in processes of their own, with one thread: a training on a file of a few rows that is all in memory, the
same settings on the stream, and a walk through all the rows of the stream that a training with enough
steps would take. Prints the peak of each and what part of the set it read, and writes
`benchmarks/results/streaming.json`.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.children import Outcome, run_command

STORE = Path(__file__).parent / "results" / "streaming.json"
WORDS = [
    "the", "film", "that", "nobody", "asked", "for", "begins", "in", "a", "small", "town", "near", "sea",
    "and", "ends", "where", "it", "began", "with", "long", "walk", "home", "rain", "while", "two",
    "people", "talk", "about", "money", "weather", "old", "friends", "what", "is", "left", "of",
    "summer",
]  # fmt: skip
GOOD, BAD = ("wonderful", "moving", "clever"), ("dull", "clumsy", "tiresome")
CHARACTERS = 1_000
FEW_ROWS = 512
# BLOCK is what bertkit does unasked; texts are cut short, so that several blocks pass in minutes.
BATCH, BLOCK, LENGTH = 32, 8_192, 16
# So many steps tell what a training takes that has all its rows in memory.
FEW_STEPS = 50

# Walks through one epoch of the stream as a training does, without a model; prints rows and blocks.
WALK = """
import json, sys
from bertkit.config.schema import DataSection
from bertkit.data.rejection import RejectedRows
from bertkit.data.streaming.blocks import BlockReader
from bertkit.data.streaming.finding import find_shards
from bertkit.data.streaming.parts import cut_into_parts
shards = find_shards(DataSection(train=sys.argv[1]), sys.argv[1])
rows = blocks = 0
for block in BlockReader(cut_into_parts(shards.shards), int(sys.argv[2]), 42, RejectedRows()).blocks():
    if block.position["epoch"]:
        break
    rows, blocks = rows + len(block), blocks + 1
print(json.dumps({"rows": rows, "blocks": blocks}))
"""


def texts(seed: int) -> Iterator[bytes]:
    """Rows as lines, without end: 500 different texts again and again, each with a number of its own."""
    source = random.Random(seed)
    drawn = []
    for _ in range(500):
        label = source.choice(("positive", "negative"))
        words = source.choices(WORDS, k=CHARACTERS // 6)
        words[source.randrange(20)] = source.choice(GOOD if label == "positive" else BAD)
        drawn.append((" ".join(words), label))
    number = 0
    while True:
        text, label = drawn[number % len(drawn)]
        yield json.dumps({"text": f"{number} {text}", "label": label}).encode() + b"\n"
        number += 1


def write_shard(path: Path, size: int, seed: int) -> int:
    """Lines of so many bytes; returns how many lines."""
    written = rows = 0
    with path.open("wb") as stream:
        for line in texts(seed):
            if written >= size:
                return rows
            written += stream.write(line)
            rows += 1
    return rows


def finetune(folder: Path, name: str, *, train: Path, model: str, steps: int, stream: bool) -> Outcome:
    settings = [
        f"train.max_steps={steps}", f"train.batch_size={BATCH}", f"train.max_length={LENGTH}",
        f"train.eval_every_steps={steps}", f"data.streaming={'true' if stream else 'false'}",
        f"data.block_rows={BLOCK}",
    ]  # fmt: skip
    command = [
        sys.executable, "-m", "bertkit", "finetune", "classification", "--train", str(train), "--eval",
        str(folder / "eval.jsonl"), "--model", model, "--out", str(folder / name), "--quiet",
        *(word for setting in settings for word in ("--set", setting)),
    ]  # fmt: skip
    return checked(run_command(command, threads=1))


def checked(outcome: Outcome) -> Outcome:
    if outcome.code != 0:
        raise SystemExit(outcome.errors[-2_000:])
    return outcome


def megabytes(amount: float) -> int:
    return round(amount / 1e6)


def measure(folder: Path, chosen: argparse.Namespace) -> dict[str, Any]:
    stream = folder / "train"
    stream.mkdir()
    size = int(chosen.gigabytes * 1e9) // chosen.shards
    rows = sum(write_shard(stream / f"part-{n:03}.jsonl", size, n) for n in range(chosen.shards))
    total = sum(path.stat().st_size for path in stream.iterdir())
    write_shard(folder / "eval.jsonl", 200 * CHARACTERS, 1_000)
    write_shard(folder / "few.jsonl", FEW_ROWS * CHARACTERS, 1_001)
    print(f"{total / 1e9:.2f} GB in {chosen.shards} shards, {rows:,} rows", flush=True)

    few = finetune(
        folder, "few", train=folder / "few.jsonl", model=chosen.model, steps=FEW_STEPS, stream=False
    )
    print(
        f"{FEW_ROWS} rows in memory: peak {megabytes(few.peak_bytes):,} MB, {few.seconds:.0f} s", flush=True
    )
    streamed = finetune(folder, "streamed", train=stream, model=chosen.model, steps=chosen.steps, stream=True)
    log = [json.loads(line) for line in (folder / "streamed" / "log.jsonl").open(encoding="utf-8")]
    share = max(line["epoch"] for line in log)
    print(
        f"streamed: peak {megabytes(streamed.peak_bytes):,} MB, {streamed.seconds:.0f} s, "
        f"{chosen.steps * BATCH:,} rows in {chosen.steps * BATCH / BLOCK:.1f} blocks, {share:.2%} of the set",
        flush=True,
    )
    walk = checked(run_command([sys.executable, "-c", WALK, str(stream), str(BLOCK)], threads=1))
    if walk.figures["rows"] != rows:
        raise SystemExit(f"{walk.figures['rows']} of {rows} rows were read")
    print(
        f"all {walk.figures['rows']:,} rows walked through in {walk.figures['blocks']:,} blocks without a "
        f"model: peak {megabytes(walk.peak_bytes):,} MB, {walk.seconds:.0f} s",
        flush=True,
    )
    over = streamed.peak_bytes - few.peak_bytes
    print(f"the stream takes {megabytes(over):,} MB more than {FEW_ROWS} rows in memory")
    return {
        "bytes": total, "shards": chosen.shards, "rows": rows, "model": chosen.model, "steps": chosen.steps,
        "batch_size": BATCH, "block_rows": BLOCK, "max_length": LENGTH,
        "in_memory": {"rows": FEW_ROWS, "peak_mb": megabytes(few.peak_bytes), "s": round(few.seconds)},
        "streamed": {
            "rows": chosen.steps * BATCH, "share_of_set": round(share, 5),
            "peak_mb": megabytes(streamed.peak_bytes), "s": round(streamed.seconds),
        },
        "walk": {
            **walk.figures, "share_of_set": 1.0, "peak_mb": megabytes(walk.peak_bytes),
            "s": round(walk.seconds),
        },
        "over_mb": megabytes(over),
    }  # fmt: skip


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--gigabytes", type=float, default=5.0)
    options.add_argument("--shards", type=int, default=20)
    options.add_argument("--steps", type=int, default=800)
    options.add_argument("--model", default="minilm")
    options.add_argument("--store", type=Path, default=STORE)
    chosen = options.parse_args()
    needed = chosen.gigabytes * 1e9 * 1.1 + 2e9
    if shutil.disk_usage(tempfile.gettempdir()).free < needed:
        raise SystemExit(f"{tempfile.gettempdir()} has not {needed / 1e9:.1f} GB free")
    with tempfile.TemporaryDirectory(prefix="bertkit-streaming-") as name:
        figures = measure(Path(name), chosen)
    chosen.store.parent.mkdir(exist_ok=True)
    chosen.store.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
