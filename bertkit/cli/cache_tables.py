"""What is kept on this machine, as a table."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from bertkit.cli.plain_table import plain_table
from bertkit.cli.printable import output_console, printable
from bertkit.runs.disk import size_of

if TYPE_CHECKING:
    from bertkit.workflows.cache import CacheEntry


def print_cache(entries: Sequence[CacheEntry], console: Console | None = None) -> None:
    """A line a model or data set, a line a kind for what bertkit itself has made."""
    console = console or output_console()
    if not entries:
        console.print(Text("nothing is kept"))
        return
    table = plain_table("kind", "name", ">size", ">used", "where")
    for kind, name, size, used, where in _rows(entries):
        cells = (kind, printable(name), size_of(size), shown_age(time.time() - used), printable(where))
        table.add_row(*map(Text, cells))
    console.print(table)


def _rows(entries: Sequence[CacheEntry]) -> Iterator[tuple[str, str, int, float, str]]:
    from bertkit.workflows.cache import OWN_KINDS

    own = sorted(
        (entry for entry in entries if entry.is_own), key=lambda entry: list(OWN_KINDS).index(entry.kind)
    )
    for kind, group in groupby(own, key=lambda entry: entry.kind):
        same = list(group)
        count, where = f"{len(same):,} {OWN_KINDS[kind]}", same[0].path.parent
        if kind == "checked":
            count, where = OWN_KINDS[kind], same[0].path
        yield kind, count, sum(entry.bytes for entry in same), max(entry.used for entry in same), str(where)
    for entry in entries:
        if not entry.is_own:
            yield entry.kind, entry.name, entry.bytes, entry.used, str(entry.path)


def shown_age(seconds: float) -> str:
    """`3 days ago`."""
    for unit, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= unit:
            number = int(seconds / unit)
            return f"{number} {name}{'s' if number > 1 else ''} ago"
    return "just now"
