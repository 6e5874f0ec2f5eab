"""Each training row once, in its place, from the file of its fold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bertkit.data.labels import LabelSet
from bertkit.errors import RunError
from bertkit.workflows.out_of_fold import FoldedRows, pool

LABELS = LabelSet("single_label", ("bad", "good"))
ROWS = FoldedRows(LABELS, ("accuracy", "f1"), ids=("a", "b", "c", "d"), numbers=(2, 1, 2, 1))


def write(path: Path, *lines: tuple[str, str, str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    keys = ("id", "prediction", "reference")
    path.write_text(
        "".join(json.dumps(dict(zip(keys, line, strict=True))) + "\n" for line in lines), encoding="utf-8"
    )
    return path


@pytest.fixture
def files(tmp_path: Path) -> dict[int, Path]:
    place = tmp_path / "run" / "children"
    return {
        1: write(place / "fold-1/predictions/fold.jsonl", ("b", "good", "good"), ("d", "bad", "good")),
        2: write(place / "fold-2/predictions/fold.jsonl", ("a", "bad", "bad"), ("c", "good", "bad")),
    }


def test_in_the_order_of_the_rows_and_scored_as_one(files: dict[int, Path], tmp_path: Path) -> None:
    target = tmp_path / "run" / "predictions" / "out-of-fold.jsonl"
    scores = pool(ROWS, files, target)
    lines = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
    assert [(line["id"], line["prediction"], line["fold"]) for line in lines] == [
        ("a", "bad", 2), ("b", "good", 1), ("c", "good", 2), ("d", "bad", 1),
    ]  # fmt: skip
    # good: one of two predicted is right, one of two is found. The mean of the folds' F1 would be 1/3.
    assert scores == {"accuracy": 0.5, "f1": 0.5}


@pytest.mark.parametrize(
    "lines",
    [
        [("b", "good", "good")],
        [("d", "bad", "good"), ("b", "good", "good")],
        [("b", "good", "good"), ("d", "bad", "good"), ("e", "bad", "bad")],
    ],
    ids=["one is missing", "another order", "one too many"],
)
def test_other_rows_are_refused(
    files: dict[int, Path], tmp_path: Path, lines: list[tuple[str, str, str]]
) -> None:
    write(files[1], *lines)
    target = tmp_path / "run" / "predictions" / "out-of-fold.jsonl"
    with pytest.raises(RunError, match=r"fold-1.*does not hold the predictions of its fold") as refusal:
        pool(ROWS, files, target)
    assert f"remove {files[1].parents[1]} and go on" in refusal.value.hint
    assert not target.exists()


def test_a_broken_file_is_refused(files: dict[int, Path], tmp_path: Path) -> None:
    files[2].write_text("{", encoding="utf-8")
    with pytest.raises(RunError, match="fold-2"):
        pool(ROWS, files, tmp_path / "out-of-fold.jsonl")
