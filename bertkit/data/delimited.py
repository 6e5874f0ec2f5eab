"""CSV and TSV (RFC 4180), record by record, so that one bad row does not spoil the next."""

from __future__ import annotations

import csv
from array import array
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from bertkit.data.file_access import not_utf8, nul_byte, open_file
from bertkit.data.line_source import LineSource, LineTooLongError
from bertkit.data.places import LinePlace
from bertkit.data.rows import Rows
from bertkit.errors import DataError

DELIMITERS = (",", ";", "\t", "|")
UNNAMED_FIRST_COLUMN = "column 1"
_FIELD_LIMIT = 2**31 - 1  # characters; csv's own is 131,072, and a C long is no larger everywhere


@dataclass(frozen=True, slots=True)
class DelimitedRecord:
    """One record: the line at which it starts (from 1), and its fields or what is wrong with it."""

    line: int
    fields: Sequence[str]
    fault: str | None = None


class _Feed:
    """Hands lines to `csv.reader`, and knows which lines the current record took."""

    def __init__(self, lines: Iterator[str], max_bytes: int | None) -> None:
        self._lines = lines
        self._max_bytes = max_bytes
        self._returned: deque[str | LineTooLongError] = deque()
        self._size = 0
        self.taken: list[str] = []
        self.too_long: LineTooLongError | None = None
        self.number = 0  # lines handed out so far

    def begin_record(self) -> None:
        self.taken, self.too_long, self._size = [], None, 0

    def give_back(self, count: int) -> None:
        """The last `count` taken lines, and a line that was too long after them, come again."""
        lines = self.taken[len(self.taken) - count :]
        self._returned.extendleft([self.too_long] if self.too_long else [])
        self._returned.extendleft(reversed(lines))
        self.number -= count + bool(self.too_long)

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        try:
            line = self._next()
        except LineTooLongError as error:
            self.number += 1
            self.too_long = error
            raise
        self.number += 1
        self.taken.append(line)
        if self._max_bytes is not None:
            self._size += len(line) if line.isascii() else len(line.encode("utf-8", "surrogateescape"))
            if self._size > self._max_bytes + 2 and len(self.taken) > 1:
                raise LineTooLongError(self._size, 0)
        return line

    def _next(self) -> str:
        if not self._returned:
            return next(self._lines)
        line = self._returned.popleft()
        if isinstance(line, LineTooLongError):
            raise line
        return line


