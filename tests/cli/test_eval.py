"""`bertkit eval` as people call it: tables, slices, a page, stored predictions, several processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

Cli = Callable[..., Any]


def test_scores_come_with_intervals_and_classes(cli: Cli, trained_run: Path) -> None:
    done = cli("eval", "--slice", "length", cwd=trained_run)
    assert done.code == 0
    lines = done.out.splitlines()
    assert "95 % interval" in lines[1]
    assert any(line.startswith("by class") for line in lines)
    assert any(line.startswith("by length") for line in lines)


def test_json_holds_what_the_tables_show(cli: Cli, trained_run: Path) -> None:
    done = cli("eval", "--json", "--slice", "auto", cwd=trained_run)
    found = json.loads(done.out)["splits"]["validation"]
    score = found["scores"]["accuracy"]
    assert score["low"] <= score["value"] <= score["high"]
    assert {grouping["by"] for grouping in found["slices"]} >= {"length", "label"}


def test_a_page_is_written_once(cli: Cli, trained_run: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    done = cli("eval", "--report", page, "--baseline", cwd=trained_run)
    assert done.code == 0, done.err
    assert str(page) in done.out
    content = page.read_text(encoding="utf-8")
    assert "majority" in content.lower()
    again = cli("eval", "--report", page, cwd=trained_run)
    assert again.code == 2
    assert "already exists" in again.err
    assert page.read_text(encoding="utf-8") == content


def test_a_finished_run_has_its_page(trained_run: Path) -> None:
    page = (trained_run / "runs" / "latest" / "report.html").read_text(encoding="utf-8")
    assert "<svg" in page


def test_stored_predictions_need_no_model(trained_run: Path) -> None:
    file = trained_run / "runs" / "latest" / "predictions" / "validation.jsonl"
    code = (
        "import sys; sys.argv = ['bertkit', 'eval', sys.argv[1], '--json']\n"
        "from bertkit.cli.app import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print('torch' in sys.modules, file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=False
    )
    assert done.stderr.splitlines()[-1] == "False"
    metrics = json.loads((file.parent.parent / "metrics.json").read_text(encoding="utf-8"))
    assert json.loads(done.stdout)["scores"] == metrics["scores"]


def test_options_that_need_a_model_are_refused_for_a_file(cli: Cli, trained_run: Path) -> None:
    file = trained_run / "runs" / "latest" / "predictions" / "validation.jsonl"
    done = cli("eval", file, "--slice", "length", cwd=trained_run)
    assert done.code == 2
    assert "--slice needs the model" in done.err


def test_two_processes_give_the_same_scores_and_predictions(trained_run: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
        "-m",
        "bertkit",
    ]
    run = (trained_run / "runs" / "latest").resolve()
    done = subprocess.run(
        [*command, "eval", str(run), "--json", "-o", str(tmp_path / "two.jsonl")],
        capture_output=True, text=True, check=False, timeout=300, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    assert json.loads(done.stdout)["scores"] == metrics["scores"]  # printed once, by one of them
    kept = (run / "predictions" / "validation.jsonl").read_bytes()
    assert (tmp_path / "two.jsonl").read_bytes() == kept
