"""predict, stopped in every way and called again, gives what an undisturbed call gives."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from itertools import cycle, islice
from pathlib import Path

import pytest

from bertkit.workflows import answering, predict_input
from bertkit.workflows.answers import CHUNK_LINES

LINES = 12_000
FAULTY = 7


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lines of many lengths, the seventh no JSON: enough of them to be stopped half way."""
    path = tmp_path_factory.mktemp("big") / "big.jsonl"
    texts = cycle(["the film is superb", "awful", "a very dull plot and the end of the scene was poor " * 3])
    lines = [json.dumps({"n": n, "text": text}) for n, text in enumerate(islice(texts, LINES), 1)]
    lines[FAULTY - 1] = "no JSON"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def start(folder: Path, *arguments: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "bertkit", *map(str, arguments)],
        cwd=folder,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ,
    )


def wait_for_lines(child: subprocess.Popen[str], path: Path) -> None:
    """Return as soon as a first chunk is written; fail if the child ends before."""
    while not (path.exists() and path.read_bytes().count(b"\n") >= CHUNK_LINES):
        try:
            child.wait(timeout=0.01)
        except subprocess.TimeoutExpired:
            continue
        pytest.fail(f"ended before it wrote: {child.communicate()[1]}")


def test_killed_terminated_and_called_again(trained_run: Path, big: Path, cli, tmp_path: Path) -> None:
    """SIGKILL, again, SIGTERM, again: byte for byte what one undisturbed call gives."""
    typed = ("predict", big, "--scores", "--model", trained_run / "runs" / "latest", "-o")
    assert cli(*typed, "whole.jsonl").code == 3
    out, partial = tmp_path / "out.jsonl", tmp_path / "out.jsonl.partial"

    child = start(tmp_path, *typed, "out.jsonl")
    wait_for_lines(child, partial)
    child.kill()
    child.communicate()
    assert child.returncode == -signal.SIGKILL
    first = partial.read_bytes()
    assert CHUNK_LINES <= first.count(b"\n") < LINES
    assert not out.exists()

    child = start(tmp_path, *typed, "out.jsonl")
    assert child.stderr is not None
    assert "going on after line" in child.stderr.readline()
    child.terminate()
    _, said = child.communicate()
    assert child.returncode == 143, said
    lines = said.splitlines()
    assert lines[-2].startswith("stopped: after line ") and str(partial.name) in lines[-2]
    assert lines[-1] == "hint: the same command goes on there"

    done = cli(*typed, "out.jsonl")
    assert done.code == 3  # the faulty line was met by the first call
    assert "going on after line" in done.err
    assert f"{LINES:,} lines in out.jsonl, 1 of them with an error" in done.err
    assert out.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.jsonl", "whole.jsonl"]


def test_reader_that_has_seen_enough(trained_run: Path, big: Path) -> None:
    child = start(trained_run, "predict", big)
    assert child.stdout is not None and child.stderr is not None
    assert "prediction" in json.loads(child.stdout.readline())
    child.stdout.close()
    said = child.stderr.read()
    child.stderr.close()
    assert (child.wait(), said) == (0, "")


@pytest.fixture
def stop_at_second_chunk(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Small chunks, and Ctrl-C while the second one is answered."""
    answer, calls = answering.answer, iter(range(2))

    def stopping(*given, **named):
        if next(calls) == 1:
            raise KeyboardInterrupt
        return answer(*given, **named)

    monkeypatch.setattr(predict_input, "CHUNK_LINES", 10)
    monkeypatch.setattr(answering, "answer", stopping)
    return monkeypatch


def resume_after_stop(cli, patch: pytest.MonkeyPatch, *typed: str | Path):
    assert cli(*typed).code == 130
    patch.setattr(answering, "answer", sys.modules["bertkit.workflows.answers"].answer)
    patch.setattr(predict_input, "CHUNK_LINES", 10)


def write_table(path: Path) -> None:
    """25 records of three physical lines each: counting lines for records would skip too much."""
    rows = "".join(f'"the film\nnumber\n{n} is superb",{n}\n' for n in range(25))
    path.write_text("text,n\n" + rows, encoding="utf-8", newline="")


def test_quoted_line_ends_do_not_move_the_place(
    trained_run, cli, tmp_path: Path, stop_at_second_chunk
) -> None:
    write_table(tmp_path / "table.csv")
    typed = ("predict", "table.csv", "--model", trained_run / "runs" / "latest", "-o", "out.jsonl")
    resume_after_stop(cli, stop_at_second_chunk, *typed)
    partial = tmp_path / "out.jsonl.partial"
    assert partial.read_bytes().count(b"\n") == 10
    with partial.open("ab") as stream:  # as a kill in the middle of the next chunk leaves it
        stream.write(partial.read_bytes().splitlines(keepends=True)[0] + b'{"text": "the fi')
    done = cli(*typed)
    assert done.code == 0
    assert "going on after line 10 " in done.err
    answers = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [answer["n"] for answer in answers] == [str(n) for n in range(25)]
    assert {answer["prediction"] for answer in answers} == {"positive"}


@pytest.mark.parametrize("change", ["input", "scores", "model"])
def test_what_was_changed_starts_over(change: str, trained_run, cli, tmp_path, stop_at_second_chunk) -> None:
    write_table(tmp_path / "table.csv")
    model = trained_run / "runs" / "latest" / "model"
    typed: tuple[str | Path, ...] = ("predict", "table.csv", "-o", "out.jsonl", "--model", model)
    resume_after_stop(cli, stop_at_second_chunk, *typed)
    match change:
        case "input":
            (tmp_path / "table.csv").write_text("text,n\nawful,0\n", encoding="utf-8")
        case "scores":
            typed = (*typed, "--scores")
        case "model":
            import shutil

            typed = (*typed[:-1], shutil.copytree(model, tmp_path / "other"))
    done = cli(*typed)
    assert done.code == 0
    assert "going on" not in done.err
    answers = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(answers) == (1 if change == "input" else 25)
    assert all(("scores" in answer) == (change == "scores") for answer in answers)


def test_one_output_is_written_by_one_process(trained_run: Path, tmp_path: Path, cli) -> None:
    """A second one would write between the lines of the first, or take its place."""
    from bertkit.runs.partial import PartialOutput

    (tmp_path / "lines.jsonl").write_text('{"text": "a fine film"}\n', encoding="utf-8")
    run = trained_run / "runs" / "latest"
    with PartialOutput(tmp_path / "out.jsonl", None).alone():
        done = cli("predict", "lines.jsonl", "--model", run, "-o", "out.jsonl")
    assert done.code == 2
    assert "out.jsonl is being written by another process" in done.err
    assert not (tmp_path / "out.jsonl").exists()
    assert cli("predict", "lines.jsonl", "--model", run, "-o", "out.jsonl").code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lines.jsonl", "out.jsonl"]
