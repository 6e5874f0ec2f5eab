"""`bertkit finetune --baseline`: what needs no encoder, beside what it reaches."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]


@pytest.fixture
def short(tiny_encoder: Path, reviews: Path) -> list[str]:
    """A training of two steps."""
    settings = ("train.max_steps=2", "train.precision=fp32", "train.max_length=16")
    given = [part for setting in settings for part in ("--set", setting)]
    return ["finetune", "classification", "--train", str(reviews), "--model", str(tiny_encoder), *given]


def test_the_table_shows_what_the_encoder_adds(cli: Cli, short: list[str], tmp_path: Path) -> None:
    done = cli(*short, "--baseline", "--out", tmp_path / "run")
    assert done.code == 0, done.err
    assert "scoring baselines" in done.err
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text(encoding="utf-8"))
    accuracy = metrics["scores"]["validation"]["accuracy"]
    beside = metrics["baselines"]["validation"]
    assert list(beside) == ["majority_class", "tfidf_logistic"]
    assert beside["tfidf_logistic"]["accuracy"] > 0.9
    lines = done.out.splitlines()
    (heading,) = (number for number, line in enumerate(lines) if "majority class" in line)
    cells = lines[heading + 1].split()
    assert cells[:3] == ["validation", "accuracy", f"{100 * accuracy:.2f}"]
    for (score, added), name in zip((cells[3:5], cells[5:7]), beside, strict=True):
        assert score == f"{100 * beside[name]['accuracy']:.2f}"
        assert float(added.strip("()")) == pytest.approx(
            100 * (accuracy - beside[name]["accuracy"]), abs=0.006
        )
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "TF-IDF" in page


def test_the_training_is_the_same_with_and_without(cli: Cli, short: list[str], tmp_path: Path) -> None:
    found = {}
    for name, flags in {"with": ["--baseline"], "without": []}.items():
        done = cli(*short, *flags, "--out", tmp_path / name, "--json")
        assert done.code == 0, done.err
        found[name] = json.loads(done.out)
    assert found["with"]["scores"] == found["without"]["scores"]
    assert found["with"]["baselines"]["validation"]
    assert found["without"]["baselines"] == {}
    logs = [(tmp_path / name / "log.jsonl").read_text(encoding="utf-8") for name in found]
    losses = [[json.loads(line).get("loss") for line in log.splitlines()] for log in logs]
    assert losses[0] == losses[1]
    metrics = json.loads((tmp_path / "without" / "metrics.json").read_text(encoding="utf-8"))
    assert "baselines" not in metrics


def test_a_dry_run_scores_them_and_trains_nothing(cli: Cli, short: list[str], tmp_path: Path) -> None:
    done = cli(*short, "--baseline", "--dry-run")
    assert done.code == 0, done.err
    assert "TF-IDF + logistic regression" in done.out
    assert "encoder" not in done.out
    assert list(tmp_path.iterdir()) == []
    done = cli(*short, "--baseline", "--dry-run", "--json")
    assert json.loads(done.out)["baselines"]["validation"]["tfidf_logistic"]["accuracy"] > 0.9


def test_several_trainings_have_none(cli: Cli, short: list[str], tmp_path: Path) -> None:
    done = cli(*short, "--baseline", "--seeds", "2")
    assert done.code == 2
    assert "bertkit eval --baseline" in done.err
    assert list(tmp_path.iterdir()) == []


def test_going_on_with_a_run_may_ask_for_them_too(cli: Cli, trained_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained_run / "runs" / "latest", run)
    (run / "metrics.json").unlink()  # as if it had been stopped before its end
    done = cli("finetune", "--resume", run, "--baseline", "--json")
    assert done.code == 0, done.err
    written = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    assert written["baselines"] == json.loads(done.out)["baselines"]
    assert written["baselines"]["validation"]["tfidf_logistic"]["accuracy"] > 0.9
