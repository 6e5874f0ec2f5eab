"""Rows as a source gave them, before any task looks at them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from bertkit.data.reading.arrow_records import ArrowRecords
from bertkit.data.rejection import NONE_ALLOWED, RejectedRows
from bertkit.errors import DataError

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
            (`ArrowRecords`), so walk it once and in order where you can, or take a `column`.
        columns: names in the order of the file, white space around them removed.
        origin: what to call the whole in a message, as `reviews.csv`.
        place: where one row stands.
        class_names: for integer columns whose values have names in the source (ClassLabel): the
            names, the value is the position. For a column of lists, those of the items.
        format: what was recognised, in words: `CSV`, `JSON lines as doccano writes them`.
        notes: sentences about what was passed over, as `2 -DOCSTART- lines`.
        rejected: where rows go that cannot be used; those that could not be read are there already.
    """

    records: Sequence[Record]
    columns: tuple[str, ...]
    origin: str
    place: Place
    class_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    format: str = ""
    notes: tuple[str, ...] = ()
    rejected: RejectedRows = field(default=NONE_ALLOWED, compare=False, repr=False)

    def __len__(self) -> int:
        return len(self.records)

    def column(self, name: str) -> Sequence[Any]:
        """All values of one column, in the order of the rows; much faster than walking the records."""
        if isinstance(self.records, ArrowRecords):
            return self.records.column(name)
        return [record[name] for record in self.records]

    def first(self, count: int) -> Rows:
        """The same table with at most its first `count` rows."""
        return self if len(self) <= count else replace(self, records=self.records[:count])

    def refuse(self, number: int, error: DataError) -> None:
        """Set a row aside that cannot be used.

        Args:
            number: of the row, from 0.
            error: what is wrong with it, without its place.

        Raises:
            DataError: with the place, where no row, or no further one, may be set aside.
        """
        place = self.place(number)
        told = DataError(f"{place}: {error.message}", hint=error.hint)
        told.__cause__ = error
        self.rejected.add(place, told, self.records[number])

    def sets_aside(self, number: int, reason: str) -> bool:
        """Set a row aside that is left out in any case; False where no rows are set aside, but counted."""
        if not self.rejected.allows_some:
            return False
        self.refuse(number, DataError(reason, hint="mend the row"))
        return True


def counted(passed: Mapping[str, int]) -> tuple[str, ...]:
    """Notes of what was passed over, for `Rows.notes`.

    Args:
        passed: how many of what; `{s}` stands where the plural has its ending, as in `header line{s}`.
    """
    return tuple(
        f"{count:,} {what.replace('{s}', '' if count == 1 else 's')}"
        for what, count in passed.items()
        if count
    )
