"""Parts of Parquet files: some row groups, read in batches; a row is found again by its number."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from bertkit.data.reading.arrow_files import rows_of_batches
from bertkit.data.reading.file_access import DataFile
from bertkit.data.reading.places import CountPlace, PickedPlace
from bertkit.data.rejection import RejectedRows
from bertkit.data.rows import Rows
from bertkit.data.streaming.parts import Cursor, Part
from bertkit.data.streaming.shards import Shard, open_shard, shard_faults

# Rows decoded at once: a row group may hold a million.
_BATCH_ROWS = 512
# Of each column so many bytes are read at once, and not a whole row group.
_BUFFER_BYTES = 1 << 18


def row_groups(shard: Shard) -> int:
    """How many row groups a Parquet file has."""
    with ExitStack() as files, shard_faults(shard):
        return int(_opened(shard, files).num_row_groups)


def _opened(shard: Shard, files: ExitStack) -> Any:
    import pyarrow.parquet

    stream = files.enter_context(open_shard(shard))
    return pyarrow.parquet.ParquetFile(stream, buffer_size=_BUFFER_BYTES, pre_buffer=False)


class ParquetReader:
    """Reads rows of some row groups.

    Args:
        part: of a Parquet file.
        cursor: how many rows of the part to pass over; None: none.
        rejected: where rows go that cannot be used.
    """

    def __init__(self, part: Part, cursor: Cursor | None, rejected: RejectedRows) -> None:
        self.part = part
        self.done = False
        self.taken = 0
        self._rejected = rejected
        self._files = ExitStack()
        with shard_faults(part.shard):
            self._file = _opened(part.shard, self._files)
            sizes = [self._file.metadata.row_group(n).num_rows for n in range(self._file.num_row_groups)]
        end = len(sizes) if part.end is None else part.end
        self._before = sum(sizes[: part.begin])
        self._length = sum(sizes[part.begin : end])
        self._row = cursor["row"] if cursor else 0
        self._batches = self._walk(range(part.begin, end), sizes, self._row)
        self._waiting: Any = None

    def _walk(self, groups: range, sizes: list[int], passed: int) -> Iterator[Any]:
        for group in groups:
            if passed >= sizes[group]:
                passed -= sizes[group]
                continue
            for batch in self._file.iter_batches(batch_size=_BATCH_ROWS, row_groups=[group]):
                skipped = min(passed, batch.num_rows)
                passed -= skipped
                if skipped < batch.num_rows:
                    yield batch.slice(skipped)

    @property
    def cursor(self) -> Cursor:
        """See `PartReader.cursor`: rows of the part before the next one."""
        return {"row": self._row}

    @property
    def share(self) -> float:
        """See `PartReader.share`."""
        return 1.0 if self.done else self._row / max(1, self._length)

    def close(self) -> None:
        """See `PartReader.close`."""
        self._files.close()

    def read(self, rows: int, size: int) -> Rows | None:
        """See `PartReader.read`."""
        found: list[Any] = []
        first, before = self._row, self.taken
        with shard_faults(self.part.shard):
            while rows > 0 and self.taken - before < size:
                batch = self._waiting if self._waiting is not None else next(self._batches, None)
                self._waiting = None
                if batch is None:
                    self.done = True
                    break
                if batch.num_rows > rows:
                    batch, self._waiting = batch.slice(0, rows), batch.slice(rows)
                found.append(batch)
                rows -= batch.num_rows
                self._row += batch.num_rows
                self.taken += batch.nbytes
        if not found:
            return None
        name = self.part.name
        file = DataFile(Path(self.part.shard.place), name, self._rejected)
        table = rows_of_batches(file, self._file.schema_arrow, found, form="Parquet")
        numbers = range(self._before + first, self._before + self._row)
        return replace(table, place=PickedPlace(CountPlace(name), numbers), rejected=self._rejected)
