"""CSV and TSV (RFC 4180), record by record, so that one bad row does not spoil the next."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bertkit.data.reading.line_source import LineTooLongError

DELIMITERS = (",", ";", "\t", "|")
_FIELD_LIMIT = 2**31 - 1  # characters; csv's own is 131,072, and a C long is no larger everywhere


@dataclass(frozen=True, slots=True)
class DelimitedRecord:
    """One record: the line at which it starts (from 1), and its fields or what is wrong with it."""

    line: int
    fields: Sequence[str]
    fault: str | None = None


class _Feed:
    """Hands lines to `csv.reader`, and knows which lines the current record took."""

    def __init__(self, lines: Iterator[str], max_bytes: int | None, number: int) -> None:
        self._lines = lines
        self._max_bytes = max_bytes
        self._returned: deque[str | LineTooLongError] = deque()
        self._size = 0
        self.taken: list[str] = []
        self.too_long: LineTooLongError | None = None
        self.number = number  # of the line handed out last

    def begin_record(self) -> None:
        self.taken, self.too_long, self._size = [], None, 0

    def give_back(self, count: int) -> None:
        """The last `count` taken lines, and a line that was too long after them, come again."""
        lines = self.taken[len(self.taken) - count :]
        self._returned.extendleft([self.too_long] if self.too_long else [])
        self._returned.extendleft(reversed(lines))
        self.number -= count + bool(self.too_long)

    def keep_first(self) -> None:
        """All taken lines but the first come again."""
        self.give_back(len(self.taken) - 1)
        self.taken, self.too_long = self.taken[:1], None

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
        if self._max_bytes is not None and len(self.taken) > 1:  # one line is no longer than it may be
            self._size += _bytes_in(line) if self._size else sum(map(_bytes_in, self.taken))
            if self._size > self._max_bytes + 2:
                raise LineTooLongError(self._size, 0)
        return line

    def _next(self) -> str:
        if not self._returned:
            return next(self._lines)
        line = self._returned.popleft()
        if isinstance(line, LineTooLongError):
            raise line
        return line


def _bytes_in(line: str) -> int:
    return len(line) if line.isascii() else len(line.encode("utf-8", "surrogateescape"))


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
        line_by_line: of a faulty record over several lines only the first line is faulty, and the others come
            again as records of their own: a quote that is opened by mistake takes no good rows with it.
        number: of the line before the first one.

    Attributes:
        width: how many fields a record has to have; None (as at the start, for the header): any number.
    """

    def __init__(
        self,
        lines: Iterator[str],
        *,
        delimiter: str,
        max_bytes: int | None = None,
        line_by_line: bool = False,
        number: int = 0,
    ) -> None:
        csv.field_size_limit(_FIELD_LIMIT)  # of the whole process: csv has no other
        self._feed = _Feed(lines, max_bytes, number)
        self._reader = csv.reader(self._feed, delimiter=delimiter, strict=True)
        self._delimiter = delimiter
        self._max_bytes = max_bytes
        self._line_by_line = line_by_line
        self.width: int | None = None

    def __iter__(self) -> DelimitedRecords:
        return self

    @property
    def last_line(self) -> int:
        """The last line of the record given out last, from 1."""
        return self._feed.number

    @property
    def source(self) -> str:
        """The record given out last as it is written; empty where it is a line that is too long."""
        return "".join(self._feed.taken)

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
            if self._line_by_line and self.width is not None and self._feed.taken:
                self._feed.keep_first()
                return DelimitedRecord(line, (), fault)
            if too_long and not self._line_by_line:
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


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
