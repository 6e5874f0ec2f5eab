"""CSV and TSV files: the header, and every value as the text that it is."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from bertkit.data.reading.delimited import DelimitedRecord, DelimitedRecords, find_delimiter
from bertkit.data.reading.file_access import DataFile, not_utf8, nul_byte, open_file
from bertkit.data.reading.line_source import LineSource
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
        lines = text_lines(stream, file)
        first = next(lines, "")
        delimiter = delimiter or find_delimiter(first)
        parsed = DelimitedRecords(chain([first], lines), delimiter=delimiter)
        header = next(parsed, None)
        if header is None:
            raise DataError(
                f"{file}: the file is empty", hint="check how it was written, or name another file"
            )
        columns = check_header(header, file.name)
        parsed.width = len(columns)
        records: list[dict[str, Any]] = []
        numbers = array("Q")
        for record in parsed:
            if record.fault:
                raise DataError(f"{file}:{record.line}: {record.fault}", hint=_row_hint(delimiter))
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


def text_lines(stream: BinaryIO, file: DataFile) -> Iterator[str]:
    """Lines with their line ends, without a byte order mark.

    Raises:
        DataError: a line that is no text in UTF-8.
    """
    for number, line in enumerate(LineSource(stream, split_at_cr=True), start=1):
        if b"\0" in line:
            raise nul_byte(file, number)
        try:
            yield line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise not_utf8(file, number, line, error.start) from None


def _row_hint(delimiter: str) -> str:
    shown = {"\t": "a tab", ",": "a comma"}.get(delimiter, repr(delimiter))
    return f'put quotes around a value that holds {shown}, and write a quote inside quotes as ""'
