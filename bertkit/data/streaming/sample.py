"""The first rows of a stream: what columns, labels and lengths are told from before the training."""

from __future__ import annotations

from dataclasses import replace

from bertkit.data.reading.folders import join_tables
from bertkit.data.rejection import RejectedRows
from bertkit.data.rows import Rows
from bertkit.data.streaming.blocks import PARTS_AT_ONCE, BlockReader
from bertkit.data.streaming.parts import cut_into_parts, with_columns
from bertkit.data.streaming.shards import ShardSet
from bertkit.errors import DataError


def first_rows(shards: ShardSet, count: int, rejected: RejectedRows, *, at_once: int = PARTS_AT_ONCE) -> Rows:
    """The first rows of the first files, as one table; whatever the seed.

    Args:
        shards: of the stream.
        count: so many at most.
        rejected: where rows go that cannot be read.
        at_once: of so many parts, in equal shares.

    Raises:
        DataError: there are none, or the files have different columns.
    """
    reader = BlockReader(cut_into_parts(shards.shards), count, None, rejected, at_once=at_once)
    blocks = reader.blocks()
    block = next(blocks, None)
    blocks.close()
    if block is None:
        raise DataError(f"{shards.origin}: the files hold no rows", hint="check how they were written")
    columns = tuple(dict.fromkeys(column for piece in block.pieces for column in piece.columns))
    if block.pieces[0].format.startswith("JSON"):  # an object leaves out what it has not
        block = replace(block, pieces=[with_columns(piece, columns) for piece in block.pieces])
    rows = join_tables(block.pieces, origin=shards.origin)
    return replace(rows, class_names=rows.class_names or dict(shards.class_names), rejected=rejected)
