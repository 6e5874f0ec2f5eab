"""From runs to a summary and from that to tables: nothing that was run is left out."""

import json
from pathlib import Path

import pytest

from benchmarks import measured as store
from benchmarks.measured import Measured
from benchmarks.speed_tables import short_table, workload_section
from benchmarks.workloads import WORKLOADS

SST2 = WORKLOADS["train-sst2"]


def run(rival: str, number: int, speed: float, **more: object) -> dict[str, object]:
    return {
        "call": "morning", "rival": rival, "round": number, "seconds": 100 / speed, "samples": 100,
        "samples_per_second": speed, "peak_bytes": 1_000_000_000, "outside_cores": 0.01, **more,
    }  # fmt: skip


@pytest.fixture
def measured() -> Measured:
    found = Measured("train-sst2", {"size": 100, "batch_size": 32, "max_length": 128, "threads": 2})
    found.input = {
        "lengths": {"samples": 100, "tokens": 1_000, "squares": 10_000},
        "shape": {"layers": 6, "hidden": 384, "inner": 1536},
    }
    found.peaks = [{"bf16": 400.0, "fp32": 200.0}, {"bf16": 420.0, "fp32": 190.0}]
    found.runs = [
        run("padded", 0, 10.0), run("same", 0, 150.0), run("tokens", 0, 200.0),
        run("padded", 1, 5.0), run("same", 1, 80.0, outside_cores=0.9), run("tokens", 1, 90.0),
        {**run("simpletransformers", 0, 1.0), "fault": "ImportError: no"},
    ]  # fmt: skip
    return found


def test_the_summary_has_medians_ranges_and_ratios_by_round(measured: Measured) -> None:
    summary = store.summary(measured, SST2)
    assert summary["padded"]["samples_per_second"] == {"median": 7.5, "min": 5.0, "max": 10.0}
    assert summary["padded"]["bertkit_over_it"]["same"] == {"median": 15.5, "min": 15.0, "max": 16.0}
    assert summary["same"]["tokens_per_second"] == 1_150.0
    # 64 MFLOP a token (and attention to 10 tokens) of 420 GFLOP/s, the better of two rounds.
    assert summary["same"]["share_of_peak"]["bf16"] == pytest.approx(1_150 * 63.98e6 / 420e9, rel=1e-3)
    assert summary["simpletransformers"]["fault"] == "ImportError: no"


def test_what_ran_in_different_calls_is_not_compared(measured: Measured) -> None:
    measured.runs = [run("padded", 0, 10.0), {**run("same", 0, 150.0), "call": "evening"}]
    assert store.summary(measured, SST2)["padded"]["bertkit_over_it"] == {}


def test_every_rival_that_was_run_has_a_row(measured: Measured, tmp_path: Path) -> None:
    file = tmp_path / "train-sst2.json"
    store.save(measured, SST2, file)
    kept = json.loads(file.read_text(encoding="utf-8"))
    lines = workload_section(kept, SST2)
    rows = [line for line in lines if line.startswith("|")]
    assert [row.split("|")[1].strip() for row in rows[2:]] == [
        "Trainer, padded to the limit", "simpletransformers", "bertkit, same batches",
        "bertkit, token budget",
    ]  # fmt: skip
    assert len({row.count("|") for row in rows}) == 1
    assert "15.50 (15.00 to 16.00)" in rows[2]
    assert "could not be run: ImportError: no" in rows[3]
    assert "something else kept 0.90 of a core busy at most, over 0.2 in 1 of 7 runs" in lines[-2]
    short = short_table({"train-sst2": kept})
    assert "same batches | Trainer, padded to the limit: 15.50 (15.00 to 16.00)" in short[2]
    assert "token budget" in short[3]


def test_what_was_measured_is_read_back(measured: Measured, tmp_path: Path) -> None:
    file = tmp_path / "train-sst2.json"
    assert store.load(file) is None
    store.save(measured, SST2, file)
    assert store.load(file) == measured


def test_a_failed_run_is_not_done(measured: Measured) -> None:
    rivals = {rival.key: rival for rival in SST2.rivals}
    assert measured.done(rivals["padded"], 1) == 1
    assert measured.done(rivals["padded"], 2) == 0
    assert measured.done(rivals["simpletransformers"], 0) == 0


def test_keys_of_rivals_differ_in_every_workload() -> None:
    for workload in WORKLOADS.values():
        keys = [rival.key for rival in workload.rivals]
        assert len(keys) == len(set(keys)), workload.name
