"""Whole trainings from a cold cache of a Hub that breaks: minutes, by `make faults`."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import pytest

FAULTS = [
    ["503:0.2"], ["429:0.2:1"], ["cut:0.3"], ["reset:0.3"], ["stall:0.1:30"],
    ["slow:0.3:65536"], ["flip:0.2"], ["short:0.3"], ["delay:0.2:1", "503:0.1", "cut:0.2"],
    ["429:0.1", "reset:0.2", "flip:0.1", "short:0.1"],
]  # fmt: skip
SECONDS = 300


def train(child, endpoint: str, home: Path) -> tuple[int, str, str]:
    """A few steps on data and encoder of the Hub: exit code, standard error, digest of the weights."""
    home.mkdir()
    process = child(
        endpoint, home, "-m", "bertkit", "finetune", "wnli", "--model", "tiny/bert", "--limit", "32",
        "--out", "run",
        "--set", "train.epochs=1", "--set", "train.batch_size=16", "--set", "train.max_length=32",
        "--set", "train.precision=fp32", "--quiet",
        HF_HUB_DOWNLOAD_TIMEOUT="5", BERTKIT_DOWNLOAD_SECONDS="60",
    )  # fmt: skip
    _, err = process.communicate(timeout=SECONDS)  # none hangs
    weights = home / "run" / "model" / "model.safetensors"
    digest = hashlib.sha256(weights.read_bytes()).hexdigest() if weights.is_file() else ""
    return process.returncode, err, digest


@pytest.mark.long_faults
def test_twenty_trainings_are_right_or_stop_with_one_line(
    child, real_hub, tiny_encoder: Path, tmp_path: Path
) -> None:
    served = {"tiny/bert": tiny_encoder}
    code, err, wanted = train(child, real_hub(models=served).url, tmp_path / "without")
    assert (code, bool(wanted)) == (0, True), err
    table = []
    for number in range(20):
        faults = FAULTS[number % len(FAULTS)]
        hub = real_hub(models=served, faults=faults, seed=number)
        began = time.monotonic()
        code, err, digest = train(child, hub.url, tmp_path / str(number))
        if code == 0:
            assert digest == wanted, (faults, number)
            outcome = "right"
        else:
            lines = [line for line in err.splitlines() if not line.startswith("! ")]
            assert (code, len(lines)) == (2, 2), (faults, number, err)
            assert lines[0].startswith("error: ") and lines[1].startswith("hint: ")
            outcome = lines[0]
        seconds = time.monotonic() - began
        table.append(f"| {', '.join(faults)} | {len(hub.requests)} | {seconds:.0f} | {outcome} |")
    print("\n".join(["| faults | requests | seconds | outcome |", "|---|---|---|---|", *table]))
    assert sum(line.endswith("| right |") for line in table) >= 15, "too many give up"
