"""The pieces of a page: the sections make them, the template writes them, and escapes every text in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Piece:
    """A stretch of text.

    Attributes:
        text: as it is.
        mark: what it stands out as, one of `MARKS`; empty for plain text.
        label: a small word behind it, such as the label of an entity.
    """

    text: str
    mark: str = ""
    label: str = ""


MARKS = ("right", "wrong", "expected", "both")


@dataclass(frozen=True)
class Passage:
    """A text that may be cut.

    Attributes:
        pieces: what is shown at once.
        rest: what is shown when it is opened; empty if there is no more.
        dropped: characters that are not in the page at all.
        opener: what is written on what opens it.
    """

    pieces: Sequence[Piece]
    rest: str = ""
    dropped: int = 0
    opener: str = "the rest"


@dataclass(frozen=True)
class Fact:
    """A word and what it says of an example: `predicted`, `sport`, `98.2 %`; `tone` is one of `MARKS`."""

    term: str
    value: str
    detail: str = ""
    tone: str = ""


@dataclass(frozen=True)
class ShownExample:
    """An example with what is to be known of it; `lines` are (name, text)."""

    id: str
    facts: Sequence[Fact]
    lines: Sequence[tuple[str, Passage]]


@dataclass(frozen=True)
class Range:
    """Where a score and its interval stand on a line from 0 to 1; the ends are nan without an interval."""

    value: float
    low: float = float("nan")
    high: float = float("nan")

    @property
    def has_interval(self) -> bool:
        """Whether both ends are known."""
        return self.low == self.low and self.high == self.high


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        text: what it shows.
        detail: smaller, below: an interval.
        bar: drawn behind it; a range from 0 to 1.
        shade: how strongly the cell is coloured, from 0 to 1.
        tone: the colour of the shade: `good` or `bad`.
        hint: shown when pointed at, and never the only place of what it says.
    """

    text: str
    detail: str = ""
    bar: Range | None = None
    shade: float = 0.0
    tone: str = "good"
    hint: str = ""


@dataclass(frozen=True)
class Table:
    """A table; the first cell of a row is its header.

    Attributes:
        caption: what it shows.
        columns: their headers.
        rows: cells, as many as columns.
        more: rows that are shown when opened.
        more_title: what opens them.
        note: how to read it.
        kind: `plain`, `matrix` (square shaded cells), `beside` (the first row counts, the last column is
            words) or `facts` (two columns of words, no headers).
        is_quiet: the caption says what the heading above says: it is only read aloud.
        words: numbers of the columns, beside the first, that hold words.
    """

    block: ClassVar[str] = "table"
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    more: Sequence[Sequence[Cell]] = ()
    more_title: str = ""
    note: str = ""
    kind: str = "plain"
    is_quiet: bool = False
    words: Sequence[int] = ()


@dataclass(frozen=True)
class Chart:
    """A drawing.

    Attributes:
        title: above it.
        svg: made by `drawing.drawn`, with a label that says what it shows.
        legend: names of the series, in the order of their colours.
        note: below it.
    """

    block: ClassVar[str] = "chart"
    title: str
    svg: str
    legend: Sequence[str] = ()
    note: str = ""


@dataclass(frozen=True)
class Figures:
    """Drawings and small tables side by side, as many as fit."""

    block: ClassVar[str] = "figures"
    figures: Sequence[Chart | Table]

    @property
    def layout(self) -> str:
        """`tables` as wide as each is, or a grid of `charts`."""
        return "tables" if all(isinstance(each, Table) for each in self.figures) else "charts"


@dataclass(frozen=True)
class Tile:
    """A figure that is read first; `bar` is drawn below it where it is a share."""

    name: str
    value: str
    detail: str = ""
    bar: Range | None = None
    hint: str = ""


@dataclass(frozen=True)
class Tiles:
    """Figures side by side."""

    block: ClassVar[str] = "tiles"
    tiles: Sequence[Tile]


@dataclass(frozen=True)
class Examples:
    """Examples, some at once and the others when opened."""

    block: ClassVar[str] = "examples"
    shown: Sequence[ShownExample]
    more: Sequence[ShownExample] = ()


@dataclass(frozen=True)
class Text:
    """A paragraph; `tone` is empty, `note`, `warning` or `heading`."""

    block: ClassVar[str] = "text"
    text: str
    tone: str = ""


Block = Table | Chart | Figures | Tiles | Examples | Text


@dataclass(frozen=True)
class Part:
    """A heading of the third level and what is below it."""

    title: str
    blocks: Sequence[Block]
    lead: str = ""


@dataclass(frozen=True)
class Section:
    """A heading of the second level, what is right below it, and its parts."""

    title: str
    blocks: Sequence[Block] = ()
    parts: Sequence[Part] = ()
    lead: str = ""
