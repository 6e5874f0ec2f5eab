"""Physical lines of a byte stream, with a bound on what is held in memory."""

from __future__ import annotations

from collections import deque
from typing import BinaryIO

from bertkit.data.reading.file_access import UTF8_BOM

_BLOCK_BYTES = 65_536
# A row of a data file that is longer is no row: a book has a tenth of it.
MAX_LINE_BYTES = 10_000_000


class LineTooLongError(Exception):
    """A line over the limit; it has been read past.

    Args:
        size: its length in bytes without the line end.
        quotes: how many double quotes stand in it: whoever parses CSV has to know.
    """

    def __init__(self, size: int, quotes: int) -> None:
        super().__init__(size, quotes)
        self.size = size
        self.quotes = quotes


class LineSource:
    r"""An iterator over lines as bytes, line ends kept, a UTF-8 byte order mark at the start removed.

    `next()` raises LineTooLongError for a line over the limit, and goes on after it when asked again
    (which a generator could not).

    Args:
        stream: read with `readline` only, so that a terminal or a pipe is answered line by line.
        max_bytes: longest line given out, without its line end; None: no limit.
        split_at_cr: a lone `\r` ends a line too (old Macintosh files).
    """

    def __init__(self, stream: BinaryIO, *, max_bytes: int | None = None, split_at_cr: bool = False) -> None:
        self._stream = stream
        self._max_bytes = max_bytes
        self._room = 0 if max_bytes is None else max_bytes + len(b"\r\n") + len(UTF8_BOM)
        self._split_at_cr = split_at_cr
        self._waiting: deque[bytes] = deque()
        self._at_start = True

    def __iter__(self) -> LineSource:
        return self

    def __next__(self) -> bytes:
        if self._waiting:
            return self._waiting.popleft()
        line = self._read_line()
        if self._at_start:
            self._at_start = False
            line = line.removeprefix(UTF8_BOM)
        if not line:
            raise StopIteration
        if self._split_at_cr and b"\r" in line and line.find(b"\r\n") != line.find(b"\r"):
            self._waiting.extend(line.splitlines(keepends=True))
            return self._waiting.popleft()
        return line

    def _read_line(self) -> bytes:
        """The next line, b"" at the end."""
        if self._max_bytes is None:
            return self._stream.readline()
        line = self._stream.readline(self._room)
        if len(line) <= self._max_bytes:
            return line
        mark = len(UTF8_BOM) if self._at_start and line.startswith(UTF8_BOM) else 0
        if len(without_line_end(line)) - mark <= self._max_bytes:
            return line
        self._at_start = False
        raise self._read_past(line, mark)

    def _read_past(self, line: bytes, mark: int) -> LineTooLongError:
        """Read to the end of a line in blocks, keeping only its size and its number of quotes."""
        size, quotes, end = len(line) - mark, line.count(b'"'), line[-2:]
        while not end.endswith(b"\n"):
            block = self._stream.readline(_BLOCK_BYTES)
            if not block:
                break
            size, quotes, end = size + len(block), quotes + block.count(b'"'), (end + block)[-2:]
        return LineTooLongError(size - (len(end) - len(without_line_end(end))), quotes)


def without_line_end(line: bytes) -> bytes:
    r"""The line without its `\n` or `\r\n` (or one trailing `\r`)."""
    return line.removesuffix(b"\n").removesuffix(b"\r")
