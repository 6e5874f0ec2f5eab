"""Text from data, made safe for a terminal."""

from __future__ import annotations


def printable(text: str, *, keep_lines: bool = False) -> str:
    """The text with control characters (escape sequences, line ends) replaced, so that it only shows.

    Args:
        text: anything.
        keep_lines: leave line ends, for messages that list faults.
    """
    return "".join(
        character
        if character.isprintable() or (keep_lines and character == "\n")
        else "\N{REPLACEMENT CHARACTER}"
        for character in text
    )
