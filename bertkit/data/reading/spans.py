"""Entities as stretches of characters, and the small things that readers of annotations share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from bertkit.data.reading.json_text import kind_of
from bertkit.data.reading.places import PickedPlace
from bertkit.data.rows import Place, Record, Rows
from bertkit.errors import DataError

Span = dict[str, Any]
Made = TypeVar("Made")

_HINT = "a span has a start and an end (characters from 0, the end not included) and a label"


def make_span(start: object, end: object, label: object, place: str) -> Span:
    """One span, its offsets as written.

    Raises:
        DataError: an offset is no whole number, or the label no text.
    """
    for what, value in (("start", start), ("end", end)):
        if not isinstance(value, int) or isinstance(value, bool):
            shown = "missing" if value is None else f"{kind_of(value)} ({value!r})"
            raise DataError(f"{place}: the {what} of a span is {shown}, not a whole number", hint=_HINT)
    if not isinstance(label, str):
        shown = "missing" if label is None else kind_of(label)
        raise DataError(f"{place}: the label of a span is {shown}, not a text", hint=_HINT)
    return {"start": start, "end": end, "label": label}


def keep_contradictions(text: object, spans: list[Span]) -> list[Span]:
    """The spans; what they say stands there (`text`) stays on those alone where something else does.

    Offsets that count bytes or UTF-16 units, or a text with other line ends, show in this. White space does
    not count: tools write it in their own ways.
    """
    for span in spans:
        said = span.get("text")
        if isinstance(text, str) and isinstance(said, str):
            there = text[max(span["start"], 0) : max(span["end"], 0)]
            if "".join(said.split()) == "".join(there.split()):
                del span["text"]
    return spans


def as_list(value: object, key: str, place: str) -> list[Any]:
    """A list as it is, nothing as an empty one.

    Raises:
        DataError: it is something else.
    """
    if value is None:
        return []
    if not isinstance(value, list):
        raise DataError(f"{place}: {key!r} is {kind_of(value)}, not a list", hint=_HINT)
    return value


def as_object(value: object, key: str, place: str) -> dict[str, Any]:
    """An object as it is.

    Raises:
        DataError: it is something else.
    """
    if not isinstance(value, dict):
        raise DataError(f"{place}: {key!r} holds {kind_of(value)}, not an object", hint=_HINT)
    return value


def read_each(rows: Rows, read: Callable[[Record, str], Made]) -> tuple[list[int], list[Made]]:
    """What is read of each row, given the row and its place; rows that cannot be read are set aside.

    Returns:
        The numbers of the rows that were read, and what was read of them.

    Raises:
        DataError: with the place, for a row that may not be set aside.
    """
    numbers: list[int] = []
    made: list[Made] = []
    for number, record in enumerate(rows.records):
        place = rows.place(number)
        try:
            made.append(read(record, place))
        except DataError as error:
            rows.rejected.add(place, error, record)
        else:
            numbers.append(number)
    return numbers, made


def kept_place(rows: Rows, numbers: Sequence[int]) -> Place:
    """The places of these rows of a table."""
    return rows.place if len(numbers) == len(rows) else PickedPlace(rows.place, numbers)


def first_filled(rows: Rows, column: str) -> Any:
    """The first value of a column that is neither missing nor an empty list; None if there is none."""
    return next((value for record in rows.records if (value := record[column]) not in (None, [])), None)


def first_item(rows: Rows, column: str) -> Any:
    """The first element of the first list in a column that has one; None for a column of something else."""
    value = first_filled(rows, column)
    return value[0] if isinstance(value, list) else None


def settle_choices(choices: Sequence[Sequence[Any]], *, several: bool = False) -> list[Any]:
    """Labels to train on: one a row where no row has more than one, else lists.

    Args:
        choices: what was chosen in each row; nothing becomes None, or an empty list among lists.
        several: a row could have had more than one.
    """
    if several or any(len(chosen) > 1 for chosen in choices):
        return [list(chosen) for chosen in choices]
    return [chosen[0] if chosen else None for chosen in choices]


def written_by(rows: Rows, tool: str) -> str:
    """As `Rows.format` says it: `JSON lines as doccano writes them`."""
    return f"{rows.format} as {tool} writes {'them' if rows.format.endswith('s') else 'it'}"
