"""Questions with their answers in the nested JSON of SQuAD."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from bertkit.data.answers import answer_pairs
from bertkit.data.rows import Record
from bertkit.data.writing.document_views import UnfitRowError
from bertkit.data.writing.written_files import whole_text
from bertkit.errors import DataError
from bertkit.runs.atomic import json_text


class Question(NamedTuple):
    """A question on a context; without answers it has none in there."""

    id: str
    title: str
    context: str
    question: str
    answers: tuple[tuple[str, int], ...]  # text, and the character at which it starts


def read_question(record: Record, number: int, *, answers: str, start: str | None = None) -> Question:
    """A question from a row; without an id it is called by its number.

    Args:
        record: the row.
        number: its number in the split.
        answers: the column with the answers, in any form that `finetune qa` reads.
        start: the column with the offset of an answer that is a bare text.

    Raises:
        UnfitRowError: a text is missing, or the answers have another form than those of SQuAD.
    """
    texts = [record.get(key) for key in ("context", "question")]
    for value, what in zip(texts, ("context", "question"), strict=True):
        if not isinstance(value, str):
            raise UnfitRowError(f"the {what} is missing")
    identity, title = record.get("id"), record.get("title")
    return Question(
        str(number) if identity is None else str(identity),
        "" if title is None else str(title),
        str(texts[0]),
        str(texts[1]),
        _answers(record[answers], record[start] if start is not None else None, str(texts[0])),
    )


def _answers(value: object, start: object, context: str) -> tuple[tuple[str, int], ...]:
    """Offsets stay as they are; a text without one is found in the context."""
    if value is None:
        raise UnfitRowError("the answers are missing")
    try:
        pairs = [(text, offset) for text, offset in answer_pairs(value, start) if text]
    except DataError as error:
        raise UnfitRowError(error.message) from error
    placed = tuple((text, context.find(text) if offset is None else offset) for text, offset in pairs)
    if any(offset < 0 for _, offset in placed):
        raise UnfitRowError("an answer does not stand in the context")
    return placed


def write_squad(path: Path, questions: Iterable[Question]) -> None:
    """SQuAD 2.0 where some question has no answer, else 1.1; questions in their order.

    Neighbours of one title share an article, and of one context a paragraph.
    https://rajpurkar.github.io/SQuAD-explorer/
    """
    questions = list(questions)
    unanswerable = any(not question.answers for question in questions)
    with whole_text(path) as stream:
        stream.write(f'{{"version": "{"v2.0" if unanswerable else "1.1"}", "data": [')
        before = "\n"
        for title, members in groupby(questions, key=lambda question: question.title):
            paragraphs = [
                {"context": context, "qas": [_qa(question, unanswerable) for question in group]}
                for context, group in groupby(members, key=lambda question: question.context)
            ]
            stream.write(before + json_text({"title": title, "paragraphs": paragraphs}))
            before = ",\n"
        stream.write("\n]}\n")


def _qa(question: Question, unanswerable: bool) -> dict[str, Any]:
    answers = [{"text": text, "answer_start": start} for text, start in question.answers]
    made: dict[str, Any] = {"id": question.id, "question": question.question, "answers": answers}
    return made | {"is_impossible": not answers} if unanswerable else made
