"""`bertkit bench`: the table, the JSON, the exit codes, and the command it names at the end."""

from __future__ import annotations

import io
import json
import shlex
from pathlib import Path

import pytest
from rich.console import Console

from bertkit.cli.bench import StillDisplay
from bertkit.workflows.events import Note, Progress

SHORT = ("--seconds", "0.2")


def test_the_command_prints_json_with_all_figures(trained_run: Path, bertkit) -> None:
    done = bertkit("bench", "--json", *SHORT, cwd=trained_run)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["engine"] == "auto"
    assert found["loading"]["cold"] is True
    assert found["loading"]["libraries"] > 0
    for row in found["latency"]:
        assert 0 < row["least_ms"] <= row["p50_ms"] <= row["p95_ms"] <= row["p99_ms"] <= row["most_ms"]
    assert found["throughput"][0]["tokens_a_second"]["median"] > 0
    memory = found["memory"]
    # The command holds torch and the model, and what it says of them adds up to no more than the peak.
    assert memory["libraries"] > 10_000_000
    assert memory["before"] + memory["libraries"] < memory["peak"]
    # Only warnings beside it, as of a busy machine.
    assert all(line.startswith("! ") for line in done.stderr.splitlines())


def test_the_table_ends_with_a_command_that_works(trained_run: Path, bertkit, tmp_path: Path) -> None:
    file = tmp_path / "own lines.csv"
    file.write_text("body\nthe film is superb\nawful\n", encoding="utf-8")
    done = bertkit(
        "bench", "runs/latest", "--data", file, "--text", "body", "--threads", "1", "--engine", "torch",
        *SHORT, cwd=trained_run,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "lines 2, tokens 9" in done.stdout
    for name in ("p50", "p95", "p99", "lines/s", "tokens/s", "loading", "memory", "machine", "with 1 thread"):
        assert name in done.stdout, name
    assert "single lines, for about" in done.stderr
    last = done.stdout.splitlines()[-1]
    assert last.startswith("next ")
    words = shlex.split(last.removeprefix("next"))
    environment = dict(word.split("=") for word in words[: words.index("bertkit")])
    assert environment["OMP_NUM_THREADS"] == "1"
    predicted = bertkit(*words[words.index("bertkit") + 1 :], cwd=trained_run, environment=environment)
    assert predicted.returncode == 0, predicted.stderr
    answers = [json.loads(line)["prediction"] for line in predicted.stdout.splitlines()]
    assert answers == ["positive", "negative"]
    assert "--engine torch" in last


def test_quiet_says_nothing_but_the_result(trained_run: Path, cli) -> None:
    done = cli("bench", "runs/latest", "--quiet", *SHORT, cwd=trained_run)
    assert done.code == 0
    assert "lines/s" in done.out
    assert all(line.startswith("! ") for line in done.err.splitlines())


def test_faulty_lines_end_with_their_exit_code(trained_run: Path, cli, tmp_path: Path) -> None:
    (tmp_path / "lines.jsonl").write_text('{"text": "dull"}\nnope\n', encoding="utf-8")
    done = cli("bench", "--data", tmp_path / "lines.jsonl", "--json", *SHORT, cwd=trained_run)
    assert done.code == 3
    assert (json.loads(done.out)["lines"], json.loads(done.out)["rejected"]) == (1, 1)
    assert "! 1 of 2 lines are faulty and left out" in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "no finished run"),
        (("nowhere/at/all",), "nowhere/at/all"),
        (("--seconds", "0"), "--seconds takes a number, at least 0.1"),
        (("--threads", "none"), "--threads takes a whole number"),
        (("--engine", "abacus"), "--engine takes one of auto, torch, onnx, not abacus"),
    ],
)
def test_what_can_be_mended_ends_with_two(arguments: tuple[str, ...], said: str, cli) -> None:
    done = cli("bench", *arguments)
    assert done.code == 2
    assert said in done.labelled("error: ")[0]
    assert done.labelled("hint: ")


def test_an_encoder_without_a_head_is_refused(tiny_encoder: Path, cli) -> None:
    done = cli("bench", tiny_encoder)
    assert done.code == 2
    assert "has no trained head" in done.labelled("error: ")[0]
    assert "fine-tune it first" in done.labelled("hint: ")[0]


def _shown(*, terminal: bool, quiet: bool) -> str:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, color_system=None, width=80)
    with StillDisplay(quiet=quiet, console=console) as display:
        display(Note("single lines"))
        for done in (0, 0, 40, 100):
            display(Progress("measuring single lines", done, 100, "%"))
        display(Note("full batches"))
        display(Progress("measuring full batches", 7, 100, "%"))
        display(Note("a busy machine", warning=True))
    return stream.getvalue()


def _as_seen(written: str) -> list[str]:
    """What stands on a terminal in the end: after a carriage return a line is written over."""
    lines = []
    for line in written.split("\n"):
        seen = ""
        for part in line.split("\r"):
            seen = part + seen[len(part) :]
        lines.append(seen.rstrip())
    return lines


def test_a_terminal_shows_how_far_it_is_and_keeps_the_notes() -> None:
    written = _shown(terminal=True, quiet=False)
    assert written.count("measuring single lines   0 %") == 1
    assert "measuring single lines  40 %" in written
    assert "measuring full batches   7 %" in written
    assert _as_seen(written) == ["· single lines", "· full batches", "! a busy machine", ""]


def test_elsewhere_and_in_quiet_there_are_only_lines() -> None:
    assert _shown(terminal=False, quiet=False).splitlines() == [
        "· single lines", "· full batches", "! a busy machine",
    ]  # fmt: skip
    assert _shown(terminal=True, quiet=True) == "! a busy machine\n"
