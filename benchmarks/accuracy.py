"""Does the faster training learn as well?  One epoch of SST-2 with MiniLM, several seeds, beside the Trainer.

    python benchmarks/accuracy.py              3 seeds each; a training takes minutes to half an hour
    python benchmarks/accuracy.py --rows 640   a smoke run, kept apart

Results are kept after each training: called again, it goes on with the seeds that are missing.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.children import run_rival
from benchmarks.measured import STORE, source_fingerprint

FILE = STORE / "accuracy-sst2.json"
ALL_ROWS = 67_349
RIVALS = {
    "dynamic": ("Trainer, dynamic padding", "trainer_accuracy"),
    "same": ("bertkit, same batches", "bertkit_accuracy"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=ALL_ROWS)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--rivals", type=lambda text: text.split(","), default=list(RIVALS), help="only these"
    )
    arguments = parser.parse_args()
    whole = arguments.rows == ALL_ROWS
    file = FILE if whole else Path(__file__).parent / ".cache" / "quick" / FILE.name
    made = subprocess.run(
        [sys.executable, "-m", "benchmarks.inputs", "accuracy", str(arguments.rows)],
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    job = json.loads(made.stdout.splitlines()[-1])
    kept = json.loads(file.read_text(encoding="utf-8"))["runs"] if file.is_file() else []
    runs = [
        run
        for run in kept
        if run["rival"] not in arguments.rivals or run["made_with"] == made_with(run["rival"], arguments.rows)
    ]
    for seed in range(1, arguments.seeds + 1):
        for key in arguments.rivals:
            name, module = RIVALS[key]
            if any(run["rival"] == key and run["seed"] == seed for run in runs):
                continue
            outcome = run_rival(module, {**job, "seed": seed}, threads=arguments.threads)
            if outcome.code != 0:
                raise SystemExit(f"{name}, seed {seed}: {outcome.fault}")
            run = {"rival": key, "seed": seed, **outcome.figures, "made_with": made_with(key, arguments.rows)}
            runs.append(run)
            print(
                f"{name:30} seed {seed}  accuracy {run['accuracy']:.2f}  {run['seconds']:,.0f} s", flush=True
            )
            file.parent.mkdir(parents=True, exist_ok=True)
            kept = {"learning_rate": job["learning_rate"], "rows": arguments.rows, "runs": runs}
            file.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


def made_with(rival: str, rows: int) -> dict[str, Any]:
    """What a training depends on: one of another state of the code is done anew."""
    code = source_fingerprint() if rival == "same" else version("transformers")
    return {"rows": rows, "code": code, "torch": version("torch")}


if __name__ == "__main__":
    main()
