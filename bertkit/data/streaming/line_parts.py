"""Parts of JSONL, CSV and TSV files; a row is found again by the byte at which it begins."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from bertkit.data.reading.file_access import DataFile
from bertkit.data.reading.json_files import JsonTable
from bertkit.data.reading.line_source import LineTooLongError
from bertkit.data.reading.places import LinePlace
from bertkit.data.reading.span_layouts import convert_layout
from bertkit.data.reading.text_files import DelimitedTable, TextLines, too_long
from bertkit.data.rejection import RejectedRows
from bertkit.data.rows import Rows
from bertkit.data.streaming.parts import Cursor, Part, with_columns
from bertkit.data.streaming.placed_lines import CountedStream, PlacedLines
from bertkit.data.streaming.shards import Shard, StreamError, open_shard, shard_faults
from bertkit.errors import DataError


class _LineReader:
    """What parts of lines have in common: an open file, and where in it the next row begins."""

    def __init__(self, part: Part, cursor: Cursor | None, rejected: RejectedRows) -> None:
        self.part = part
        self.done = False
        self.taken = 0
        self._rejected = rejected
        self._file = DataFile(Path(part.shard.place), part.name, rejected)
        self._files = ExitStack()
        self._stream = CountedStream(self._files.enter_context(open_shard(part.shard)), part.shard)
        self._offset, self._line = (cursor["byte"], cursor["line"]) if cursor else (part.begin, 0)

    @property
    def cursor(self) -> Cursor:
        """See `PartReader.cursor`: the byte at which the next row begins, and the lines before it."""
        return {"byte": self._offset, "line": self._line}

    @property
    def share(self) -> float:
        """See `PartReader.share`."""
        size = self.part.shard.size
        if self.done:
            return 1.0
        if size is None or not self._stream.seekable:  # what is unpacked has more bytes than the file
            return 0.0
        end = size if self.part.end is None else self.part.end
        return min(1.0, max(0.0, (self._offset - self.part.begin) / max(1, end - self.part.begin)))

    def close(self) -> None:
        """See `PartReader.close`."""
        self._files.close()

    def _moved_to(self, offset: int, line: int) -> None:
        self.taken += offset - self._offset
        self._offset, self._line = offset, line

    def _check_whole(self) -> None:
        """At the end of a file: that it is where the file ended when the stream began."""
        shard = self.part.shard
        if self._stream.seekable and self._stream.position != shard.size:
            raise StreamError(
                f"{shard.name}: this shard ends at byte {self._stream.position:,} of {shard.size:,}",
                hint="it was cut short: restore it, or start again",
            )


class JsonLinesReader(_LineReader):
    """Reads objects, one a line, from a part of a file.

    Args:
        part: of a JSONL file.
        cursor: where to begin; None: at the first row.
        rejected: where rows go that cannot be read.
        columns: what each row shall have, None where its object has not.
    """

    def __init__(
        self, part: Part, cursor: Cursor | None, rejected: RejectedRows, columns: Sequence[str] = ()
    ) -> None:
        super().__init__(part, cursor, rejected)
        self._columns = tuple(columns)
        with shard_faults(part.shard):
            if cursor is None and part.begin:
                self._stream.move_to_line(part.begin)
                self._offset = self._stream.position
            else:
                self._stream.move_to(self._offset)
            self._lines = PlacedLines(self._stream, self._line)

    def read(self, rows: int, size: int) -> Rows | None:
        """See `PartReader.read`."""
        table, before, end = JsonTable(self._file), self.taken, self.part.end
        with shard_faults(self.part.shard):
            while len(table) < rows and self.taken - before < size:
                if end is not None and self._lines.offset >= end:
                    self.done = True
                    break
                line = b""
                try:
                    line = next(self._lines)
                    table.add_line(line, self._lines.number)
                except StopIteration:
                    self._check_whole()
                    self.done = True
                    break
                except LineTooLongError as error:
                    number = self._lines.number
                    self._rejected.add(f"{self._file}:{number}", too_long(self._file, number, error))
                except DataError as error:
                    self._rejected.add(f"{self._file}:{self._lines.number}", error, line)
                self._moved_to(self._lines.offset, self._lines.number)
        if not len(table):
            return None
        found = table.rows(LinePlace(self._file.name, table.lines), form="JSON lines")
        found = with_columns(found, self._columns)
        return replace(convert_layout(found, self._rejected), rejected=self._rejected)


class DelimitedReader(_LineReader):
    """Reads rows of a CSV or TSV file.

    Args:
        part: of the file, the whole of it.
        cursor: where to begin; None: after the header.
        rejected: where rows go that cannot be read.
    """

    def __init__(self, part: Part, cursor: Cursor | None, rejected: RejectedRows) -> None:
        super().__init__(part, cursor, rejected)
        with shard_faults(part.shard):
            delimiter = "\t" if part.shard.form == "tsv" else None
            self._table = self._begin(delimiter=delimiter)
            self._after_header()
            if cursor is not None:
                layout = (self._table.delimiter, self._table.columns)
                self._reopen(part.shard)
                self._stream.move_to(cursor["byte"])
                self._table = self._begin(number=cursor["line"], layout=layout)

    def _begin(self, *, number: int = 0, **known: Any) -> DelimitedTable:
        self._lines = PlacedLines(self._stream, number)
        return DelimitedTable(TextLines(self._lines, self._file, number=number), self._file, **known)

    def _after_header(self) -> None:
        self._line = max(self._line, self._table.last_line)
        self._offset = max(self._offset, self._lines.offset_after(self._table.last_line))

    def _reopen(self, shard: Shard) -> None:
        """Begin at the start again: what is packed cannot go back."""
        self._files.close()
        self._stream = CountedStream(self._files.enter_context(open_shard(shard)), shard)

    def read(self, rows: int, size: int) -> Rows | None:
        """See `PartReader.read`."""
        before, records, numbers = self.taken, list[dict[str, Any]](), list[int]()
        with shard_faults(self.part.shard):
            while len(records) < rows and self.taken - before < size:
                try:
                    number, record = next(self._table)
                except StopIteration:
                    self._check_whole()
                    self.done = True
                    break
                records.append(record)
                numbers.append(number)
                last = self._table.last_line
                self._moved_to(self._lines.offset_after(last), last)
        if not records:
            return None
        place = LinePlace(self._file.name, numbers)
        return Rows(
            records, self._table.columns, self._file.name, place, format=self._table.format,
            rejected=self._rejected,
        )  # fmt: skip
