"""A training that is stopped writes its state, says how to go on, and then ends as if nothing had been."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest


def stop_after_first_evaluation(folder: Path, number: int, *arguments: str | Path) -> list[str]:
    """Start a training, send the signal when the first evaluation is shown, and give what it said."""
    with subprocess.Popen(
        [sys.executable, "-m", "bertkit", *map(str, arguments)],
        cwd=folder,
        text=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=os.environ,
    ) as child:
        assert child.stderr is not None
        said = []
        for line in child.stderr:
            said.append(line)
            if line.startswith("epoch "):
                child.send_signal(number)
                break
        said += child.stderr
    assert child.returncode == 128 + number, "".join(said)
    return [line.rstrip("\n") for line in said]


@pytest.mark.long_faults
def test_stopped_twice_and_resumed_is_as_never_stopped(trained_run: Path, bertkit, tmp_path: Path) -> None:
    whole, run = trained_run / "runs" / "latest", tmp_path / "run"
    said = stop_after_first_evaluation(
        tmp_path, signal.SIGTERM, "finetune", whole.resolve() / "recipe.yaml", "--out", "run"
    )
    assert said[-2].startswith("stopped: ")
    assert said[-1] == "hint: go on: bertkit finetune --resume run"
    assert (run / "checkpoints" / "latest").is_dir()
    assert not (run / "metrics.json").exists()
    steps = len((run / "log.jsonl").read_text(encoding="utf-8").splitlines())
    # A process killed in the middle of a line leaves half of it.
    with (run / "log.jsonl").open("a", encoding="utf-8") as log:
        log.write('{"kind": "train", "st')

    again = said[-1].removeprefix("hint: go on: bertkit ").split()
    said = stop_after_first_evaluation(tmp_path, signal.SIGINT, *again)
    assert said[-1] == "hint: go on: bertkit finetune --resume run"
    lines = (run / "log.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) > steps
    assert all(isinstance(json.loads(line), dict) for line in lines)

    # The newest run is the latest one also while it is not finished.
    done = bertkit("finetune", "--resume", "runs/latest", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    for name in ("log.jsonl", "model/model.safetensors", "predictions/validation.jsonl"):
        assert (run / name).read_bytes() == (whole / name).read_bytes(), name
    assert (
        json.loads((run / "metrics.json").read_text(encoding="utf-8"))["scores"]
        == (json.loads((whole / "metrics.json").read_text(encoding="utf-8"))["scores"])
    )
