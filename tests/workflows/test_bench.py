"""What `bench` says of a model: which lines, how many tokens, by what, and figures that fit each other."""

from __future__ import annotations

import csv
import gzip
import json
import mmap
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bertkit.errors import BertkitError, DataError, RunError, UsageError
from bertkit.models.contract import ModelContract, write_contract
from bertkit.models.light.families import shape_of
from bertkit.workflows import bench as bench_module
from bertkit.workflows.bench import bench
from bertkit.workflows.bench_lines import EVERY, TEXTS_A_LENGTH, Group, vocabulary_workload
from bertkit.workflows.bench_machine import (
    ProcessorTime,
    matrix_peak,
    operations_a_token,
    peak_memory,
    resident_memory,
    restart_peak_memory,
)
from bertkit.workflows.bench_result import BenchResult
from bertkit.workflows.events import Event, Note, Progress
from bertkit.workflows.predictor import load_predictor
from bertkit.workflows.trained import find_trained

SHORT = 0.2


@pytest.fixture
def in_run(trained_run: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in the folder where `runs/latest` is."""
    monkeypatch.chdir(trained_run)
    return trained_run


@pytest.fixture
def elsewhere(trained_run: Path, reviews: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run on a machine that does not have its data."""
    run = tmp_path / "run"
    shutil.copytree(trained_run / "runs" / "latest", run)
    recipe = (run / "recipe.yaml").read_text(encoding="utf-8")
    assert str(reviews) in recipe
    (run / "recipe.yaml").write_text(recipe.replace(str(reviews), "gone.csv"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return run


def check_consistent(result: BenchResult) -> None:
    """All figures are there, and none contradicts another."""
    assert result.latency
    for row in result.latency:
        assert row.answers >= 3
        assert 0 < row.least_ms <= row.p50_ms <= row.p95_ms <= row.p99_ms <= row.most_ms
        assert 0 < row.tokens.least <= row.tokens.median <= row.tokens.most
    for made in result.throughput:
        assert made.rounds >= 3
        assert made.lines_a_round >= 32
        for speed in (made.lines_a_second, made.tokens_a_second):
            assert 0 < speed.least <= speed.median <= speed.most
        tokens_a_line = made.tokens_a_round / made.lines_a_round
        assert made.tokens.least <= tokens_a_line <= made.tokens.most
        assert made.tokens_a_second.median == pytest.approx(made.lines_a_second.median * tokens_a_line)
        assert made.share_of_peak is not None
        assert made.share_of_peak > 0
    memory, loading = result.memory, result.loading
    assert 0 < memory.before <= memory.peak
    assert memory.device_peak is None
    assert min(loading.libraries, loading.model, loading.first_answer) >= 0
    assert result.peak_gflops > 0
    assert result.threads >= 1
    assert result.environment["packages"]["torch"]


def test_a_run_is_measured_with_the_texts_it_was_scored_on(in_run: Path, reviews: Path) -> None:
    from transformers import AutoTokenizer

    heard: list[Event] = []
    result = bench(seconds=SHORT, listen=heard.append)
    check_consistent(result)
    assert result.model == str((in_run / "runs" / "latest").resolve())
    assert result.origin == "texts of validation"
    scored = (in_run / "runs" / "latest" / "predictions" / "validation.jsonl").read_text(encoding="utf-8")
    with reviews.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    texts = [rows[int(json.loads(line)["id"])]["text"] for line in scored.splitlines()]
    tokenizer = AutoTokenizer.from_pretrained(in_run / "runs" / "latest" / "model")
    assert result.lines == len(texts)
    assert result.tokens == sum(len(ids) for ids in tokenizer(texts)["input_ids"])
    assert [row.lines for row in result.latency] == [EVERY, "short", "middle", "long"]
    _, short, middle, long = (row.tokens.median for row in result.latency)
    assert short < middle < long
    assert [made.lines for made in result.throughput] == [EVERY]
    told = [event for event in heard if isinstance(event, Progress)]
    assert {event.what for event in told} == {"measuring single lines", "measuring full batches"}
    assert all(0 <= event.done <= 100 == event.total for event in told)


def test_nothing_beside_the_model_is_loaded_into_the_process_that_is_measured(in_run: Path) -> None:
    program = """
import json, sys
from bertkit import bench
result = bench(seconds=0.2)
heavy = [name for name in ("datasets", "accelerate", "transformers", "rich") if name in sys.modules]
print(json.dumps([heavy, result.loading.cold, result.memory.libraries > 0, result.origin]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=in_run, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [[], True, True, "texts of validation"]


def test_tokens_of_an_own_file_are_those_the_model_reads(in_run: Path, tmp_path: Path) -> None:
    file = tmp_path / "lines.csv"
    cut = " ".join(["film"] * 60)  # the run reads 32 tokens at most
    file.write_text(f"n,text\n1,the film is superb\n2,dull\n3,{cut}\n", encoding="utf-8")
    result = bench(data=file, seconds=SHORT)
    check_consistent(result)
    assert (result.origin, result.lines, result.rejected) == (str(file), 3, 0)
    assert result.tokens == (4 + 2) + (1 + 2) + 32
    every, made = result.latency[0], result.throughput[0]
    assert (every.tokens.least, every.tokens.median, every.tokens.most) == (3, 6, 32)
    # The lines are repeated, in an order of their own, until a round is full.
    times, rest = divmod(made.lines_a_round, 3)
    begun = {0: {0}, 1: {3, 6, 32}, 2: {3 + 6, 3 + 32, 6 + 32}}[rest]
    assert made.tokens_a_round - times * result.tokens in begun


def test_faulty_lines_are_left_out_and_counted(in_run: Path, tmp_path: Path) -> None:
    file = tmp_path / "lines.jsonl.gz"
    lines = b'{"text": "dull"}\nnot json\n{"txet": "a"}\n{"text": "the plot"}\n'
    file.write_bytes(gzip.compress(lines))
    result = bench(data=file, seconds=SHORT)
    assert (result.lines, result.tokens, result.rejected) == (2, 7, 2)
    assert "2 of 4 lines are faulty and left out" in result.notes


def test_columns_are_named_as_for_predict(in_run: Path, tmp_path: Path) -> None:
    file = tmp_path / "lines.csv"
    file.write_text("body\ndull\n", encoding="utf-8")
    with pytest.raises(DataError, match="name it with --text"):
        bench(data=file, seconds=SHORT)
    assert bench(data=file, text=["body"], seconds=SHORT).tokens == 3
    with pytest.raises(DataError, match="the model reads 1 texts"):
        bench(data=file, text=["body", "other"], seconds=SHORT)


def test_without_its_data_a_run_is_measured_with_words_of_the_vocabulary(elsewhere: Path) -> None:
    heard: list[Event] = []
    result = bench(str(elsewhere), seconds=SHORT, listen=heard.append)
    check_consistent(result)
    assert result.origin == "words of the vocabulary"
    assert any(isinstance(event, Note) and "gone.csv" in event.text for event in heard)
    # 64 is more than the 32 tokens that the run reads.
    expected = [("16 tokens", 16, 16), ("32 tokens", 32, 32)]
    for rows in (result.latency, result.throughput):
        assert [(row.lines, row.tokens.least, row.tokens.most) for row in rows] == expected
    assert result.tokens == TEXTS_A_LENGTH * (16 + 32)


@pytest.mark.parametrize(
    ("head", "contract"),
    [
        ("SequenceClassification", {"task": "nli", "text": ("premise", "hypothesis"),
                                    "problem": "single_label", "labels": ("a", "b", "c")}),
        ("TokenClassification", {"task": "ner", "text": ("tokens",), "label": "tags", "problem": "tags",
                                 "labels": ("O", "B-P", "I-P"), "window": 48, "stride": 12}),
        ("QuestionAnswering", {"task": "qa", "text": ("question", "context"), "label": "answers",
                               "problem": "answers", "window": 48, "stride": 12, "max_question_length": 16}),
    ],
    ids=["pairs", "tags", "answers"],
)  # fmt: skip
def test_words_of_the_vocabulary_make_lines_for_every_task(
    head: str, contract: dict[str, Any], tiny_encoder: Path, tmp_path: Path
) -> None:
    import transformers

    outputs = {} if head == "QuestionAnswering" else {"num_labels": 3}
    model = getattr(transformers, f"AutoModelFor{head}").from_pretrained(tiny_encoder, **outputs)
    model.save_pretrained(tmp_path)
    transformers.AutoTokenizer.from_pretrained(tiny_encoder).save_pretrained(tmp_path)
    write_contract(tmp_path, ModelContract(max_length=48, **contract))
    found = find_trained(str(tmp_path))
    workload = vocabulary_workload(load_predictor(found).trained, found.contract)
    assert [set(group.tokens.tolist()) for group in workload.single] == [{16}, {48}]
    first = workload.single[0].lines[0].record
    assert first is not None
    assert len(first) == len(contract["text"])
    assert len(set(" ".join(first.values()).split())) > 3
    check_consistent(bench(str(tmp_path), seconds=SHORT))


def test_the_engine_is_handed_on(in_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def load(found: Any, engine: Any, **options: Any) -> Any:
        asked.append(engine)
        return load_predictor(found, engine, **options)

    monkeypatch.setattr(bench_module, "load_predictor", load)
    results = [bench(seconds=SHORT, engine=engine) for engine in ("auto", "torch")]
    assert asked == [result.engine for result in results] == ["auto", "torch"]
    assert results[0].computed_by == load_predictor(find_trained("latest"), "auto").by


@pytest.mark.skipif(find_spec("onnxruntime") is None, reason="bertkit[onnx] is not installed")
def test_onnx_runtime_is_measured_where_it_is_asked_for(elsewhere: Path) -> None:
    first = bench(str(elsewhere), seconds=SHORT, engine="onnx")
    again = bench(str(elsewhere), seconds=SHORT, engine="onnx")
    for result in (first, again):
        check_consistent(result)
        assert "onnxruntime" in result.computed_by
        assert result.precision == "fp32"
        assert result.environment["packages"]["onnxruntime"]
    exported = "loading and memory are those of this first time: measure again"
    assert (exported in first.notes, exported in again.notes) == (True, False)


def test_threads_are_set_for_the_measurement_only(in_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setenv("RAYON_NUM_THREADS", "1")
    before = torch.get_num_threads()
    seen: list[tuple[int, str | None]] = []

    def hear(event: Event) -> None:
        if isinstance(event, Progress):
            seen.append((torch.get_num_threads(), os.environ.get("RAYON_NUM_THREADS")))

    assert bench(seconds=SHORT, threads=before + 1, listen=hear).threads == before + 1
    assert set(seen) == {(before + 1, str(before + 1))}
    assert (torch.get_num_threads(), os.environ["RAYON_NUM_THREADS"]) == (before, "1")
    assert bench(seconds=SHORT).threads == before


def test_a_busy_machine_is_said(in_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moments = [ProcessorTime(0.0, 100.0, 5.0), ProcessorTime(2.0, 100.0 + 4 * (os.cpu_count() or 1), 6.0)]
    monkeypatch.setattr(ProcessorTime, "now", moments.copy().__iter__().__next__)
    heard: list[Event] = []
    result = bench(seconds=SHORT, listen=heard.append)
    assert result.outside_cores == 2 * (os.cpu_count() or 1) - 0.5
    warnings = [event.text for event in heard if isinstance(event, Note) and event.warning]
    assert len(warnings) == 2
    assert warnings[1].startswith("24 lines are repeated up to ")
    assert f"kept {result.outside_cores:.1f} of {os.cpu_count()} cores busy" in warnings[0]
    assert list(result.notes) == warnings


def test_other_processes_are_told_from_this_one() -> None:
    begin = ProcessorTime(at=10.0, all_processes=500.0, own=20.0)
    assert begin.outside_cores(ProcessorTime(14.0, 512.0, 26.0)) == 1.5
    # The system counts in ticks: a hundredth more of one's own is no negative load.
    assert begin.outside_cores(ProcessorTime(14.0, 505.9, 26.0)) == 0.0
    # A sandbox without a count.
    assert begin.outside_cores(ProcessorTime(14.0, 500.0, 26.0)) is None
    now = ProcessorTime.now()
    assert now.all_processes >= now.own > 0


def test_operations_of_a_token_by_hand() -> None:
    config = {
        "model_type": "bert", "architectures": ["BertForSequenceClassification"], "hidden_size": 4,
        "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 8, "hidden_act": "gelu",
        "layer_norm_eps": 1e-12, "vocab_size": 9, "max_position_embeddings": 16, "type_vocab_size": 2,
        "pad_token_id": 0,
    }  # fmt: skip
    shape = shape_of(config, "single_label")
    assert shape is not None
    # Lines of 3 and 5 tokens; a token is among (9 + 25) / 8 on average.
    group = Group("", [], np.array([3, 5]), np.array([9, 25]))
    weights = 2 * (4 * 4 * 4 + 2 * 4 * 8)
    assert operations_a_token(shape, group) == 2 * weights + 4 * 2 * 4 * 34 / 8


def test_the_peak_of_memory_is_remembered_until_it_is_asked_to_forget() -> None:
    restart_peak_memory()
    before = resident_memory()
    # Straight from the system: what other tests have freed may still be kept for the next.
    with mmap.mmap(-1, 100_000_000) as held:
        held.write(b"x" * 100_000_000)
    with_it = peak_memory()
    assert with_it > before + 90_000_000
    restart_peak_memory()
    assert peak_memory() <= with_it


def test_the_fastest_matrix_product_is_found_in_no_time() -> None:
    import torch

    assert matrix_peak(torch.device("cpu"), "fp32", seconds=0.01) > 0


@pytest.mark.parametrize(
    ("arguments", "kind", "said"),
    [
        ({"seconds": 0}, UsageError, "nothing to measure with"),
        ({"threads": 0}, UsageError, "nothing to measure with"),
        ({"data": "missing.csv"}, DataError, "no such file"),
        ({"data": "empty.jsonl"}, DataError, "there is no line in it"),
        ({"data": "bad.jsonl"}, DataError, "no line of 2 can be predicted"),
        ({"data": "rows.parquet"}, DataError, "not read line by line"),
    ],
)
def test_faults_have_a_hint(
    arguments: dict[str, Any], kind: type[BertkitError], said: str, elsewhere: Path
) -> None:
    Path("empty.jsonl").touch()
    Path("bad.jsonl").write_text("nope\n[]\n", encoding="utf-8")
    with pytest.raises(kind, match=said) as caught:
        bench("run", **arguments)
    assert caught.value.hint


def test_no_run_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunError, match="no finished run"):
        bench()
