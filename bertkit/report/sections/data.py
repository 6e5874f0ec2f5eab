"""What the data is: rows of each split, shares of the labels, lengths."""

from __future__ import annotations

from collections.abc import Sequence

from bertkit.report.blocks import Block, Cell, Chart, Figures, Range, Section, Table
from bertkit.report.charts import histogram
from bertkit.report.content import DataSplit, ReportContent
from bertkit.report.passages import short
from bertkit.report.wording import NONE, count, percent

_LABELS = 20  # rows of the table of labels that are seen at once
_MOST = 200


def data(content: ReportContent) -> Section | None:
    """The summary of the splits; None where none is known."""
    splits = content.data
    if not splits:
        return None
    blocks: list[Block] = [_rows(splits)]
    if any(split.labels for split in splits):
        blocks.append(_labels(splits))
    charts = [_lengths(split) for split in splits if len(split.lengths) > 1]
    if charts:
        blocks.append(Figures(charts))
    return Section("Data", blocks)


def _rows(splits: Sequence[DataSplit]) -> Table:
    names = list(dict.fromkeys(name for split in splits for name in split.quantiles))
    rows = [
        [
            Cell(short(split.name)), Cell(count(split.rows)),
            *(Cell(count(split.quantiles[name]) if name in split.quantiles else NONE) for name in names),
        ]
        for split in splits
    ]  # fmt: skip
    return Table(
        "Splits", ["split", "rows", *names], rows, note="Lengths are in words, of all texts of a row."
    )


def _labels(splits: Sequence[DataSplit]) -> Table:
    """A row a label, a column a split; the most frequent of the first split first."""
    names = list(dict.fromkeys(label for split in splits for label in split.labels))
    totals = [
        max(1, split.rows if split.counted == "rows" else sum(split.labels.values())) for split in splits
    ]
    rows = []
    for name in names[:_MOST]:
        shares = [split.labels.get(name, 0) / total for split, total in zip(splits, totals, strict=True)]
        cells = [
            Cell(percent(share), count(split.labels.get(name, 0)), Range(share))
            for share, split in zip(shares, splits, strict=True)
        ]
        rows.append([Cell(short(name)), *cells])
    note = f"Shares of the {splits[0].counted}, and below how many."
    if len(names) > _MOST:
        note += f" {len(names) - _MOST:,} more labels are not shown."
    return Table(
        "Labels", ["label", *(short(split.name) for split in splits)], rows[:_LABELS], rows[_LABELS:],
        f"{len(rows) - _LABELS:,} more", note.strip(),
    )  # fmt: skip


def _lengths(split: DataSplit) -> Chart:
    median, longest = split.quantiles.get("median", 0), split.quantiles.get("longest", 0)
    summary = f"Words of the rows: half have at most {count(median)}, the longest has {count(longest)}."
    drawing = histogram(split.edges, [split.lengths], summary, x="words", y="rows")
    beyond = "Longer ones are in the last bar." if longest > split.edges[-1] else ""
    return Chart(f"Lengths, {short(split.name, 40)}", drawing, note=beyond)