class DelimitedRecords:
    """An iterator over the records of a table; what is wrong comes in place, never as an exception.

    A record may span lines where quotes say so. Blank lines are passed over.

    Many TSV files are written without any quoting (those of GLUE, for one), so a `"` there can be plain
    text. In a tab-separated table a line with the right number of tabs is therefore a row of its own,
    quotes and all, where reading the quotes would give no valid row, or would join lines each of
    which is a row.

    Args:
        lines: text lines with their line ends; may raise LineTooLongError and go on.
        delimiter: one character.
        max_bytes: longest record; None: no limit.

    Attributes:
        width: how many fields a record has to have; None (as at the start, for the header): any number.
    """

    def __init__(self, lines: Iterator[str], *, delimiter: str, max_bytes: int | None = None) -> None:
        csv.field_size_limit(_FIELD_LIMIT)  # of the whole process: csv has no other
        self._feed = _Feed(lines, max_bytes)
        self._reader = csv.reader(self._feed, delimiter=delimiter, strict=True)
        self._delimiter = delimiter
        self._max_bytes = max_bytes
        self.width: int | None = None

    def __iter__(self) -> DelimitedRecords:
        return self

    def __next__(self) -> DelimitedRecord:
        while True:
            self._feed.begin_record()
            line = self._feed.number + 1
            fault: str | None = None
            fields: list[str] = []
            too_long = False
            try:
                fields = next(self._reader)
            except csv.Error as error:
                # csv has two complaints left in this mode; "unexpected end of data" is the first.
                closed = "end of data" not in str(error)
                fault = "text follows a closing quote" if closed else "a quote is opened and never closed"
            except LineTooLongError as error:
                too_long, fault = True, self._too_long(error)
            if fault is None and not fields:
                continue
            if fault is None and self.width is not None and len(fields) != self.width:
                fault = f"the row has {_count(len(fields), 'field')}, the header has {self.width}"
            if self._is_plain(fault):
                self._feed.give_back(len(self._feed.taken) - 1)
                return DelimitedRecord(line, self._feed.taken[0].rstrip("\r\n").split("\t"))
            if fault is None:
                return DelimitedRecord(line, fields)
            if too_long:
                self._pass_open_quote()
            return DelimitedRecord(line, (), fault + self._span(line))

    def _is_plain(self, fault: str | None) -> bool:
        """Whether the first line taken is a row in which quotes are plain text."""
        taken = self._feed.taken
        if self._delimiter != "\t" or self.width is None or not taken:
            return False
        tabs = self.width - 1
        if fault is not None:
            return taken[0].count("\t") == tabs
        return len(taken) > 1 and tabs > 0 and all(line.count("\t") == tabs for line in taken)

    def _too_long(self, error: LineTooLongError) -> str:
        if self._feed.too_long and not self._feed.taken:
            return too_long_message(error.size, self._max_bytes or 0)
        return f"the row is over {self._max_bytes or 0:,} bytes long: is a quote not closed?"

    def _pass_open_quote(self) -> None:
        """Read past the rest of a record that is too long: to the line in which the quotes even out."""
        quotes = sum(line.count('"') for line in self._feed.taken)
        quotes += self._feed.too_long.quotes if self._feed.too_long else 0
        while quotes % 2:
            self._feed.begin_record()
            try:
                quotes += next(self._feed).count('"')
            except LineTooLongError as error:
                quotes += error.quotes
            except StopIteration:
                return

    def _span(self, line: int) -> str:
        return f" (lines {line} to {self._feed.number})" if self._feed.number > line else ""


def too_long_message(size: int, max_bytes: int) -> str:
    """What to say of a line over the limit; both sizes are in bytes."""
    return f"the line is {size:,} bytes long; the limit is {max_bytes:,}"


def find_delimiter(header: str) -> str:
    """The delimiter that stands most often outside quotes in the header line; a comma where none does."""
    bare = "".join(header.split('"')[::2])
    return max(DELIMITERS, key=bare.count)


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


def read_delimited(path: Path, *, delimiter: str | None = None) -> Rows:
    """Read a CSV or TSV file; every value stays the text that it is.

    Args:
        path: a regular file in UTF-8.
        delimiter: None: found from the header line.

    Raises:
        DataError: with the line at which the row starts.
    """
    with open_file(path) as stream:
        lines = _text_lines(stream, path)
        first = next(lines, "")
        delimiter = delimiter or find_delimiter(first)
        parsed = DelimitedRecords(chain([first], lines), delimiter=delimiter)
        header = next(parsed, None)
        if header is None:
            raise DataError(
                f"{path}: the file is empty", hint="check how it was written, or name another file"
            )
        columns = check_header(header, path)
        parsed.width = len(columns)
        records: list[dict[str, Any]] = []
        numbers = array("Q")
        for record in parsed:
            if record.fault:
                raise DataError(f"{path}:{record.line}: {record.fault}", hint=_row_hint(delimiter))
            records.append(dict(zip(columns, record.fields, strict=True)))
            numbers.append(record.line)
    if not records:
        raise DataError(
            f"{path}:{header.line}: no row follows the header", hint="check how the file was written"
        )
    return Rows(records=records, columns=columns, origin=str(path), place=LinePlace(str(path), numbers))


def _text_lines(stream: BinaryIO, path: Path) -> Iterator[str]:
    for number, line in enumerate(LineSource(stream, split_at_cr=True), start=1):
        if b"\0" in line:
            raise nul_byte(path, number)
        try:
            yield line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise not_utf8(path, number, line, error.start) from None


def _row_hint(delimiter: str) -> str:
    shown = {"\t": "a tab", ",": "a comma"}.get(delimiter, repr(delimiter))
    return f'put quotes around a value that holds {shown}, and write a quote inside quotes as ""'


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
