"""The rows of a conversion: which were converted, and which had to be left out, and why."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from bertkit.data.rows import Record, Rows
from bertkit.data.writing.document_views import UnfitRowError
from bertkit.data.writing.row_views import RowView
from bertkit.errors import DataError
from bertkit.workflows.events import Listener, Progress

FIRST_PLACES = 3
_TELL_EVERY_ROWS = 1_000

Item = TypeVar("Item")


@dataclass(frozen=True)
class LeftOut:
    """Something that was read and is not in what was written.

    Attributes:
        what: `rows`, `columns` or `ids`.
        reason: why.
        count: how many of them.
        first: the places of the first rows, or the names of all columns.
    """

    what: str
    reason: str
    count: int
    first: tuple[str, ...] = ()


class Conversion:
    """Rows on their way, and which of them were set aside.

    Args:
        rows: as read.
        view: what they are.
        scheme: how tags are to be written; None: as they are.
        listen: told how far it is.

    Attributes:
        kept: the index of each row that was converted.
    """

    def __init__(self, rows: Rows, view: RowView, scheme: str | None, listen: Listener) -> None:
        self.rows = rows
        self.view = view
        self.scheme = scheme
        self.kept = array("Q")
        self._listen = listen
        self._unfit: dict[str, list[str]] = {}  # reason -> places, of which only the first ones are kept
        self._counts: dict[str, int] = {}

    def converted(self, one: Callable[[Record], Item]) -> Iterator[Item]:
        """Each row converted; those that cannot be are noted.

        Raises:
            DataError: there was none that could.
        """
        total = len(self.rows)
        for index, record in enumerate(self.rows.records):
            if index % _TELL_EVERY_ROWS == 0:
                self._listen(Progress("converting", index, total))
            try:
                item = one(record)
            except UnfitRowError as error:
                self._note(error, index)
                continue
            self.kept.append(index)
            yield item
        if not self.kept:
            reason, places = next(iter(self._unfit.items()))
            raise DataError(
                f"{self.rows.origin}: no row can be converted: {reason}: {', '.join(places)}",
                hint="mend the rows, or choose another --to",
            )

    def _note(self, error: UnfitRowError, index: int) -> None:
        places = self._unfit.setdefault(error.reason, [])
        self._counts[error.reason] = self._counts.get(error.reason, 0) + 1
        if len(places) < FIRST_PLACES:
            detail = f" ({error.detail})" if error.detail else ""
            places.append(f"{self.rows.place(index)}{detail}")

    def left_out(self) -> list[LeftOut]:
        """Rows set aside, by reason."""
        return [
            LeftOut("rows", reason, self._counts[reason], tuple(places))
            for reason, places in self._unfit.items()
        ]
