"""Blocks of rows: what is read, mixed and trained on at once, the same for the same seed."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np

from bertkit.data.rejection import RejectedRows
from bertkit.data.rows import Rows
from bertkit.data.streaming.parts import Part, PartReader, open_part
from bertkit.data.streaming.shards import PassingError

# So many parts are read side by side, so that rows of different places meet in a block.
PARTS_AT_ONCE = 4
# A block of long rows ends sooner, that memory may hold two of them.
BLOCK_BYTES = 32_000_000
# Seconds until object storage or a web server that failed is asked again.
WAITS = (1.0, 4.0, 15.0)
# Keeps the order of the parts apart from that of rows in a block.
_ORDER = 0x9A875

# Where a block begins, as JSON: `epoch`, `block` (its number in the epoch, from 0), `open` (number and cursor
# of each part that is being read) and `next` (how many parts of the epoch have been opened).
Position = Mapping[str, Any]


@dataclass(frozen=True)
class RowBlock:
    """Rows that are held at once.

    Attributes:
        pieces: of several parts.
        position: where it begins.
        begin, end: how much of the epoch was given out before and after it, 0 to 1.
    """

    pieces: Sequence[Rows]
    position: Position
    begin: float
    end: float

    def __len__(self) -> int:
        return sum(map(len, self.pieces))


@dataclass
class _Lane:
    """A part that is being read."""

    part: int
    reader: PartReader


@dataclass
class BlockReader:
    """Walks through the parts of a stream, block by block, epoch after epoch.

    Each epoch has its own order of parts, by the seed. Of `at_once` parts at a time a block takes equal
    shares; where one ends, the next one of the order takes its place.

    Attributes:
        parts: all parts.
        rows: of a block; the last one of an epoch may have fewer, and one of long rows.
        seed: decides the order; None: that of the files.
        rejected: where rows go that cannot be read.
        columns: those that each row shall have.
        at_once: parts to read side by side.
    """

    parts: Sequence[Part]
    rows: int
    seed: int | None
    rejected: RejectedRows
    columns: Sequence[str] = ()
    at_once: int = PARTS_AT_ONCE
    _lanes: list[_Lane] = field(default_factory=list)

    def blocks(self, position: Position | None = None) -> Generator[RowBlock]:
        """All blocks from a position on, without end; that of the first epoch where there are no rows at all.

        Raises:
            StreamError: a shard cannot be read on.
            DataError: a row cannot be read and may not be set aside.
        """
        try:
            for epoch in count(position["epoch"] if position else 0):
                given = 0
                for block in self._epoch(epoch, position):
                    given += len(block)
                    yield block
                if not given and position is None:
                    return
                position = None
        finally:
            self._close()

    def _close(self) -> None:
        for lane in self._lanes:
            lane.reader.close()
        self._lanes = []

    def _order(self, epoch: int) -> list[int]:
        if self.seed is None:
            return list(range(len(self.parts)))
        order: list[int] = (
            np.random.default_rng([self.seed, epoch, _ORDER]).permutation(len(self.parts)).tolist()
        )
        return order

    def _epoch(self, epoch: int, position: Position | None) -> Generator[RowBlock]:
        order = self._order(epoch)
        opened = position["next"] if position else 0
        for part, cursor in position["open"] if position else ():
            self._lanes.append(_Lane(part, self._open(part, cursor)))
        for number in count(position["block"] if position else 0):
            opened = self._fill(order, opened)
            here = {
                "epoch": epoch, "block": number, "next": opened,
                "open": [[lane.part, dict(lane.reader.cursor)] for lane in self._lanes],
            }  # fmt: skip
            begin, pieces, taken, length = self._share(opened), list[Rows](), 0, 0
            while self._lanes and length < self.rows and taken < BLOCK_BYTES:
                quota = -(-(self.rows - length) // len(self._lanes))
                for lane in list(self._lanes):
                    piece, size = self._read(lane, min(quota, self.rows - length))
                    taken += size
                    if piece is not None:
                        pieces.append(piece)
                        length += len(piece)
                    if lane.reader.done:
                        lane.reader.close()
                        self._lanes.remove(lane)
                opened = self._fill(order, opened)
            if not pieces:
                return
            yield RowBlock(pieces, here, begin, self._share(opened))

    def _open(self, part: int, cursor: Mapping[str, int] | None) -> PartReader:
        for wait in WAITS:
            try:
                return open_part(self.parts[part], cursor, self.rejected, self.columns)
            except PassingError:
                time.sleep(wait)
        return open_part(self.parts[part], cursor, self.rejected, self.columns)

    def _read(self, lane: _Lane, rows: int) -> tuple[Rows | None, int]:
        """The next rows of a part and how many bytes they take; what fails in passing is tried again."""
        cursor = lane.reader.cursor
        waits = list(WAITS)
        while True:
            try:
                before = lane.reader.taken
                piece = lane.reader.read(rows, BLOCK_BYTES // self.at_once)
                return piece, lane.reader.taken - before
            except PassingError:
                if not waits:
                    raise
            time.sleep(waits.pop(0))
            lane.reader.close()
            lane.reader = self._open(lane.part, cursor)

    def _fill(self, order: Sequence[int], opened: int) -> int:
        while len(self._lanes) < self.at_once and opened < len(order):
            self._lanes.append(_Lane(order[opened], self._open(order[opened], None)))
            opened += 1
        return opened

    def _share(self, opened: int) -> float:
        closed = opened - len(self._lanes)
        return (closed + sum(lane.reader.share for lane in self._lanes)) / max(1, len(self.parts))
