"""`bertkit benchmark glue` from one end to the other, on a small copy of some of its tasks."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bertkit.evaluation.submissions import check_submission

# What decides the label, which a tiny model learns in a moment.
WORDS = {
    "entailment": ["good", "lovely", "superb"],
    "contradiction": ["bad", "awful", "grim"],
    "neutral": ["music"],
}
MNLI = ["entailment", "neutral", "contradiction"]
WNLI = ["contradiction", "entailment"]  # written as 0 and 1; the first one is not_entailment
FILLER = ["the", "film", "plot", "actor", "scene", "is", "was", "a", "and", "very"]
SETTINGS = (
    "--set", "train.epochs=8", "--set", "train.batch_size=8", "--set", "train.learning_rate=2e-3",
    "--set", "train.precision=fp32", "--set", "train.max_length=32",
)  # fmt: skip


def make_rows(
    labels: list[str], columns: tuple[str, str], count: int, *, hidden: bool
) -> list[dict[str, Any]]:
    """Pairs whose second text decides the label, in a wild order; `truth` keeps what is hidden."""
    random_state = random.Random(count)
    rows = []
    for number in range(count):
        kind = random_state.randrange(len(labels))
        second = [*random_state.choices(FILLER, k=4), random_state.choice(WORDS[labels[kind]])]
        first = random_state.choices(FILLER, k=random_state.randint(3, 8))
        rows.append(
            {columns[0]: " ".join(first), columns[1]: " ".join(second), "idx": number,
             "label": -1 if hidden else kind, "truth": kind}
        )  # fmt: skip
    random_state.shuffle(rows)
    return rows


@pytest.fixture(scope="module")
def glue_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the configs wnli, mnli and ax; the test sets of wnli and ax are of full size."""
    folder = tmp_path_factory.mktemp("glue")
    nli, pair = ("premise", "hypothesis"), ("sentence1", "sentence2")
    for config, labels, columns, sizes in (
        ("wnli", WNLI, pair, {"train": 120, "validation": 30, "test": 146}),
        ("mnli", MNLI, nli, {"train": 180, "validation_matched": 30, "validation_mismatched": 31,
                             "test_matched": 20, "test_mismatched": 21}),
        ("ax", MNLI, nli, {"test": 1_104}),
    ):  # fmt: skip
        (folder / config).mkdir()
        for split, count in sizes.items():
            rows = make_rows(labels, columns, count, hidden=split.startswith("test"))
            text = "".join(json.dumps(row) + "\n" for row in rows)
            (folder / config / f"{split}.jsonl").write_text(text, encoding="utf-8")
    return folder


