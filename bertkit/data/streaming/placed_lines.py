"""Lines of a stream, and at which byte each begins."""

from __future__ import annotations

import io
from collections import deque
from typing import BinaryIO, cast

from bertkit.data.reading.file_access import UTF8_BOM
from bertkit.data.reading.line_source import MAX_LINE_BYTES, LineSource, LineTooLongError
from bertkit.data.streaming.shards import Shard

_SKIP_BYTES = 1 << 20


class CountedStream:
    """A stream of bytes that knows how many have been read of it.

    Attributes:
        seekable: it is a plain file, and its server gives out parts.
        position: bytes read or passed over.
    """

    def __init__(self, stream: io.BufferedReader, shard: Shard) -> None:
        self._stream = stream
        self.seekable = shard.seekable and stream.seekable()
        self.position = 0

    def readline(self, size: int = -1) -> bytes:
        """The next line, or so many bytes of it."""
        line = self._stream.readline(size)
        self.position += len(line)
        return line

    def pass_mark(self) -> None:
        """Read past a byte order mark."""
        if self._stream.peek(len(UTF8_BOM))[: len(UTF8_BOM)] == UTF8_BOM:
            self.position += len(self._stream.read(len(UTF8_BOM)))

    def move_to(self, position: int) -> None:
        """Go on at a byte further on; what cannot be sought is read up to there."""
        if self.seekable:
            self._stream.seek(position)
            self.position = position
        while self.position < position:
            block = self._stream.read(min(_SKIP_BYTES, position - self.position))
            if not block:
                break
            self.position += len(block)

    def move_to_line(self, position: int) -> None:
        """Go on at the first line that begins at a byte or after it."""
        self.move_to(position - 1)
        while (block := self.readline(_SKIP_BYTES)) and not block.endswith(b"\n"):
            pass


class PlacedLines:
    """An iterator over lines that knows at which byte each of the last ones began.

    Attributes:
        number: of the line given out last, from 1 where the part begins.
        offset: at which byte the line after it begins.
    """

    def __init__(self, stream: CountedStream, number: int) -> None:
        stream.pass_mark()
        self._stream = stream
        self._source = LineSource(cast(BinaryIO, stream), max_bytes=MAX_LINE_BYTES, split_at_cr=True)
        self.number = number
        self.offset = stream.position
        self._begins: deque[tuple[int, int]] = deque()

    def __iter__(self) -> PlacedLines:
        return self

    def __next__(self) -> bytes:
        began = self.offset
        try:
            line = next(self._source)
            self.offset += len(line)
        except LineTooLongError:
            self.offset = self._stream.position
            self._given(began)
            raise
        self._given(began)
        return line

    def _given(self, began: int) -> None:
        self.number += 1
        self._begins.append((self.number, began))

    def offset_after(self, number: int) -> int:
        """At which byte the line after a line begins; the lines before that are forgotten."""
        while self._begins and self._begins[0][0] <= number:
            self._begins.popleft()
        return self._begins[0][1] if self._begins else self.offset
