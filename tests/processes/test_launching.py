"""`--nproc` and its kin as a person types them: what cannot be, and how several processes end together."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import bertkit as package
from bertkit.workflows.launch_plan import usable_cores

SETTINGS = {
    "train.max_steps": 24, "train.batch_size": 6, "train.max_length": 16, "train.learning_rate": 1e-3,
    "train.precision": "fp32", "train.eval_every_steps": 10,
}  # fmt: skip

two_cores = pytest.mark.skipif(usable_cores() < 2, reason="one core: --nproc 2 is refused")


@pytest.fixture(scope="module")
def typed(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Path, write_task: Any) -> list[str]:
    """What is typed after `bertkit` to train, with dropout, without the name of the run."""
    folder = tmp_path_factory.mktemp("rows")
    rows = write_task(folder, "classification", rows=50, seed=1)
    dev = write_task(folder, "classification", rows=15, seed=2)
    settings = [part for key, value in SETTINGS.items() for part in ("--set", f"{key}={value}")]
    given = ["--train", str(rows), "--eval", str(dev), "--model", str(tiny_encoder)]
    return ["finetune", "classification", *given, *settings]


def left_by(run: Path) -> tuple[list[Any], bytes, bytes]:
    """The log, the weights and the predictions of a run."""
    log = [json.loads(line) for line in (run / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    weights = (run / "model" / "model.safetensors").read_bytes()
    return log, weights, (run / "predictions" / "validation.jsonl").read_bytes()


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory, bertkit: Any, typed: list[str]) -> Path:
    """The run of two processes that nothing happens to."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    done = bertkit(*typed, "--out", "run", "--nproc", "2", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "run"


