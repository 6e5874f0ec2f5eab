"""predict starts with as little as it needs, and answers lines from a pipe as they come."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bertkit.workflows.answers import CHUNK_LINES

# What predicting with a usual model never needs; each takes longer to import than a thousand lines to answer.
NEEDLESS = ["transformers", "accelerate", "datasets", "evaluate", "sklearn", "scipy", "pandas", "onnxruntime"]
CHILD = f"""
import sys
from bertkit.cli.app import main
try:
    main()
finally:
    print("imported:", [name for name in {NEEDLESS} if name in sys.modules], file=sys.stderr)
"""


def test_nothing_needless_is_imported(trained_run: Path, tmp_path: Path) -> None:
    (tmp_path / "one.jsonl").write_text('{"text": "the film is superb"}\n', encoding="utf-8")
    typed = ["predict", "one.jsonl", "--scores", "--debug", "--model", str(trained_run / "runs" / "latest")]
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *typed], cwd=tmp_path, text=True, capture_output=True, check=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("ACCELERATE_")},
    )  # fmt: skip
    assert "prediction" in json.loads(done.stdout)
    assert "computed by torch without transformers, " in done.stderr
    assert done.stderr.splitlines()[-1] == "imported: []"


@pytest.mark.parametrize("processes", [1, 2])
def test_an_answer_does_not_wait_for_lines_to_come(trained_run: Path, processes: int) -> None:
    """A full chunk from a pipe that stays open is answered; then a Ctrl-C ends the waiting at once."""
    with subprocess.Popen(
        [sys.executable, "-m", "bertkit", "predict", "-", "--nproc", str(processes)],
        cwd=trained_run, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as child:  # fmt: skip
        assert child.stdin is not None and child.stdout is not None
        try:
            child.stdin.write('{"text": "the film is superb"}\n' * CHUNK_LINES)
            child.stdin.flush()
            found = [json.loads(child.stdout.readline())["prediction"] for _ in range(CHUNK_LINES)]
            assert found == ["positive"] * CHUNK_LINES
            child.send_signal(signal.SIGINT)
            assert child.wait(timeout=60) == 130  # the pipe is still open
            assert child.stderr is not None and child.stderr.read().startswith("stopped: after line ")
        finally:
            child.kill()


@pytest.mark.parametrize("engine", ["auto", "onnx"])
def test_one_of_several_processes_is_refused(trained_run: Path, tmp_path: Path, engine: str) -> None:
    (tmp_path / "one.jsonl").write_text('{"text": "superb"}\n', encoding="utf-8")
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*launch, "-m", "bertkit", "predict", str(tmp_path / "one.jsonl"), "--engine", engine],
        cwd=trained_run, text=True, capture_output=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode != 0 and done.stdout == ""
    assert "this runs in one process, and was started in 2" in done.stderr


def test_a_process_that_fails_alone_says_so_whatever_its_number(
    trained_run: Path, tmp_path: Path, bertkit: Any
) -> None:
    (tmp_path / "one.jsonl").write_text('{"text": "superb"}\n', encoding="utf-8")
    # As torchrun starts the second of two: it has not met the first, which may have been ended by then.
    done = bertkit(
        "predict", tmp_path / "one.jsonl", "--engine", "onnx", cwd=trained_run,
        environment={"RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert "this runs in one process, and was started in 2" in done.stderr


def test_an_engine_that_is_none(cli, tmp_path: Path) -> None:
    (tmp_path / "one.jsonl").write_text('{"text": "superb"}\n', encoding="utf-8")
    done = cli("predict", "one.jsonl", "--engine", "tensorflow")
    assert done.code == 2
    assert "--engine" in done.err
