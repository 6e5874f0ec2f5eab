"""What the doctor concludes from what it finds: packages, the Hub, its own training, a probe that fails."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from typing import Any

import pytest

from bertkit.workflows import doctor
from bertkit.workflows.events import silent
from bertkit.workflows.health import hub, packages, probe
from bertkit.workflows.health.finding import Finding
from bertkit.workflows.health.probe import Probe
from bertkit.workflows.health.self_test import fault_of_self_test

GOOD = {
    "first_loss": 0.7, "last_loss": 0.01, "accuracy": 1.0, "same_scores": True, "same_predictions": True,
    "seconds": 3.0,
}  # fmt: skip


DEVICES = {"precision": "fp32", "threads": 1, "gpus": [], "cuda": None, "driver": True, "other": None}


class Metadata:
    """Of a bertkit that needs these."""

    def __getitem__(self, name: str) -> str:
        return ">=3.99"

    def get_all(self, name: str) -> list[str]:
        return ["transformers>=5,<6", "torch>=2.8", "accelerate>=1.10", "rich>=14", "none; extra == 'demo'"]


def test_other_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name == "accelerate":
            raise PackageNotFoundError(name)
        return {"transformers": "4.57.1", "torch": "2.13.0+cu130", "rich": "13.0"}.get(name, "1000.0rc1")

    monkeypatch.setattr(packages, "version", version)
    monkeypatch.setattr(packages, "metadata", lambda _: Metadata())
    found = {finding.name: finding for finding in packages.look_at_packages()}
    assert {name for name, each in found.items() if each.state == "problem"} == {
        "python", "transformers", "accelerate", "rich",
    }  # fmt: skip
    assert found["transformers"].text == "4.57.1, bertkit is made for <6,>=5"
    assert found["transformers"].hint == "pip install 'transformers<6,>=5'"
    assert found["accelerate"].text == "not installed"
    assert found["torch"].state == "ok" and "2.13.0+cu130" in found["torch"].text
    assert "none" not in found


@pytest.fixture
def silent_hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server that takes connections and never answers."""
    from huggingface_hub import constants

    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
        yield


def test_hub_that_never_answers(silent_hub: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "CONNECT_SECONDS", 0.2)
    (found,) = hub.look_at_hub()
    assert found.state == "problem" and "cannot be asked: timed out" in found.text
    monkeypatch.setattr(hub, "LONGEST_SECONDS", 0.1)
    monkeypatch.setattr(hub, "CONNECT_SECONDS", 60)
    (found,) = hub.look_at_hub()
    assert found.state == "problem" and "gave no answer within" in found.text


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, ""),
        ({"last_loss": 0.6}, "the loss did not fall"),
        ({"last_loss": float("nan")}, "the loss did not fall"),
        ({"accuracy": 0.5}, "accuracy of 0.50"),
        ({"same_scores": False}, "scores otherwise"),
        ({"same_predictions": False}, "predicts otherwise"),
    ],
)
def test_what_a_training_must_give(changed: dict[str, Any], said: str) -> None:
    fault = fault_of_self_test(GOOD | changed)
    assert said in fault and bool(said) == bool(fault)


class Process:
    """A probe that has ended."""

    def __init__(self, code: int, out: str = "", err: str = "") -> None:
        self.returncode, self._said = code, (out, err)

    def communicate(self, timeout: float) -> tuple[str, str]:
        return self._said


def test_probes_that_fail() -> None:
    def result(*args: Any) -> Probe:
        return probe._result_of(Process(*args))  # type: ignore[arg-type]

    assert result(-4).fault == "killed by SIGILL"
    assert result(1, "", "a\nImportError: x\n").fault == "ImportError: x"
    assert result(1).fault == "exit code 1"
    said = "\n".join(["noise", json.dumps({"devices": DEVICES}), "7", json.dumps({"fault": "y"})])
    assert result(0, said) == Probe(DEVICES, None, "y")


def test_examination(monkeypatch: pytest.MonkeyPatch) -> None:
    given = Probe(DEVICES, GOOD)

    @contextmanager
    def probing(*, self_test: bool) -> Iterator[Any]:
        yield lambda: given

    monkeypatch.setattr(doctor, "probing", probing)
    for name in ("packages", "processor", "memory", "storage", "downloads", "hub"):
        monkeypatch.setattr(doctor, f"look_at_{name}", lambda: [Finding("x", "ok", "")])
    found = doctor.examine(listen=silent)
    assert found.is_healthy and (found.count("problem"), found.count("warning")) == (0, 1)
    assert [each.text for each in found.findings if each.state == "warning"] == [
        "there is a driver for NVIDIA's cards, but torch, built without CUDA, sees none"
    ]
    given = replace(given, self_test=GOOD | {"accuracy": 0.1})
    assert not doctor.examine().is_healthy
    given = Probe(None, None, "killed by SIGILL")
    found = doctor.examine()
    assert found.count("problem") == 2
    assert [each.name for each in doctor.examine(self_test=False).findings if each.state == "problem"] == [
        "torch at work"
    ]
