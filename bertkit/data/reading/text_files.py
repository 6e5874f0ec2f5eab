"""CSV and TSV files: the header, and every value as the text that it is."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from bertkit.data.reading.delimited import (
    DelimitedRecord,
    DelimitedRecords,
    find_delimiter,
    too_long_message,
)
from bertkit.data.reading.file_access import DataFile, not_utf8, nul_byte, open_file
from bertkit.data.reading.line_source import MAX_LINE_BYTES, LineSource, LineTooLongError
from bertkit.data.reading.places import LinePlace
from bertkit.data.rows import Rows
from bertkit.errors import DataError

UNNAMED_FIRST_COLUMN = "column 1"
_FORMATS = {",": "CSV", "\t": "TSV"}


def check_header(record: DelimitedRecord, name: str | Path) -> tuple[str, ...]:
    """The column names, trimmed.

    A first column without a name, as pandas writes for its index, becomes `column 1`.

    Raises:
        DataError: the header cannot be read, or a name is empty or stands twice.
    """
    place = f"{name}:{record.line}"
    if record.fault:
        raise DataError(
            f"{place}: {record.fault}", hint="the first line has to hold the names of the columns"
        )
    columns = [field.strip() for field in record.fields]
    columns[0] = columns[0] or UNNAMED_FIRST_COLUMN
    return check_names(columns, place)


def check_names(columns: Iterable[str], place: str) -> tuple[str, ...]:
    """The same names.

    Raises:
        DataError: one is empty or stands twice.
    """
    positions: dict[str, int] = {}
    for position, column in enumerate(columns, start=1):
        if not column:
            raise DataError(f"{place}: column {position} has no name", hint="name it, or remove the column")
        if column in positions:
            raise DataError(
                f"{place}: columns {positions[column]} and {position} are both named {column!r}",
                hint="rename or remove one of them",
            )
        positions[column] = position
    return tuple(positions)


def read_delimited(file: DataFile, *, delimiter: str | None = None) -> Rows:
    """Read a CSV or TSV file; every value stays the text that it is.

    Args:
        file: a regular file in UTF-8.
        delimiter: None: found from the header line.

    Raises:
        DataError: with the line at which the row starts.
    """
    some = file.rejected.allows_some
    with open_file(file) as stream:
        lines = TextLines(stream, file)
        try:
            first = next(lines, "")
        except LineTooLongError as error:
            raise too_long(file, 1, error) from None
        delimiter = delimiter or find_delimiter(first)
        # chain goes on after an exception of what it walks over; a generator would be at its end.
        parsed = DelimitedRecords(
            chain([first], lines), delimiter=delimiter, max_bytes=MAX_LINE_BYTES, line_by_line=some
        )
        header = next(parsed, None)
        if header is None:
            raise DataError(
                f"{file}: the file is empty", hint="check how it was written, or name another file"
            )
        if wrong := lines.fault_within(1, parsed.last_line):
            raise wrong[1]  # without its header nothing of a table can be used
        columns = check_header(header, file.name)
        parsed.width = len(columns)
        records: list[dict[str, Any]] = []
        numbers = array("Q")
        for record in parsed:
            told: DataError | None = None
            if record.fault:
                told = DataError(f"{file}:{record.line}: {record.fault}", hint=_row_hint(delimiter))
            place = record.line
            if some and (wrong := lines.fault_within(record.line, parsed.last_line)):
                place, told = wrong  # else the line itself has been refused
            if told is not None:
                file.rejected.add(f"{file}:{place}", told, parsed.source)
                continue
            records.append(dict(zip(columns, record.fields, strict=True)))
            numbers.append(record.line)
    if not records:
        raise DataError(
            f"{file}:{header.line}: no row follows the header", hint="check how the file was written"
        )
    return Rows(
        records=records,
        columns=columns,
        origin=file.name,
        place=LinePlace(file.name, numbers),
        format=_FORMATS.get(delimiter, f"CSV, separated by {delimiter!r}"),
    )


class TextLines:
    """An iterator over lines with their line ends, without a byte order mark.

    A line that is no text in UTF-8 ends it with a DataError. Where rows may be set aside it is given out all
    the same, for whoever knows where its row ends: what is no text as lone surrogates, and `fault_within`
    tells what is wrong. A line that is too long raises LineTooLongError, and the next one follows.

    Attributes:
        number: of the line given out last, from 1.
    """

    def __init__(self, stream: BinaryIO, file: DataFile) -> None:
        self._source = LineSource(stream, max_bytes=MAX_LINE_BYTES, split_at_cr=True)
        self._file = file
        self._faults: dict[int, DataError] = {}
        self.number = 0

    def __iter__(self) -> TextLines:
        return self

    def __next__(self) -> str:
        self.number += 1
        line = next(self._source)
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            return self._faulty(line, not_utf8(self._file, self.number, line, error.start))
        return text if "\0" not in text else self._faulty(line, nul_byte(self._file, self.number))

    def _faulty(self, line: bytes, error: DataError) -> str:
        if b"\0" in line:
            error = nul_byte(self._file, self.number)
        if not self._file.rejected.allows_some:
            self._file.rejected.add(f"{self._file}:{self.number}", error)  # which raises it
        self._faults[self.number] = error
        return line.decode("utf-8", errors="surrogateescape")

    def fault_within(self, first: int, last: int) -> tuple[int, DataError] | None:
        """The first faulty one of these lines and what is wrong with it; None where all are text."""
        if not self._faults:
            return None
        found = [number for number in self._faults if first <= number <= last]
        return (min(found), self._faults[min(found)]) if found else None


def too_long(file: DataFile, line: int, error: LineTooLongError) -> DataError:
    """The error for a line that is longer than any row."""
    return DataError(
        f"{file}:{line}: {too_long_message(error.size, MAX_LINE_BYTES)}",
        hint="is it a data file at all, with a line end after each row? cut such texts into parts first",
    )


def _row_hint(delimiter: str) -> str:
    shown = {"\t": "a tab", ",": "a comma"}.get(delimiter, repr(delimiter))
    return f'put quotes around a value that holds {shown}, and write a quote inside quotes as ""'
