"""Text from elsewhere made safe to show, and the two consoles it goes to."""

from __future__ import annotations

import os
import sys

from rich.console import Console

from bertkit.redaction import redacted

# Wider than any row: what is read by a program has one row a line.
PLAIN_WIDTH = 10_000
# Longer than any message; what is longer holds a text from data.
LONGEST_LINE = 2_000


def printable(text: str, *, keep_lines: bool = False) -> str:
    """The text without secrets, and with control characters (escape sequences, line ends) replaced.

    So it only shows, whatever it is: a text from data, an address, the words of a library.

    Args:
        text: anything.
        keep_lines: leave line ends, for messages that list faults.
    """
    return "".join(
        character
        if character.isprintable() or (keep_lines and character == "\n")
        else "\N{REPLACEMENT CHARACTER}"
        for character in redacted(text)
    )


def sentence(text: str) -> str:
    """One line of bounded length, whatever text from data is in it."""
    shown = printable(text[:LONGEST_LINE])
    return shown if len(text) <= LONGEST_LINE else f"{shown}..."


def output_console() -> Console:
    """Standard output, for results; where it is no terminal without colours, and a row is a line."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else PLAIN_WIDTH)


class _ErrorConsole(Console):
    """Goes on in silence when its reader is gone: rich would end the process, and the work with it."""

    def on_broken_pipe(self) -> None:
        """Write no more."""
        self.quiet = True
        # What is left in the buffer would fail again when the process ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def error_console() -> Console:
    """Standard error, for all else; broken between words on a terminal, never elsewhere."""
    return _ErrorConsole(stderr=True, highlight=False, soft_wrap=not sys.stderr.isatty())
