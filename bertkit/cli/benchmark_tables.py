"""The table of a benchmark, on standard output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from bertkit.cli.printable import output_console, printable

if TYPE_CHECKING:
    from bertkit.workflows.benchmark_results import BenchmarkResult


def print_benchmark(result: BenchmarkResult) -> None:
    """Scores by task with published ones beside, and what has to be said of them."""
    from bertkit.workflows.benchmark_results import TABLE, result_table

    shown = result_table(result)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, name in enumerate(shown.header):
        table.add_column(Text(name), justify="left" if number < 2 else "right", no_wrap=True)
    for cells in shown.lines:
        failed = cells[2] == "failed"
        table.add_row(*(Text(printable(cell), style="red" if failed else "") for cell in cells))
    console = output_console()
    console.print(Text(printable(shown.title), style="bold"))
    if shown.warning:
        console.print(Text(shown.warning, style="bold yellow"))
    console.print(table)
    console.print()
    for note in shown.notes:
        console.print(Text(printable(note)))
    console.print(Text(f"\nthe same in {printable(str(result.folder))}/{TABLE}", style="dim"))
