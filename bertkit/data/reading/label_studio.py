"""The JSON export of Label Studio: tasks with their data, and what annotators made of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bertkit.data.reading.places import PickedPlace
from bertkit.data.reading.spans import (
    Span,
    as_list,
    as_object,
    first_filled,
    make_span,
    read_each,
    settle_choices,
    written_by,
)
from bertkit.data.rows import Record, Rows, counted
from bertkit.errors import DataError

# Columns of a task that tell about the work on it, not about the text.
_OF_THE_TOOL = {
    "data", "annotations", "predictions", "drafts", "file_upload", "inner_id", "project", "updated_by",
    "created_at", "updated_at", "comment_count", "unresolved_comment_count", "last_comment_updated_at",
    "comment_authors", "total_annotations", "cancelled_annotations", "total_predictions", "meta",
}  # fmt: skip


@dataclass
class _Answer:
    """What one annotation says: spans, and choices by the name of the control they were made with."""

    spans: list[Span] = field(default_factory=list)
    choices: dict[str, list[str]] = field(default_factory=dict)


def is_label_studio(rows: Rows) -> bool:
    """Whether the rows are tasks with annotations."""
    return (
        {"data", "annotations"} <= set(rows.columns)
        and isinstance(first_filled(rows, "data"), dict)
        and isinstance(rows.records[0]["annotations"], list | None)
    )


def convert_label_studio(rows: Rows) -> Rows:
    """`id`, the data of the task, and `spans` or `label`; of several annotations the first one counts.

    Tasks that nobody has annotated, or where the annotation was cancelled, are passed over.

    Raises:
        DataError: an annotation is not as Label Studio writes it, or there is none at all.
    """
    passed: Counter[str] = Counter()

    def read(record: Record, place: str) -> tuple[_Answer, dict[str, Any]] | None:
        annotation = _first_annotation(record["annotations"], passed, place)
        if annotation is None:
            return None
        return _answer(annotation, passed, place), as_object(record["data"], "data", place)

    numbers, found = read_each(rows, read)
    annotated = [(index, *each) for index, each in zip(numbers, found, strict=True) if each is not None]
    taken = [index for index, _, _ in annotated]
    answers = [answer for _, answer, _ in annotated]
    if not taken:
        raise DataError(
            f"{rows.origin}: none of the {len(rows):,} tasks is annotated", hint="export finished tasks"
        )
    made = made_columns([answer.spans for answer in answers], [answer.choices for answer in answers])
    tasks = [rows.records[index] for index in taken]
    data = [_with_text(item) if "spans" in made else item for _, _, item in annotated]
    names = dict.fromkeys(name for item in data for name in item)
    kept = [name for name in rows.columns if name not in _OF_THE_TOOL | set(names) | set(made)]
    shown = [name for name in names if name not in made]
    columns = (*(["id"] if "id" in kept else []), *shown, *made, *(name for name in kept if name != "id"))
    records = [
        {
            name: made[name][row] if name in made else item.get(name) if name in names else task[name]
            for name in columns
        }
        for row, (task, item) in enumerate(zip(tasks, data, strict=True))
    ]
    return replace(
        rows,
        records=records,
        columns=columns,
        place=PickedPlace(rows.place, taken),
        format=written_by(rows, "Label Studio"),
        notes=counted(passed),
    )


def made_columns(
    spans: Sequence[list[Span]], choices: Sequence[Mapping[str, list[str]]]
) -> dict[str, list[Any]]:
    """`spans`, and `label`, or a column for each control where choices were made with several.

    Spans are left out only where there are choices and nobody marked anything.
    """
    made: dict[str, list[Any]] = {}
    controls = list(dict.fromkeys(name for chosen in choices for name in chosen))
    if any(spans) or not controls:
        made["spans"] = list(spans)
    for control in controls:
        name = "label" if len(controls) == 1 else control
        made[name] = settle_choices([chosen.get(control, []) for chosen in choices])
    return made


def spans_of(value: Mapping[str, Any], place: str) -> list[Span]:
    """One span for each label that a stretch was given."""
    labels = as_list(value.get("labels"), "labels", place)
    said = {"text": value["text"]} if isinstance(value.get("text"), str) and value["text"] else {}
    return [make_span(value.get("start"), value.get("end"), label, place) | said for label in labels]


def _first_annotation(value: object, passed: Counter[str], place: str) -> dict[str, Any] | None:
    annotations = [as_object(item, "annotations", place) for item in as_list(value, "annotations", place)]
    done = [item for item in annotations if not item.get("was_cancelled")]
    if not done:
        passed["task{s} without an annotation, or with a cancelled one"] += 1
        return None
    passed["task{s} with several annotations, of which the first one counts"] += len(done) > 1
    return done[0]


def _answer(annotation: Mapping[str, Any], passed: Counter[str], place: str) -> _Answer:
    answer = _Answer()
    for item in as_list(annotation.get("result"), "result", place):
        result = as_object(item, "result", place)
        kind = result.get("type")
        if kind == "labels":
            answer.spans += spans_of(as_object(result.get("value"), "value", place), place)
        elif kind == "choices":
            value = as_object(result.get("value"), "value", place)
            control = str(result.get("from_name") or "label")
            answer.choices.setdefault(control, []).extend(as_list(value.get("choices"), "choices", place))
        else:
            passed[f"result{{s}} of the type {kind if isinstance(kind, str) else 'unknown'}"] += 1
    return answer


def _with_text(data: dict[str, Any]) -> dict[str, Any]:
    """The same data with its only text under the key `text`, whatever key the project gave it."""
    if "text" in data:
        return data
    texts = [name for name, value in data.items() if isinstance(value, str)]
    if len(texts) != 1:
        return data
    return {"text" if name == texts[0] else name: value for name, value in data.items()}
