"""The command line inside this process: quick where no signal and no `sys.modules` is looked at."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Outcome:
    """What a call of the command line left: its exit code and what it printed."""

    code: int
    out: str
    err: str

    def labelled(self, label: str) -> list[str]:
        """The lines of standard error that begin with a label, without it."""
        return [line.removeprefix(label) for line in self.err.splitlines() if line.startswith(label)]


Cli = Callable[..., Outcome]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Cli]:
    """Run `bertkit ARGUMENTS` in a folder, by default the test's own."""
    from bertkit.cli.app import main
    from bertkit.cli.options import _STATE

    before = signal.getsignal(signal.SIGTERM)

    def run(*arguments: str | Path, cwd: Path = tmp_path) -> Outcome:
        monkeypatch.chdir(cwd)
        monkeypatch.setattr(sys, "argv", ["bertkit", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main()
        printed = capsys.readouterr()
        assert isinstance(stop.value.code, int)
        return Outcome(stop.value.code, printed.out, printed.err)

    yield run
    signal.signal(signal.SIGTERM, before)
    _STATE["debug"] = False
