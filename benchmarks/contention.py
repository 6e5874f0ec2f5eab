"""A training beside a busy process, and alone: what waiting threads cost there (bertkit/cli/waiting.py).

    python benchmarks/contention.py

Some steps of train-sst2 with each value of GOMP_SPINCOUNT, in turn; docs/performance.md shows the medians.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.children import run_rival
from benchmarks.run import inputs
from benchmarks.workloads import WORKLOADS

FILE = Path(__file__).parent / "results" / "contention.json"
# None: what GNU OpenMP chooses.
SPINS = (None, "300", "3000", "30000")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    workload = WORKLOADS["train-sst2"]
    job = {**inputs(workload, 10 * workload.batch_size, [], quick=False), "plan": "same"}
    taken: dict[str, list[float]] = {}
    for _ in range(arguments.rounds):
        for spins in SPINS:
            for beside in (0, 1):
                seconds = step_seconds(job, spins, beside=beside, threads=arguments.threads)
                taken.setdefault(f"{spins or 'unset'} {beside}", []).append(seconds)
                print(
                    f"GOMP_SPINCOUNT {spins or 'unset':8} beside {beside}  {seconds:.3f} s a step", flush=True
                )
    rows = [
        {"spins": spins, "alone_s": median(taken, spins, 0), "beside_s": median(taken, spins, 1)}
        for spins in SPINS
    ]
    kept = {"rounds": arguments.rounds, "threads": arguments.threads, "rows": rows}
    FILE.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


def median(taken: dict[str, list[float]], spins: str | None, beside: int) -> float:
    return statistics.median(taken[f"{spins or 'unset'} {beside}"])


def step_seconds(job: dict[str, Any], spins: str | None, *, beside: int, threads: int) -> float:
    """Seconds of an optimizer step, the warm-up left out."""
    os.environ.pop("GOMP_SPINCOUNT", None)
    if spins is not None:
        os.environ["GOMP_SPINCOUNT"] = spins
    with busy(beside):
        outcome = run_rival("bertkit_training", job, threads=threads)
    if outcome.code != 0:
        raise SystemExit(outcome.fault)
    return float(outcome.figures["seconds"] / outcome.figures["steps"])


@contextmanager
def busy(count: int) -> Iterator[None]:
    """So many processes of one thread that never rest."""
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


if __name__ == "__main__":
    main()
