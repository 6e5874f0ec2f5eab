"""No room, no memory, no right to write, nobody to read: what was saved stays whole, and it is said."""

from __future__ import annotations

import errno
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest


def no_room() -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def no_memory() -> None:
    import torch

    raise torch.OutOfMemoryError("CUDA out of memory")


def broken() -> None:
    raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")


PLACES = {
    "the first checkpoint": ("bertkit.workflows.saving:write_checkpoint", 1),
    "best weights": ("bertkit.workflows.saving:write_weights", 2),
    "a checkpoint": ("bertkit.workflows.saving:write_checkpoint", 3),
    "its manifest": ("bertkit.runs.checkpoints:seal", 5),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_disk_that_is_full_while_saving_leaves_what_was_saved(
    place: str, cli, training, inject, tmp_path: Path, whole: Path, assert_same
) -> None:
    where, call = PLACES[place]
    inject(where, no_room, call=call)
    done = cli(*training.begin())
    assert done.code == 1
    (error,) = done.labelled("error: ")
    assert "the disk is full" in error and "needs up to" in error
    assert ("there is none before it" in error) == (place == "the first checkpoint")
    assert done.labelled("hint: ") == ["make room, then go on: bertkit finetune --resume run"]
    assert not list((tmp_path / "run" / "checkpoints").glob("*.tmp-*"))
    done = cli(*training.go_on())
    assert done.code == 0, done.err
    assert_same(tmp_path / "run", whole)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB; skipped where none can be mounted."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = shutil.which("mount")
    if (
        mount is None
        or subprocess.run(
            [mount, "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)], capture_output=True, check=False
        ).returncode
    ):
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.long_faults
def test_a_disk_of_3_mb_is_refused_or_fills_without_harm(
    small_disk: Path, bertkit, training, tmp_path: Path, whole: Path, assert_same
) -> None:
    """The estimate lets this small model through when the disk is empty; something else fills it."""
    free = shutil.disk_usage(small_disk).free
    (small_disk / "other").write_bytes(bytes(free - 600_000))
    refused = bertkit(*training.begin(small_disk / "run"), cwd=tmp_path)
    assert refused.returncode == 2
    assert "the run may need" in refused.stderr and not (small_disk / "run").exists()

    (small_disk / "other").unlink()
    process = subprocess.Popen(
        [sys.executable, "-m", "bertkit", *training.begin(small_disk / "run", save_every_minutes=0)],
        cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("epoch "):
            break
    left = shutil.disk_usage(small_disk).free
    (small_disk / "other").write_bytes(bytes(max(0, left - 100_000)))
    _, said = process.communicate()
    assert process.returncode == 1, said
    assert "the disk is full" in said and "is whole" in said
    (small_disk / "other").unlink()
    done = bertkit(*training.go_on(small_disk / "run"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert_same(small_disk / "run", whole)


def test_a_place_that_cannot_be_written_is_told_before_anything_is_computed(cli, training) -> None:
    done = cli(*training.begin("/proc/run"))
    assert done.code == 2
    # Whoever is no administrator is told that it cannot be written, and others that it has no room.
    assert "/proc" in done.labelled("error: ")[0]
    assert "--out" in done.labelled("hint: ")[0]


def test_a_log_that_cannot_be_written_is_said_once(
    cli, training, tmp_path: Path, whole: Path, inject, send
) -> None:
    import signal

    inject("bertkit.training.loop:set_learning_rate", send(signal.SIGTERM), call=7)
    assert cli(*training.begin()).code == 143
    (tmp_path / "run" / "log.jsonl").unlink()
    (tmp_path / "run" / "log.jsonl").mkdir()
    done = cli(*training.go_on())
    assert done.code == 0, done.err
    assert done.err.count("goes on without its log") == 1
    model = "model/model.safetensors"
    assert (tmp_path / "run" / model).read_bytes() == (whole / model).read_bytes()


def test_memory_that_runs_out_in_training_and_in_evaluation_is_said(
    cli, training, inject, tmp_path: Path
) -> None:
    inject("bertkit.training.loop:collate", no_memory, call=4)
    inject("bertkit.evaluation.inference:collate", no_memory, call=2)
    done = cli(*training.begin())
    assert done.code == 0, done.err
    assert "memory ran out: computing 8 rows at once from now on" in done.err
    assert "memory ran out: computing 12 rows at once from now on" in done.err
    log = [
        json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert [record["step"] for record in log if record["kind"] == "train"] == list(range(1, 29))
    assert [record["micro_batch_size"] for record in log if record["kind"] == "memory"] == [8]


@pytest.mark.parametrize("place", ["bertkit.training.loop:collate", "bertkit.evaluation.inference:collate"])
def test_another_error_is_not_tried_again_and_leaves_a_checkpoint(
    place: str, cli, training, inject, tmp_path: Path, whole: Path, assert_same
) -> None:
    inject(place, broken, call=6 if "loop" in place else 2)
    done = cli(*training.begin())
    assert done.code == 1
    assert "shapes cannot be multiplied" in done.labelled("error: ")[0]
    done = cli(*training.go_on())
    assert done.code == 0, done.err
    assert_same(tmp_path / "run", whole)
