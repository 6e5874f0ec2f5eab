"""What was measured of a workload: kept in a file from process to process, and summed up."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.figures import (
    EncoderShape,
    Lengths,
    flop_per_token,
    paired_ratios,
    share_of_peak,
    spread,
)
from benchmarks.workloads import Rival, Workload

ROOT = Path(__file__).parents[1]
STORE = ROOT / "benchmarks" / "results" / "speed"
# What decides a figure beside the rivals themselves.
RIVALS = "benchmarks/rivals"
MEASURING = ("benchmarks/children.py", "benchmarks/inputs.py", "benchmarks/workloads.py")
LIBRARIES = (
    "torch", "transformers", "datasets", "tokenizers", "accelerate", "onnxruntime", "openvino",
    "simpletransformers",
)  # fmt: skip


@dataclass
class Measured:
    """All runs of a workload.

    Attributes:
        workload: its name.
        settings: size, threads and versions: figures of other settings are never mixed with these.
        input: what the rivals worked on, without the folders of this machine.
        peaks: what `matrix_peak` said, a dict a round.
        runs: a dict a process: call, rival, round, figures or `fault`, outside load.
    """

    workload: str
    settings: dict[str, Any]
    input: dict[str, Any] = field(default_factory=dict)
    peaks: list[dict[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)

    def done(self, rival: Rival, number: int) -> int:
        """Good runs of a rival in a round."""
        return sum(
            run["rival"] == rival.key and run["round"] == number and "fault" not in run for run in self.runs
        )

    def speeds(self, key: str) -> dict[tuple[str, int], float]:
        """Samples a second by call and round, the median of the round where it has several runs.

        What ran in different calls ran at different times, and on a machine that did different things.
        """
        found: dict[tuple[str, int], list[float]] = {}
        for run in self.runs:
            if run["rival"] == key and "fault" not in run:
                found.setdefault((run["call"], run["round"]), []).append(run["samples_per_second"])
        return {number: spread(values).median for number, values in found.items()}

    def peak(self, precision: str) -> float | None:
        """The best matrix product of all rounds, GFLOP/s."""
        return max((peak[precision] for peak in self.peaks), default=None)


def settings_now(workload: Workload, *, size: int, threads: int) -> dict[str, Any]:
    """What has to be the same for figures to be comparable."""
    return {
        "size": size,
        "batch_size": workload.batch_size,
        "max_length": workload.max_length,
        "threads": threads,
        "bertkit": source_fingerprint(),
        "rivals": fingerprint([*(ROOT / RIVALS).glob("*.py"), *(ROOT / name for name in MEASURING)]),
        "processor": processor_name(),
        "python": platform.python_version(),
        **{name: version_of(name) for name in LIBRARIES},
    }


def source_fingerprint() -> str:
    """Of bertkit's modules and recipes: figures of another state of the code are measured anew."""
    return fingerprint([*(ROOT / "bertkit").rglob("*.py"), *(ROOT / "recipes").rglob("*.yaml")])


def fingerprint(files: Sequence[Path]) -> str:
    """Of the contents of files."""
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def version_of(package: str) -> str | None:
    """None where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def processor_name() -> str:
    """As Linux calls it; elsewhere what Python knows."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.is_file() else []
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def load(file: Path) -> Measured | None:
    """What a file holds; None where there is none."""
    if not file.is_file():
        return None
    kept = json.loads(file.read_text(encoding="utf-8"))
    del kept["summary"]
    return Measured(**kept)


def save(measured: Measured, workload: Workload, file: Path) -> None:
    """Write all runs and what follows from them."""
    file.parent.mkdir(parents=True, exist_ok=True)
    kept = {**asdict(measured), "summary": summary(measured, workload)}
    growing = file.with_suffix(".part")
    growing.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    growing.replace(file)


def summary(measured: Measured, workload: Workload) -> dict[str, Any]:
    """Medians and ranges of each rival, and how many times faster than it bertkit is, round by round."""
    ours = [rival.key for rival in workload.rivals if rival.ours]
    made = {}
    for rival in workload.rivals:
        runs = [run for run in measured.runs if run["rival"] == rival.key]
        good = [run for run in runs if "fault" not in run]
        if good:
            made[rival.key] = {
                "name": rival.name,
                "runs": len(good),
                **_speed(measured, workload, good),
                "bertkit_over_it": {
                    key: spread(ratios).as_dict()
                    for key in ours
                    if (ratios := paired_ratios(measured.speeds(key), measured.speeds(rival.key)))
                },
            }
        elif runs:
            made[rival.key] = {"name": rival.name, "runs": 0, "fault": runs[-1]["fault"]}
    return made


def _speed(measured: Measured, workload: Workload, runs: list[dict[str, Any]]) -> dict[str, Any]:
    rate = spread([run["samples_per_second"] for run in runs])
    made = {
        "seconds": spread([run["seconds"] for run in runs]).as_dict(),
        "samples_per_second": rate.as_dict(),
        "peak_bytes": spread([run["peak_bytes"] for run in runs]).as_dict(),
    }
    if outside := [run["outside_cores"] for run in runs if run["outside_cores"] is not None]:
        made["outside_cores"] = spread(outside).as_dict()
    for name in ("agreement", "loss"):
        if name in runs[0]:
            made[name] = spread([run[name] for run in runs]).as_dict()
    if "lengths" in measured.input:
        made |= _work(measured, workload, rate.median)
    return made


def _work(measured: Measured, workload: Workload, samples_per_second: float) -> dict[str, Any]:
    lengths = Lengths(**measured.input["lengths"])
    shape = EncoderShape(**measured.input["shape"])
    tokens = samples_per_second * lengths.mean
    flop = flop_per_token(shape, lengths, training=workload.kind == "train")
    shares: Mapping[str, float | None] = {
        precision: share_of_peak(tokens, flop, peak) if (peak := measured.peak(precision)) else None
        for precision in ("bf16", "fp32")
    }
    return {"tokens_per_second": tokens, "flop_per_token": flop, "share_of_peak": shares}
