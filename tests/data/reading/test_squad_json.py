from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bertkit.data.reading.readers import read_file
from bertkit.data.rows import Rows
from bertkit.errors import DataError

CONTEXT = "Ann lives in Oslo."


def question(identity: str | None, *answers: Any, **extra: Any) -> dict[str, Any]:
    given = {"id": identity, "question": "Where?", "answers": list(answers), **extra}
    return given if identity is not None else {key: item for key, item in given.items() if key != "id"}


def answer(text: Any = "Oslo", start: Any = 13) -> dict[str, Any]:
    return {"text": text, "answer_start": start}


def article(*questions: Any, **changed: Any) -> dict[str, Any]:
    return {"title": "Ann", "paragraphs": [{"context": CONTEXT, "qas": list(questions)} | changed]}


def read(folder: Path, articles: Any, *, indent: int | None = None) -> Rows:
    path = folder / "dev.json"
    path.write_text(json.dumps({"version": "v2.0", "data": articles}, indent=indent), encoding="utf-8")
    return read_file(path)


@pytest.mark.parametrize("indent", [None, 1])
def test_questions_become_rows(tmp_path: Path, indent: int | None) -> None:
    impossible = question("q2", is_impossible=True, plausible_answers=[answer()])
    rows = read(
        tmp_path, [article(question("q1", answer(), answer("in Oslo", 10)), impossible)] * 2, indent=indent
    )
    assert rows.columns == ("id", "title", "context", "question", "answers")
    assert rows.records[:2] == [
        {
            "id": "q1",
            "title": "Ann",
            "context": CONTEXT,
            "question": "Where?",
            "answers": {"text": ["Oslo", "in Oslo"], "answer_start": [13, 10]},
        },
        {
            "id": "q2",
            "title": "Ann",
            "context": CONTEXT,
            "question": "Where?",
            "answers": {"text": [], "answer_start": []},
        },
    ]
    assert len(rows) == 4
    assert rows.format == "SQuAD JSON"
    assert rows.place(1) == f"{tmp_path}/dev.json: question q2"


def test_a_test_file_without_answers_or_ids(tmp_path: Path) -> None:
    bare = {"question": "Where?"}
    rows = read(tmp_path, [article(bare)], indent=1)
    assert rows.records[0]["answers"] is None  # nothing is said, which is not "there is none"
    assert rows.records[0]["id"] is None
    assert rows.place(0) == f"{tmp_path}/dev.json:4: paragraph 1"


def test_flat_rows_stay(tmp_path: Path) -> None:
    row = {"question": "Where?", "context": CONTEXT, "answers": {"text": ["Oslo"], "answer_start": [13]}}
    assert read(tmp_path, [row]).records == [row]


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (
            article(question("q7", answer(start="13"))),
            "question q7: answer_start is a text, not a whole number",
        ),
        (article(question("q7", answer(text=None))), "question q7: text is null, not a text"),
        (article(question("q7", "Oslo")), "question q7: answers holds a text, not objects"),
        (article(question("q7", question=3)), "question q7: question is a number, not a text"),
        (article(question("q7"), context=None), "element 1: paragraph 1: context is null, not a text"),
        (article(qas={}), "element 1: paragraph 1: qas is an object, not a list"),
        (article(), "no paragraph has a question"),
    ],
)
def test_faults(tmp_path: Path, broken: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path, [broken, broken])
    assert caught.value.message == f"{tmp_path}/dev.json: {message}"
    assert caught.value.hint


def test_what_is_passed_over_is_counted(tmp_path: Path) -> None:
    impossible = question("q1", answer()) | {"is_impossible": True, "plausible_answers": [answer(), answer()]}
    rows = read(tmp_path, [article(impossible, question("q2", answer()))])
    assert rows.records[0]["answers"] == {"text": [], "answer_start": []}
    assert rows.notes == ("1 question without answer that nevertheless list one", "2 plausible answers")
