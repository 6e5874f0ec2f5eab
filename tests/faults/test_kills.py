"""Killed without warning, at random moments: what is on the disk is enough to end as if nothing had been."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

# A checkpoint at each step: most of the time goes into saving and rotating.
ALWAYS_SAVING = {"save_every_minutes": 0}


@pytest.fixture(scope="module")
def always_saving(training, bertkit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that is never killed."""
    folder = tmp_path_factory.mktemp("always-saving")
    done = bertkit(*training.begin(**ALWAYS_SAVING), cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "run"


def kill_until_done(
    start: Callable[..., subprocess.Popen[str]], training, folder: Path, *, kills: int, seed: int
) -> tuple[int, int]:
    """Begin, kill and go on until a call ends by itself; how often it was killed, and how often resumed."""
    chance = random.Random(seed)
    killed = resumed = 0
    while True:
        # Before the run folder is whole there is nothing to resume: whoever was killed then begins again.
        begun = (folder / "run" / "environment.json").is_file()
        arguments = training.go_on() if begun else training.begin(**ALWAYS_SAVING)
        resumed += begun
        process = start(*arguments, cwd=folder)
        if killed < kills:
            assert process.stderr is not None
            for line in process.stderr:
                if line.startswith("· training "):
                    break
            try:
                # A moment between the first step and a little after the last one.
                process.wait(timeout=chance.uniform(0, 1.5))
            except subprocess.TimeoutExpired:
                process.kill()
                killed += 1
                process.communicate()
                continue
        _, said = process.communicate()
        assert process.returncode == 0, said
        return killed, resumed


def test_killed_at_a_few_random_moments(
    start, training, tmp_path: Path, always_saving: Path, assert_same
) -> None:
    killed, resumed = kill_until_done(start, training, tmp_path, kills=2, seed=3)
    assert killed >= 1 and resumed >= 1
    assert_same(tmp_path / "run", always_saving)


@pytest.mark.long_faults
@pytest.mark.parametrize("seed", range(10))
def test_killed_at_random_moments(
    start, training, tmp_path: Path, always_saving: Path, assert_same, seed: int, record_property
) -> None:
    killed = trainings = 0
    while killed < 5:  # a training may be at its end before it is killed so often
        trainings += 1
        folder = tmp_path / str(trainings)
        folder.mkdir()
        killed += kill_until_done(start, training, folder, kills=5 - killed, seed=100 * seed + trainings)[0]
        assert_same(folder / "run", always_saving)
    record_property("faults", killed)
