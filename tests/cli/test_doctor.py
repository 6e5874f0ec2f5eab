"""`bertkit doctor` in a child process: healthy, and with things that are broken."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

TOKEN = "hf_CanaryOfTheDoctor0123456789abc"


def findings_of(done) -> dict[str, dict]:
    return {finding["name"]: finding for finding in json.loads(done.stdout)["findings"]}


def test_healthy(bertkit, tmp_path: Path) -> None:
    done = bertkit("doctor", "--json", cwd=tmp_path, environment={"HF_TOKEN": TOKEN})
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert said["healthy"] and said["problems"] == 0
    found = findings_of(done)
    assert {
        "python",
        "bertkit",
        "torch",
        "transformers",
        "datasets",
        "tokenizers",
        "accelerate",
    } <= found.keys()
    assert {"huggingface_hub", "processor", "memory", "precision", "gpu", "downloads"} <= found.keys()
    assert {"disk for runs", "disk for downloads", "disk for features", "hub", "self-test"} <= found.keys()
    assert found["self-test"]["facts"]["last_loss"] < found["self-test"]["facts"]["first_loss"]
    assert found["self-test"]["facts"]["same_predictions"] is True
    assert "HF_HUB_OFFLINE" in found["hub"]["text"]
    assert found["hub"]["facts"]["token"] is True
    assert TOKEN not in done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []  # not even runs/latest


def test_broken(bertkit, tmp_path: Path) -> None:
    (tmp_path / "runs").symlink_to("/proc")  # where not even root makes a file
    (tmp_path / "file").touch()
    blobs = tmp_path / "home" / "hub" / "models--a--b" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / "whole").write_bytes(b"x" * 1000)
    (blobs / "half.incomplete").write_bytes(b"x" * 2000)
    broken = {
        "HF_ENDPOINT": "http://me:word@127.0.0.1:1", "HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path / "home"),
        "BERTKIT_CACHE": str(tmp_path / "file" / "cache"), "COLUMNS": "60",
    }  # fmt: skip
    done = bertkit("doctor", "--no-self-test", "--json", cwd=tmp_path, environment=broken)
    assert done.returncode == 1, done.stderr
    found = findings_of(done)
    assert found["disk for runs"]["state"] == "problem" and "--out" in found["disk for runs"]["hint"]
    assert found["disk for features"]["state"] == "warning"
    assert "BERTKIT_CACHE" in found["disk for features"]["hint"]
    assert found["hub"]["state"] == "problem"
    assert "http://***@127.0.0.1:1" in found["hub"]["text"] and "out of reach" in found["hub"]["text"]
    assert found["hub"]["facts"]["seconds"] < 5
    assert found["downloads"]["state"] == "warning"
    assert found["downloads"]["facts"]["incomplete"] == 1
    assert found["downloads"]["facts"]["incomplete_bytes"] == 2000
    assert "self-test" not in found
    assert found["disk for downloads"]["state"] == "ok"


@pytest.mark.parametrize("module", ["torch", "transformers"])
def test_broken_package(module: str, bertkit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that cannot be imported is a finding, not the end of the doctor."""
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / f"{module}.py").write_text(
        "raise ImportError('libmissing.so.7')", encoding="utf-8"
    )
    root = Path(__file__).parents[2]
    done = bertkit("doctor", cwd=tmp_path, environment={"PYTHONPATH": f"{tmp_path / 'broken'}:{root}"})
    assert done.returncode == 1, done.stdout + done.stderr
    assert "problem" in done.stdout and "ImportError: libmissing.so.7" in done.stdout
    assert "next: " in done.stdout
    assert "Traceback" not in done.stderr