def truth_of(path: Path) -> list[int]:
    """The hidden labels in the order of the test set."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [row["truth"] for row in sorted(rows, key=lambda row: row["idx"])]


def stop_at(words: str, number: int, folder: Path, *arguments: str | Path) -> list[str]:
    """Start the command, send the signal when it says these words, and give all it said."""
    with subprocess.Popen(
        [sys.executable, "-m", "bertkit", *map(str, arguments)], cwd=folder, text=True, env=os.environ,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line.rstrip("\n"))
            if words in line:
                process.send_signal(number)
                break
        said += [line.rstrip("\n") for line in process.stderr]
    assert process.returncode == 128 + number, "\n".join(said)
    return said


Done = tuple[Path, dict[str, Any]]


@pytest.fixture(scope="module")
def done(
    tmp_path_factory: pytest.TempPathFactory, glue_data: Path, tiny_encoder: Path, bertkit: Callable[..., Any]
) -> Done:
    """A benchmark of three tasks, stopped after the first and gone on with; of one the data is not there."""
    folder = tmp_path_factory.mktemp("benchmark")
    said = stop_at(
        "task 2 of 3", signal.SIGTERM, folder, "benchmark", "glue", "--model", tiny_encoder, "--out", "b",
        "--tasks", "wnli,mnli,rte", "--set", f"data.source={glue_data}", *SETTINGS,
    )  # fmt: skip
    assert said[-2].startswith("stopped: ")
    assert said[-1] == "hint: go on: bertkit benchmark glue --resume b"
    # MNLI is the first of the three in the order of GLUE, and is done.
    partly = json.loads((folder / "b" / "results.json").read_text(encoding="utf-8"))
    assert partly["tasks"][0]["task"] == "mnli"
    assert "wnli" not in [found["task"] for found in partly["tasks"]]
    assert partly["submission"] is None
    kept = folder / "b" / "children" / "mnli" / "metrics.json"
    before = kept.stat().st_mtime_ns
    again = bertkit("benchmark", "glue", "--resume", "b", "--json", cwd=folder)
    assert again.returncode == 1, again.stderr
    assert kept.stat().st_mtime_ns == before, "what is finished stays"
    return folder / "b", json.loads(again.stdout)


def test_a_task_that_fails_is_a_row_and_the_others_are_done(done: Done) -> None:
    folder, found = done
    assert [(task["task"], task["state"]) for task in found["tasks"]] == [
        ("mnli", "finished"), ("rte", "failed"), ("wnli", "finished"),
    ]  # fmt: skip
    assert "no data file stands in this folder" in found["tasks"][1]["message"]
    assert found["tasks"][0]["rows"] == {"train": 180, "matched": 30, "mismatched": 31}
    assert min(found["tasks"][0]["figures"]) > 80
    assert found["average"]["value"] is None
    assert json.loads((folder / "results.json").read_text(encoding="utf-8")) == found
    table = (folder / "results.md").read_text(encoding="utf-8")
    assert "| RTE | accuracy | failed | 65.7 | 69.3 |" in table
    assert "180 of 392,702 train rows" in table


def test_the_archive_holds_what_is_whole_in_the_order_of_the_test_set(done: Done, glue_data: Path) -> None:
    folder, found = done
    submission = found["submission"]
    assert submission["files"] == ["WNLI.tsv", "AX.tsv"]
    assert submission["missing"]["MNLI-mm.tsv"] == "it has 21 of 9,847 rows"
    assert submission["missing"]["RTE.tsv"] == "its task failed"
    assert submission["missing"]["CoLA.tsv"] == "not among the tasks"
    archive = folder / "glue-submission.zip"
    faults = check_submission(archive.read_bytes())
    assert len(faults) == 9
    assert all(fault.endswith("is missing") for fault in faults)
    with zipfile.ZipFile(archive) as opened:
        tables = {name: opened.read(name).decode().splitlines() for name in opened.namelist()}
    names = {"WNLI.tsv": ["0", "1"], "AX.tsv": MNLI}
    for name, config in (("WNLI.tsv", "wnli"), ("AX.tsv", "ax")):
        truth = truth_of(glue_data / config / "test.jsonl")
        header, *lines = [line.split("\t") for line in tables[name]]
        assert header == ["index", "prediction"]
        assert [index for index, _ in lines] == [str(number) for number in range(len(truth))]
        right = sum(label == names[name][kind] for (_, label), kind in zip(lines, truth, strict=True))
        assert right > 0.9 * len(truth), f"{name}: {right} of {len(truth)}"


def test_children_are_runs_and_none_of_them_is_the_latest(done: Done) -> None:
    folder, found = done
    assert (folder / "children" / "wnli" / "model" / "model.safetensors").is_file()
    assert found["tasks"][2]["run"] == "b/children/wnli"
    assert not (folder.parent / "runs").exists()


def test_a_smoke_run_is_marked_and_its_archive_has_another_name(
    glue_data: Path, tiny_encoder: Path, cli: Callable[..., Any], tmp_path: Path
) -> None:
    ended = cli(
        "benchmark", "glue", "--model", tiny_encoder, "--quick", "--tasks", "wnli", "--set",
        f"data.source={glue_data}", "--out", "q",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert "SMOKE RUN" in ended.out
    assert "56.34" not in ended.out
    assert not (tmp_path / "q" / "glue-submission.zip").exists()
    with zipfile.ZipFile(tmp_path / "q" / "glue-smoke-run.zip") as opened:
        (name,) = opened.namelist()
        assert name == "WNLI.tsv"
        assert len(opened.read(name).splitlines()) == 1 + 32


def test_what_is_wrong_is_said_before_anything_is_written(cli: Callable[..., Any], tmp_path: Path) -> None:
    for arguments, told in (
        (["--tasks", "colla"], "GLUE has no task 'colla'"),
        (["--set", "train.epoch=1"], "train.epoch"),
        (["--model", "./nothing-here"], "nothing-here"),
        (["--resume", "b", "--quick"], "--resume goes on with a benchmark as it is"),
        (["--resume", "b"], "b holds no benchmark"),
    ):
        outcome = cli("benchmark", "glue", *arguments)
        assert outcome.code == 2, outcome.err
        assert told in outcome.labelled("error: ")[0]
        assert outcome.labelled("hint: ")
    assert not list(tmp_path.iterdir())
    assert "benchmark glue --model" in cli("benchmark").out
