"""Checkpoints: a whole one at every instant after the first, whatever ends the process."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bertkit.runs.checkpoints import Checkpoints


class Killed(BaseException):
    """Stands for SIGKILL: nothing after it is done, not even what is in a `finally`."""


def write(checkpoints: Checkpoints, step: int, *, best_step: int | None = None, content: str = "") -> None:
    """A checkpoint; where it is the best itself, its best weights first."""
    if best_step == step:
        with checkpoints.writing_best(step, {"precision": "fp32"}) as folder:
            (folder / "weights").write_text(f"weights {step}", encoding="utf-8")
    with checkpoints.writing(step, {"settings": {}}, best_step=best_step) as folder:
        (folder / "state").write_text(content or f"state {step}", encoding="utf-8")


@pytest.fixture
def checkpoints(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path / "checkpoints")


def names(checkpoints: Checkpoints) -> set[str]:
    return {path.name for path in checkpoints.path.iterdir()}


def test_none_yet(checkpoints: Checkpoints) -> None:
    assert checkpoints.newest() == (None, [])
    assert not checkpoints.any


def test_the_last_two_are_kept_and_the_best_weights_they_need(checkpoints: Checkpoints) -> None:
    for step, best in ((0, None), (10, 10), (20, 20), (30, 20), (40, 20)):
        write(checkpoints, step, best_step=best)
    assert names(checkpoints) == {"step-30", "step-40", "best-20", "spare-20", "latest", "best"}
    found, skipped = checkpoints.newest()
    assert found is not None and not skipped
    assert (found.step, found.path.name) == (40, "step-40")
    assert checkpoints.best_weights(20)[0] == checkpoints.path / "best-20"
    assert found.facts["settings"] == {}
    assert (checkpoints.path / "latest").resolve().name == "step-40"
    assert (checkpoints.path / "best").resolve().name == "best-20"
    write(checkpoints, 50, best_step=50)
    # What the checkpoint before goes on with stays as long as it does.
    bests = {"best-20", "spare-20", "best-50", "spare-50"}
    assert names(checkpoints) == {"step-40", "step-50", *bests, "latest", "best"}
    checkpoints.keep_newest_alone()
    assert names(checkpoints) == {"step-50", "best-50", "latest", "best"}


def test_of_one_step_the_later_one_counts(checkpoints: Checkpoints) -> None:
    write(checkpoints, 10, content="before it was judged")
    write(checkpoints, 10, best_step=10, content="after")
    found, _ = checkpoints.newest()
    assert found is not None and (found.path / "state").read_text(encoding="utf-8") == "after"
    assert names(checkpoints) == {"step-10", "best-10", "spare-10", "latest", "best"}


def test_a_broken_one_is_named_and_the_one_before_is_taken(checkpoints: Checkpoints) -> None:
    for step in (10, 20):
        write(checkpoints, step, best_step=10)
    (checkpoints.path / "step-20" / "state").write_text("state 21", encoding="utf-8")
    found, skipped = checkpoints.newest()
    assert found is not None and found.step == 10
    assert [(each.name, each.reason) for each in skipped] == [
        ("step-20", "state has changed since it was written")
    ]
    checkpoints.set_aside(skipped)
    assert names(checkpoints) == {"step-10", "skipped-step-20", "best-10", "spare-10", "latest", "best"}
    assert checkpoints.newest() == (found, [])
    checkpoints.keep_newest_alone()
    assert names(checkpoints) == {"step-10", "best-10", "latest", "best"}


def test_one_whose_best_weights_are_broken_is_no_use(checkpoints: Checkpoints) -> None:
    write(checkpoints, 10, best_step=10)
    write(checkpoints, 20, best_step=20)
    (checkpoints.path / "best-20" / "weights").unlink()
    found, skipped = checkpoints.newest()
    # There is a copy.
    assert found is not None and found.step == 20 and not skipped
    assert checkpoints.best_weights(20)[0] == checkpoints.path / "spare-20"
    assert checkpoints.best_weights(20)[1]["precision"] == "fp32"
    (checkpoints.path / "spare-20" / "weights").write_text("weights 21", encoding="utf-8")
    found, skipped = checkpoints.newest()
    assert found is not None and found.step == 10
    assert skipped[0].reason == (
        "best-20: weights is missing; spare-20: weights has changed since it was written"
    )
    shutil.rmtree(checkpoints.path / "best-20")
    shutil.rmtree(checkpoints.path / "spare-20")
    assert checkpoints.newest()[1][0].reason == "best-20: it is missing"


def test_none_left(checkpoints: Checkpoints) -> None:
    write(checkpoints, 10)
    for file in (checkpoints.path / "step-10").iterdir():
        file.unlink()
    found, skipped = checkpoints.newest()
    assert found is None and [each.reason for each in skipped] == ["it is empty"]
    assert checkpoints.any


def test_an_error_while_writing_leaves_all_as_it_was(checkpoints: Checkpoints) -> None:
    write(checkpoints, 10)
    before = names(checkpoints)
    with pytest.raises(OSError, match="full"), checkpoints.writing(20, {}, best_step=None):
        raise OSError("full")
    assert names(checkpoints) == before
    assert checkpoints.newest()[0].step == 10  # type: ignore[union-attr]


# Everything that changes the disk while a checkpoint is written.
TOUCHES = ("mkdir", "rename", "replace", "symlink_to", "unlink", "chmod")


class Disk:
    """Counts what changes the disk, and ends the process before the n-th of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self.kill_at: int | None = None
        for name in TOUCHES:
            self._watch(monkeypatch, Path, name)
        for owner, name in (
            (os, "fsync"), (shutil, "rmtree"), (shutil, "copyfile"), (Path, "write_text"),
        ):  # fmt: skip
            self._watch(monkeypatch, owner, name)

    def _watch(self, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
        honest = getattr(owner, name)

        def watched(*arguments: Any, **options: Any) -> Any:
            if self.kill_at is not None and self.count >= self.kill_at:
                raise Killed  # and again in each `finally` on the way out: nothing is tidied up
            self.count += 1
            return honest(*arguments, **options)

        monkeypatch.setattr(owner, name, watched)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    disk = Disk(monkeypatch)
    yield disk
    disk.kill_at = None


def history(checkpoints: Checkpoints) -> Iterator[Callable[[], None]]:
    """Saves of a training: a new best, the same step again, and one that is no best."""
    for step, best in ((10, 10), (20, 20), (20, 20), (30, 20), (40, 40)):
        yield lambda step=step, best=best: write(checkpoints, step, best_step=best)  # type: ignore[misc]


def test_killed_before_any_change_of_the_disk_there_is_a_whole_one(disk: Disk, tmp_path: Path) -> None:
    """At every instant, and the next process tidies up and goes on."""
    count = None
    for moment in range(1000):
        folder = Checkpoints(tmp_path / str(moment))
        write(folder, 5)
        disk.count, disk.kill_at = 0, moment
        reached = 5
        try:
            for save, step in zip(history(folder), (10, 20, 20, 30, 40), strict=True):
                save()
                reached = step
        except Killed:
            disk.kill_at = None
            found, _ = folder.newest()
            assert found is not None and found.step >= reached, moment
            if found.facts["best_step"] is not None:
                weights = folder.best_weights(found.facts["best_step"])[0] / "weights"
                assert weights.read_text(encoding="utf-8") == f"weights {found.facts['best_step']}"
            write(folder, 50, best_step=found.facts["best_step"])
            best = {f"best-{found.facts['best_step']}", "best"} if found.facts["best_step"] else set()
            tidy = {name for name in names(folder) if not name.startswith((".", "best", "spare"))}
            assert tidy == {f"step-{found.step}", "step-50", "latest"}, moment
            assert best <= names(folder)
        else:
            count = moment
            break
    assert count is not None and count > 60


def test_the_pid_in_a_name_is_of_this_process(checkpoints: Checkpoints) -> None:
    with checkpoints.writing(3, {}, best_step=None) as folder:
        assert folder.name == f"step-3.tmp-{os.getpid()}"
