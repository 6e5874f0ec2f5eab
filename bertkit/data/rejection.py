"""Rows that cannot be read or used: the first one is told and ends it all, or so many are set aside."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertkit.errors import DataError
from bertkit.runs.atomic import json_text, write_text

FLAG = "--skip-bad-rows"
# Of a row that is set aside so many characters are kept, so that as many as may be set aside fit into memory.
ROW_CHARACTERS = 500
REASON_CHARACTERS = 300
# So many are shown where they are told.
SHOWN = 3
_SHOWN_CHARACTERS = 160
# What a place looks like where it has a line; see `bertkit.data.reading.places`.
_LINE = re.compile(r"(.*):([0-9]+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that was set aside.

    Attributes:
        place: where it stands, as `reviews.csv:12` or `dev.json: question 57290`.
        reason: what is wrong with it.
        row: its text as far as that can be told, cut where it is long.
    """

    place: str
    reason: str
    row: str

    def as_dict(self) -> dict[str, Any]:
        """For JSON; `line` is null where the source has no lines."""
        found = _LINE.fullmatch(self.place)
        file, line = (found[1], int(found[2])) if found else (self.place.partition(": ")[0], None)
        return {"place": self.place, "file": file, "line": line, "reason": self.reason, "row": self.row}

    @property
    def shown(self) -> str:
        """Place and reason in one line of bounded length."""
        text = f"{self.place}: {self.reason}"
        return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."


class TooManyRejectedError(DataError):
    """More rows cannot be used than may be set aside."""


class RejectedRows:
    """Collects the rows of one command that are set aside, each once, however often it is read.

    Args:
        allowed: so many may be; 0 sets none aside, but ends with the first, as if there were no such thing.
        advise: where none may be, say in the hint how to allow some.
    """

    def __init__(self, allowed: int = 0, *, advise: bool = False) -> None:
        self.allowed = allowed
        self._advise = advise
        self._rows: dict[str, RejectedRow] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[RejectedRow]:
        return iter(list(self._rows.values()))  # of a stream another thread may add some

    def __bool__(self) -> bool:
        return True  # not the number of rows: an empty collection is still one

    @property
    def allows_some(self) -> bool:
        """Whether rows are set aside at all."""
        return self.allowed > 0

    def add(self, place: str, error: DataError, row: object = "") -> None:
        """Set a row aside.

        Args:
            place: where it stands.
            error: what is wrong with it; its message may begin with the place.
            row: as read: bytes, text or a record.

        Raises:
            DataError: the error itself, where no row may be set aside.
            TooManyRejectedError: it is one more than may be.
        """
        if not self.allows_some:
            if self._advise:
                raise DataError(
                    error.message, hint=f"{error.hint}; or set such rows aside: {FLAG} 10"
                ) from error
            raise error
        if place not in self._rows:
            reason = _cut(error.message.removeprefix(f"{place}: "), REASON_CHARACTERS)
            self._rows[place] = RejectedRow(place, reason, _as_text(row))
        if len(self._rows) > self.allowed:
            raise TooManyRejectedError(
                f"{len(self):,} rows cannot be used so far, and {FLAG} {self.allowed} allows "
                f"{self.allowed:,}: {self._first()}",
                hint=f"mend them, or allow more: {FLAG} {10 * self.allowed}",
            )

    def __contains__(self, place: str) -> bool:
        return place in self._rows

    @property
    def sentence(self) -> str:
        """How many there are and where the first ones stand; empty where there are none."""
        if not self._rows:
            return ""
        noun, verb = ("row", "is") if len(self) == 1 else ("rows", "are")
        return f"{len(self):,} {noun} {verb} set aside ({FLAG} {self.allowed}): {self._first()}"

    def _first(self) -> str:
        shown = [row.shown for row, _ in zip(self, range(SHOWN), strict=False)]
        return "; ".join(shown) + ("; ..." if len(self) > SHOWN else "")

    def restore(self, path: Path) -> None:
        """Take over what `write` wrote, for a training that goes on; what cannot be read is left."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            for line in path.read_text(encoding="utf-8").splitlines():
                told = json.loads(line)
                self._rows.setdefault(told["place"], RejectedRow(told["place"], told["reason"], told["row"]))

    def write(self, path: Path) -> None:
        """Write all of them as JSON lines; no file where rows are not set aside."""
        if self.allows_some:
            write_text(path, "".join(f"{json_text(row.as_dict())}\n" for row in self))


# For readers that are asked by nobody to set anything aside.
NONE_ALLOWED = RejectedRows()


def _as_text(row: object) -> str:
    if isinstance(row, bytes):
        row = row[: 4 * ROW_CHARACTERS].decode("utf-8", errors="backslashreplace")
    elif isinstance(row, Mapping):
        # Cut before it is written out: a text may be as long as memory allows.
        cut = {str(key): _shortened(value) for key, value in row.items()}
        try:
            row = json_text(cut)
        except (TypeError, ValueError):  # dates and the like, as Parquet has them
            row = repr(cut)
    text = str(row).encode("utf-8", errors="backslashreplace").decode("utf-8")
    return _cut(text, ROW_CHARACTERS)


def _shortened(value: Any) -> Any:
    return value[: 2 * ROW_CHARACTERS] if isinstance(value, str | list) else value


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]}..."
