"""What the rows of a source are: words with tags, texts with spans, questions, or a table like any other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bertkit.data.answers import START_NAMES
from bertkit.data.columns import find_column
from bertkit.data.rows import Record, Rows
from bertkit.data.writing.document_views import Document, Sentence, read_document, read_sentence

Kind = Literal["sentences", "documents", "questions", "table"]

TOKENS, TAGS, TEXT, SPANS = ("tokens", "words"), ("tags", "ner_tags"), ("text",), ("spans", "label")
QUESTION_COLUMNS = ("id", "title", "context", "question")
ANSWERS = ("answers", "answer", "answer_text")


@dataclass(frozen=True)
class RowView:
    """How to look at the rows of a source.

    Attributes:
        kind: `sentences` (words with tags), `documents` (texts with spans), `questions` or `table`.
        text: the column of the words or the text; None for questions and tables.
        label: the column of the tags, the spans or the answers.
        start: the column with the offset of answers that are bare texts.
        names: the names of tags that are numbers.
    """

    kind: Kind
    text: str | None = None
    label: str | None = None
    names: Sequence[str] = ()
    start: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are looked at; `id` with them."""
        if self.kind == "questions":
            return (*QUESTION_COLUMNS, *(name for name in (self.label, self.start) if name is not None))
        return ("id", *(name for name in (self.text, self.label) if name is not None))

    def sentence(self, record: Record) -> Sentence:
        """A row of words and tags.

        Raises:
            UnfitRowError: it is none.
        """
        return read_sentence(record[self.text or ""], record[self.label or ""], self.names)

    def document(self, record: Record) -> Document:
        """A row of a text and its spans.

        Raises:
            UnfitRowError: it is none.
        """
        return read_document(record[self.text or ""], record[self.label or ""], record.get("id"))


def find_view(rows: Rows, *, text: str | None = None, label: str | None = None) -> RowView:
    """The view that the columns and their first values suggest.

    Args:
        rows: as read.
        text: the column of the words or of the text, where it does not have its usual name.
        label: the column of the tags or of the spans, likewise.

    Raises:
        DataError: there is no such column.
    """
    answers = next((name for name in ANSWERS if name in rows.columns), None)
    if text is None and label is None and answers and {"context", "question"} <= set(rows.columns):
        start = next((name for name in START_NAMES if name in rows.columns), None)
        return RowView("questions", label=answers, start=start)
    text_column = _column(rows, text, (*TOKENS, *TEXT), "--text")
    words = text_column is not None and _is_list(_first_value(rows, text_column))
    label_column = _column(rows, label, TAGS if words else SPANS, "--label")
    holds_labels = _is_list if words else _is_span_list
    if None in (text_column, label_column) or not holds_labels(_first_value(rows, label_column or "")):
        return RowView("table", text_column, label_column)
    names = rows.class_names.get(label_column or "", ())
    return RowView("sentences" if words else "documents", text_column, label_column, names)


def other_columns(rows: Rows, view: RowView) -> tuple[str, ...]:
    """Columns that a view does not look at, and that do not just repeat one that it does.

    (A CoNLL file has its words and tags twice: by name and by number.)
    """
    seen = [rows.column(name) for name in (view.text, view.label) if name is not None]
    return tuple(name for name in rows.columns if name not in view.columns and rows.column(name) not in seen)


def _column(rows: Rows, wanted: str | None, usual: Sequence[str], option: str) -> str | None:
    if wanted is not None:
        return find_column(wanted, rows.columns, origin=rows.origin, option=option)
    return next((name for name in usual if name in rows.columns), None)


def _first_value(rows: Rows, column: str) -> Any:
    """The first value that is not None and no empty list; the only thing a kind can be told by."""
    empty: Any = None
    for record in rows.records:
        value = record[column]
        if value is not None and value != []:
            return value
        empty = value if empty is None else empty
    return empty


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _is_span_list(value: object) -> bool:
    """Spans, and not the names of a text's labels; an empty list can be either, and is no label."""
    return _is_list(value) and all(isinstance(item, Mapping) or _is_list(item) for item in value)  # type: ignore[attr-defined]
