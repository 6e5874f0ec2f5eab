"""Parts of shards that are read from front to back, each from any row on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Protocol

from bertkit.data.rejection import RejectedRows
from bertkit.data.rows import Rows
from bertkit.data.streaming.shards import Shard, open_shard

# A larger file is cut into parts of about this size, which are read in random order like files.
PART_BYTES = 64_000_000
# Where there are more files than this they are mixed well enough as they are, and none is opened to be cut.
FEW_SHARDS = 64

# Where the next row begins: plain numbers by name, which a checkpoint holds.
Cursor = Mapping[str, int]


@dataclass(frozen=True)
class Part:
    """A stretch of a shard.

    Attributes:
        shard: the file.
        begin: its first byte (lines), or its first row group (Parquet). Of lines, those that begin in the
            stretch belong to it.
        end: the one after its last; None: to the end of the file.
    """

    shard: Shard
    begin: int = 0
    end: int | None = None

    @property
    def name(self) -> str:
        """What a message calls it: lines of a part count from where it begins."""
        if self.begin == 0 or self.shard.form == "parquet":
            return self.shard.name
        return f"{self.shard.name} (from byte {self.begin:,})"


class PartReader(Protocol):
    """Reads one part, from any row on."""

    done: bool
    """Whether all its rows have been given out."""
    taken: int
    """Bytes of rows given out so far, as they are stored or held."""

    @property
    def cursor(self) -> Cursor:
        """Where the next row begins."""
        ...

    @property
    def share(self) -> float:
        """How much of the part has been given out, 0 to 1; 0 to the end where that cannot be told."""
        ...

    def read(self, rows: int, size: int) -> Rows | None:
        """The next rows, at least one unless the part is done or rows were set aside.

        Args:
            rows: so many at most.
            size: stop when they take so many bytes.

        Raises:
            StreamError: the shard cannot be read on.
            DataError: a row cannot be read and may not be set aside.
        """
        ...

    def close(self) -> None:
        """Close the file."""
        ...


def cut_into_parts(shards: Sequence[Shard]) -> list[Part]:
    """All parts of a stream, in the order of the files.

    Large files of lines are cut by bytes and large Parquet files between row groups, so that rows of
    different places meet in one block. CSV is not cut: a value may hold line ends.
    """
    if len(shards) > FEW_SHARDS:
        return [Part(shard) for shard in shards]
    return [part for shard in shards for part in _cut(shard)]


def _cut(shard: Shard) -> list[Part]:
    if not shard.seekable or shard.size is None or shard.size <= PART_BYTES or shard.form in ("csv", "tsv"):
        return [Part(shard)]
    count = -(-shard.size // PART_BYTES)
    if shard.form == "parquet":
        from bertkit.data.streaming.parquet_parts import row_groups

        length = row_groups(shard)
        count = min(count, length)
    else:
        with open_shard(shard) as stream:
            length = shard.size if stream.seekable() else 0  # 0: packed, whatever its name says
        count = min(count, max(1, length))
    if count == 1:
        return [Part(shard)]
    ends = [length * number // count for number in range(count + 1)]
    # The last one reads to the end, and sees there that the file is whole.
    return [Part(shard, begin, None if end == length else end) for begin, end in pairwise(ends)]


def open_part(
    part: Part, cursor: Cursor | None, rejected: RejectedRows, columns: Sequence[str] = ()
) -> PartReader:
    """Begin to read a part.

    Args:
        part: of a shard.
        cursor: where; None: at its first row.
        rejected: where rows go that cannot be read.
        columns: those that each row shall have, with None where an object does not give them.
    """
    if part.shard.form == "parquet":
        from bertkit.data.streaming.parquet_parts import ParquetReader

        return ParquetReader(part, cursor, rejected)
    from bertkit.data.streaming.line_parts import DelimitedReader, JsonLinesReader

    if part.shard.form == "jsonl":
        return JsonLinesReader(part, cursor, rejected, columns)
    return DelimitedReader(part, cursor, rejected)


def with_columns(rows: Rows, columns: Sequence[str]) -> Rows:
    """The same rows with None in those of the columns that they have not."""
    lacking = [column for column in columns if column not in rows.columns]
    if not lacking:
        return rows
    order = (*columns, *(column for column in rows.columns if column not in columns))
    empty = dict.fromkeys(order)
    return replace(rows, records=[empty | dict(record) for record in rows.records], columns=order)
