"""Write docs/performance.md from what the scripts of `make bench` measured: every row that was run.

python benchmarks/performance_page.py            docs/performance.md
python benchmarks/performance_page.py --quick    what `run.py --quick` measured, to standard output
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks import accuracy
from benchmarks.measured import STORE as SPEED
from benchmarks.run import QUICK_STORE
from benchmarks.speed_tables import short_table, workload_section
from benchmarks.workloads import WORKLOADS

ROOT = Path(__file__).parents[1]
STORE = ROOT / "benchmarks" / "results"

METHOD = """
## How speed is measured

Rivals and bertkit run in turn, round after round, each run in a process of its own with the same number of
threads, on the same rows. A figure is the median of its runs, in brackets their range; *times as fast* is
worked out round by round. Everything that was run has a row. `python benchmarks/run.py train-sst2 --rounds
3` measures one table again, `python benchmarks/run.py --quick` tries all of them in minutes.

- **Training** counts the optimizer steps of one epoch after a few steps of warm-up: no import, no
  tokenization, no saving, no scoring. All train with batches of 32, AdamW, a learning rate that rises and
  falls in a line, and clipping at 1.0, from the same weights and with the same seed. `Trainer` is that of
  transformers: padded to the limit as `run_glue` and `run_qa` set it up; with dynamic padding; with
  `train_sampling_strategy="group_by_length"`; and with that and `bf16=True`, the best that its settings
  give. *Same batches* are bertkit's default, examples in random order; *batches by length* and *token
  budget* are other settings of `train.batch_plan`. In the table of MNLI with BERT-base, which has few
  steps, bertkit's work is counted by the tokens of the steps that were timed, in the others by their number.
- **Predicting** counts from the first line read to the last one written, after a warm-up and without
  loading the model. ONNX Runtime and OpenVINO get batches of 32 sorted by length over the whole file. *Same
  label* is the share of lines with the label that the model gives them one by one in fp32.
- **Tokens** counts from texts in memory to what a training reads, stored on disk.
- **Peak memory** is the most that the whole process ever held: of a training by bertkit with saving,
  loading again and scoring.
- **Share of the peak** is what real tokens need, padding not counted, over what the fastest matrix product
  of the machine does in that time: the best of `torch.mm`, `F.linear` and a weight packed by oneDNN over a
  few large sizes, measured in each round. A token needs 2 operations for each weight of the encoder's
  matrices, which are layers x (4 hidden² + 2 hidden x inner), and 4 x layers x hidden x n for attention in
  a sequence of n tokens. Training needs three times as much. What a clever computation leaves out counts
  all the same: where a head reads the first token alone, bertkit computes most of the last layer for it
  alone, and part of its share is that.
- **BERT-base** has random weights; the operations are the same.
"""


def page() -> str:
    lines = [
        "# Performance",
        "",
        "Measured by the scripts under `benchmarks/` (`make bench`), two cores, no GPU. Times",
        "differ from machine to machine; what they are compared with was measured in the same run.",
        "",
    ]
    lines += [*speed_lines(SPEED), *contention_lines(), *startup_lines(), *memory_lines()]
    return "\n".join(lines).rstrip("\n") + "\n"


def speed_lines(folder: Path) -> list[str]:
    """The short table, a table a workload, and accuracy, as far as they were measured."""
    kept = {name: _read(folder / f"{name}.json") for name in WORKLOADS}
    measured = {name: found for name, found in kept.items() if found is not None}
    if not measured:
        return []
    lines = ["## In short", "", *short_table(measured), "", *METHOD.strip().split("\n"), ""]
    lines += ["## Table by table", ""]
    for found in _environments(measured):
        lines += [found, ""]
    for name, found in measured.items():
        lines += workload_section(found, WORKLOADS[name])
    return lines + accuracy_lines(_read(folder / accuracy.FILE.name))


def _environments(measured: Mapping[str, Any]) -> list[str]:
    """On what; several only where the tables are of several machines or versions."""
    keys = ("torch", "transformers", "datasets", "tokenizers")
    return list(
        dict.fromkeys(
            f"{found['settings']['processor']}, Python {found['settings']['python']}, "
            + ", ".join(f"{key} {found['settings'][key]}" for key in keys)
            + "."
            for found in measured.values()
        )
    )


def accuracy_lines(kept: Mapping[str, Any] | None) -> list[str]:
    if kept is None:
        return []
    lines = [
        "## Accuracy after one epoch of SST-2",
        "",
        f"MiniLM-L6, {kept['rows']:,} rows, learning rate {kept['learning_rate']:g}, the validation split: "
        "`python benchmarks/accuracy.py`.",
        "",
        "| | accuracy by seed | mean | range |",
        "|---|---|---|---|",
    ]
    for key, (name, _) in accuracy.RIVALS.items():
        runs = sorted((run for run in kept["runs"] if run["rival"] == key), key=lambda run: run["seed"])
        if runs:
            scores = [run["accuracy"] for run in runs]
            each = ", ".join(f"{score:.2f}" for score in scores)
            # Without seconds: other things ran beside, and speed is measured above, in turn.
            lines.append(
                f"| {name} | {each} | {sum(scores) / len(scores):.2f} | "
                f"{min(scores):.2f} to {max(scores):.2f} |"
            )
    return [*lines, ""]


def contention_lines() -> list[str]:
    kept = _read(STORE / "contention.json")
    if kept is None:
        return []
    lines = [
        "## Beside another process",
        "",
        f"Seconds of a training step, MiniLM-L6 on SST-2, {kept['threads']} threads, by what "
        "`GOMP_SPINCOUNT` says of waiting threads; beside it a process of one thread that never rests: "
        "`python benchmarks/contention.py`, and [why](decisions/0019-threads-beside-others.md).",
        "",
        "| GOMP_SPINCOUNT | alone | beside |",
        "|---|---|---|",
    ]
    for row in kept["rows"]:
        lines.append(f"| {row['spins'] or 'not set'} | {row['alone_s']:.3f} s | {row['beside_s']:.3f} s |")
    return [*lines, ""]


def startup_lines() -> list[str]:
    startup = _read(STORE / "startup.json")
    if startup is None:
        return []
    bare = startup["python -c pass"]["median_s"]
    lines = [
        "## Start-up",
        "",
        "Whole processes, in turn; `python benchmarks/startup.py`.",
        "",
        "| command | median | range | over a bare Python |",
        "|---|---|---|---|",
    ]
    for name, figure in startup.items():
        lines.append(
            f"| `{name}` | {figure['median_s']:.3f} s | {figure['min_s']:.3f} to {figure['max_s']:.3f} s | "
            f"{figure['median_s'] - bare:+.3f} s |"
        )
    return [*lines, ""]


def memory_lines() -> list[str]:
    memory = _read(STORE / "predict_memory.json")
    if memory is None:
        return []
    lines = [
        "## Memory of predict",
        "",
        "Peak of the whole process, a BERT of 2 layers and hidden size 128: "
        "`python benchmarks/predict_memory.py`.",
        "",
        "| lines | peak |",
        "|---|---|",
    ]
    lines += [f"| {int(size):,} | {peak:,} MB |" for size, peak in memory["peak_mb"].items()]
    return [*lines, "", f"Difference: {memory['difference_mb']} MB.", ""]


def _read(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None


if __name__ == "__main__":
    if "--quick" in sys.argv[1:]:
        print("\n".join(speed_lines(QUICK_STORE)))
    else:
        (ROOT / "docs" / "performance.md").write_text(page(), encoding="utf-8")