class Started:
    """A command of several processes under way, with what it says on standard error line by line."""

    def __init__(self, arguments: list[str], cwd: Path, environment: dict[str, str] | None = None) -> None:
        self.lines: list[str] = []
        self._grew = threading.Condition()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bertkit", *arguments], cwd=cwd, text=True, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, env=os.environ | (environment or {}),
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._grew:
                self.lines.append(line.rstrip("\n"))
                self._grew.notify_all()
        with self._grew:
            self._grew.notify_all()

    def until(self, part: str) -> None:
        """Wait for a line that holds this."""
        with self._grew:
            seen = self._grew.wait_for(
                lambda: any(part in line for line in self.lines) or not self._reader.is_alive(), 120
            )
        assert seen and any(part in line for line in self.lines), self.lines

    def workers(self) -> list[int]:
        """Its processes by their rank."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                values = (folder / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if parent == self.process.pid:
                rank = next(value for value in values if value.startswith(b"RANK="))
                found[int(rank[5:])] = int(folder.name)
        return [found[rank] for rank in sorted(found)]

    def end(self) -> tuple[int, str]:
        """Wait for its end: the exit code and what it said."""
        code = self.process.wait(120)
        self._reader.join(120)
        assert self.process.stderr is not None
        self.process.stderr.close()
        return code, "\n".join(self.lines)


@pytest.fixture
def start() -> Iterator[Any]:
    """Starts commands; what is left of them at the end of the test is killed."""
    started: list[Started] = []

    def begin(*arguments: str, cwd: Path, environment: dict[str, str] | None = None) -> Started:
        started.append(Started(list(arguments), cwd, environment))
        return started[-1]

    yield begin
    for each in started:
        each.process.kill()
        each.end()


@two_cores
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds the processes in /proc")
def test_sigterm_to_one_of_two_stops_both_and_going_on_is_exact(
    start: Any, bertkit: Any, typed: list[str], uninterrupted: Path, tmp_path: Path
) -> None:
    training = start(*typed, "--out", "run", "--nproc", "2", cwd=tmp_path)
    training.until("step 10")
    os.kill(training.workers()[1], signal.SIGTERM)
    code, said = training.end()
    assert code == 143, said
    assert "the state is saved" in said and "--resume run --nproc 2" in said
    assert said.count("stopped:") == 1
    refused = bertkit("finetune", "--resume", "run", "--nproc", "1", cwd=tmp_path)
    assert refused.returncode == 2
    assert "run began with 2 processes, this is one process" in refused.stderr
    done = bertkit("finetune", "--resume", "run", "--nproc", "2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert left_by(tmp_path / "run") == left_by(uninterrupted)


@two_cores
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds the processes in /proc")
def test_a_killed_process_ends_the_rest_with_one_message_and_elastic_goes_on_alone(
    start: Any, bertkit: Any, typed: list[str], tmp_path: Path
) -> None:
    training = start(*typed, "--out", "run", "--nproc", "2", cwd=tmp_path)
    training.until("step 10")
    os.kill(training.workers()[1], signal.SIGKILL)
    code, said = training.end()
    assert code == 1
    assert "process 1 of 2 was killed by SIGKILL" in said
    assert said.count("error:") == 1 and "Traceback" not in said
    done = bertkit("finetune", "--resume", "run", "--elastic", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "began with 2 processes: masks of dropout are others from here on" in done.stderr
    steps = [record["step"] for record in left_by(tmp_path / "run")[0] if record["kind"] == "train"]
    assert steps == list(range(1, 25))


def test_more_processes_than_cores(bertkit: Any, typed: list[str], tmp_path: Path) -> None:
    count = usable_cores() + 1
    done = bertkit(*typed, "--nproc", str(count), "--gpus", "none", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: --nproc {count} is more than the {usable_cores()} processor cores")
    assert done.stderr.count("\n") == 2


def test_a_port_in_use(bertkit: Any, typed: list[str], tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        done = bertkit(*typed, "--nnodes", "2", "--node-rank", "0", "--rendezvous", place, cwd=tmp_path)
    assert done.returncode == 2
    assert "Address already in use" in done.stderr and done.stderr.count("\n") == 2


def test_a_rendezvous_that_nobody_answers(bertkit: Any, typed: list[str], tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # and does not listen
        place = f"127.0.0.1:{closed.getsockname()[1]}"
        done = bertkit(
            *typed, "--nnodes", "2", "--node-rank", "1", "--rendezvous", place, cwd=tmp_path,
            environment={"BERTKIT_RENDEZVOUS_SECONDS": "1"},
        )  # fmt: skip
    assert done.returncode == 2
    assert f"the rendezvous {place} cannot be reached within 1 s" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_first_host_says_that_the_rendezvous_is_none_of_its_addresses(
    bertkit: Any, typed: list[str], tmp_path: Path
) -> None:
    place = "192.0.2.1:29500"  # of a net that is kept for documentation, RFC 5737
    done = bertkit(
        *typed, "--nnodes", "2", "--node-rank", "0", "--rendezvous", place, cwd=tmp_path,
        environment={"BERTKIT_RENDEZVOUS_SECONDS": "1"},
    )  # fmt: skip
    assert done.returncode == 2
    assert "it is no address of this host, which has --node-rank 0" in done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--nnodes", "2"], "no place to meet"),
        (["--nnodes", "2", "--rendezvous", "127.0.0.1:29500"], "which of the 2 hosts is this?"),
        (
            ["--nnodes", "2", "--node-rank", "2", "--rendezvous", "127.0.0.1:29500"],
            "--node-rank 2 of 2 hosts",
        ),
        (["--nnodes", "2", "--node-rank", "1", "--rendezvous", "host"], "is no HOST:PORT"),
        (["--node-rank", "1"], "--node-rank 1 of one host"),
        (["--gpus", "0,x"], "--gpus 0,x"),
        (["--elastic"], "--elastic is for --resume"),
    ],
)
def test_options_that_do_not_fit(cli: Any, typed: list[str], options: list[str], said: str) -> None:
    done = cli(*typed, *options)
    assert done.code == 2
    assert said in done.err and "hint:" in done.err


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@two_cores
def test_hosts_with_other_recipes(start: Any, typed: list[str], tmp_path: Path) -> None:
    place = ["--nnodes", "2", "--rendezvous", f"127.0.0.1:{free_port()}"]
    first = start(*typed, *place, "--node-rank", "0", "--out", "run", cwd=tmp_path)
    second = start(*typed, *place, "--node-rank", "1", "--seed", "7", cwd=tmp_path)
    for each in (first, second):
        code, said = each.end()
        assert code == 2
        assert "the processes differ in their recipes: train.seed: 42 in process 0, 7 in 1" in said
    assert not (tmp_path / "run").exists()


@two_cores
def test_hosts_with_other_code(start: Any, typed: list[str], tmp_path: Path) -> None:
    other = tmp_path / "other"
    installed = Path(str(package.__file__)).parent
    shutil.copytree(installed, other / "bertkit")
    if (recipes := installed.with_name("recipes")).is_dir():  # a wheel has them inside
        shutil.copytree(recipes, other / "recipes")
    with (other / "bertkit" / "training" / "loop.py").open("a", encoding="utf-8") as stream:
        stream.write("# changed\n")
    place = ["--nnodes", "2", "--rendezvous", f"127.0.0.1:{free_port()}"]
    first = start(*typed, *place, "--node-rank", "0", cwd=tmp_path)
    second = start(*typed, *place, "--node-rank", "1", cwd=other, environment={"PYTHONPATH": str(other)})
    for each in (first, second):
        code, said = each.end()
        assert code == 2
        assert "the processes differ in their versions: source of bertkit" in said
