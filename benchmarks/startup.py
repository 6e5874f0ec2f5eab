"""How soon the command line answers: each command against a bare Python, in turn, in processes of their own.

    python benchmarks/startup.py

Prints the median and the range of 11 runs each, and writes `benchmarks/results/startup.json`.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

STORE = Path(__file__).parent / "results" / "startup.json"
RUNS = 11
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "bertkit --help": [sys.executable, "-m", "bertkit", "--help"],
    "bertkit recipes": [sys.executable, "-m", "bertkit", "recipes"],
    "bertkit finetune sst2 --set train.epoch=3": [
        sys.executable, "-m", "bertkit", "finetune", "sst2", "--set", "train.epoch=3",
    ],
}  # fmt: skip


def seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return time.perf_counter() - began


def main() -> None:
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(RUNS):
        for name, command in COMMANDS.items():
            taken[name].append(seconds(command))
    figures = {
        name: {
            "median_s": round(statistics.median(values), 3),
            "min_s": round(min(values), 3),
            "max_s": round(max(values), 3),
        }
        for name, values in taken.items()
    }
    for name, figure in figures.items():
        print(f"{name:45} {figure['median_s']:.3f} s  ({figure['min_s']:.3f} to {figure['max_s']:.3f})")
    STORE.parent.mkdir(exist_ok=True)
    STORE.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
