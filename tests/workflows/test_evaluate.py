"""Which rows are scored, and what is said of those that are not."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from bertkit import evaluate, load_recipe
from bertkit.config.loader import dump_recipe
from bertkit.errors import DataError
from bertkit.workflows.events import Note
from bertkit.workflows.finetune import _absolute


@pytest.fixture
def run(trained_run: Path) -> str:
    return str((trained_run / "runs" / "latest").resolve())


def test_rows_without_label_are_left_out_and_said(run: str, tmp_path: Path) -> None:
    file = tmp_path / "more.csv"
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("text", "label"), ("a superb film", "positive"), ("a dull film", "")])
    notes: list[str] = []
    result = evaluate(run, data=file, listen=lambda e: notes.append(e.text) if isinstance(e, Note) else None)
    assert result.rows == {"more.csv": 1}
    assert "more.csv: 1 of 2 rows have no label and are left out" in notes


def test_kept_rows_are_those_of_the_training_whatever_recipe_is_named(run: str, tmp_path: Path) -> None:
    recipe = load_recipe(f"{run}/recipe.yaml").recipe
    other = recipe.model_copy(
        update={"train": recipe.train.model_copy(update={"seed": recipe.train.seed + 1})}
    )
    (tmp_path / "other.yaml").write_text(dump_recipe(other), encoding="utf-8")
    own, named = (
        evaluate(run),
        evaluate(run, recipe=str(tmp_path / "other.yaml"), predictions=tmp_path / "p.jsonl"),
    )
    assert named.scores == own.scores
    kept = (Path(run) / "predictions" / "validation.jsonl").read_text(encoding="utf-8").splitlines()
    scored = (tmp_path / "p.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["id"] for line in scored] == [json.loads(line)["id"] for line in kept]


def test_any_split_of_own_files_by_name(run: str) -> None:
    assert set(evaluate(run, split="train").rows) == {"train"}
    with pytest.raises(DataError, match="no split 'tset'; it has train"):
        evaluate(run, split="tset")


def test_names_of_splits_are_no_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train").touch()
    (tmp_path / "own.csv").touch()
    assert _absolute("train", file_only=True) == "train"
    assert _absolute("own.csv", file_only=True) == str(tmp_path / "own.csv")
    assert _absolute("train") == str(tmp_path / "train")
