"""What `bertkit data preview` shows: the pieces of an example, on standard output."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bertkit.cli.data_tables import shown
from bertkit.cli.printable import output_console

if TYPE_CHECKING:
    from bertkit.workflows.preview_data import Preview, PreviewedExample
    from bertkit.workflows.preview_windows import Piece, Window

# Rows of pieces with their words and tags, and pieces in running text, of one window.
_MOST_ROWS = 40
_MOST_PIECES = 400
_MOST_VALUE = 300
_STYLES = {"read": "default", "special": "cyan", "cut": "red strike"}
# Piped text is broken here: it is read by people, not by programs, which have --json.
_WIDTH = 100


def print_preview(preview: Preview, *, taken: str = "", console: Console | None = None) -> None:
    """Example after example, window after window."""
    if console is None:
        console = output_console() if sys.stdout.isatty() else Console(highlight=False, width=_WIDTH)
    title = f"{preview.recipe}, {preview.split}: {preview.task}, as {preview.model} reads it"
    console.print(Text(shown(title, console), style="bold"))
    if taken:
        console.print(Text(shown(taken, console), style="dim"))
    for example in preview.examples:
        console.print()
        _print_example(example, preview, console)


def _print_example(example: PreviewedExample, preview: Preview, console: Console) -> None:
    console.print(Text(shown(f"{example.place}  id {example.id}", console), style="bold yellow"))
    facts = Table(box=None, pad_edge=False, show_header=False)
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    for name, text in example.texts.items():
        facts.add_row(Text(shown(name, console)), Text(shown(_short(text), console)))
    for name, value in _targets(example.target).items():
        facts.add_row(Text(name), Text(shown(_short(value), console), style="bold green"))
    console.print(facts)
    for number, window in enumerate(example.windows, 1):
        console.print(Text(_headline(window, number, len(example.windows), preview.limit), style="dim"))
        has_words = any(piece.word is not None for piece in window.pieces)
        body = _rows(window, console) if has_words else _running(window.pieces, console)
        console.print(Padding(body, (0, 0, 0, 2), expand=False))


def _short(text: str) -> str:
    return text if len(text) <= _MOST_VALUE else f"{text[:_MOST_VALUE]} ..."


def _targets(target: Any) -> dict[str, str]:
    """What is right, in words, by what it is."""
    if target is None:
        return {"label": "hidden"}
    if isinstance(target, Mapping):
        return {"intent": str(target["intent"]), "slots": _spans(target["slots"])}
    if isinstance(target, Sequence) and not isinstance(target, str):
        if target and isinstance(target[0], str):
            return {"labels": ", ".join(target)}
        answers = bool(target) and "label" not in target[0]
        return {"answers" if answers else "labels": _spans(target)}
    return {"label": str(target)}


def _spans(spans: Sequence[Mapping[str, Any]]) -> str:
    named = (f"{span['text']} ({span.get('label', span['start'])})" for span in spans)
    return ", ".join(dict.fromkeys(named)) or "none"


def _headline(window: Window, number: int, count: int, limit: int) -> str:
    lost = sum(piece.state == "cut" for piece in window.pieces)
    size = len(window.pieces) - lost
    if count > 1:
        return f"window {number} of {count}, tokens {window.first:,}-{window.last:,}"
    return f"{size:,} of at most {limit:,} tokens" + (f", {lost:,} are cut" if lost else "")


def _running(pieces: Sequence[Piece], console: Console) -> Text:
    """Pieces one after the other, the answer between >> and <<, what is cut between bars."""
    text = Text()
    before: Piece | None = None
    for piece in pieces[:_MOST_PIECES]:
        if piece.state == "cut" and (before is None or before.state != "cut"):
            text.append("|cut: ", style="red")
        if before is not None and before.state == "cut" and piece.state != "cut":
            text.append("| ", style="red")
        begins = piece.answer and not (before is not None and before.answer)
        ends = before is not None and before.answer and not piece.answer
        if ends:
            text.append("<< ", style="bold green")
        if begins:
            text.append(">> ", style="bold green")
        style = "bold green" if piece.answer else _STYLES[piece.state]
        text.append(f"{shown(piece.text, console)} ", style=style)
        before = piece
    if len(pieces) > _MOST_PIECES:
        text.append(f"and {len(pieces) - _MOST_PIECES:,} more (--json shows all)", style="dim")
    return text


def _rows(window: Window, console: Console) -> Table:
    """A piece a row, with its word and its tag; pieces that the loss passes over are dim."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("piece", "word", "tag"):
        table.add_column(name, overflow="fold")
    for piece in window.pieces[:_MOST_ROWS]:
        style = "dim" if piece.tag is None else "default"
        tag = piece.tag or ""
        tagged = "bold green" if tag not in ("", "O") else style
        cells = ((piece.text, style), (piece.word or "", style), (tag, tagged))
        table.add_row(*(Text(shown(cell, console), style=one) for cell, one in cells))
    if len(window.pieces) > _MOST_ROWS:
        table.add_row(Text(f"and {len(window.pieces) - _MOST_ROWS:,} more (--json)", style="dim"))
    return table
