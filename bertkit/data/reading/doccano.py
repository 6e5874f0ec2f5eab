"""Spans as doccano exports them: lists of three, or since version 1.5 objects under `entities`."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from bertkit.data.reading.spans import (
    Span,
    as_list,
    as_object,
    first_filled,
    first_item,
    kept_place,
    make_span,
    read_each,
    written_by,
)
from bertkit.data.rows import Record, Rows, counted
from bertkit.errors import DataError

_TRIPLES = ("label", "labels", "entities")
_ENTITY_KEYS = {"label", "start_offset", "end_offset"}


def is_doccano(rows: Rows) -> bool:
    """Whether the rows have a text and spans of doccano; its labels of whole texts are left as they are."""
    return _text_column(rows) is not None and _span_column(rows) is not None


def convert_doccano(rows: Rows) -> Rows:
    """`text`, `spans` and whatever else there is.

    Raises:
        DataError: a span is not as doccano writes it.
    """
    text, column = _text_column(rows), _span_column(rows)
    dropped = {column, "relations"} if column == "entities" else {column}
    kept = [name for name in rows.columns if name not in dropped and name not in (text, "spans", "id")]
    columns = (*(("id",) if "id" in rows.columns else ()), "text", "spans", *kept)
    passed: Counter[str] = Counter()

    def read(record: Record, place: str) -> dict[str, Any]:
        if "relations" in dropped:
            passed["relation{s}"] += len(as_list(record.get("relations"), "relations", place))
        row = {name: record[name] for name in columns if name in record}
        row["text"] = record[text or "text"]
        given = record[column or ""]
        spans = [_span(item, column or "", place) for item in as_list(given, column or "", place)]
        row["spans"] = None if given is None else spans  # null says nothing, an empty list that there is none
        return {name: row[name] for name in columns}

    numbers, records = read_each(rows, read)
    return replace(
        rows, records=records, columns=columns, place=kept_place(rows, numbers),
        format=written_by(rows, "doccano"), notes=counted(passed),
    )  # fmt: skip


def _text_column(rows: Rows) -> str | None:
    """`text`, or `data` as one version calls it."""
    return next(
        (name for name in ("text", "data") if name in rows.columns and _is_text(first_filled(rows, name))),
        None,
    )


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _span_column(rows: Rows) -> str | None:
    for name in _TRIPLES:
        if name in rows.columns:
            item = first_item(rows, name)
            if isinstance(item, dict) and item.keys() & _ENTITY_KEYS - {"label"}:
                return name
            # A span without its label is told, and not read as something else.
            if isinstance(item, list) and any(isinstance(part, int) for part in item[:2]):
                return name
    if "entities" in rows.columns and "relations" in rows.columns and first_filled(rows, "entities") is None:
        return "entities"  # nobody marked anything
    return None


def _span(item: object, column: str, place: str) -> Span:
    if isinstance(item, list):
        if len(item) != 3:
            raise DataError(
                f"{place}: a span in {column!r} has {len(item)} values, not 3",
                hint='doccano writes a span as [0, 5, "LABEL"]',
            )
        start, end, label = item
        return make_span(start, end, label, place)
    entity = as_object(item, column, place)
    return make_span(entity.get("start_offset"), entity.get("end_offset"), entity.get("label"), place)
