"""`finetune --seeds N` and `--folds N` as a person meets them: real processes, killed and stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

SETTINGS = [
    part
    for setting in ("train.epochs=6", "train.batch_size=8", "train.precision=fp32", "train.max_length=32",
                    "train.learning_rate=1e-3", "data.limit=80")
    for part in ("--set", setting)
]  # fmt: skip


def act_after_first_evaluation(
    folder: Path, act: Callable[[subprocess.Popen[str]], None], *arguments: str | Path
) -> tuple[int, str, list[str]]:
    """Start bertkit, do something when the first evaluation is shown; code, output, lines of errors."""
    with subprocess.Popen(
        [sys.executable, "-m", "bertkit", *map(str, arguments)], cwd=folder, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ, start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        assert process.stdout is not None
        said = []
        for line in process.stderr:
            said.append(line.rstrip("\n"))
            if line.startswith("epoch "):
                act(process)
                break
        said += process.stderr.read().splitlines()
        printed = process.stdout.read()
    return process.returncode, printed, said


def kill_child(process: subprocess.Popen[str]) -> None:
    (child,) = psutil.Process(process.pid).children()
    child.kill()


def press_control_c(process: subprocess.Popen[str]) -> None:
    """A terminal sends it to all processes of the session."""
    os.killpg(process.pid, signal.SIGINT)


@pytest.mark.long_faults
def test_killed_stopped_and_gone_on_with(tmp_path: Path, bertkit, reviews: Path, tiny_encoder: Path) -> None:
    begin = ["finetune", "classification", "--train", reviews, "--model", tiny_encoder, *SETTINGS]
    code, printed, said = act_after_first_evaluation(
        tmp_path, kill_child, *begin, "--seeds", "2", "--out", "run"
    )
    assert code == 1, said
    assert said[-2:] == [
        "error: 1 of 2 trainings failed: seed-42",
        "hint: mend it, then try only these again: bertkit finetune --resume run",
    ]
    assert "seed-42   failed: killed by SIGKILL, as the system does where memory runs out" in printed
    assert "seed-43   validation accuracy " in printed
    assert "A single training: how far scores lie apart cannot be told from it." in printed
    assert (tmp_path / "runs" / "latest").resolve() == (tmp_path / "run").resolve()
    # What is said of the data is said once.
    assert sum("training rows are kept for evaluation" in line for line in said) == 1

    code, printed, said = act_after_first_evaluation(tmp_path, press_control_c, "finetune", "--resume", "run")
    assert (code, printed) == (130, ""), said
    assert said[-2:] == [
        "stopped: 1 of 2 trainings are finished; the state is saved",
        "hint: go on: bertkit finetune --resume run",
    ]

    ended = json.loads((tmp_path / "run" / "children" / "seed-42.failure.json").read_text(encoding="utf-8"))
    assert ended["message"].endswith("the state is saved")

    done = bertkit("finetune", "--resume", "runs/latest", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["repeated"]["spread"]["validation"]["accuracy"]["n"] == 2
    # Killed, stopped and resumed, the first one is what it would have been.
    alone = bertkit(*begin, "--out", "alone", cwd=tmp_path)
    assert alone.returncode == 0, alone.stderr
    first = tmp_path / "run" / "children" / "seed-42"
    for name in ("log.jsonl", "predictions/validation.jsonl"):
        assert (first / name).read_bytes() == (tmp_path / "alone" / name).read_bytes(), name


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sst2", "--seeds", "2", "--folds", "2"], "--seeds and --folds are two ways to repeat a training"),
        (["sst2", "--seeds", "1"], "--seeds 1: how far scores lie apart takes at least two trainings"),
        (["sst2", "--folds", "0"], "--folds 0: how far scores lie apart takes at least two trainings"),
        (
            ["--resume", "run", "--seeds", "2"],
            "--resume goes on with a run where it is: without --out, --force, --dry-run, --seeds and --folds",
        ),
    ],
)
def test_what_cannot_be_asked_for(cli, arguments: list[str], message: str) -> None:
    outcome = cli("finetune", *arguments)
    assert outcome.code == 2
    assert outcome.labelled("error: ") == [message]
    assert len(outcome.labelled("hint: ")) == 1


def test_the_estimate_is_of_them_all(cli, reviews: Path, tiny_encoder: Path, tmp_path: Path) -> None:
    arguments = ["finetune", "classification", "--train", reviews, "--model", tiny_encoder, *SETTINGS]
    outcome = cli(*arguments, "--folds", "4", "--dry-run", "--json")
    assert outcome.code == 0, outcome.err
    costs = json.loads(outcome.out)
    assert (costs["splits"]["train"]["rows"], costs["splits"]["fold"]["rows"]) == (60, 20)
    assert costs["runs"] == 4
    assert costs["seconds_in_all"] == pytest.approx(4 * costs["seconds"])
    assert "4 trainings one after another: roughly " in cli(*arguments, "--folds", "4", "--dry-run").out
    assert list(tmp_path.iterdir()) == []


def test_an_occupied_folder_is_left_alone(cli, reviews: Path, tiny_encoder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    outcome = cli(
        "finetune", "classification", "--train", reviews, "--model", tiny_encoder, *SETTINGS, "--seeds", "2",
        "--out", "mine", "--force",
    )  # fmt: skip
    assert outcome.code == 2
    assert outcome.labelled("error: ") == ["mine exists and is no run folder"]
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]
