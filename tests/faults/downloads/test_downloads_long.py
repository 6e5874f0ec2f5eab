"""Whole trainings from a cold cache of a Hub that breaks: minutes, by `make faults`."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from pathlib import Path

import pytest

FAULTS = [
    ["503:0.2"], ["429:0.2:1"], ["cut:0.3"], ["reset:0.3"], ["stall:0.1:30"],
    ["slow:0.3:65536"], ["flip:0.2"], ["short:0.3"], ["delay:0.2:1", "503:0.1", "cut:0.2"],
    ["429:0.1", "reset:0.2", "flip:0.1", "short:0.1"],
]  # fmt: skip
SECONDS = 300
LARGE = (".safetensors", ".parquet")


def typed(out: str) -> list[str]:
    """A few steps on data and encoder of the Hub."""
    return [
        "-m", "bertkit", "finetune", "wnli", "--model", "tiny/bert", "--limit", "32", "--out", out, "--quiet",
        "--set", "train.epochs=1", "--set", "train.batch_size=16", "--set", "train.max_length=32",
        "--set", "train.precision=fp32",
    ]  # fmt: skip


def digest_of(run: Path) -> str:
    """A digest of the weights, empty where there are none."""
    weights = run / "model" / "model.safetensors"
    return hashlib.sha256(weights.read_bytes()).hexdigest() if weights.is_file() else ""


def train(child, endpoint: str, home: Path) -> tuple[int, str, str]:
    """From a cold cache: exit code, standard error, digest of the weights."""
    home.mkdir()
    patience = {"HF_HUB_DOWNLOAD_TIMEOUT": "5", "BERTKIT_DOWNLOAD_SECONDS": "60"}
    process = child(endpoint, home, *typed("run"), **patience)
    _, err = process.communicate(timeout=SECONDS)  # none hangs
    return process.returncode, err, digest_of(home / "run")


@pytest.mark.long_faults
def test_twenty_trainings_are_right_or_stop_with_one_line(
    child, real_hub, tiny_encoder: Path, tmp_path: Path, record_property
) -> None:
    record_property("faults", 20)
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


@pytest.mark.long_faults
def test_three_trainings_on_one_cold_cache_fetch_each_file_once(
    child, real_hub, tiny_encoder: Path, tmp_path: Path
) -> None:
    hub = real_hub(models={"tiny/bert": tiny_encoder}, faults=["slow:1:262144"])
    processes = [child(hub.url, tmp_path, *typed(f"run-{number}")) for number in range(3)]
    errors = [process.communicate(timeout=SECONDS)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], errors
    got = Counter(path for method, path, _ in hub.requests if method == "GET" and path.endswith(LARGE))
    assert got and set(got.values()) == {1}, got
    assert len({digest_of(tmp_path / f"run-{number}") for number in range(3)}) == 1
