"""CSV and TSV files: the header, and every value as the text that it is."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
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
    with open_file(file) as stream:
        table = DelimitedTable(TextLines.of(stream, file), file, delimiter=delimiter)
        records: list[dict[str, Any]] = []
        numbers = array("Q")
        for line, record in table:
            records.append(record)
            numbers.append(line)
    if not records:
        raise DataError(
            f"{file}:{table.header_line}: no row follows the header", hint="check how the file was written"
        )
    return Rows(
        records=records,
        columns=table.columns,
        origin=file.name,
        place=LinePlace(file.name, numbers),
        format=table.format,
    )


class DelimitedTable:
    """An iterator over the rows of an opened table, each with the line at which it starts (from 1).

    Rows that cannot be read are set aside where that is allowed.

    Args:
        lines: from the header on; with `layout` from the first line of any row on.
        file: for messages, and where rows go that cannot be read.
        delimiter: None: found from the header line.
        layout: delimiter and columns, where the header has been read already.

    Attributes:
        columns: the names in the header.
        delimiter: one character.
        header_line: at which the header starts.

    Raises:
        DataError: at once for a header, later for a row.
    """

    def __init__(
        self,
        lines: TextLines,
        file: DataFile,
        *,
        delimiter: str | None = None,
        layout: tuple[str, tuple[str, ...]] | None = None,
    ) -> None:
        self._file, self._lines = file, lines
        self.header_line = 1
        number, start = lines.number, list[str]()
        if layout is None:
            try:
                start = [next(lines, "")]
            except LineTooLongError as error:
                raise too_long(file, 1, error) from None
        self.delimiter = layout[0] if layout else delimiter or find_delimiter(start[0])
        # chain goes on after an exception of what it walks over; a generator would be at its end.
        self._parsed = DelimitedRecords(
            chain(start, lines), delimiter=self.delimiter, max_bytes=MAX_LINE_BYTES,
            line_by_line=file.rejected.allows_some, number=number,
        )  # fmt: skip
        self.columns = layout[1] if layout else self._read_header()
        self._parsed.width = len(self.columns)

    def _read_header(self) -> tuple[str, ...]:
        header = next(self._parsed, None)
        if header is None:
            raise DataError(
                f"{self._file}: the file is empty", hint="check how it was written, or name another file"
            )
        if wrong := self._lines.fault_within(1, self._parsed.last_line):
            raise wrong[1]  # without its header nothing of a table can be used
        self.header_line = header.line
        return check_header(header, self._file.name)

    @property
    def format(self) -> str:
        """What it is, in words."""
        return _FORMATS.get(self.delimiter, f"CSV, separated by {self.delimiter!r}")

    @property
    def last_line(self) -> int:
        """The last line of the row given out last; the next row begins after it."""
        return self._parsed.last_line

    def __iter__(self) -> DelimitedTable:
        return self

    def __next__(self) -> tuple[int, dict[str, Any]]:
        while True:
            record = next(self._parsed)
            place, told = record.line, None
            if record.fault:
                told = DataError(f"{self._file}:{place}: {record.fault}", hint=_row_hint(self.delimiter))
            if self._file.rejected.allows_some and (wrong := self._lines.fault_within(place, self.last_line)):
                place, told = wrong  # else the line itself has been refused
            if told is None:
                return place, dict(zip(self.columns, record.fields, strict=True))
            self._file.rejected.add(f"{self._file}:{place}", told, self._parsed.source)


class TextLines:
    """An iterator over lines with their line ends, without a byte order mark.

    A line that is no text in UTF-8 ends it with a DataError. Where rows may be set aside it is given out all
    the same, for whoever knows where its row ends: what is no text as lone surrogates, and `fault_within`
    tells what is wrong. A line that is too long raises LineTooLongError, and the next one follows.

    Args:
        lines: as bytes.
        file: for messages, and where rows go that cannot be read.
        number: of the line before the first one.

    Attributes:
        number: of the line given out last, from 1.
    """

    def __init__(self, lines: Iterator[bytes], file: DataFile, *, number: int = 0) -> None:
        self._source = lines
        self._file = file
        self._faults: dict[int, DataError] = {}
        self.number = number

    @classmethod
    def of(cls, stream: BinaryIO, file: DataFile) -> TextLines:
        """The lines of a file that was opened."""
        return cls(LineSource(stream, max_bytes=MAX_LINE_BYTES, split_at_cr=True), file)

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
