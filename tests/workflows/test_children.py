"""How a child is started, what is told of its end, and how it behaves towards its parent."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bertkit.config.loader import LoadedRecipe, load_recipe
from bertkit.config.schema import Recipe
from bertkit.errors import Interrupted, TrainingError
from bertkit.workflows import children
from bertkit.workflows.children import Child, as_child, run_child, without_preparation
from bertkit.workflows.events import Event, Note, Progress, TrainingBegins, silent


@pytest.fixture
def child(tmp_path: Path) -> Child:
    recipe = Recipe.model_validate({"task": {"type": "classification"}})
    return Child("one", LoadedRecipe("reviews", recipe), tmp_path / "children" / "one")


class Process:
    """Stands in for the process: notes how it is started, does something, ends with a code."""

    def __init__(self, code: int, done: object = None) -> None:
        self.code, self.done = code, done
        self.arguments: list[str] = []

    def __call__(self, arguments: list[str]) -> int:
        self.arguments = arguments
        if callable(self.done):
            self.done()
        return self.code


def run(child: Child, process: Process, monkeypatch: pytest.MonkeyPatch, *, quiet: bool = False) -> object:
    monkeypatch.setattr(children, "_run_process", process)
    return run_child(child, listen=silent, quiet=quiet)


def finish(child: Child) -> None:
    child.path.mkdir(parents=True, exist_ok=True)
    child.run.metrics.write_text("{}", encoding="utf-8")


def test_begins_with_its_own_recipe(child: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    process = Process(0, lambda: finish(child))
    outcome = run(child, process, monkeypatch, quiet=True)
    assert (outcome.state, outcome.message) == ("finished", "")
    file = f"{child.path}.yaml"
    assert process.arguments == [file, "--out", str(child.path), "--child", "--quiet"]
    assert load_recipe(file).name == "reviews"
    assert load_recipe(file).recipe.task == child.recipe.recipe.task


def test_finished_ones_are_not_started(child: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    finish(child)
    process = Process(1)
    assert run(child, process, monkeypatch).state == "finished"
    assert process.arguments == []


def test_goes_on_from_a_checkpoint_and_else_anew(child: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = child.run.checkpoints.path / "step-3"
    checkpoint.mkdir(parents=True)
    child.run.recipe.write_text("", encoding="utf-8")
    child.run.environment.write_text("{}", encoding="utf-8")
    process = Process(0, lambda: finish(child))
    run(child, process, monkeypatch)
    assert process.arguments == ["--resume", str(child.path), "--child"]

    child.run.metrics.unlink()
    checkpoint.rmdir()
    seen = []
    process.done = lambda: seen.append(child.path.exists())
    run(child, process, monkeypatch)
    assert process.arguments[1:3] == ["--out", str(child.path)]
    assert seen == [False]  # what was left of it is gone: a run folder is made anew, or not at all


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (-9, "killed by SIGKILL, as the system does where memory runs out"),
        (-11, "killed by SIGSEGV"),
        (1, "ended with exit code 1 and without a word"),
        (0, "ended with exit code 0 and without a word"),
    ],
)
def test_failures_without_words(
    child: Child, code: int, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = run(child, Process(code), monkeypatch)
    assert (outcome.state, outcome.message) == ("failed", message)


def failing_child(path: Path, error: BaseException) -> int:
    with pytest.raises(SystemExit) as end, as_child(path):
        raise error
    assert isinstance(end.value.code, int)
    return end.value.code


def test_a_child_leaves_its_error_to_the_parent(child: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    # Nobody holds the other end of standard input here.
    monkeypatch.setattr(children, "stop_with_parent", lambda: None)
    child.path.parent.mkdir(parents=True)

    def fail() -> None:
        assert failing_child(child.path, TrainingError("it diverged", hint="a lower rate")) == 1

    assert run(child, Process(1, fail), monkeypatch).message == "it diverged"
    # An old reason is not told again.
    assert run(child, Process(-9), monkeypatch).message.startswith("killed by SIGKILL")


def test_exit_codes_of_a_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "stop_with_parent", lambda: None)
    assert failing_child(tmp_path / "a", Interrupted("after step 3", hint="", signal_number=15)) == 143
    assert failing_child(tmp_path / "b", KeyboardInterrupt()) == 130
    assert failing_child(tmp_path / "c", ZeroDivisionError("by\nzero")) == 1
    said = json.loads((tmp_path / "c.failure.json").read_text(encoding="utf-8"))
    assert said["message"] == "ZeroDivisionError: by"
    assert "Traceback" in said["trace"]


def test_a_child_ends_when_its_parent_does(tmp_path: Path) -> None:
    program = (
        "import signal\n"
        "from pathlib import Path\n"
        "from bertkit.workflows.children import as_child\n"
        "from bertkit.workflows.signals import raise_on_signals\n"
        "raise_on_signals()\n"
        f"with as_child(Path({str(tmp_path / 'run')!r})):\n"
        "    print('ready', flush=True)\n"
        "    signal.pause()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=os.environ,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.stdin.close()  # as the system does for a parent that is killed
    assert process.returncode == 128 + signal.SIGTERM


def test_preparation_is_said_by_the_parent(tmp_path: Path) -> None:
    heard: list[Event] = []
    listen = without_preparation(heard.append)
    begins = TrainingBegins(3, 0, tmp_path, 8, "fp32", "cpu")
    after = Note("best so far")
    for event in (Note("reading"), Progress("tokenizing", 1, 2), begins, after):
        listen(event)
    assert heard == [Progress("tokenizing", 1, 2), begins, after]
