"""Tables without lines, as all verbs print them."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from bertkit.cli.printable import printable


def plain_table(*columns: str) -> Table:
    """A table with headings; a column whose name begins with > holds numbers and stands to the right."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        number = name.startswith(">")
        # A name may come from data: as a plain string it would be read as markup.
        heading = Text(printable(name.removeprefix(">")))
        table.add_column(heading, justify="right" if number else "left", overflow="fold")
    return table
