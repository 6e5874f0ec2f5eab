"""The rows of a `datasets.Dataset`, walked in blocks: reading them one by one costs 40 times as much."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    import datasets

Record = dict[str, Any]

BLOCK_ROWS = 1_000


class ArrowRecords(Sequence[Record]):
    """A sequence of records over a data set that stays on disk; values are plain Python values.

    Args:
        dataset: memory-mapped or in memory, selected and shuffled or not. Features that are stored in
            another form than they are read in (`Json`, `Image`) are decoded row by row.
    """

    def __init__(self, dataset: datasets.Dataset) -> None:
        from datasets.features.features import require_decoding

        decoded = require_decoding(dataset.features)
        self._dataset = dataset.with_format(None if decoded else "arrow")
        self._decoded = decoded

    def __len__(self) -> int:
        return len(self._dataset)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> ArrowRecords: ...
    def __getitem__(self, index: int | slice) -> Record | ArrowRecords:
        numbers = range(len(self))[index]
        if isinstance(numbers, range):
            return ArrowRecords(self._dataset.select(numbers))
        if self._decoded:
            return dict(self._dataset[numbers])
        record: Record = self._dataset[numbers : numbers + 1].to_pylist()[0]
        return record

    def __iter__(self) -> Iterator[Record]:
        if self._decoded:
            yield from self._dataset
            return
        for block in self._dataset.iter(batch_size=BLOCK_ROWS):
            yield from block.to_pylist()

    def column(self, name: str) -> list[Any]:
        """All values of one column; the others are not read."""
        return list(self._dataset.with_format(None)[name][:])
