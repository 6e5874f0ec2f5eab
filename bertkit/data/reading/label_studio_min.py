"""The JSON-MIN export of Label Studio: the data of a task and what was annotated, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bertkit.data.reading.label_studio import made_columns, spans_of
from bertkit.data.reading.spans import Span, as_list, as_object, first_item, written_by
from bertkit.data.rows import Rows

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
    spans: list[list[Span]] = []
    choices: list[Mapping[str, list[str]]] = []
    for index, record in enumerate(rows.records):
        place = rows.place(index)
        values = [
            as_object(item, name, place)
            for name in span_columns
            for item in as_list(record[name], name, place)
        ]
        spans.append([span for value in values for span in spans_of(value, place)])
        choices.append({name: _chosen(record[name], name, place) for name in choice_columns})
    made = made_columns(spans, choices)
    kept = [
        name for name in rows.columns if name not in {*span_columns, *choice_columns, *made, "id", "text"}
    ]
    columns = (*(name for name in ("id", "text") if name in rows.columns), *made, *kept)
    records: list[dict[str, Any]] = [
        {name: made[name][index] if name in made else record[name] for name in columns}
        for index, record in enumerate(rows.records)
    ]
    return replace(rows, records=records, columns=columns, format=written_by(rows, "Label Studio"))


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
