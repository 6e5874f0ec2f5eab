"""Convert data from any format that is read to any that is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bertkit.data.reading.readers import read_location
from bertkit.data.rejection import RejectedRows
from bertkit.data.rows import Rows
from bertkit.data.writing.document_views import document_of, retagged, sentence_of
from bertkit.data.writing.question_writer import read_question, write_squad
from bertkit.data.writing.row_views import RowView, find_view, other_columns
from bertkit.data.writing.sentence_writer import write_conll
from bertkit.data.writing.span_writers import write_brat, write_doccano, write_label_studio, write_prodigy
from bertkit.data.writing.table_projection import TableColumns, project
from bertkit.data.writing.table_writers import (
    write_arrow,
    write_delimited,
    write_json,
    write_jsonl,
    write_parquet,
)
from bertkit.data.writing.writers import Format, check_target, choose_format, other_target
from bertkit.data.writing.written_files import CannotHoldError
from bertkit.errors import DataError, UsageError
from bertkit.workflows.conversion import FIRST_PLACES, Conversion, LeftOut
from bertkit.workflows.events import Listener, Note, silent

SCHEMES = ("IOB1", "IOB2", "BIOES")
_NEEDED = {
    "sentences": "words with a tag each, or texts with spans",
    "documents": "texts with spans, or words with a tag each",
    "questions": "questions with a context and answers",
}


@dataclass(frozen=True)
class ConvertResult:
    """What a conversion wrote.

    Attributes:
        rows: rows written.
        read: the format that was recognised, in words.
        written: the format written, as `--to` takes it.
        path: the file or folder.
        left_out: what is not in it, and why.
        passed_over: what was not even read, as `2 -DOCSTART- lines`.
    """

    rows: int
    read: str
    written: str
    path: Path
    left_out: tuple[LeftOut, ...] = ()
    passed_over: tuple[str, ...] = ()

    @property
    def set_aside(self) -> int:
        """Rows that could not be converted."""
        return sum(part.count for part in self.left_out if part.what == "rows")

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "rows": self.rows,
            "read": self.read,
            "written": self.written,
            "path": str(self.path),
            "left_out": [
                {"what": part.what, "reason": part.reason, "count": part.count, "first": list(part.first)}
                for part in self.left_out
            ],
            "passed_over": list(self.passed_over),
        }


def convert(
    source: Path | str,
    target: Path | str,
    *,
    to: str | None = None,
    text: str | None = None,
    label: str | None = None,
    scheme: str | None = None,
    skip_bad_rows: int = 0,
    force: bool = False,
    listen: Listener = silent,
) -> ConvertResult:
    """Convert data.

    Args:
        source: a file, a folder or whatever else is read.
        target: a file, or a folder for brat; whole when it is there.
        to: the format; None takes it from the name of the target.
        text: the column with the words or the text, where it does not have its usual name.
        label: the column with the tags or spans, likewise.
        scheme: how tags are written: IOB1, IOB2 or BIOES; None leaves them as read.
        skip_bad_rows: so many rows may be left out because they cannot be read.
        force: replace a target that exists.
        listen: told what happens.

    Raises:
        BertkitError: for what the user can fix; single rows that cannot be converted are no error as long
            as others can, they are counted.
    """
    chosen = choose_format(str(target), to)
    scheme = _check_scheme(scheme, chosen)
    path = check_target(str(target), chosen, source=str(source), force=force)
    listen(Note(f"reading {source}"))
    rejected = RejectedRows(skip_bad_rows, advise=True)
    rows = read_location(str(source), rejected)
    view = find_view(rows, text=text, label=label)
    job = Conversion(rows, view, scheme, listen)
    left_out: list[LeftOut] = []
    if len(rejected):
        first = tuple(row.shown for row, _ in zip(rejected, range(FIRST_PLACES), strict=False))
        left_out.append(LeftOut("rows", "they cannot be read", len(rejected), first))
    try:
        if chosen.holds == "table":
            columns = project(rows, view, chosen_columns=bool(text or label), scheme=scheme)
            left_out += _columns_left_out(columns.left_out, "not chosen by --text or --label")
            _write_table(chosen, path, job, columns)
        else:
            _check_view(rows, view, chosen)
            left_out += _columns_left_out(
                _unused_columns(rows, view, chosen), f"{chosen.name} has no place for them"
            )
            left_out += _write_annotated(chosen, path, job)
    except CannotHoldError as error:
        raise DataError(
            f"{rows.place(job.kept[error.position])}: {error.reason}",
            hint=f"{error.instead} can: write {other_target(str(target), error.instead)}",
        ) from None
    all_left_out = (*job.left_out(), *left_out)
    return ConvertResult(len(job.kept), rows.format, chosen.name, path, all_left_out, tuple(rows.notes))


def _check_scheme(scheme: str | None, chosen: Format) -> str | None:
    if scheme is None:
        return None
    if scheme.upper() not in SCHEMES:
        raise UsageError(
            f"there is no tag scheme {scheme!r} to write", hint=f"--scheme takes {', '.join(SCHEMES)}"
        )
    if chosen.holds not in ("sentences", "table"):
        raise UsageError(f"{chosen.name} has no tags, so --scheme says nothing", hint="leave --scheme out")
    return scheme.upper()


def _check_view(rows: Rows, view: RowView, chosen: Format) -> None:
    fitting = (
        view.kind == "questions" if chosen.holds == "questions" else view.kind in ("sentences", "documents")
    )
    if not fitting:
        columns = ", ".join(map(repr, rows.columns))
        raise DataError(
            f"{rows.origin} does not hold {_NEEDED[chosen.holds]}, as {chosen.name} does; "
            f"its columns are {columns}",
            hint="write a table, as --to jsonl"
            if chosen.holds == "questions" or view.kind == "questions"
            else "name the columns, --text COLUMN --label COLUMN, or write a table, as --to jsonl",
        )


def _unused_columns(rows: Rows, view: RowView, chosen: Format) -> tuple[str, ...]:
    without_id = chosen.holds == "sentences" and "id" in rows.columns
    return (*(("id",) if without_id else ()), *other_columns(rows, view))


def _columns_left_out(columns: Sequence[str], reason: str) -> list[LeftOut]:
    return [LeftOut("columns", reason, len(columns), tuple(columns))] if columns else []


def _write_annotated(chosen: Format, path: Path, job: Conversion) -> list[LeftOut]:
    view, scheme = job.view, job.scheme
    if chosen.holds == "questions":
        numbers = iter(range(1, len(job.rows) + 1))
        ask = partial(read_question, answers=str(view.label), start=view.start)
        write_squad(path, job.converted(lambda record: ask(record, next(numbers))))
        return []
    if chosen.holds == "sentences":
        read = (
            view.sentence if view.kind == "sentences" else lambda record: sentence_of(view.document(record))
        )
        write_conll(
            path, job.converted(lambda record: retagged(read(record), scheme) if scheme else read(record))
        )
        return []
    documents = job.converted(
        view.document
        if view.kind == "documents"
        else lambda record: document_of(view.sentence(record), record.get("id"))
    )
    if chosen.name == "brat":
        named = write_brat(path, documents)
        if not named and "id" in job.rows.columns:
            return [
                LeftOut("ids", "they cannot name files in this order: the files are numbered", len(job.kept))
            ]
        return []
    writers = {"doccano": write_doccano, "prodigy": write_prodigy, "label-studio": write_label_studio}
    writers[chosen.name](path, documents)
    return []


def _write_table(chosen: Format, path: Path, job: Conversion, columns: TableColumns) -> None:
    if chosen.name in ("parquet", "arrow"):
        values = _values(job, columns)
        (write_parquet if chosen.name == "parquet" else write_arrow)(path, values, columns.class_names)
        return
    records = job.converted(columns.in_words)
    if chosen.name in ("csv", "tsv"):
        write_delimited(path, records, columns.names, "\t" if chosen.name == "tsv" else ",")
    else:
        (write_json if chosen.name == "json" else write_jsonl)(path, records)


def _values(job: Conversion, columns: TableColumns) -> Mapping[str, Sequence[Any]]:
    """All values by column, with numbers that have names left as numbers."""
    values: dict[str, list[Any]] = {name: [] for name in columns.names}
    for record in job.converted(columns.as_read):
        for name in columns.names:
            values[name].append(record[name])
    return values
