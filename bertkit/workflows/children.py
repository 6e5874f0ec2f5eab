"""Child trainings: each in a process of its own, so that one that is killed does not take the others along.

A child is `bertkit finetune RECIPE.yaml --out PATH`, with a run folder like any other. Its parent waits for
it, hands a request to stop on to it, and reads how it ended from its exit code and its folder.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bertkit.config.loader import LoadedRecipe, dump_recipe, load_recipe
from bertkit.errors import BertkitError
from bertkit.redaction import redacted_values
from bertkit.runs.atomic import write_json, write_text
from bertkit.runs.folder import RunFolder
from bertkit.runs.lock import locked
from bertkit.workflows.events import Event, Listener, Note, TrainingBegins
from bertkit.workflows.signals import STOPS, signal_of, stop_of, stop_requests

# How often the parent looks whether it was asked to stop; the child's own work is not held up by it.
LOOK_EVERY_SECONDS = 0.1
# How long a child may take to end after its parent.
PATIENCE_SECONDS = 60.0


def recipe_file_of(path: Path) -> Path:
    """The recipe a child is started with, beside its run folder."""
    return path.with_name(f"{path.name}.yaml")


@dataclass(frozen=True)
class Child:
    """One training of several.

    Attributes:
        name: of its folder, and in tables.
        recipe: its settings, with paths that hold from anywhere.
        path: its run folder, `RunFolder(parent).child(name)`: a run there never becomes `runs/latest`.
    """

    name: str
    recipe: LoadedRecipe
    path: Path

    @property
    def run(self) -> RunFolder:
        """Its run folder."""
        return RunFolder(self.path)

    @classmethod
    def read(cls, name: str, path: Path) -> Child:
        """A child whose recipe was written before.

        Raises:
            RecipeError: it is gone or broken.
        """
        return cls(name, load_recipe(str(recipe_file_of(path))), path)

    def write_recipe(self) -> None:
        """Write the recipe it is started with, so that it can be started later."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        recipe = self.recipe.recipe.model_copy(update={"name": self.recipe.name})
        write_text(recipe_file_of(self.path), dump_recipe(recipe))

    @property
    def is_done(self) -> bool:
        """True if it was trained and scored to its end; its model may have been removed since."""
        return self.run.metrics.is_file()


@dataclass(frozen=True)
class ChildOutcome:
    """How a child ended.

    Attributes:
        child: which.
        state: `finished`, or `failed`.
        message: why it failed, in one line; empty where it did not.
    """

    child: Child
    state: Literal["finished", "failed"]
    message: str = ""


def run_child(child: Child, *, listen: Listener, quiet: bool, nproc: int | None = None) -> ChildOutcome:
    """Train a child to its end: skip it if it is finished, go on where it has a checkpoint, else begin anew.

    Args:
        child: what to train.
        listen: told in one note which way it is. Its own progress goes to standard error, from the start of
            the training on: what is to be said of the data is for the parent to say, once.
        quiet: let it say warnings only.
        nproc: processes it is to run as; None leaves that to it.

    Raises:
        KeyboardInterrupt, Terminated: the parent was asked to stop (`signals.STOPS`); the child has ended
            before, with its state saved.
        OSError: no process can be started.
    """
    if child.is_done:
        return ChildOutcome(child, "finished")
    failure = _failure_file(child.path)
    failure.unlink(missing_ok=True)
    if child.path.is_dir():
        with locked(child.path, patience=PATIENCE_SECONDS):
            pass  # one whose parent was killed has saved its state now, and ended
    if child.run.is_run and child.run.checkpoints.any:
        listen(Note(f"{child.name} goes on"))
        arguments = ["--resume", str(child.path)]
    else:
        listen(Note(f"{child.name} begins"))
        if child.path.exists():
            shutil.rmtree(child.path)  # what was killed before it had a checkpoint
        child.write_recipe()
        arguments = [str(recipe_file_of(child.path)), "--out", str(child.path)]
    options = [*(["--quiet"] if quiet else []), *(["--nproc", str(nproc)] if nproc else [])]
    code = _run_process([*arguments, "--child", *options])
    if child.is_done:
        return ChildOutcome(child, "finished")
    return ChildOutcome(child, "failed", _why(code, failure))


def _run_process(arguments: list[str]) -> int:
    """Run `bertkit finetune ARGUMENTS`; its exit code, negative for the signal that killed it."""
    sys.stderr.flush()
    with stop_requests() as request:
        process = subprocess.Popen(
            [sys.executable, *python_path_options(), "-m", "bertkit", "finetune", *arguments],
            # A pipe that nothing is written to: it closes when this process ends, however it ends.
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            # Ctrl-C on a terminal reaches all processes of a session; the child shall get it once, from here.
            start_new_session=True,
        )
        told = False
        while True:
            with suppress(subprocess.TimeoutExpired):
                code = process.wait(timeout=LOOK_EVERY_SECONDS)
                break
            if request.signal_number is not None and not told:
                process.send_signal(request.signal_number)
                told = True
        assert process.stdin is not None
        process.stdin.close()
    if request.signal_number is not None:
        raise stop_of(request.signal_number)
    return code


def _failure_file(path: Path) -> Path:
    """Where a child writes why it failed: beside its folder, which may not be there."""
    return path.with_name(f"{path.name}.failure.json")


def _why(code: int, failure: Path) -> str:
    try:
        said = json.loads(failure.read_text(encoding="utf-8"))
        return str(said["message"])
    except (OSError, ValueError, KeyError):
        pass
    if code >= 0:
        return f"ended with exit code {code} and without a word"
    return f"killed by {name_of_signal(-code)}"


def name_of_signal(number: int) -> str:
    """The signal that killed a process, and what that often means."""
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    cause = ", as the system does where memory runs out" if number == getattr(signal, "SIGKILL", 9) else ""
    return f"{name}{cause}"


def python_path_options() -> list[str]:
    """For Python: no modules from the folder one stands in, unless bertkit itself is there."""
    return [] if Path(__file__).parents[2] == Path.cwd() else ["-P"]


@contextmanager
def as_child(path: Path) -> Iterator[None]:
    """Be the child of another process: end when it ends, and leave errors to it to say.

    An error is written beside the run folder, and becomes a `SystemExit` with its exit code.

    Args:
        path: of the run folder.
    """
    stop_with_parent()
    try:
        yield
    except (Exception, *STOPS) as error:
        if isinstance(error, BertkitError):
            code, said = error.exit_code, {"message": error.message, "hint": error.hint}
        else:
            code = 128 + signal_of(error) if isinstance(error, STOPS) else 1
            message = traceback.format_exception_only(error)[0].strip().split("\n", 1)[0]
            said = {"message": message, "trace": traceback.format_exc()}
        with suppress(OSError):  # a full disk: the exit code has to do
            write_json(_failure_file(path), redacted_values(said))
        raise SystemExit(code) from error


def stop_with_parent() -> None:
    """Stop as on SIGTERM, with the state saved, when the other end of standard input closes."""

    def wait() -> None:
        # Not `sys.stdin`, whose lock would be held when the interpreter ends.
        with suppress(OSError):
            while os.read(0, 1):
                pass
            os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


def without_preparation(listen: Listener) -> Listener:
    """A listener that hears no notes until the training begins: the parent has said them."""
    begun = False

    def heard(event: Event) -> None:
        nonlocal begun
        begun = begun or isinstance(event, TrainingBegins)
        if begun or not isinstance(event, Note):
            listen(event)

    return heard
