"""What the data checks look at and what they find: a sentence, the first places, what treats it.

The checks themselves: `text_checks`, `label_checks`, `tag_checks`, `length_checks`, `near_duplicates`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from bertkit.data.rows import Rows

# So many places of a finding are told, and so many names of labels.
SHOWN_PLACES = 3
SHOWN_NAMES = 5

Severity = Literal["good", "warning", "fault"]


@dataclass(frozen=True)
class Finding:
    """One thing worth knowing about the data.

    Attributes:
        check: what was looked for, in one word that stays the same, as `repeated`.
        text: a phrase with a count.
        split: the name of the split; empty where it is about all.
        severity: `good` where nothing is wrong, `fault` for what makes training impossible.
        count: how many rows (or labels) it is about.
        places: where the first of them stand, as `reviews.csv:12`.
        advice: what treats it.
    """

    check: str
    text: str
    split: str = ""
    severity: Severity = "warning"
    count: int = 0
    places: tuple[str, ...] = ()
    advice: str = ""

    @property
    def sentence(self) -> str:
        """All of it in one line."""
        split = f"{self.split}: " if self.split else ""
        more = ", ..." if self.count > len(self.places) else ""
        where = f" ({', '.join(self.places)}{more})" if self.places else ""
        return f"{split}{self.text}{where}{f'; {self.advice}' if self.advice else ''}"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True)
class RowFault:
    """What is wrong with one row.

    Attributes:
        what: the kind of fault, the same words for all rows that have it.
        place: where the row stands, as `reviews.csv:12`.
        left_out: the row is not used.
    """

    what: str
    place: str
    left_out: bool = True


@dataclass(frozen=True)
class CheckedRow:
    """What the checks need of an example.

    Attributes:
        id: as in the predictions file.
        texts: one text, or two of a pair.
        labels: the labels in it, in words: one, several, those of its entities, or none.
        target: what is right as a whole; two rows with one text but other targets contradict each other.
        row: its number in the split, from 0.
    """

    id: str
    texts: tuple[str, ...]
    labels: tuple[str, ...] = ()
    target: Hashable = None
    row: int = 0


@dataclass(frozen=True)
class CheckedSplit:
    """The rows of one split, and where they stand.

    Attributes:
        name: `train`, or that of the eval split.
        rows: those that are used.
        source: what they were read from, for their places.
    """

    name: str
    rows: Sequence[CheckedRow]
    source: Rows

    def place_of(self, row: CheckedRow) -> str:
        """Where a row stands, as `reviews.csv:12` or `row 12`."""
        return short_place(self.source, row.row)

    def finding(
        self, check: str, found: Sequence[CheckedRow], wrong: str, right: str, *, advice: str = ""
    ) -> Finding:
        """A warning about the rows that were found; where there are none, that all is well.

        Args:
            check: what was looked for.
            found: rows with the fault.
            wrong: said after the number of rows, as `without text`.
            right: said where there are none.
            advice: what treats it.
        """
        if not found:
            return Finding(check, right, self.name, "good")
        places = tuple(self.place_of(row) for row in found[:SHOWN_PLACES])
        text = f"{counted(len(found), 'row')} {wrong}"
        return Finding(check, text, self.name, "warning", len(found), places, advice)


def short_place(rows: Rows, number: int) -> str:
    """Where a row stands; of a data set that is named anyway, only the row."""
    return rows.place(number).removeprefix(f"{rows.origin}: ")


def counted(number: int, noun: str) -> str:
    """`1 row`, `2,100 rows`, `3 entities`."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def some_of(names: Iterable[str], *, most: int = SHOWN_NAMES) -> str:
    """The first names of a list, and how many more there are."""
    listed = list(names)
    more = f" and {len(listed) - most:,} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more


def fault_findings(split: str, faults: Iterable[RowFault]) -> list[Finding]:
    """What is wrong with single rows, kind by kind."""
    kinds: dict[str, list[RowFault]] = {}
    for fault in faults:
        kinds.setdefault(fault.what, []).append(fault)
    findings = []
    for what, rows in kinds.items():
        left_out = ", left out" if any(fault.left_out for fault in rows) else ""
        places = tuple(fault.place for fault in rows[:SHOWN_PLACES])
        text = f"{what}: {counted(len(rows), 'row')}{left_out}"
        findings.append(Finding("row_fault", text, split, "warning", len(rows), places))
    return findings
