"""The slices that are asked for, on a trained run."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

from bertkit import evaluate
from bertkit.errors import UsageError
from bertkit.workflows.events import Event, Note, Progress


@pytest.fixture
def run(trained_run: Path) -> str:
    return str((trained_run / "runs" / "latest").resolve())


@pytest.fixture
def countries(tmp_path: Path, reviews: Path) -> Path:
    """Forty reviews with a column that says where they are from; those from `at` have the wrong label."""
    with reviews.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))[:40]
    file = tmp_path / "countries.csv"
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["text", "label", "country", "length"])
        for number, row in enumerate(rows):
            wrong = {"positive": "negative", "negative": "positive"}[row["label"]]
            writer.writerow(
                [row["text"], wrong if number % 2 else row["label"], ["de", "at"][number % 2], "x"]
            )
    return file


def test_a_column_and_its_gap(run: str, countries: Path) -> None:
    found = evaluate(run, data=countries, slices=["country"]).splits["countries.csv"]
    (grouping,) = found.slices
    assert (grouping.by, grouping.metric) == ("country", "accuracy")
    scores = {group.group: group.scores["accuracy"].value for group in grouping.groups}
    assert scores["de"] == pytest.approx(1 - scores["at"], abs=0.31)
    assert grouping.gap is not None
    assert (grouping.gap.best, grouping.gap.worst) == ("de", "at")
    total = sum(group.rows * group.scores["accuracy"].value for group in grouping.groups)
    assert total == pytest.approx(40 * found.scores["accuracy"].value)


def test_a_column_goes_before_what_texts_tell_and_one_group_is_said_to_be_one(
    run: str, countries: Path
) -> None:
    events: list[Event] = []
    found = evaluate(run, data=countries, slices=["length", "country"], listen=events.append)
    assert [grouping.by for grouping in found.splits["countries.csv"].slices] == ["country"]
    warnings = [event.text for event in events if isinstance(event, Note) and event.warning]
    assert warnings == ["countries.csv: all 40 rows are in one group of length: nothing to compare"]


def test_training_rows_are_read_by_the_columns_of_the_training(run: str, tmp_path: Path) -> None:
    file = tmp_path / "new.csv"
    file.write_text("body,mood\nthe film,good\nthe zebra film,good\n", encoding="utf-8")
    events: list[Event] = []
    found = evaluate(
        run, data=file, text=["body"], label="mood", rename={"good": "positive"}, slices=["unseen-words"],
        baseline=True, report=tmp_path / "page.html", listen=events.append,
    )  # fmt: skip
    assert not [event for event in events if isinstance(event, Note) and "cannot be read" in event.text]
    grouping = next(each for each in found.splits["new.csv"].slices if each.by == "unseen-words")
    assert [(group.group, group.rows) for group in grouping.groups] == [("0", 1), ("1", 1)]
    assert found.baselines["new.csv"]


def test_unseen_words_without_training_rows(run: str, countries: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(Path(run) / "model", model)
    events: list[Event] = []
    with pytest.raises(UsageError, match="no training rows to tell unseen words by") as raised:
        evaluate(str(model), data=countries, slices=["unseen-words"], listen=events.append)
    assert raised.value.hint is not None
    assert "--recipe NAME" in raised.value.hint
    assert not [event for event in events if isinstance(event, Progress)]  # said before anything is scored


def test_what_texts_tell(run: str) -> None:
    found = evaluate(run, slices=["auto"]).splits["validation"]
    slices = {grouping.by: grouping for grouping in found.slices}
    assert {"length", "label"} <= set(slices)
    assert sum(group.rows for group in slices["length"].groups) == found.rows
    assert {group.group for group in slices["label"].groups} == {"negative", "positive"}
    parts = {group.group: group.scores["recall"].value for group in found.parts.groups}  # type: ignore[union-attr]
    for group in slices["label"].groups:  # the share of right ones of a label is its recall
        assert group.scores["accuracy"].value == pytest.approx(parts[group.group])


def test_unseen_words_are_those_of_no_training_row(run: str, tmp_path: Path) -> None:
    file = tmp_path / "new.csv"
    file.write_text("text,label\nthe film,positive\nthe zebra film,positive\n", encoding="utf-8")
    (grouping,) = evaluate(run, data=file, slices=["unseen-words"]).splits["new.csv"].slices
    assert [(group.group, group.rows) for group in grouping.groups] == [("0", 1), ("1", 1)]


def test_an_unknown_column(run: str, countries: Path) -> None:
    with pytest.raises(UsageError, match="no column 'contry' to slice by") as raised:
        evaluate(run, data=countries, slices=["contry"])
    assert raised.value.hint == "did you mean --slice country?"
