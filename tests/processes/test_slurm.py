"""The batch script of docs/clusters, with stand-ins for `srun` and `scontrol`: begin, be preempted, go on."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "docs" / "clusters" / "finetune.sbatch"
# A step of two tasks on this host; a file `preempt` lets them have SIGTERM once the training is under way.
SRUN = """#!{python}
import os, signal, subprocess, sys, time
from pathlib import Path
arguments = [word for word in sys.argv[1:] if not word.startswith("--kill")]
tasks = []
for number in range(2):
    step = {{
        "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": str(number),
        "SLURM_LOCALID": str(number), "SLURM_NODEID": "0", "SLURM_STEP_TASKS_PER_NODE": "2",
        "SLURM_STEP_NODELIST": "localhost",
    }}
    command = [sys.executable, "-m", *arguments]
    tasks.append(subprocess.Popen(command, env=os.environ | step, stderr=subprocess.PIPE, text=True))
for line in tasks[0].stderr:
    print(line, end="", file=sys.stderr, flush=True)
    if "step 5" in line and Path("preempt").exists():
        Path("preempt").unlink()
        for task in tasks:
            task.send_signal(signal.SIGTERM)
said = tasks[1].communicate()[1]
print("SECOND TASK:", said, file=sys.stderr)
sys.exit(max(task.wait() for task in tasks))
"""
SETTINGS = {
    "train.max_steps": 20, "train.batch_size": 6, "train.max_length": 16, "train.learning_rate": 1e-3,
    "train.precision": "fp32", "train.eval_every_steps": 5,
}  # fmt: skip


@pytest.mark.long_faults
def test_a_preempted_job_asks_for_its_place_again_and_goes_on(
    tmp_path: Path, still_encoder: Path, write_task: Any, bertkit: Any
) -> None:
    if shutil.which("bash") is None:
        pytest.skip("there is no bash")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "srun").write_text(SRUN.format(python=sys.executable), encoding="utf-8")
    (programs / "scontrol").write_text('#!/bin/sh\necho "$@" >> asked\n', encoding="utf-8")
    for program in programs.iterdir():
        program.chmod(0o755)
    rows = write_task(tmp_path, "classification", rows=50, seed=1)
    dev = write_task(tmp_path, "classification", rows=15, seed=2)
    settings = [part for key, value in SETTINGS.items() for part in ("--set", f"{key}={value}")]
    text = SCRIPT.read_text(encoding="utf-8")
    typed = 'mnli --model bert-base-uncased --out "$run"'
    assert typed in text
    own = (
        f"classification --train {rows} --eval {dev} --model {still_encoder} --out $run {' '.join(settings)}"
    )
    script = tmp_path / "finetune.sbatch"
    script.write_text(text.replace(typed, own), encoding="utf-8")
    environment = os.environ | {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "SLURM_JOB_ID": "17", "SLURM_NTASKS": "2",
        "SLURM_PROCID": "0", "BERTKIT_RUN": "run",
    }  # fmt: skip

    def submit() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    (tmp_path / "preempt").touch()
    first = submit()
    assert first.returncode == 143, first.stderr
    assert (tmp_path / "asked").read_text() == "requeue 17\n"
    assert first.stderr.count("stopped:") == 1
    assert not (tmp_path / "run" / "metrics.json").exists()
    second = submit()
    assert second.returncode == 0, second.stderr
    environment_json = json.loads((tmp_path / "run" / "environment.json").read_text(encoding="utf-8"))
    assert environment_json["processes"] == 2 and environment_json["resumed"]
    assert json.loads((tmp_path / "run" / "metrics.json").read_text(encoding="utf-8"))["steps"] == 20
    # Two tasks that knew nothing of each other would come as far.
    alone = bertkit("finetune", *own.replace("$run", "alone").split(), cwd=tmp_path)
    assert alone.returncode == 0, alone.stderr
    mine, theirs = (
        [
            record["loss"]
            for record in map(json.loads, (tmp_path / run / "log.jsonl").read_text("utf-8").splitlines())
            if "loss" in record
        ]
        for run in ("alone", "run")
    )
    assert theirs == pytest.approx(mine, abs=1e-5) and theirs != mine
