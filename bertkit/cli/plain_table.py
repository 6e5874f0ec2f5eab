"""Tables without lines, as all verbs print them."""

from __future__ import annotations

from rich.table import Table


def plain_table(*columns: str) -> Table:
    """A table with headings; a column whose name begins with > holds numbers and stands to the right."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        number = name.startswith(">")
        table.add_column(name.removeprefix(">"), justify="right" if number else "left", overflow="fold")
    return table
