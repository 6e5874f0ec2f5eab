"""How the threads of torch wait for each other where other processes want the same cores."""

from __future__ import annotations

import os
import time
from pathlib import Path

LOAD = Path("/proc/loadavg")
# GNU OpenMP tries so often whether the others are done before a thread lies down. Its own choice is tens of
# milliseconds: best alone, ruinous beside others, for what one thread waits for is then a thread that has no
# core because of the waiting. Measured: benchmarks/contention.py, docs/performance.md.
SPINS = "300"
# Who is seen in all of these is no passing guest; on a quiet machine the first look ends it.
LOOKS, BETWEEN_LOOKS_SECONDS = 10, 0.02


def wait_politely_beside_others(load: Path = LOAD) -> None:
    """Let waiting threads sleep early if cores are wanted by others; to be called before torch is imported.

    Nothing is changed on a quiet machine, where there is no /proc, or if the user has said how to wait.

    Args:
        load: what the kernel says of running processes.
    """
    if {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & os.environ.keys():
        return
    spare = (os.cpu_count() or 1) - _threads()
    for look in range(LOOKS):
        if look:
            time.sleep(BETWEEN_LOOKS_SECONDS)
        if _running_beside(load) <= spare:
            return
    os.environ["GOMP_SPINCOUNT"] = SPINS


def _threads() -> int:
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if wanted.isdecimal():
        return int(wanted)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _running_beside(load: Path) -> int:
    """Threads other than this one that run or could run now; 0 where nobody says."""
    try:
        running = load.read_text(encoding="ascii").split()[3].partition("/")[0]
        return int(running) - 1
    except (OSError, IndexError, ValueError):
        return 0
