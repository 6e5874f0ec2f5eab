"""What Prodigy writes: spans, choices, and yes or no to a proposed label; only accepted rows count."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from bertkit.data.reading.places import PickedPlace
from bertkit.data.reading.spans import (
    as_list,
    as_object,
    first_filled,
    first_item,
    make_span,
    read_each,
    settle_choices,
    written_by,
)
from bertkit.data.rows import Record, Rows, counted
from bertkit.errors import DataError

_ANSWERS = {"accept", "reject", "ignore"}
_SPAN_KEYS = {"start", "end", "label"}


def is_prodigy(rows: Rows) -> bool:
    """Whether the rows have spans as Prodigy writes them, choices, or a label with an answer to it."""
    if "text" not in rows.columns:
        return False
    if "accept" in rows.columns and "options" in rows.columns:
        return True
    if "spans" in rows.columns:
        item = first_item(rows, "spans")
        if isinstance(item, dict):
            return bool(item.keys() & _SPAN_KEYS)
        return first_filled(rows, "spans") is None and _has_answers(rows)
    return ("label" in rows.columns or "accept" in rows.columns) and _has_answers(rows)


def convert_prodigy(rows: Rows) -> Rows:
    """`text` with `spans` or `label`, and whatever else there is but Prodigy's own tokens and options.

    Raises:
        DataError: a span is not as Prodigy writes it, or no row was accepted.
    """
    records = list(rows.records)
    answered = _has_answers(rows)
    taken = [
        index for index, record in enumerate(records) if not answered or record["answer"] in ("accept", None)
    ]
    passed = Counter({"example{s} that Prodigy's annotator rejected or ignored": len(records) - len(taken)})
    if not taken:
        raise DataError(
            f"{rows.origin}: the annotator accepted none of the {len(records):,} examples",
            hint='rows with "answer": "accept" are read: name a file that has some',
        )
    wanted = replace(rows, records=[records[index] for index in taken], place=PickedPlace(rows.place, taken))
    numbers, read = read_each(wanted, _annotated)
    taken = [taken[number] for number in numbers]
    made: dict[str, list[Any]] = {}
    if "spans" in rows.columns:
        made["spans"] = [spans for spans, _ in read]
    if "accept" in rows.columns:
        chosen = [accepted for _, accepted in read]
        several = any(_allows_several(records[index]) for index in taken)
        made["label"] = settle_choices(chosen, several=several)
    kept = [name for name in rows.columns if name not in _dropped(rows) and name not in made]
    first = [name for name in ("id", "text") if name in kept]
    columns = (*first, *made, *(name for name in kept if name not in first))
    return replace(
        rows,
        records=[
            {name: made[name][row] if name in made else records[index][name] for name in columns}
            for row, index in enumerate(taken)
        ],
        columns=columns,
        place=PickedPlace(rows.place, taken),
        format=written_by(rows, "Prodigy") if _is_marked(rows) else f"{rows.format} with spans",
        notes=counted(passed),
    )


def _has_answers(rows: Rows) -> bool:
    """Whether `answer` holds what an annotator's keys mean (a question may have an answer too)."""
    if "answer" not in rows.columns:
        return False
    answers = [answer for record in rows.records if (answer := record["answer"]) is not None]
    return bool(answers) and all(isinstance(answer, str) and answer in _ANSWERS for answer in answers)


def _is_marked(rows: Rows) -> bool:
    """Whether keys are there that only Prodigy writes; spans alone are nobody's own."""
    own = {"accept", "options", "_input_hash", "_task_hash"} & set(rows.columns)
    return bool(own) or _has_answers(rows) or _has_token_objects(rows)


def _has_token_objects(rows: Rows) -> bool:
    return "tokens" in rows.columns and isinstance(first_item(rows, "tokens"), dict)


def _dropped(rows: Rows) -> set[str]:
    """Columns that serve the tool; its `tokens` are objects, which a task would take for words."""
    dropped: set[str] = {"tokens"} if _has_token_objects(rows) else set()
    if "accept" in rows.columns:
        dropped |= {"accept", "options", "config"}
    return dropped | {"answer"} if _has_answers(rows) else dropped


def _annotated(record: Record, place: str) -> tuple[list[dict[str, Any]], list[Any]]:
    """The spans and the choices of a row."""
    return _spans(record.get("spans"), place), as_list(record.get("accept"), "accept", place)


def _spans(value: object, place: str) -> list[dict[str, Any]]:
    spans = []
    for item in as_list(value, "spans", place):
        span = as_object(item, "spans", place)
        spans.append(make_span(span.get("start"), span.get("end"), span.get("label"), place))
    return spans


def _allows_several(record: Any) -> bool:
    config = record.get("config")
    return isinstance(config, dict) and config.get("choice_style") == "multiple"
