"""The JSON-MIN export of Label Studio: the data of a task and what was annotated, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bertkit.data.reading.label_studio import made_columns, spans_of
from bertkit.data.reading.spans import (
    Span,
    as_list,
    as_object,
    first_item,
    kept_place,
    read_each,
    written_by,
)
from bertkit.data.rows import Record, Rows

_MARKS = {"annotation_id", "annotator", "lead_time"}


def is_json_min(rows: Rows) -> bool:
    """Whether a column holds stretches with labels, or choices beside Label Studio's own keys."""
    return bool(_span_columns(rows) or _choice_columns(rows))


def convert_json_min(rows: Rows) -> Rows:
    """`spans`, `label` where several choices were possible, and whatever else there is.

    A single choice stands in its column as a text already, and stays there.

    Raises:
        DataError: an annotation is not as Label Studio writes it.
    """
    span_columns, choice_columns = _span_columns(rows), _choice_columns(rows)

    def read(record: Record, place: str) -> tuple[list[Span], Mapping[str, list[str]]]:
        values = [
            as_object(item, name, place)
            for name in span_columns
            for item in as_list(record[name], name, place)
        ]
        spans = [span for value in values for span in spans_of(value, place)]
        return spans, {name: _chosen(record[name], name, place) for name in choice_columns}

    numbers, found = read_each(rows, read)
    made = made_columns([spans for spans, _ in found], [choices for _, choices in found])
    kept = [
        name for name in rows.columns if name not in {*span_columns, *choice_columns, *made, "id", "text"}
    ]
    columns = (*(name for name in ("id", "text") if name in rows.columns), *made, *kept)
    records: list[dict[str, Any]] = [
        {name: made[name][row] if name in made else rows.records[number][name] for name in columns}
        for row, number in enumerate(numbers)
    ]
    return replace(
        rows, records=records, columns=columns, place=kept_place(rows, numbers),
        format=written_by(rows, "Label Studio"),
    )  # fmt: skip


def _span_columns(rows: Rows) -> list[str]:
    found = []
    for name in rows.columns:
        item = first_item(rows, name)
        if isinstance(item, dict) and "labels" in item and item.keys() & {"start", "end"}:
            found.append(name)
    return found


def _choice_columns(rows: Rows) -> list[str]:
    if len(_MARKS & set(rows.columns)) < 2:
        return []
    return [
        name
        for name in rows.columns
        if any(
            isinstance(value := record[name], dict) and value.keys() == {"choices"} for record in rows.records
        )
    ]


def _chosen(value: object, name: str, place: str) -> list[str]:
    """`{"choices": [...]}` for several, a plain text for one, nothing for none."""
    if value is None or isinstance(value, str):
        return [value] if value else []
    return as_list(as_object(value, name, place).get("choices"), "choices", place)
