"""predict in several processes writes what one process writes, whoever is killed on the way."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path

import psutil
import pytest

from bertkit.workflows.answers import CHUNK_LINES
from bertkit.workflows.predict import predict

LINES = 10 * CHUNK_LINES
TOO_MANY = 1 + len(os.sched_getaffinity(0))


@pytest.fixture(autouse=True)
def _two_cores_at_least() -> None:
    if TOO_MANY < 3:
        pytest.skip("one processor core has no room for two processes")


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lines of many lengths, one of them no JSON."""
    path = tmp_path_factory.mktemp("big") / "big.jsonl"
    texts = cycle(["the film is superb", "awful", "a very dull plot and the end of the scene was poor " * 3])
    lines = [json.dumps({"n": n, "text": text}) for n, text in enumerate(islice(texts, LINES), 1)]
    lines[6] = "no JSON"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def whole(trained_run: Path, big: Path) -> bytes:
    """What one process writes."""
    target = big.with_name("one.jsonl")
    predict(big, model=str(trained_run / "runs" / "latest"), scores=True, output=target)
    return target.read_bytes()


@pytest.fixture
def start(trained_run: Path, big: Path, tmp_path: Path) -> Callable[[], subprocess.Popen[str]]:
    """Starts two processes, a group of their own; returns when they have written a whole chunk of answers."""

    def begin() -> subprocess.Popen[str]:
        typed = ["predict", str(big), "--scores", "--nproc", "2", "-o", str(tmp_path / "out.jsonl")]
        child = subprocess.Popen(
            [sys.executable, "-m", "bertkit", *typed], cwd=trained_run, text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        partial = tmp_path / "out.jsonl.partial"
        # A chunk that is written in part is answered anew: nothing would be gone on with.
        wanted = lines_in(partial) + CHUNK_LINES
        while lines_in(partial) < wanted:
            try:
                child.wait(timeout=0.01)
            except subprocess.TimeoutExpired:
                continue
            pytest.fail(f"ended before it wrote: {child.communicate()[1]}")
        return child

    return begin


def lines_in(file: Path) -> int:
    return file.read_bytes().count(b"\n") if file.exists() else 0


def workers_of(child: subprocess.Popen[str]) -> list[psutil.Process]:
    found = [
        process
        for process in psutil.Process(child.pid).children()
        if any("spawn_main" in part for part in process.cmdline())
    ]
    assert len(found) == 2
    return found


def test_killed_and_called_again(
    start, whole: bytes, big: Path, trained_run: Path, cli, tmp_path: Path
) -> None:
    """SIGKILL of the first process: its workers end, and one process goes on where two have stopped."""
    child = start()
    workers = workers_of(child)
    child.kill()
    assert child.communicate()[0] == ""
    assert child.returncode == -signal.SIGKILL
    assert psutil.wait_procs(workers, timeout=60)[1] == []  # nobody is left behind
    partial = (tmp_path / "out.jsonl.partial").read_bytes()
    assert whole.startswith(partial[: partial.rindex(b"\n") + 1]) and 0 < len(partial) < len(whole)
    done = cli("predict", big, "--scores", "-o", tmp_path / "out.jsonl", cwd=trained_run)
    assert done.code == 3
    assert "going on after line" in done.err
    assert (tmp_path / "out.jsonl").read_bytes() == whole


def test_a_worker_is_killed(start, whole: bytes, big: Path, trained_run: Path, cli, tmp_path: Path) -> None:
    child = start()
    workers = workers_of(child)
    workers[1].kill()
    _, said = child.communicate(timeout=60)
    assert child.returncode == 1
    *_, error, hint = said.splitlines()
    assert error.startswith("error: a process that predicts was killed by SIGKILL")
    assert hint.startswith("hint: with -o OUT the same command goes on")
    assert psutil.wait_procs(workers, timeout=60)[1] == []
    done = cli("predict", big, "--scores", "-o", tmp_path / "out.jsonl", "--nproc", "2", cwd=trained_run)
    assert done.code == 3
    assert "going on after line" in done.err
    assert (tmp_path / "out.jsonl").read_bytes() == whole


@pytest.mark.long_faults
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_all_of_a_group_are_asked_to_end(start, number: int) -> None:
    """As a terminal and a scheduler do: only the first one speaks."""
    child = start()
    workers = workers_of(child)
    os.killpg(child.pid, number)
    _, said = child.communicate(timeout=60)
    assert child.returncode == 128 + number
    stopped, hint = said.splitlines()
    assert stopped.startswith("stopped: after line ")
    assert hint == "hint: the same command goes on there"
    assert psutil.wait_procs(workers, timeout=60)[1] == []


def test_from_a_pipe_in_order(trained_run: Path, big: Path, whole: bytes, bertkit) -> None:
    lines = big.read_text(encoding="utf-8").splitlines(keepends=True)[: 3 * CHUNK_LINES]
    done = bertkit("predict", "-", "--scores", "--nproc", "2", cwd=trained_run, given="".join(lines))
    assert done.returncode == 3
    assert done.stdout.encode() == b"".join(whole.splitlines(keepends=True)[: 3 * CHUNK_LINES])


def test_what_cannot_be_done_is_said_once(trained_run: Path, tmp_path: Path, cli) -> None:
    (tmp_path / "one.jsonl").write_text('{"text": "superb"}\n', encoding="utf-8")
    model = shutil.copytree(trained_run / "runs" / "latest" / "model", tmp_path / "model")
    done = cli("predict", "one.jsonl", "--model", model, "--nproc", TOO_MANY)
    assert done.code == 2
    (error,) = done.labelled("error: ")
    assert error.startswith(f"--nproc {TOO_MANY} is more than the {TOO_MANY - 1} ")
    (model / "tokenizer.json").write_text("{}", encoding="utf-8")
    alone, together = (cli("predict", "one.jsonl", "--model", model, "--nproc", n) for n in "12")
    assert (together.code, together.err, together.out) == (alone.code, alone.err, "")
    assert alone.code == 2


def test_words_are_tagged_alike(tmp_path: Path, tiny_encoder: Path, cli) -> None:
    lines = [f"{word} X {tag}" for word, tag in [("Ada", "B-PER"), ("was", "O"), ("good", "O")]]
    (tmp_path / "train.conll").write_text("\n".join([*lines, "", ""] * 20), encoding="utf-8")
    done = cli(
        "finetune", "ner", "--train", "train.conll", "--model", tiny_encoder, "--set", "train.epochs=1",
        "--eval", "train.conll", "--set", "train.max_length=32", "-q",
    )  # fmt: skip
    assert done.code == 0, done.err
    texts = [{"text": f"Ada was good {n} times ."} for n in range(CHUNK_LINES + 50)]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(text) + "\n" for text in texts), encoding="utf-8")
    for processes in "12":
        assert (
            cli("predict", "in.jsonl", "--tags", "-o", f"{processes}.jsonl", "--nproc", processes).code == 0
        )
    assert (tmp_path / "1.jsonl").read_bytes() == (tmp_path / "2.jsonl").read_bytes()
