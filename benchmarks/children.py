"""A process of its own for each measurement, and how busy the machine was with something else meanwhile."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STAT = Path("/proc/stat")
# Columns of the line `cpu` in /proc/stat that are no work: idle, iowait; guests are in user already.
NO_WORK = (3, 4, 8, 9)


@dataclass(frozen=True)
class Outcome:
    """What a process did.

    Attributes:
        code: its exit code.
        output: what it wrote to standard output.
        errors: and to standard error.
        seconds: from its start to its end.
        peak_bytes: the most memory it held, and those it waited for.
        outside_cores: how many cores were busy with something else, on average; None where nobody counts.
    """

    code: int
    output: str
    errors: str
    seconds: float
    peak_bytes: int
    outside_cores: float | None

    @property
    def figures(self) -> dict[str, Any]:
        """The JSON object on its last line."""
        found: dict[str, Any] = json.loads(self.output.strip().splitlines()[-1])
        return found

    @property
    def fault(self) -> str:
        """The last line of what it said, without the folders of this machine."""
        lines = [line for line in self.errors.strip().splitlines() if line.strip()]
        return re.sub(r"(?:/[\w.+-]+)+/([\w.+-]+)", r"\1", lines[-1]) if lines else f"exit code {self.code}"


def run_rival(module: str, job: Mapping[str, Any], *, threads: int) -> Outcome:
    """Run a module of `benchmarks.rivals` on its job."""
    command = [sys.executable, "-m", f"benchmarks.rivals.{module}", json.dumps(job)]
    return run_command(command, threads=threads)


def run_command(command: Sequence[str], *, threads: int) -> Outcome:
    """Run a command on the processor with so many threads and wait for it."""
    limits = {name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")}
    processor = {"CUDA_VISIBLE_DEVICES": ""}
    root = str(Path(__file__).parents[1])
    paths = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, **limits, **processor, "PYTHONPATH": paths}
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        before, began = _busy_seconds(), time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=errors, env=environment)
        try:
            _, status, used = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        seconds, after = time.perf_counter() - began, _busy_seconds()
        process.returncode = os.waitstatus_to_exitcode(status)
        outside = None
        if before is not None and after is not None:
            outside = max(0.0, (after - before - used.ru_utime - used.ru_stime) / seconds)
        return Outcome(
            process.returncode, _text(output), _text(errors), seconds, peak_bytes(used.ru_maxrss), outside
        )


def peak_bytes(maxrss: int) -> int:
    """`ru_maxrss` in bytes: Linux counts in KiB, macOS in bytes."""
    return maxrss if sys.platform == "darwin" else maxrss * 1024


def _text(stream: Any) -> str:
    stream.seek(0)
    return str(stream.read().decode(errors="replace"))


def _busy_seconds() -> float | None:
    """Processor time of all processes since the machine started."""
    if not STAT.is_file():
        return None
    counts = [int(word) for word in STAT.read_text(encoding="ascii").splitlines()[0].split()[1:]]
    ticks = sum(count for place, count in enumerate(counts) if place not in NO_WORK)
    return ticks / os.sysconf("SC_CLK_TCK")
