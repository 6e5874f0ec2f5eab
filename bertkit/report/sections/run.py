"""With which settings, on which machine: what is needed to tell why two reports differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bertkit.report.blocks import Cell, Section, Table
from bertkit.report.content import ReportContent
from bertkit.report.passages import short

_LENGTH = 300  # characters of a value
_SIZES = ("bytes",)  # last words of names whose values are sizes


def settings(content: ReportContent) -> Section | None:
    """Every setting that says something, by its name in a recipe."""
    return _section("Settings", content.settings, "setting")


def environment(content: ReportContent) -> Section | None:
    """Versions, hardware, git state, fingerprints of the data."""
    return _section("Environment", content.environment, "name")


def _section(title: str, values: Mapping[str, Any], head: str) -> Section | None:
    rows = [[Cell(short(name)), Cell(short(value, _LENGTH))] for name, value in _flat(values)]
    if not rows:
        return None
    return Section(title, [Table(title, [], rows, kind="facts", is_quiet=True)])


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Names with dots and what they are set to; what is not set is left out."""
    for name, value in values.items():
        whole = f"{prefix}{name}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{whole}.")
        elif value not in (None, "", (), []):
            yield whole, _written(str(name), value)


def _written(name: str, value: Any) -> str:
    if name.rpartition("_")[2] in _SIZES and isinstance(value, int | float):
        return f"{value / 2**30:.1f} GiB"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name == "command" and isinstance(value, list | tuple):
        return " ".join(map(str, value))
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
