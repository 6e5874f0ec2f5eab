"""A checkpoint that is not what was written is passed over by name; the one before it gives the same run."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def stopped(training, bertkit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was asked to stop in the middle, with two checkpoints; only copied from."""
    folder = tmp_path_factory.mktemp("stopped")
    with subprocess.Popen(
        [sys.executable, "-m", "bertkit", *training.begin()], cwd=folder, stderr=subprocess.PIPE, text=True,
        stdout=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        seen = 0
        for line in process.stderr:
            seen += line.startswith("epoch ")
            if seen == 2:
                process.send_signal(signal.SIGTERM)
                break
        process.communicate()
    assert process.returncode == 143
    return folder / "run"


@pytest.fixture
def run(stopped: Path, tmp_path: Path) -> Path:
    """A copy of the stopped run to damage."""
    shutil.copytree(stopped, tmp_path / "run", symlinks=True)
    return tmp_path / "run"


def steps(run: Path) -> list[Path]:
    """Its checkpoints, the newest first."""
    return sorted(run.glob("checkpoints/step-*"), key=lambda path: -int(path.name.partition("-")[2]))


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)


def cut(path: Path) -> None:
    with path.open("rb+") as stream:
        stream.truncate(path.stat().st_size // 2)


def empty(path: Path) -> None:
    path.write_bytes(b"")


FILES = ("weights.safetensors", "optimizer.safetensors", "state.json", "manifest.json")
DAMAGES: dict[str, Callable[[Path], None]] = {
    **{f"{do.__name__} {name}": lambda step, do=do, name=name: do(step / name)  # type: ignore[misc]
       for do in (flip, cut, empty, Path.unlink) for name in FILES},
    "no file at all": lambda step: [path.unlink() for path in step.iterdir()] and None,
    "half of the files": lambda step: [
        (step / name).unlink() for name in ("optimizer.safetensors", "manifest.json")
    ] and None,
    "a newer format": lambda step: rewrite(step / "manifest.json", format=99),
}  # fmt: skip


def rewrite(path: Path, **changed: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changed), encoding="utf-8")


# What is wrong with a folder is told by tests/runs; here each is gone on from, the usual ones in each run.
USUAL = ("flip weights.safetensors", "cut optimizer.safetensors", "flip manifest.json", "no file at all")


@pytest.mark.parametrize(
    "damage",
    [name if name in USUAL else pytest.param(name, marks=pytest.mark.long_faults) for name in DAMAGES],
)
def test_the_newest_is_passed_over_and_named(
    run: Path, cli, training, whole: Path, assert_same, damage: str
) -> None:
    newest, _ = steps(run)
    for name in FILES:  # weights that are shared with `best-N` are damaged here alone
        copy = newest / f"{name}.copy"
        shutil.copyfile(newest / name, copy)
        copy.replace(newest / name)
    DAMAGES[damage](newest)
    done = cli(*training.go_on())
    assert done.code == 0, done.err
    assert f"! checkpoint {newest.name} is passed over: " in done.err
    assert "Traceback" not in done.err
    assert_same(run, whole)


@pytest.mark.parametrize("do", [flip, cut, Path.unlink], ids=["flipped", "cut", "missing"])
def test_best_weights_that_are_damaged_have_a_copy(
    run: Path, cli, training, whole: Path, assert_same, do: Callable[[Path], None]
) -> None:
    newest, _ = steps(run)
    best = json.loads((newest / "manifest.json").read_text(encoding="utf-8"))["best_step"]
    assert best is not None
    do(run / "checkpoints" / f"best-{best}" / "weights.safetensors")
    done = cli(*training.go_on())
    assert done.code == 0, done.err
    for name in ("log.jsonl", "model/model.safetensors", "predictions/validation.jsonl"):
        assert (run / name).read_bytes() == (whole / name).read_bytes(), name


def test_none_left_is_told_with_advice_and_nothing_is_lost(run: Path, cli, training) -> None:
    for step in steps(run):
        flip(step / "weights.safetensors")
    before = {path: path.stat().st_size for path in run.rglob("*") if path.is_file()}
    done = cli(*training.go_on())
    assert done.code == 1
    (error,) = done.labelled("error: ")
    (hint,) = done.labelled("hint: ")
    assert "no checkpoint of" in error and "recipe.yaml" in hint
    assert before == {path: path.stat().st_size for path in run.rglob("*") if path.is_file()}


def test_killed_before_its_first_checkpoint_a_run_begins_again_in_its_place(
    run: Path, cli, training, whole: Path, assert_same
) -> None:
    shutil.rmtree(run / "checkpoints")
    (run / "log.jsonl").unlink()
    done = cli(*training.go_on())
    assert done.code == 0, done.err
    assert "there is no checkpoint yet" in done.err
    assert_same(run, whole)
