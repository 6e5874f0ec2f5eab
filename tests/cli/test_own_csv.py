"""An own file as people have it: odd column names, no eval file, labels of every kind."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

SMOKE = ("--set", "train.epochs=1", "--set", "train.max_length=16", "--set", "train.precision=fp32")
WORDS = ["film", "plot", "actor", "scene", "music", "good", "bad", "fine", "dull", "great"]


def write_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])
    return path


def texts(count: int) -> list[str]:
    random_state = random.Random(1)
    return [" ".join(random_state.choices(WORDS, k=6)) + f" {n}" for n in range(count)]


def result_of(done) -> dict[str, object]:
    """The one object that `--json` prints."""
    assert done.code == 0, done.err
    result = json.loads(done.out)
    assert isinstance(result, dict)
    return result


def answers(done) -> list[dict[str, object]]:
    assert done.code == 0, done.err
    return [json.loads(line) for line in done.out.splitlines()]


def test_stars_from_the_first_command_to_the_last(cli, tmp_path: Path, tiny_encoder: Path) -> None:
    rows = [(text, number % 5 + 1) for number, text in enumerate(texts(60))]
    write_csv(tmp_path / "reviews.csv", ["Review Text ", "Stars"], rows)
    typed = (
        "finetune",
        "classification",
        "--train",
        "reviews.csv",
        "--text",
        "review text",
        "--label",
        "stars",
        "--model",
        tiny_encoder,
        *SMOKE,
    )
    before = sorted(path.name for path in tmp_path.iterdir())
    planned = cli(*typed, "--dry-run")
    assert planned.code == 0, planned.err
    assert "no eval split: 5 of 60 training rows are kept" in planned.err
    assert "55" in planned.out
    assert sorted(path.name for path in tmp_path.iterdir()) == before

    done = cli(*typed)
    assert done.code == 0, done.err
    assert "no eval split: 5 of 60 training rows are kept" in done.err
    for line in ("bertkit eval", "bertkit predict file.jsonl", "accuracy"):
        assert line in done.out
    assert "\x1b" not in done.out + done.err

    write_csv(tmp_path / "new.csv", ["Review Text ", "note"], [("a\ngreat film", "x"), ("dull", "y")])
    made = answers(cli("predict", "new.csv"))
    assert [answer["note"] for answer in made] == ["x", "y"]
    assert all(answer["prediction"] in ("1", "2", "3", "4", "5") for answer in made)
    assert cli("eval", "--json").code == 0


@pytest.mark.parametrize(
    ("labels", "settings", "metric"),
    [
        (["a,b", "a", "b,c", ""], ["--set", "task.problem=multi_label"], "f1"),
        (["0.5", "1.25", "-3", "2.5"], ["--set", "task.problem=regression"], "pearson"),
    ],
    ids=["several labels", "numbers"],
)
def test_other_kinds_of_labels(
    labels, settings, metric: str, cli, tmp_path: Path, tiny_encoder: Path
) -> None:
    rows = [(text, labels[number % 4]) for number, text in enumerate(texts(60))]
    write_csv(tmp_path / "rows.csv", ["text", "label"], rows)
    recipe = "classification" if metric == "f1" else "regression"
    if recipe == "regression":
        settings = []
    result = result_of(
        cli("finetune", recipe, "--train", "rows.csv", "--model", tiny_encoder, "--json", *settings, *SMOKE)
    )
    scores = result["scores"]
    assert isinstance(scores, dict)
    assert any(metric in name for name in scores["validation"])
    (tmp_path / "new.jsonl").write_text('{"text": "a great film"}\n', encoding="utf-8")
    (made,) = answers(cli("predict", "new.jsonl"))
    assert isinstance(made["prediction"], list if metric == "f1" else float)
