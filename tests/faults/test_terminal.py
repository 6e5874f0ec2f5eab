"""A terminal that is closed while a training runs."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

from bertkit.runs.folder import RunFolder


def test_a_closed_terminal_saves_and_stops(training, tmp_path: Path) -> None:
    """The system sends SIGHUP, and what is said can be shown nowhere."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", LEAD, *map(str, training.begin(epochs=500))], cwd=tmp_path,
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    ) as process:  # fmt: skip
        os.close(theirs)
        seen = b""
        while b"epoch" not in seen:
            seen += os.read(ours, 1000)
        os.close(ours)
        assert process.wait() == 128 + signal.SIGHUP
    found, skipped = RunFolder(tmp_path / "run").checkpoints.newest()
    assert found is not None and not skipped
    lines = (tmp_path / "run" / "log.jsonl").read_text(encoding="utf-8").splitlines()
    steps = [record["step"] for record in map(json.loads, lines) if record["kind"] == "train"]
    assert found.step == steps[-1]  # saved after the last step that was done


# The terminal is that of the session, as it is for a shell's command.
LEAD = """
import fcntl, signal, sys, termios
signal.signal(signal.SIGHUP, signal.SIG_DFL)
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
sys.argv[0] = "bertkit"
from bertkit.cli.app import main
main()
"""
