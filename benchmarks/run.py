"""Measure bertkit beside its rivals: in turn, each in a process of its own, on the same rows.

    python benchmarks/run.py                            all workloads
    python benchmarks/run.py train-sst2 --rounds 3      one of them
    python benchmarks/run.py --quick                    a few steps of everything, kept apart

Results are kept after each process: called again, it goes on where it was stopped, unless the code or the
settings have changed (or --fresh). `benchmarks/performance_page.py` makes docs/performance.md from them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks import measured as store
from benchmarks.children import Outcome, run_command, run_rival
from benchmarks.measured import Measured
from benchmarks.speed_tables import workload_section
from benchmarks.workloads import WORKLOADS, Rival, Workload

QUICK_STORE = Path(__file__).parent / ".cache" / "quick"


def main() -> None:
    arguments = _arguments()
    call = datetime.now().astimezone().isoformat(timespec="seconds")
    names = arguments.workloads or list(WORKLOADS)
    for name in names:
        workload = WORKLOADS[name]
        size = workload.quick_size if arguments.quick else workload.size
        file = (QUICK_STORE if arguments.quick else store.STORE) / f"{name}.json"
        settings = store.settings_now(workload, size=size, threads=arguments.threads)
        found = None if arguments.fresh else store.load(file)
        if found is None or found.settings != settings:
            found = Measured(name, settings)
        rivals = [each for each in workload.rivals if not arguments.rivals or each.key in arguments.rivals]
        job = inputs(workload, size, rivals, quick=arguments.quick)
        found.input = {key: job[key] for key in ("lengths", "shape") if key in job}
        # A rival that failed is tried again by the next call, not in each round.
        found.runs = [run for run in found.runs if "fault" not in run]
        for number in range(1 if arguments.quick else arguments.rounds):
            run_round(workload, rivals, job, found, number, file, call=call)
        store.save(found, workload, file)
        print("\n".join(workload_section(json.loads(file.read_text(encoding="utf-8")), workload)), flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n", 1)[0], formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=", ".join(WORKLOADS))
    parser.add_argument("--rounds", type=int, default=3, help="each rival runs once a round (default 3)")
    parser.add_argument("--rivals", type=lambda text: text.split(","), help="only these keys, as padded,same")
    parser.add_argument("--threads", type=int, default=2, help="threads of each process (default 2)")
    parser.add_argument("--quick", action="store_true", help="a smoke run: small, one round, kept apart")
    parser.add_argument("--fresh", action="store_true", help="forget what was measured before")
    arguments = parser.parse_args()
    if unknown := set(arguments.workloads) - set(WORKLOADS):
        parser.error(f"no such workload: {', '.join(sorted(unknown))}; there are {', '.join(WORKLOADS)}")
    return arguments


def inputs(workload: Workload, size: int, rivals: list[Rival], *, quick: bool) -> dict[str, Any]:
    """The job of all rivals, made in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.inputs", workload.name, str(size)]
    if any(rival.module in ("onnx_runtime", "open_vino") for rival in rivals):
        command.append("onnx")
    made = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if made.returncode != 0:
        raise SystemExit(f"{workload.name}: its inputs could not be made")
    job: dict[str, Any] = json.loads(made.stdout.splitlines()[-1])
    return job | ({"warmup_steps": 1} if quick else {})


def run_round(
    workload: Workload,
    rivals: list[Rival],
    job: dict[str, Any],
    found: Measured,
    number: int,
    file: Path,
    *,
    call: str,
) -> None:
    """Every rival once, or what is missing of it; the machine's peak before them."""
    threads = found.settings["threads"]
    if "lengths" in found.input and len(found.peaks) <= number:
        found.peaks.append(run_rival("matrix_peak", {}, threads=threads).figures)
    failed = {run["rival"] for run in found.runs if "fault" in run}
    for _ in range(workload.repeats):
        for rival in rivals:
            if rival.key in failed or found.done(rival, number) >= workload.repeats:
                continue
            outcome = measure(workload, rival, job, threads=threads)
            run = {"call": call, "rival": rival.key, "round": number, **figures_of(workload, outcome)}
            if "fault" in run:
                failed.add(rival.key)
            found.runs.append(run)
            store.save(found, workload, file)
            print(f"{workload.name}  round {number + 1}  {rival.name:36} {told(run)}", flush=True)


def measure(workload: Workload, rival: Rival, job: dict[str, Any], *, threads: int) -> Outcome:
    if workload.kind != "start":
        return run_rival(rival.module, {**job, **rival.options}, threads=threads)
    line, model = job["rows"], job["encoder"]
    if rival.ours:
        command = [sys.executable, "-m", "bertkit", "predict", line, "--model", model]
    else:
        script = Path(__file__).parent / "rivals" / f"{rival.module}.py"
        command = [sys.executable, str(script), line, model]
    return run_command(command, threads=threads)


def figures_of(workload: Workload, outcome: Outcome) -> dict[str, Any]:
    """What a process measured, or why it could not; whole processes are measured from outside."""
    around = {"peak_bytes": outcome.peak_bytes, "outside_cores": outcome.outside_cores}
    if outcome.code != 0:
        return {"fault": outcome.fault, **around}
    if workload.kind == "start":
        return {"seconds": outcome.seconds, "samples": 1, "samples_per_second": 1 / outcome.seconds, **around}
    return {**outcome.figures, **around, "seconds_of_process": outcome.seconds}


def told(run: dict[str, Any]) -> str:
    if "fault" in run:
        return f"failed: {run['fault'][:120]}"
    outside = "" if run["outside_cores"] is None else f"  outside {run['outside_cores']:.2f} cores"
    return (
        f"{run['seconds']:8.2f} s {run['samples_per_second']:10.1f} /s"
        f"  {run['peak_bytes'] / 1e6:7,.0f} MB{outside}"
    )


if __name__ == "__main__":
    main()
