"""Where a row of a file stands, in the words of a message."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from bertkit.data.rows import Place


@dataclass(frozen=True)
class LinePlace:
    """`reviews.csv:12`: the line, from 1, at which a row starts."""

    name: str
    lines: Sequence[int]

    def __call__(self, index: int, /) -> str:
        """As the class says."""
        return f"{self.name}:{self.lines[index]}"


@dataclass(frozen=True)
class CountPlace:
    """`reviews.parquet: row 12`: for what has no lines; counts from 1."""

    name: str
    noun: str = "row"

    def __call__(self, index: int, /) -> str:
        """As the class says."""
        return f"{self.name}: {self.noun} {index + 1}"


@dataclass(frozen=True)
class JoinedPlace:
    """Rows of several files, one file after the other.

    Attributes:
        starts: the index of the first row of each file, ascending, the first one 0.
        places: the place of each file, called with an index inside that file.
    """

    starts: Sequence[int]
    places: Sequence[Place]

    def __call__(self, index: int, /) -> str:
        """The place inside the file in which the row stands."""
        part = bisect_right(self.starts, index) - 1
        return self.places[part](index - self.starts[part])


@dataclass(frozen=True)
class PickedPlace:
    """Some rows of a table, the others being left out.

    Attributes:
        place: of the whole table.
        indices: which row of the whole table each one is.
    """

    place: Place
    indices: Sequence[int]

    def __call__(self, index: int, /) -> str:
        """The place that the row had in the whole table."""
        return self.place(self.indices[index])


@dataclass(frozen=True)
class NamedPlace:
    """`dev.json: question 57290` or `letters/a17.txt`: for rows that go by a name."""

    names: Sequence[str]

    def __call__(self, index: int, /) -> str:
        """The name."""
        return self.names[index]
