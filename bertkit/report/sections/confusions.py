"""What is taken for what: a matrix where it can be read, else the most frequent confusions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bertkit.evaluation.curves import Counts
from bertkit.report.blocks import Block, Cell, Figures, Table, Text
from bertkit.report.passages import short
from bertkit.report.wording import count, percent

MATRIX = 16  # rows or columns of a matrix that can still be read
PAIRS = 20
_PAIRS_BESIDE_MATRIX = 8


def confusion_blocks(
    counts: Counts, rows: Sequence[str], columns: Sequence[str], *, what: str
) -> list[Block]:
    """The matrix, or the pairs, of references (`rows`) and predictions (`columns`).

    Where both have the same name at the same place it is no confusion.
    """
    tables: list[Table] = []
    if max(len(rows), len(columns)) <= MATRIX:
        tables.append(_matrix(counts, rows, columns, what))
        if len(rows) > 3:
            tables.append(_pairs(counts, rows, columns, what, _PAIRS_BESIDE_MATRIX))
    else:
        tables.append(_pairs(counts, rows, columns, what, PAIRS))
    shown = [table for table in tables if table.rows]
    return [Figures(shown)] if shown else [Text("Nothing was taken for anything else.", "note")]


def _is_same(row: int, column: int, rows: Sequence[str], columns: Sequence[str]) -> bool:
    return row == column and rows[row] == columns[column]


def _matrix(counts: Counts, rows: Sequence[str], columns: Sequence[str], what: str) -> Table:
    totals = np.maximum(counts.sum(axis=1), 1)
    lines = [
        [
            Cell(short(name, 40)),
            *(
                Cell(
                    count(counts[row, column]),
                    shade=float(counts[row, column] / totals[row]),
                    tone="good" if _is_same(row, column, rows, columns) else "bad",
                    hint=f"{short(name, 40)} as {short(other, 40)}: "
                    f"{percent(counts[row, column] / totals[row])}",
                )
                for column, other in enumerate(columns)
            ),
        ]
        for row, name in enumerate(rows)
    ]
    return Table(
        "Confusion matrix", ["reference ↓ predicted →", *(short(name, 40) for name in columns)], lines,
        note=f"Rows are the {what} in the reference, columns what was predicted; the more of its row is in a "
        "cell, the stronger its colour. Blue is right, orange wrong.", kind="matrix",
    )  # fmt: skip


def _pairs(counts: Counts, rows: Sequence[str], columns: Sequence[str], what: str, most: int) -> Table:
    totals = np.maximum(counts.sum(axis=1), 1)
    found = [
        (int(counts[row, column]), row, column)
        for row, column in zip(*np.nonzero(counts), strict=True)
        if not _is_same(row, column, rows, columns)
    ]
    found.sort(key=lambda each: (-each[0], each[1], each[2]))
    lines = [
        [
            Cell(short(rows[row], 40)), Cell(short(columns[column], 40)), Cell(count(times)),
            Cell(percent(times / totals[row])),
        ]
        for times, row, column in found[:most]
    ]  # fmt: skip
    note = f"{len(found):,} different confusions in all." if len(found) > most else ""
    return Table(
        "Most frequent confusions", [f"{what} in the reference", "predicted as", "times", "share of the row"],
        lines, note=note, words=[1],
    )  # fmt: skip
