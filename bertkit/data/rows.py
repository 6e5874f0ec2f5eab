"""Rows as a source gave them, before any task looks at them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Record = Mapping[str, Any]


class Place(Protocol):
    """Says where a row came from, for messages."""

    def __call__(self, index: int, /) -> str:
        """The place of row `index` (from 0), as `reviews.csv:12` or `row 11 of nyu-mll/glue`."""
        ...


@dataclass(frozen=True)
class Rows:
    """A table as read: nothing renamed, converted or dropped.

    Attributes:
        records: one mapping a row, with every column of `columns` as key. May be a lazy sequence
            (a `datasets.Dataset`), so walk it once and in order where you can.
        columns: names in the order of the file, white space around them removed.
        origin: what to call the whole in a message, as `reviews.csv`.
        place: where one row stands.
        class_names: for integer columns whose values have names in the source (ClassLabel): the
            names, the value is the position.
    """

    records: Sequence[Record]
    columns: tuple[str, ...]
    origin: str
    place: Place
    class_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.records)
