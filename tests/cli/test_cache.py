"""`bertkit cache`: shows, asks, removes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two tokenized texts and nothing of the Hub."""
    monkeypatch.setenv("BERTKIT_CACHE", str(tmp_path / "bertkit"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    for name in ("aaaa", "bbbb"):
        file = tmp_path / "bertkit" / "features" / name / "input_ids.npy"
        file.parent.mkdir(parents=True)
        file.write_bytes(b"x" * 1_500)
    return tmp_path / "bertkit" / "features"


def test_list(kept: Path, cli) -> None:
    done = cli("cache", "list")
    assert (done.code, done.err) == (0, "")
    heading, row = done.out.splitlines()
    assert heading.split() == ["kind", "name", "size", "used", "where"]
    assert row.split() == ["features", "2", "tokenized", "texts", "3.0", "kB", "just", "now", str(kept)]
    listed = json.loads(cli("cache", "list", "--json").out)["entries"]
    assert [(entry["name"], entry["bytes"]) for entry in listed] == [("aaaa", 1500), ("bbbb", 1500)]


def test_clean_shows_first_and_removes_when_told(kept: Path, cli) -> None:
    done = cli("cache", "clean", "--dry-run")
    assert (done.code, done.out.splitlines()[-1]) == (0, "would free 3.0 kB")
    done = cli("cache", "clean", "--older-than", "1")
    assert (done.code, done.out) == (0, "nothing to remove\n")
    done = cli("cache", "clean")
    assert done.code == 2
    assert done.err.splitlines()[0] == "error: 2 entries would be removed: say so"
    assert "--yes" in done.err and "--dry-run" in done.err
    assert len(list(kept.iterdir())) == 2
    done = cli("cache", "clean", "aaaa", "--yes", "--json")
    assert done.code == 0
    said = json.loads(done.out)
    assert (said["removed"], said["bytes"], [entry["name"] for entry in said["entries"]]) == (
        True,
        1500,
        ["aaaa"],
    )
    assert [path.name for path in kept.iterdir()] == ["bbbb"]
    done = cli("cache", "clean", "--yes")
    assert done.out.splitlines()[-1] == "freed 1.5 kB"
    assert cli("cache", "list").out == "nothing is kept\n"
