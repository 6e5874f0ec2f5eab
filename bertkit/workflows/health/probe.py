"""What needs torch, in a process of its own: where that is broken, bertkit is still there to say so.

`python -m bertkit.workflows.health.probe [--self-test]` prints one JSON object as its last line.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bertkit

# On the slowest machine that one would train on; a second one is ten times as fast.
LONGEST_SECONDS = 240
# Of a launcher of several processes; the probe is one.
_OF_LAUNCHERS = ("WORLD_SIZE", "RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True)
class Probe:
    """What a probe found.

    Attributes:
        devices: see `look_at_devices`; None where it did not come so far.
        self_test: see `run_self_test`; None where it was not asked for, or did not come so far.
        fault: how it failed, in one line; empty where it did not.
    """

    devices: dict[str, Any] | None
    self_test: dict[str, Any] | None
    fault: str = ""


@contextmanager
def probing(*, self_test: bool) -> Iterator[Any]:
    """Start a probe and give what waits for it; it is ended with the block, however that ends."""
    with tempfile.TemporaryDirectory(prefix="bertkit-doctor-") as folder:
        environment = {name: value for name, value in os.environ.items() if name not in _OF_LAUNCHERS}
        environment |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"}
        package = Path(bertkit.__file__).parents[1]
        if package.name not in ("site-packages", "dist-packages"):  # found from the folder one stands in
            environment["PYTHONPATH"] = os.pathsep.join(
                [str(package), *filter(None, [environment.get("PYTHONPATH")])]
            )
        process = subprocess.Popen(
            [sys.executable, "-m", __name__, *(["--self-test"] if self_test else [])],
            cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, encoding="utf-8", errors="replace",
        )  # fmt: skip
        try:
            yield lambda: _result_of(process)
        finally:
            process.kill()
            process.communicate()


def _result_of(process: subprocess.Popen[str]) -> Probe:
    try:
        out, err = process.communicate(timeout=LONGEST_SECONDS)
    except subprocess.TimeoutExpired:
        return Probe(None, None, f"did not end within {LONGEST_SECONDS} s")
    found: dict[str, Any] = {}
    for line in out.splitlines():
        with suppress(ValueError):
            read = json.loads(line)
            found |= read if isinstance(read, dict) else {}
    fault = str(found.get("fault") or "")
    if not fault and process.returncode:
        lines = err.strip().splitlines()
        fault = _signal_name(process.returncode) or (
            lines[-1] if lines else f"exit code {process.returncode}"
        )
    return Probe(found.get("devices"), found.get("self_test"), fault)


def _signal_name(code: int) -> str:
    """`killed by SIGILL`; empty for what is no signal."""
    with suppress(ValueError):
        return f"killed by {signal.Signals(-code).name}"
    return ""


def look_at_devices() -> dict[str, Any]:
    """What torch computes on: `precision`, `threads`, `gpus`, `cuda` (that torch was built for), `driver`."""
    import torch

    from bertkit.training.precision import choose_precision

    gpus = []
    for number in range(torch.cuda.device_count()):
        free, total = torch.cuda.mem_get_info(number)
        gpus.append({"name": torch.cuda.get_device_name(number), "memory_bytes": total, "free_bytes": free})
    return {
        "precision": choose_precision("auto"),
        "threads": torch.get_num_threads(),
        "gpus": gpus,
        "cuda": torch.version.cuda,
        "driver": Path("/proc/driver/nvidia/version").exists(),
        "other": None
        if gpus or not torch.accelerator.is_available()
        else str(torch.accelerator.current_accelerator()),
    }


def main() -> None:
    """Look, and print what was found as it is found."""
    from bertkit.errors import BertkitError
    from bertkit.workflows.health.self_test import run_self_test

    try:
        print(json.dumps({"devices": look_at_devices()}), flush=True)
        if "--self-test" in sys.argv:
            print(json.dumps({"self_test": run_self_test(Path.cwd())}), flush=True)
    except BertkitError as error:
        print(json.dumps({"fault": f"{error.message} ({error.hint})"}), flush=True)
    except Exception as error:  # whatever it is, the doctor says it
        text = str(error).strip().split("\n", 1)[0]
        print(json.dumps({"fault": f"{type(error).__name__}: {text}"}), flush=True)


if __name__ == "__main__":
    main()
