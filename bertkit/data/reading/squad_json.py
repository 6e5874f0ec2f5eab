"""SQuAD 1.1 and 2.0 as published: articles, in them paragraphs, in them questions with their answers."""

from __future__ import annotations

from collections import Counter
from typing import Any

from bertkit.data.reading.json_text import kind_of
from bertkit.data.reading.places import NamedPlace
from bertkit.data.rows import Rows, counted
from bertkit.errors import DataError

COLUMNS = ("id", "title", "context", "question", "answers")
_HINT = 'a question is {"id", "question", "answers": [{"text", "answer_start"}]}, in "qas" of a paragraph'


def is_squad(rows: Rows) -> bool:
    """Whether the rows are articles with paragraphs."""
    return "paragraphs" in rows.columns and isinstance(rows.records[0]["paragraphs"], list)


def flatten_squad(rows: Rows) -> Rows:
    """One row a question, as the Hub has them; a question without an answer has empty lists.

    Raises:
        DataError: with the question, or the article where it has no id, that is not as it should be.
    """
    records: list[dict[str, Any]] = []
    passed: Counter[str] = Counter()
    names: list[str] = []
    for index, article in enumerate(rows.records):
        try:
            paragraphs = _list(article["paragraphs"], "paragraphs", rows.place(index))
        except DataError as error:
            rows.rejected.add(rows.place(index), error, article)
            continue
        for number, paragraph in enumerate(paragraphs, 1):
            where = f"{rows.place(index)}: paragraph {number}"
            try:
                context = _text(paragraph, "context", where)
                questions = _list(paragraph.get("qas"), "qas", where)
            except DataError as error:
                rows.rejected.add(where, error, paragraph)
                continue
            for question in questions:
                identity = question.get("id")
                place = where if identity is None else f"{rows.origin}: question {identity}"
                try:
                    asked = {
                        "id": identity,
                        "title": article.get("title"),
                        "context": context,
                        "question": _text(question, "question", place),
                        "answers": _answers(question, place),
                    }
                except DataError as error:
                    rows.rejected.add(place, error, question)
                    continue
                names.append(place)
                if question.get("is_impossible") is True and question.get("answers"):
                    passed["question{s} without answer that nevertheless list one"] += 1
                plausible = question.get("plausible_answers")
                passed["plausible answer{s}"] += len(plausible) if isinstance(plausible, list) else 0
                records.append(asked)
    if not records:
        raise DataError(f"{rows.origin}: no paragraph has a question", hint=_HINT)
    notes = counted(passed)
    return Rows(records, COLUMNS, rows.origin, NamedPlace(names), format="SQuAD JSON", notes=notes)


def _answers(question: dict[str, Any], place: str) -> dict[str, list[Any]] | None:
    """The answers as the Hub's rows have them; None where nothing is said, as in test files."""
    impossible = question.get("is_impossible") is True
    given = [] if impossible else question.get("answers")
    if given is None:
        return None
    answers: dict[str, list[Any]] = {"text": [], "answer_start": []}
    for answer in _list(given, "answers", place):
        answers["text"].append(_text(answer, "text", place))
        start = answer.get("answer_start")
        if not isinstance(start, int) or isinstance(start, bool):
            raise DataError(f"{place}: answer_start is {kind_of(start)}, not a whole number", hint=_HINT)
        answers["answer_start"].append(start)
    return answers


def _list(value: object, key: str, place: str) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        raise DataError(f"{place}: {key} is {kind_of(value)}, not a list", hint=_HINT)
    for item in value:
        if not isinstance(item, dict):
            raise DataError(f"{place}: {key} holds {kind_of(item)}, not objects", hint=_HINT)
    return value


def _text(item: dict[str, Any], key: str, place: str) -> str:
    value = item.get(key)
    if not isinstance(value, str):
        raise DataError(f"{place}: {key} is {kind_of(value)}, not a text", hint=_HINT)
    return value
