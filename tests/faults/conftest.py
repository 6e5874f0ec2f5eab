"""A small training that faults are injected into, and what it leaves when nothing is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

# 216 training rows in 14 steps an epoch; an evaluation every 5 steps falls into the epochs and between them.
SETTINGS = {
    "train.epochs": 2, "train.batch_size": 16, "train.learning_rate": 1e-2, "train.precision": "fp32",
    "train.max_length": 32, "train.eval_every_steps": 5,
}  # fmt: skip
STEPS = 28


@dataclass(frozen=True)
class Training:
    """The arguments of a call that trains, and what comes of it.

    Attributes:
        rows: a CSV.
        model: the encoder.
        settings: beside the usual ones.
    """

    rows: Path
    model: Path
    settings: dict[str, Any] = field(default_factory=dict)

    def begin(self, out: Path | str = "run", **settings: Any) -> list[str]:
        """What is typed after `bertkit` to begin it."""
        chosen = SETTINGS | self.settings | {f"train.{key}": value for key, value in settings.items()}
        pairs = [part for key, value in chosen.items() for part in ("--set", f"{key}={value}")]
        given = ["--train", str(self.rows), "--model", str(self.model), "--out", str(out)]
        return ["finetune", "classification", *given, *pairs]

    def go_on(self, run: Path | str = "run", *more: str) -> list[str]:
        """What is typed to go on with it."""
        return ["finetune", "--resume", str(run), *more]


@pytest.fixture(scope="session")
def training(reviews: Path, tiny_encoder: Path) -> Training:
    """A classification with dropout."""
    return Training(reviews, tiny_encoder)


def left_by(run: Path) -> dict[str, Any]:
    """All that a run leaves, but times: files by name as bytes, JSON with times taken out."""
    found: dict[str, Any] = {}
    for path in sorted(run.rglob("*")):
        name = path.relative_to(run).as_posix()
        if not path.is_file() or path.is_symlink() or name.startswith("events/"):
            continue
        if name == "metrics.json":
            found[name] = json.loads(path.read_text(encoding="utf-8")) | {"seconds": None}
        elif path.suffix in (".safetensors", ".jsonl") or path.parent.name == "model":
            found[name] = path.read_bytes()
        elif name.endswith("state.json"):
            found[name] = path.read_text(encoding="utf-8")
        else:
            found[name] = None
    return found


def assert_same_run(run: Path, whole: Path) -> None:
    """Weights, optimizer, random state, losses, learning rates, order of rows, scores: to the last bit."""
    ours, theirs = left_by(run), left_by(whole)
    assert ours.keys() == theirs.keys()
    different = [name for name in theirs if ours[name] != theirs[name]]
    assert not different


@pytest.fixture(scope="session")
def assert_same() -> Callable[[Path, Path], None]:
    """Compares two run folders to the last bit, but for times."""
    return assert_same_run


@pytest.fixture(scope="session")
def whole(training: Training, bertkit: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that nothing was injected into."""
    folder = tmp_path_factory.mktemp("whole")
    done = bertkit(*training.begin(), cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "run"


@pytest.fixture
def inject(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`inject("bertkit.workflows.saving:write_checkpoint", action, call=2)`: acts before that call."""

    def install(place: str, action: Callable[[], Any], *, call: int = 1, after: bool = False) -> None:
        module_name, _, name = place.partition(":")
        owner = import_module(module_name)
        for part in name.split(".")[:-1]:
            owner = getattr(owner, part)
        name = name.rpartition(".")[2]
        honest = getattr(owner, name)
        calls = iter(range(1, 1_000_000))

        def watched(*arguments: Any, **options: Any) -> Any:
            ours = next(calls) == call
            if ours and not after:
                action()
            result = honest(*arguments, **options)
            if ours and after:
                action()
            return result

        monkeypatch.setattr(owner, name, watched)

    return install


@pytest.fixture
def send() -> Iterator[Callable[[int], Callable[[], None]]]:
    """`send(signal.SIGTERM)` is an action that sends this process a signal."""
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    for each, handler in before.items():
        if handler == signal.SIG_IGN:  # as under nohup, where bertkit does not hear it either
            signal.signal(each, signal.default_int_handler if each == signal.SIGINT else signal.SIG_DFL)
    yield lambda number: lambda: os.kill(os.getpid(), number)
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start `bertkit ARGUMENTS` in a child process of its own group; what still runs at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def begin(*arguments: str, cwd: Path, **options: Any) -> subprocess.Popen[str]:
        options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True} | options
        process = subprocess.Popen(
            [sys.executable, "-m", "bertkit", *map(str, arguments)],
            cwd=cwd,
            start_new_session=True,
            **options,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


COUNTS: dict[str, dict[str, int]] = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Count what was tried and survived, by the test's name in words; `record_property("faults", n)` is n."""
    report = yield
    if call.when == "call" and not report.skipped:
        words = item.originalname.removeprefix("test_").replace("_", " ")  # type: ignore[attr-defined]
        faults = dict(item.user_properties).get("faults", 1)
        counts = COUNTS.setdefault(words, {"tried": 0, "survived": 0})
        counts["tried"] += int(faults)  # type: ignore[call-overload]
        counts["survived"] += int(faults) if report.passed else 0  # type: ignore[call-overload]
    return report


def pytest_sessionfinish() -> None:
    """Write the counts into the file that BERTKIT_FAULTS_TABLE names."""
    if table := os.environ.get("BERTKIT_FAULTS_TABLE"):
        Path(table).write_text(json.dumps(COUNTS, indent=1) + "\n", encoding="utf-8")
