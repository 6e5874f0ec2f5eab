"""Which columns of a source a table is written with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bertkit.data.rows import Record, Rows
from bertkit.data.writing.document_views import retagged, span_values
from bertkit.data.writing.row_views import RowView, other_columns
from bertkit.errors import UsageError


@dataclass(frozen=True)
class TableColumns:
    """The columns to write.

    Attributes:
        names: in their order.
        as_read: gives a row with these columns.
        left_out: columns of the source that are not written.
        class_names: for columns of numbers with names.
    """

    names: tuple[str, ...]
    as_read: Callable[[Record], Record]
    left_out: tuple[str, ...] = ()
    class_names: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def in_words(self, record: Record) -> Record:
        """A row with names in place of the numbers that have some, for formats that cannot keep both."""
        row = self.as_read(record)
        if not self.class_names:
            return row
        return {name: _name(value, self.class_names.get(name, ())) for name, value in row.items()}


def _name(value: Any, names: Sequence[str]) -> Any:
    if not names:
        return value
    if isinstance(value, list):
        return [_name(item, names) for item in value]
    if type(value) is not int:
        return value
    return names[value] if 0 <= value < len(names) else None  # -1 says that the label is hidden


def project(rows: Rows, view: RowView, *, chosen_columns: bool, scheme: str | None) -> TableColumns:
    """The columns of a table made from rows: all of them, unless a choice was made.

    Args:
        rows: as read.
        view: what they are.
        chosen_columns: whether the columns of the view were named by the user; then no others are written.
        scheme: how tags are to be written, if another way than they are.

    Raises:
        UsageError: a scheme is asked for, and there are no tags.
    """
    if scheme is not None and view.kind != "sentences":
        raise UsageError(
            f"{rows.origin} has no words with tags, so --scheme says nothing",
            hint="leave --scheme out, or write words with tags: --to conll",
        )
    identity = ("id",) if "id" in rows.columns else ()
    if view.kind == "sentences" and (chosen_columns or scheme or rows.format.startswith("CoNLL")):
        return TableColumns(
            (*identity, "tokens", "tags"), _sentences(view, scheme), other_columns(rows, view)
        )
    if view.kind == "documents" and chosen_columns:
        return TableColumns((*identity, "text", "spans"), _documents(view), other_columns(rows, view))
    names = rows.columns
    if chosen_columns:
        names = tuple(name for name in rows.columns if name in (view.text, view.label))
    return TableColumns(
        names,
        lambda record: {name: record[name] for name in names},
        tuple(name for name in rows.columns if name not in names),
        {name: rows.class_names[name] for name in names if name in rows.class_names},
    )


def _sentences(view: RowView, scheme: str | None) -> Callable[[Record], Record]:
    def row(record: Record) -> Record:
        sentence = view.sentence(record)
        sentence = retagged(sentence, scheme) if scheme else sentence
        identity = {"id": record["id"]} if "id" in record else {}
        return {**identity, "tokens": list(sentence.tokens), "tags": list(sentence.tags)}

    return row


def _documents(view: RowView) -> Callable[[Record], Record]:
    def row(record: Record) -> Record:
        document = view.document(record)
        identity = {"id": record["id"]} if "id" in record else {}
        return {**identity, "text": document.text, "spans": span_values(document.spans)}

    return row
