"""Other processes, other settings, other rows, and nobody who reads what is said."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path

import pytest


@pytest.fixture
def stopped(cli, training, inject, send, tmp_path: Path) -> Path:
    """A run that was asked to stop at step 7."""
    inject("bertkit.training.loop:set_learning_rate", send(signal.SIGTERM), call=7)
    assert cli(*training.begin()).code == 143
    return tmp_path / "run"


def test_two_processes_never_write_one_run(start, bertkit, training, tmp_path: Path) -> None:
    first = start(*training.begin(epochs=500), cwd=tmp_path)
    assert first.stderr is not None
    for line in first.stderr:
        if line.startswith("epoch "):
            break
    for arguments in (training.go_on(), [*training.begin(), "--force"]):
        second = bertkit(*arguments, cwd=tmp_path)
        assert second.returncode == 2
        assert f"run is being written by process {first.pid}" in second.stderr
    first.send_signal(signal.SIGKILL)
    first.communicate()
    # What the dead one held is taken over.
    last = start(*training.go_on(), cwd=tmp_path)
    assert last.stderr is not None
    for line in last.stderr:
        if line.startswith("epoch "):
            break
    last.send_signal(signal.SIGTERM)
    last.communicate()
    assert last.returncode == 143


def test_other_settings_are_refused_by_name(stopped: Path, cli, training) -> None:
    done = cli(*training.go_on(), "--set", "train.learning_rate=2e-3", "--seed", "7")
    assert done.code == 2
    (error,) = done.labelled("error: ")
    assert "train.learning_rate: 0.01 is now 0.002" in error and "train.seed: 42 is now 7" in error
    assert "batch_size" not in error


def test_a_recipe_that_was_changed_by_hand_is_refused_by_name(stopped: Path, cli, training) -> None:
    recipe = stopped / "recipe.yaml"
    text = recipe.read_text(encoding="utf-8")
    assert "batch_size: 16" in text
    recipe.write_text(text.replace("batch_size: 16", "batch_size: 8"), encoding="utf-8")
    done = cli(*training.go_on())
    assert done.code == 2
    assert "train.batch_size: 16 is now 8" in done.labelled("error: ")[0]


def test_what_may_change_may_change(stopped: Path, cli, training, reviews: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved.csv"
    shutil.copyfile(reviews, moved)
    done = cli(*training.go_on(), "--train", moved, "--set", "train.micro_batch_size=5")
    assert done.code == 0, done.err


def test_other_rows_are_refused(stopped: Path, cli, training, reviews: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text(reviews.read_text(encoding="utf-8").replace("great", "grand", 1), encoding="utf-8")
    done = cli(*training.go_on(), "--train", other)
    assert done.code == 2
    assert "the data of" in done.labelled("error: ")[0]


def test_a_finished_run_says_so_and_nothing_changes(whole: Path, cli, training, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path / "run", symlinks=True)
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*")}
    done = cli(*training.go_on())
    assert done.code == 0
    assert "is finished: nothing to resume" in done.err
    assert files == {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*")}


def test_a_second_signal_leaves_at_once_and_the_checkpoints_stay(
    start, cli, training, tmp_path: Path, whole: Path, assert_same
) -> None:
    """The second one arrives while the first is waited for, or after: either way nothing is lost."""
    process = start(*training.begin(save_every_minutes=0), cwd=tmp_path)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("epoch "):
            break
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate()
    assert process.returncode in (143, -signal.SIGTERM) and "Traceback" not in said
    done = cli(*training.go_on())
    assert done.code == 0, done.err


@pytest.mark.parametrize("closed", ["stderr", "stdout", "both"])
def test_nobody_reads(start, training, tmp_path: Path, whole: Path, assert_same, closed: str) -> None:
    """`bertkit finetune ... | head` and a log reader that ended: the training ends as it would have."""
    pipes = {"stderr": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = start(*training.begin(), cwd=tmp_path, **pipes)
    assert process.stdout is not None and process.stderr is not None
    if closed in ("stdout", "both"):
        process.stdout.close()
    if closed in ("stderr", "both"):
        process.stderr.readline()
        process.stderr.close()
    said = process.stderr.read() if closed == "stdout" else ""
    assert process.wait() == 0, said
    assert "Traceback" not in said
    assert_same(tmp_path / "run", whole)
