"""Predictions in files: with their references, or matched with a data set by id."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from bertkit import evaluate
from bertkit.config.loader import load_recipe
from bertkit.errors import DataError, UsageError
from bertkit.workflows.evaluate_file import evaluate_file
from bertkit.workflows.events import Note


def write_lines(path: Path, *records: Any) -> Path:
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
    return path


QUESTIONS = [
    {"id": "q1", "question": "Who?", "context": "Ada wrote it in 1843.", "answers": [{"text": "Ada", "start": 0}]},
    {"id": "q2", "question": "When?", "context": "Ada wrote it in 1843.",
     "answers": [{"text": "1843", "start": 16}, {"text": "in 1843", "start": 13}]},
    {"id": "q3", "question": "What?", "context": "Ada wrote it in 1843.", "answers": [{"text": "it", "start": 10}]},
]  # fmt: skip


@pytest.fixture
def questions(tmp_path: Path) -> tuple[str, Path]:
    """A recipe of the task, and a file with three questions."""
    rows = [
        row | {"answers": {"text": [a["text"] for a in row["answers"]],
                           "answer_start": [a["start"] for a in row["answers"]]}}  # type: ignore[index, attr-defined]
        for row in QUESTIONS
    ]  # fmt: skip
    return "qa", write_lines(tmp_path / "dev.jsonl", *rows)


def test_the_predictions_of_a_run_score_what_the_run_scores(trained_run: Path) -> None:
    run = (trained_run / "runs" / "latest").resolve()
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    stored = evaluate_file(run / "predictions" / "validation.jsonl")
    again = evaluate(str(run))
    assert stored.scores == again.scores == metrics["scores"]
    ends = {name: [score.low, score.high] for name, score in stored.splits["validation"].scores.items()}
    assert ends == metrics["intervals"]["validation"]


def test_official_squad_predictions_by_id(questions: tuple[str, Path], tmp_path: Path) -> None:
    recipe, data = questions
    file = tmp_path / "predictions.json"
    file.write_text(json.dumps({"q2": "in 1843", "q1": "wrote", "other": "x"}), encoding="utf-8")
    notes: list[str] = []
    found = evaluate_file(
        file, recipe=recipe, data=data, listen=lambda e: notes.append(e.text) if isinstance(e, Note) else None
    )
    assert found.scores == {
        "dev.jsonl": {"answer_f1": pytest.approx(1 / 3), "exact_match": pytest.approx(1 / 3)}
    }
    assert "dev.jsonl: 1 of 3 questions have no prediction and count as wrong" in notes
    assert "dev.jsonl: 1 predictions have ids that are not in the data and are ignored" in notes
    assert list(found.notes) == notes[-2:]


def test_a_missing_answer_is_wrong_even_where_none_is_right(tmp_path: Path) -> None:
    row = {
        "id": "q4",
        "question": "Why?",
        "context": "Nobody knows.",
        "answers": {"text": [], "answer_start": []},
    }
    data = write_lines(tmp_path / "dev.jsonl", row, row | {"id": "q5"})
    found = evaluate_file(write_lines(tmp_path / "p", {"id": "q5", "prediction": ""}), recipe="qa", data=data)
    assert found.scores["dev.jsonl"]["exact_match"] == 0.5


def test_lines_of_predict_are_matched_by_their_number(tmp_path: Path) -> None:
    data = write_lines(
        tmp_path / "d.jsonl",
        {"text": "a", "label": "no"},
        {"text": "b", "label": "yes"},
        {"text": "c", "label": "no"},
    )
    predictions = [
        {"text": text, "prediction": label} for text, label in (("a", "no"), ("b", "yes"), ("c", "yes"))
    ]
    found = evaluate_file(write_lines(tmp_path / "p.jsonl", *predictions), recipe="classification", data=data)
    assert found.scores["d.jsonl"]["accuracy"] == pytest.approx(2 / 3)
    with pytest.raises(DataError, match="1 of 3 rows have no prediction, as id '2'"):
        evaluate_file(write_lines(tmp_path / "p.jsonl", *predictions[:2]), recipe="classification", data=data)
    with pytest.raises(DataError, match="maybe is no prediction of a single_label problem"):
        bad = [*predictions[:2], {"prediction": "maybe"}]
        evaluate_file(write_lines(tmp_path / "p.jsonl", *bad), recipe="classification", data=data)


def test_constant_predictions_are_undefined_with_a_reason(tmp_path: Path) -> None:
    lines = [{"prediction": 2.5, "reference": float(number)} for number in range(5)]
    found = evaluate_file(write_lines(tmp_path / "p.jsonl", *lines))
    assert math.isnan(found.scores["p"]["pearson"])
    assert found.notes[0].startswith("p: pearson is not defined: all 5 predictions are 2.5")


def test_what_cannot_be_matched(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "p.jsonl", {"id": "1", "prediction": "a"})
    with pytest.raises(UsageError, match="holds no references"):
        evaluate_file(path)
    with pytest.raises(UsageError, match="what do the predictions"):
        evaluate_file(path, data=path)
    twice = write_lines(tmp_path / "q.jsonl", {"id": "1", "prediction": "a"}, {"id": "1", "prediction": "b"})
    data = write_lines(tmp_path / "d.jsonl", {"text": "a", "label": "no"}, {"text": "b", "label": "yes"})
    with pytest.raises(DataError, match="id '1' occurs twice"):
        evaluate_file(twice, recipe="classification", data=data)
    (tmp_path / "x").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match="cannot be read"):
        evaluate_file(tmp_path / "x", recipe=load_recipe("classification"), data=data)
