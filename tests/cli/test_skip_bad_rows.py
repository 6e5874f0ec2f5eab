"""`--skip-bad-rows` from end to end: what is set aside, counted and written; all else is the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

BRIEF = ("--set", "train.max_steps=2", "--set", "train.max_length=16", "--set", "train.precision=fp32")
GOOD = [(f"film number {number}", "ab"[number % 2]) for number in range(40)]
# Line of the file -> its bytes, and what is told of it.
BAD = {
    4: (b"no label\n", "1 field"),
    9: (b"caf\xe9,a\n", "0xe9"),
    17: (b",b\n", "text is missing or blank"),
    30: (b"no label,\n", "label is missing"),
}


def table(bad: dict[int, tuple[bytes, str]]) -> bytes:
    lines = [b"text,label\n", *(f"{text},{label}\n".encode() for text, label in GOOD)]
    for number in sorted(bad):
        lines.insert(number - 1, bad[number][0])
    return b"".join(lines)


@pytest.fixture
def dirty(tmp_path: Path) -> Path:
    (tmp_path / "clean.csv").write_bytes(table({}))
    (tmp_path / "dirty.csv").write_bytes(table(BAD))
    return tmp_path


def rejected(path: Path) -> dict[int, dict[str, Any]]:
    found = {row["line"]: row for row in map(json.loads, path.read_text(encoding="utf-8").splitlines())}
    assert all(reason in found[line]["reason"] for line, (_, reason) in BAD.items())
    assert {Path(row["file"]).name for row in found.values()} == {"dirty.csv"}
    return found


def finetune(cli, tiny_encoder: Path, *arguments: str | Path):
    return cli("finetune", "classification", "--model", tiny_encoder, *BRIEF, *arguments)


def test_a_run_on_dirty_rows_is_the_run_on_the_clean_ones(dirty: Path, cli, tiny_encoder: Path) -> None:
    clean = finetune(cli, tiny_encoder, "--train", "clean.csv", "--out", "clean")
    assert clean.code == 0, clean.err
    done = finetune(cli, tiny_encoder, "--train", "dirty.csv", "--out", "dirty", "--skip-bad-rows", "4")
    assert done.code == 3, done.err
    assert set(rejected(dirty / "dirty" / "rejected.jsonl")) == set(BAD)
    assert "4 rows are in dirty/rejected.jsonl" in done.out
    (warning,) = (line for line in done.labelled("! ") if "set aside" in line)
    assert "4 rows" in warning and "dirty.csv:4" in warning
    metrics = json.loads((dirty / "dirty" / "metrics.json").read_text())
    assert metrics.pop("rejected") == 4
    expected = json.loads((dirty / "clean" / "metrics.json").read_text())
    assert {**metrics, "seconds": 0} == {**expected, "seconds": 0}
    assert not (dirty / "clean" / "rejected.jsonl").exists()
    assert "4 rows are set aside" in (dirty / "dirty" / "report.html").read_text()
    weights = [(dirty / name / "model" / "model.safetensors").read_bytes() for name in ("clean", "dirty")]
    assert weights[0] == weights[1]

    # The run is scored on the rows that it kept, without another word.
    again = cli("eval", "dirty", "--json")
    assert again.code == 3, again.err
    assert json.loads(again.out)["scores"] == {
        name: pytest.approx(values) for name, values in metrics["scores"].items()
    }


def test_one_more_is_an_error_and_leaves_nothing(dirty: Path, cli, tiny_encoder: Path) -> None:
    done = finetune(cli, tiny_encoder, "--train", "dirty.csv", "--out", "run", "--skip-bad-rows", "2")
    assert done.code == 2
    (error,), (hint,) = done.labelled("error: "), done.labelled("hint: ")
    assert "3 rows" in error and "dirty.csv:4: " in error and "dirty.csv:9: " in error
    assert "--skip-bad-rows" in hint
    assert not (dirty / "run").exists()
    done = finetune(cli, tiny_encoder, "--train", "dirty.csv", "--out", "run")
    assert done.code == 2 and "error: dirty.csv:4: the row has 1 field" in done.err
    assert not (dirty / "run").exists()


@pytest.mark.long_faults
def test_json_and_several_seeds(dirty: Path, cli, tiny_encoder: Path) -> None:
    done = finetune(
        cli, tiny_encoder, "--train", "dirty.csv", "--out", "run", "--set", "data.skip_bad_rows=9",
        "--seeds", "2", "--json",
    )  # fmt: skip
    assert done.code == 3, done.err
    assert json.loads(done.out)["rejected"] == 4
    assert len(rejected(dirty / "run" / "rejected.jsonl")) == 4


def test_data_check(dirty: Path, cli) -> None:
    done = cli("data", "check", "dirty.csv", "--skip-bad-rows", "9", "--rejected", "bad.jsonl", "--json")
    assert done.code == 0, done.out
    report = json.loads(done.out)
    assert report["rejected"] == 4 and report["can_train"]
    (finding,) = (each for each in report["findings"] if each["check"] == "rejected")
    assert finding["count"] == 4 and finding["severity"] == "warning"
    assert len(rejected(dirty / "bad.jsonl")) == 4
    again = cli("data", "check", "dirty.csv", "--skip-bad-rows", "9", "--rejected", "bad.jsonl")
    assert again.code == 2 and "bad.jsonl already exists" in again.err
    shown = cli("data", "check", "dirty.csv", "--skip-bad-rows", "9", "--rejected", "bad.jsonl", "--force")
    assert shown.code == 0 and "4 rows set aside" in shown.out
    few = cli("data", "check", "dirty.csv", "--skip-bad-rows", "1", "--json")
    assert few.code == 2
    assert "rejected" not in {each["check"] for each in json.loads(few.out)["findings"]}


def test_data_preview(dirty: Path, cli, tiny_encoder: Path) -> None:
    few = ("-n", "6", "--skip-bad-rows", "9", "--set", "train.max_length=16")
    done = cli("data", "preview", "dirty.csv", "-m", tiny_encoder, *few)
    assert done.code == 0, done.err
    assert "dirty.csv:3 " in done.out and "dirty.csv:4 " not in done.out


def test_eval_of_an_own_file(dirty: Path, cli, trained_run: Path) -> None:
    run = trained_run / "runs" / "latest"
    typed = ("eval", run, "--data", "dirty.csv", "--labels", "a=positive,b=negative")
    assert cli(*typed).code == 2
    done = cli(*typed, "--skip-bad-rows", "4", "--rejected", "bad.jsonl", "--json")
    assert done.code == 3, done.err
    result = json.loads(done.out)
    assert result["rejected"] == 4 and result["rows"] == {"dirty.csv": len(GOOD)}
    assert len(rejected(dirty / "bad.jsonl")) == 4
    assert cli(*typed, "--skip-bad-rows", "4", "--rejected", "bad.jsonl").code == 2
    assert cli(*typed, "--skip-bad-rows", "3").code == 2


def test_data_convert(dirty: Path, cli) -> None:
    typed = ("data", "convert", "dirty.csv", "made.jsonl")
    refused = cli(*typed)
    assert refused.code == 2 and "dirty.csv:4" in refused.err
    done = cli(*typed, "--skip-bad-rows", "2")
    assert done.code == 3, done.err
    assert "2 rows left out, they cannot be read: dirty.csv:4" in done.err
    assert len((dirty / "made.jsonl").read_text().splitlines()) == len(GOOD) + 2  # blank cells can be read


@pytest.mark.parametrize("value", ["-1", "x", "100001"])
def test_numbers_that_are_none(value: str, cli, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes(table({}))
    done = cli("finetune", "classification", "--train", "rows.csv", "--skip-bad-rows", value)
    assert done.code == 2
    assert "skip" in done.err
