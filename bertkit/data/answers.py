"""Answers in the forms people have them: the Hub's, flat tables, lists of objects."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from bertkit.errors import DataError

# Kinds of faults, as they are told and counted.
MOVED = "an answer was not at its offset: the only place where it stands is taken"
BLANK = "an answer beside others is blank: it is passed over"
NOT_FOUND = "an answer does not stand at its offset, nor at one other place"
TEXT_NAMES = ("text", "answer", "answer_text")
START_NAMES = ("answer_start", "start", "start_char")


class Answer(NamedTuple):
    """One right answer: its text, and where it starts in the context; -1 where it is not found there."""

    text: str
    start: int


def read_answers(value: Any, start: Any, context: str) -> tuple[tuple[Answer, ...] | None, tuple[str, ...]]:
    """The right answers of one question, checked against the context.

    Args:
        value: `{"text": [...], "answer_start": [...]}`, a list of `{"text", "answer_start"}`, a text, a list
            of texts, any of these written as JSON, or None.
        start: where a bare text starts; None if nobody knows.
        context: the text they stand in.

    Returns:
        The answers (none for an unanswerable question; None where nothing is said) and kinds of faults.

    Raises:
        DataError: it is nothing of that.
    """
    if value is None:
        return None, ()
    if isinstance(value, str) and value in context:
        value = [{"text": value, "answer_start": start}]  # also where it looks like a list
    found: list[Answer] = []
    faults: list[str] = []
    pairs = answer_pairs(value, start)
    written = [(text, offset) for text, offset in pairs if text.strip()]
    if written and len(written) < len(pairs):  # blank ones alone say that there is no answer
        faults.append(BLANK)
    for text, offset in written:
        answer, fault = _placed(text, offset, context)
        found.append(answer)
        faults += [fault] if fault else []
    return tuple(found), tuple(dict.fromkeys(faults))


def answer_pairs(value: Any, start: Any) -> list[tuple[str, int | None]]:
    """Texts and their offsets as written; None where a text has no offset.

    Args:
        value: as in `read_answers`, and not None.
        start: where a bare text starts.

    Raises:
        DataError: an offset is no whole number, or there are more or fewer of them than texts.
    """
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            value = json.loads(value)
        except ValueError:
            return [(value, _offset(start))]
    if isinstance(value, Mapping):
        texts, starts = _first(value, TEXT_NAMES), _first(value, START_NAMES)
        if isinstance(texts, str):
            return [(texts, _offset(starts))]
        texts = texts or []
        starts = starts if isinstance(starts, list | tuple) else [None] * len(texts)
        if len(texts) != len(starts):
            raise DataError(
                f"{len(texts)} answers have {len(starts)} offsets", hint="give one answer_start for each text"
            )
        pairs = zip(texts, starts, strict=True)
        return [(str(text), _offset(offset)) for text, offset in pairs if text is not None]
    if isinstance(value, Sequence) and not isinstance(value, str):
        if all(isinstance(item, Mapping) for item in value):
            return [pair for item in value for pair in answer_pairs(item, None)]
        return [(str(text), None) for text in value if text is not None]
    return [(str(value), _offset(start))]


def _first(value: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((value[name] for name in names if name in value), None)


def _offset(value: Any) -> int | None:
    if value is None or value == "":
        return None
    try:
        return int(value)
    except (TypeError, ValueError):
        raise DataError(
            f"the offset {value!r} is not a whole number", hint="count characters of the context, from 0"
        ) from None


def _placed(text: str, offset: int | None, context: str) -> tuple[Answer, str | None]:
    if offset is not None and offset >= 0 and context.startswith(text, offset):
        return Answer(text, offset), None
    place = context.find(text)
    if place >= 0 and (offset is None or context.find(text, place + 1) < 0):
        return Answer(text, place), None if offset is None else MOVED
    return Answer(text, -1), NOT_FOUND
