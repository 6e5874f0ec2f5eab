"""Beside other processes threads lie down early; alone they do as the library chooses."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path

import pytest

from bertkit.cli import waiting
from bertkit.cli.waiting import LOOKS, SPINS, wait_politely_beside_others


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the kernel says, on a machine of four cores, for a process of two threads."""
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    # Whatever is set is taken back after the test.
    monkeypatch.setattr(os, "environ", dict(os.environ))
    return tmp_path / "loadavg"


@pytest.mark.parametrize(("running", "spins"), [(1, None), (3, None), (4, SPINS), (9, SPINS)])
def test_as_others_leave_cores(load: Path, running: int, spins: str | None) -> None:
    load.write_text(f"0.35 0.91 1.10 {running}/312 4711\n", encoding="ascii")
    wait_politely_beside_others(load)
    assert os.environ.get("GOMP_SPINCOUNT") == spins


@pytest.mark.parametrize("quiet_look", [0, 1, LOOKS - 1, None])
def test_a_passing_guest_changes_nothing(
    load: Path, quiet_look: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = [f"1 1 1 {1 if number == quiet_look else 5}/300 9" for number in range(LOOKS)]
    monkeypatch.setattr(Path, "read_text", lambda path, **given: looks.pop(0))
    monkeypatch.setattr(waiting, "BETWEEN_LOOKS_SECONDS", 0)
    wait_politely_beside_others(load)
    assert os.environ.get("GOMP_SPINCOUNT") == (SPINS if quiet_look is None else None)
    assert len(looks) == (0 if quiet_look is None else LOOKS - 1 - quiet_look)


@pytest.mark.parametrize("name", ["GOMP_SPINCOUNT", "OMP_WAIT_POLICY"])
def test_what_the_user_says_stays(load: Path, name: str) -> None:
    load.write_text("0.35 0.91 1.10 9/312 4711\n", encoding="ascii")
    os.environ[name] = "passive"
    before = dict(os.environ)
    wait_politely_beside_others(load)
    assert os.environ == before


@pytest.mark.parametrize("said", [None, "", "unlike a kernel's"])
def test_nobody_says(load: Path, said: str | None) -> None:
    if said is not None:
        load.write_text(said, encoding="ascii")
    wait_politely_beside_others(load)
    assert "GOMP_SPINCOUNT" not in os.environ


def test_whoever_asks_for_help_does_not_look(cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine looking takes a fifth of a second, and only who computes gains by it."""
    for verb in ("finetune", "eval", "predict", "bench"):
        module = import_module(f"bertkit.cli.{verb}")
        monkeypatch.setattr(module, "wait_politely_beside_others", lambda: pytest.fail("looked"))
        assert cli(verb, "--help").code == 0
    assert cli("recipes").code == 0


def test_whoever_computes_looks(trained_run: Path, cli, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    for verb in ("eval", "predict", "bench"):
        module = import_module(f"bertkit.cli.{verb}")
        monkeypatch.setattr(module, "wait_politely_beside_others", lambda verb=verb: looked.append(verb))
    (trained_run / "one.jsonl").write_text('{"text": "superb"}\n', encoding="utf-8")
    cli("eval", cwd=trained_run)
    cli("predict", "one.jsonl", cwd=trained_run)
    cli("bench", "--seconds", "0.1", cwd=trained_run)
    assert looked == ["eval", "predict", "bench"]
