"""Two hosts with addresses of their own: network namespaces, joined by a cable that can be pulled."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SETTINGS = {
    "train.max_steps": 20, "train.batch_size": 6, "train.max_length": 16, "train.learning_rate": 1e-3,
    "train.precision": "fp32", "train.eval_every_steps": 5,
}  # fmt: skip
ADDRESS = "10.213.77.{}"
MEETING = f"{ADDRESS.format(1)}:29533"


def ip(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)


class Host:
    """A network namespace with one address.

    Attributes:
        number: 0 or 1, also its `--node-rank`.
        name: of the namespace.
        folder: where commands are typed.
    """

    def __init__(self, number: int, name: str, folder: Path) -> None:
        self.number, self.name, self.folder = number, name, folder

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Type `bertkit ARGUMENTS` here."""
        place = [
            "--nnodes",
            "2",
            "--node-rank",
            str(self.number),
            "--rendezvous",
            f"{ADDRESS.format(1)}:29533",
        ]
        return subprocess.Popen(
            ["ip", "netns", "exec", self.name, sys.executable, "-m", "bertkit", *arguments, *place],
            cwd=self.folder, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env=os.environ | {"BERTKIT_SILENCE_SECONDS": "6"},
        )  # fmt: skip

    def kill(self) -> None:
        """End all that runs here, without a word."""
        for number in ip("netns", "pids", self.name).stdout.split():
            os.kill(int(number), signal.SIGKILL)

    def pull_cable(self) -> None:
        """Nothing reaches the other host any more, and nobody is told."""
        ip("-n", self.name, "link", "set", f"cable{self.number}", "down")

    def plug_cable(self) -> None:
        """Back again."""
        ip("-n", self.name, "link", "set", f"cable{self.number}", "up")


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[list[Host]]:
    """Two hosts that reach each other, each with a folder of its own."""
    if shutil.which("ip") is None:
        pytest.skip("there is no command ip")
    found = [Host(number, f"bertkit-{os.getpid()}-{number}", tmp_path / str(number)) for number in (0, 1)]
    made = [ip("netns", "add", host.name) for host in found]
    try:
        if any(each.returncode for each in made):
            pytest.skip(f"network namespaces are not permitted here: {made[0].stderr.strip()}")
        first, second = (host.name for host in found)
        cable = ["link", "add", "cable0", "netns", first, "type", "veth", "peer", "cable1", "netns", second]
        if (laid := ip(*cable)).returncode:
            pytest.skip(f"a pair of interfaces is not permitted here: {laid.stderr.strip()}")
        for host in found:
            host.folder.mkdir()
            own = ["address", "add", f"{ADDRESS.format(host.number + 1)}/24", "dev", f"cable{host.number}"]
            for arguments in (own, ["link", "set", f"cable{host.number}", "up"], ["link", "set", "lo", "up"]):
                assert ip("-n", host.name, *arguments).returncode == 0
        yield found
    finally:
        for host in found:
            host.kill()
            ip("netns", "delete", host.name)


@pytest.fixture(scope="module")
def typed(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Path, write_task: Any) -> list[str]:
    """What is typed after `bertkit` on both hosts."""
    folder = tmp_path_factory.mktemp("rows")
    rows = write_task(folder, "classification", rows=50, seed=1)
    dev = write_task(folder, "classification", rows=15, seed=2)
    settings = [part for key, value in SETTINGS.items() for part in ("--set", f"{key}={value}")]
    given = ["--train", str(rows), "--eval", str(dev), "--model", str(tiny_encoder), "--out", "run"]
    return ["finetune", "classification", *given, *settings]


def wait_for(process: subprocess.Popen[str], part: str) -> None:
    """Read what a command says until it says this."""
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if part in line:
            return
    raise AssertionError(said)


def end_of(process: subprocess.Popen[str]) -> tuple[int, str]:
    """The exit code of a command and the rest of what it said."""
    said = process.communicate(timeout=120)[1]
    return process.returncode, said


def train(hosts: list[Host], arguments: list[str]) -> None:
    started = [host.start(*arguments) for host in hosts]
    for code, said in map(end_of, started):
        assert code == 0, said


def test_a_host_that_dies_ends_the_other_and_both_go_on_exactly(hosts: list[Host], typed: list[str]) -> None:
    train(hosts, typed)
    whole = hosts[0].folder / "run"
    assert (whole / "metrics.json").is_file()
    assert list(hosts[1].folder.iterdir()) == []
    whole.rename(hosts[0].folder / "whole")

    first, second = (host.start(*typed) for host in hosts)
    wait_for(first, "step 5")
    hosts[1].kill()
    code, said = end_of(first)
    assert code == 1
    assert "process 1 of 2 has died, or its host cannot be reached" in said
    assert said.count("error:") == 1 and "Traceback" not in said
    end_of(second)

    train(hosts, ["finetune", "--resume", "run"])
    for name in ("model/model.safetensors", "log.jsonl", "predictions/validation.jsonl"):
        assert (hosts[0].folder / "run" / name).read_bytes() == (
            hosts[0].folder / "whole" / name
        ).read_bytes()


@pytest.mark.long_faults
@pytest.mark.parametrize("left", [0, 1])
def test_a_cable_that_is_pulled_ends_both(hosts: list[Host], typed: list[str], left: int) -> None:
    started = [host.start(*typed) for host in hosts]
    wait_for(started[0], "step 5")
    hosts[left].pull_cable()
    for number, process in enumerate(started):
        code, said = end_of(process)
        assert code == 1, said
        missed = (
            "process 1 of 2 has died" if number == 0 else "the rendezvous 10.213.77.1:29533 does not answer"
        )
        assert missed in said, said


@pytest.mark.long_faults
def test_the_host_of_the_rendezvous_dies(hosts: list[Host], typed: list[str]) -> None:
    first, second = (host.start(*typed) for host in hosts)
    wait_for(first, "step 5")
    hosts[0].kill()
    code, said = end_of(second)
    assert code == 1
    assert f"the rendezvous {MEETING} does not answer any more" in said
    assert said.count("error:") == 1
    end_of(first)
