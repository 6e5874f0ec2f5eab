"""What `bertkit data check` found, as tables and marked lines on standard output."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bertkit.cli.printable import output_console, printable

if TYPE_CHECKING:
    from bertkit.data.checking.checks import Finding
    from bertkit.data.checking.label_checks import LabelTable
    from bertkit.workflows.check_data import DataReport

MOST_LABELS = 20
# What a terminal shows, and what it shows where its encoding has no such signs.
_MARKS = {"good": "✔", "warning": "⚠", "fault": "✘"}
_PLAIN_MARKS = {"good": "ok", "warning": "!", "fault": "x"}
_STYLES = {"good": "green", "warning": "yellow", "fault": "bold red"}


def shown(text: str, console: Console) -> str:
    """Text from data as this console can show it."""
    return printable(text).encode(console.encoding, "replace").decode(console.encoding)


def _marks(console: Console) -> dict[str, str]:
    try:
        "".join(_MARKS.values()).encode(console.encoding)
    except UnicodeEncodeError:
        return _PLAIN_MARKS
    return _MARKS


def print_data_report(report: DataReport, *, taken: str = "", console: Console | None = None) -> None:
    """What the data is, how it is spread, and what was found, split by split."""
    console = console or output_console()
    title = f"{report.recipe}: {report.task}" if report.recipe != report.task else report.task
    console.print(Text(shown(title, console), style="bold"))
    console.print(_facts(report, taken, console))
    if report.splits:
        console.print()
        console.print(_split_table(report, console))
    for table in report.tables:
        console.print()
        console.print(_label_table(table, console))
    names = [split.name for split in report.splits] + [finding.split for finding in report.findings]
    for name in [*dict.fromkeys(name for name in names if name), ""]:
        found = [finding for finding in report.findings if finding.split == name]
        if found:
            console.print()
            console.print(Text(shown(name or "all", console), style="bold"))
            _print_findings(found, console)
    console.print()
    _print_verdict(report, console)


def _facts(report: DataReport, taken: str, console: Console) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    names = report.labels
    numbered = ", ".join(f"{number} {name}" for number, name in enumerate(names[:MOST_LABELS]))
    more = f" and {len(names) - MOST_LABELS:,} more" if len(names) > MOST_LABELS else ""
    facts = {
        "task": taken,
        "columns": ", ".join(f"{use} = {name!r}" for use, name in (report.columns or {}).items()),
        "problem": report.problem.replace("_", "-"),
        "labels": f"{numbered}{more}",
        "renamed": ", ".join(f"{old} counts as {new}" for old, new in (report.renamed or {}).items()),
        "tags": f"{report.tag_scheme}, recognised" if report.tag_scheme else "",
    }
    for name, value in facts.items():
        if value:
            table.add_row(name, Text(shown(value, console)))
    return table


def _split_table(report: DataReport, console: Console) -> Table:
    lengths = {found.split: found for found in report.lengths}
    unit = next((found.unit for found in report.lengths), "tokens")
    over = "windows" if any(found.windowed for found in report.lengths) else "cut"
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("split", no_wrap=True)
    for name in ("rows", "used", f"median {unit}", "95 %", "longest", over):
        table.add_column(name, justify="right")
    table.add_column("read from", overflow="fold")
    for split in report.splits:
        cells = [split.name, f"{split.rows:,}", f"{split.used:,}"]
        found = lengths.get(split.name)
        if found is None:
            cells += [""] * 4
        else:
            cells += [f"{number:,}" for number in (found.median, found.most, found.longest)]
            cells.append(f"{100 * found.over / max(1, split.used):.1f} %" if found.unit == "tokens" else "?")
        notes = f" ({'; '.join(split.notes)})" if split.notes else ""
        cells.append(f"{split.origin}{f', {split.format}' if split.format else ''}{notes}")
        table.add_row(*(Text(shown(cell, console)) for cell in cells))
    return table


def _label_table(labels: LabelTable, console: Console) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(labels.kind, overflow="fold")
    sums = {split: max(1, sum(counts.values())) for split, counts in labels.counts.items()}
    for split in labels.counts:
        table.add_column(Text(shown(split, console)), justify="right")
        table.add_column("", justify="right", style="dim")
    names = list(next(iter(labels.counts.values()), {}))
    for name in names[:MOST_LABELS]:
        cells = [Text(shown(name, console))]
        for split, counts in labels.counts.items():
            cells += [Text(f"{counts[name]:,}"), Text(f"{100 * counts[name] / sums[split]:.1f} %")]
        table.add_row(*cells)
    if len(names) > MOST_LABELS:
        table.add_row(Text(f"and {len(names) - MOST_LABELS:,} more", style="dim"))
    return table


def _print_findings(findings: list[Finding], console: Console) -> None:
    marks = _marks(console)
    for severity in ("fault", "warning"):
        for finding in findings:
            if finding.severity == severity:
                for number, line in enumerate(_lines(finding)):
                    mark = f"{marks[severity]} " if number == 0 else " " * (len(marks[severity]) + 1)
                    _print_marked(mark, line, _STYLES[severity] if number == 0 else "dim", console)
    good = [finding.text for finding in findings if finding.severity == "good"]
    if good:
        _print_marked(f"{marks['good']} ", "; ".join(good), _STYLES["good"], console)


def _lines(finding: Finding) -> Iterator[str]:
    """What it is, then where, then what treats it."""
    yield finding.text
    more = ", ..." if finding.count > len(finding.places) else ""
    if any(": " in place for place in finding.places):  # a place that says what is wrong has its own line
        yield from finding.places
    elif finding.places:
        yield ", ".join(finding.places) + more
    if finding.advice:
        yield f"hint: {finding.advice}"


def _print_marked(mark: str, text: str, style: str, console: Console) -> None:
    """One line with a mark before it; where it is broken, the rest stands below the text."""
    grid = Table.grid()
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    body = "default" if style not in ("dim",) else "dim"
    grid.add_row(Text(mark, style=style), Text(shown(text, console), style=body))
    console.print(Padding(grid, (0, 0, 0, 2), expand=False))


def _print_verdict(report: DataReport, console: Console) -> None:
    marks = _marks(console)
    count = sum(finding.severity == "warning" for finding in report.findings)
    warnings = f"{count} warning{'' if count == 1 else 's'}" if count else "no warnings"
    severity = "good" if report.can_train and not count else "warning" if report.can_train else "fault"
    verdict = f"can be trained on, {warnings}" if report.can_train else "cannot be trained on"
    console.print(Text(f"{marks[severity]} {verdict}", style=_STYLES[severity]))
