"""Questions with their answers in the nested JSON of SQuAD."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from bertkit.data.rows import Record
from bertkit.data.writing.document_views import UnfitRowError
from bertkit.data.writing.written_files import whole_text
from bertkit.runs.atomic import json_text


class Question(NamedTuple):
    """A question on a context; without answers it has none in there."""

    id: str
    title: str
    context: str
    question: str
    answers: tuple[tuple[str, int], ...]  # text, and the character at which it starts


def read_question(record: Record, number: int) -> Question:
    """A question from a row; without an id it is called by its number.

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
        _answers(record["answers"]),
    )


def _answers(value: object) -> tuple[tuple[str, int], ...]:
    if not isinstance(value, Mapping):
        raise UnfitRowError("the answers are missing")
    texts, starts = value.get("text"), value.get("answer_start")
    if not (isinstance(texts, Sequence) and isinstance(starts, Sequence)) or len(texts) != len(starts):
        raise UnfitRowError("the answers have not one start for each text")
    if not all(isinstance(text, str) for text in texts) or not all(type(start) is int for start in starts):
        raise UnfitRowError("an answer is not a text with a whole number as its start")
    return tuple(zip(texts, starts, strict=True))


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
