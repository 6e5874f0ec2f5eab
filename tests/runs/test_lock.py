"""Two processes never write one run folder; what a dead one left is taken over."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bertkit.errors import RunError
from bertkit.runs.lock import LOCK, OWNER, locked

HOLD = """
import sys
from pathlib import Path
from bertkit.runs.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    """A process that has the lock until it is told or killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def test_another_process_is_kept_out_and_told_whose_it_is(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        whose = f"process {process.pid} on .* since 20"
        with pytest.raises(RunError, match=whose) as caught, locked(tmp_path):
            pass
        assert "--out" in caught.value.hint
        process.communicate()
    assert list(tmp_path.iterdir()) == []
    with locked(tmp_path):
        pass


def test_a_killed_owner_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert (tmp_path / LOCK).exists() and json.loads((tmp_path / OWNER).read_text())["process"] == process.pid
    with locked(tmp_path):
        assert json.loads((tmp_path / OWNER).read_text())["process"] != process.pid
    assert list(tmp_path.iterdir()) == []


def test_an_owner_that_cannot_be_read_is_another_process(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        (tmp_path / OWNER).write_text("[]", encoding="utf-8")
        with pytest.raises(RunError, match="written by another process"), locked(tmp_path):
            pass
        process.communicate()


def test_an_error_inside_gives_it_back(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="within"), locked(tmp_path):
        raise ValueError("within")
    with locked(tmp_path):
        pass
