"""`bertkit compare` as a person meets it: over runs that were really trained."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

SETTINGS = [
    part
    for setting in ("train.batch_size=8", "train.precision=fp32", "train.max_length=32",
                    "train.learning_rate=1e-3")
    for part in ("--set", setting)
]  # fmt: skip


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, bertkit, trained_run, tiny_encoder, reviews) -> Path:
    """A folder with runs: `long` is well trained, `short` and `seeds` hardly."""
    folder = tmp_path_factory.mktemp("compared")
    shutil.copytree((trained_run / "runs" / "latest").resolve(), folder / "runs" / "long")
    begin = ["finetune", "classification", "--train", reviews, "--model", tiny_encoder, *SETTINGS, "--quiet"]
    for name, more in (
        ("short", ["--set", "train.max_steps=2", "--seed", "7"]),
        ("seeds", ["--set", "train.max_steps=2", "--seeds", "2"]),
    ):
        done = bertkit(*begin, *more, "--out", f"runs/{name}", cwd=folder)
        assert done.returncode == 0, done.stderr
    make_part(folder / "runs")
    return folder


def make_part(runs: Path) -> None:
    """A run as `short`, scored on its first 10 rows."""
    part = runs / "part"
    shutil.copytree(runs / "short", part)
    file = part / "predictions" / "validation.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)[:10]
    file.write_text("".join(lines), encoding="utf-8")
    said = [json.loads(line) for line in lines]
    right = sum(line["prediction"] == line["reference"] for line in said)
    metrics = {"scores": {"validation": {"accuracy": right / 10}}, "select": "accuracy"}
    (part / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    recipe = (part / "recipe.yaml").read_text(encoding="utf-8")
    (part / "recipe.yaml").write_text(recipe.replace("limit: null", "limit: 120"), encoding="utf-8")


def test_a_leaderboard_and_what_is_luck(cli, runs: Path) -> None:
    done = cli("compare", "short", "runs/long", cwd=runs)
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0].startswith("validation: 24 rows, by accuracy")
    assert lines[1].split()[:4] == ["#", "run", "model", "accuracy"]
    assert lines[2].split()[:2] == ["1", "long"]
    assert lines[3].split()[:2] == ["2", "short"]
    assert "beside long" in lines[5]
    assert lines[6].startswith("short ")
    assert "long is better" in lines[6]
    assert "equal" not in done.out


def test_seeds_are_one_line(cli, runs: Path) -> None:
    done = cli("compare", "long", "seeds", cwd=runs)
    assert done.code == 0, done.err
    assert "(n = 2)" in done.out
    assert "one training" in done.out
    children = cli("compare", "runs/seeds/children/seed-42", "runs/seeds/children/seed-43", cwd=runs)
    assert children.code == 0, children.err


def test_it_can_be_read_by_programs(cli, runs: Path) -> None:
    done = cli("compare", "short", "long", "seeds", "--json", "--flips", "1", "--against", "short", cwd=runs)
    assert done.code == 0, done.err
    (split,) = json.loads(done.out)["splits"]
    assert [pair["reference"] for pair in split["pairs"]] == ["short", "short"]
    flips = json.loads(done.out)["flips"]
    assert {tuple(flip["predictions"]) for flip in flips} <= {("short", "long"), ("short", "seeds")}
    best = next(pair for pair in split["pairs"] if pair["run"] == "long")
    stored = json.loads((runs / "runs" / "long" / "metrics.json").read_text(encoding="utf-8"))
    other = json.loads((runs / "runs" / "short" / "metrics.json").read_text(encoding="utf-8"))
    gap = stored["scores"]["validation"]["accuracy"] - other["scores"]["validation"]["accuracy"]
    assert best["difference"]["value"] == pytest.approx(gap)


def test_examples_that_changed_with_their_texts(cli, runs: Path) -> None:
    done = cli(
        "compare", "short", "long", "--flips", "2", "--texts", "--flips-file", "out/flips.jsonl", cwd=runs
    )
    assert done.code == 0, done.err
    written = [json.loads(line) for line in (runs / "out" / "flips.jsonl").read_text("utf-8").splitlines()]
    lost = [flip for flip in written if flip["change"] == "right to wrong"]
    assert f"short beside long, right to wrong: 2 of {len(lost)}" in done.out
    first = lost[0]
    (text,) = first["texts"]
    assert (
        f"{first['id']}: right is {first['reference']}; long says {first['reference']}; short says"
        in done.out
    )
    assert text in done.out


def test_a_file_of_flips_is_not_overwritten_unasked(cli, runs: Path, tmp_path: Path) -> None:
    file = tmp_path / "flips.jsonl"
    file.write_text("mine", encoding="utf-8")
    done = cli("compare", "short", "long", "--flips-file", file, cwd=runs)
    assert done.code == 2 and "already exists" in done.err
    assert file.read_text(encoding="utf-8") == "mine"
    assert cli("compare", "short", "long", "--flips-file", file, "--force", cwd=runs).code == 0
    assert file.read_text(encoding="utf-8") != "mine"


def test_other_data_is_refused_with_its_reason(cli, runs: Path) -> None:
    done = cli("compare", "long", "part", cwd=runs)
    assert done.code == 2
    (error,), (hint,) = done.labelled("error: "), done.labelled("hint: ")
    assert "long and part were scored on different data" in error
    assert "data.limit is empty in long and 120 in part" in error
    assert "leave one of them out" in hint
    assert done.out == ""


def test_one_run_is_not_enough(cli, runs: Path) -> None:
    done = cli("compare", "long", cwd=runs)
    assert (done.code, done.labelled("error: ")) == (2, ["two runs are needed to compare"])
    assert cli("compare", cwd=runs).code == 2


def test_help_has_examples(cli) -> None:
    done = cli("compare", "--help")
    assert "bertkit compare runs/sst2-bert runs/sst2-roberta" in done.out
