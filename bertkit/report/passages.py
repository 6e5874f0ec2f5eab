"""Texts of examples as a page shows them: cut to a length, with places that stand out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bertkit.report.blocks import Passage, Piece

SHOWN = 400  # characters of a text that are seen at once
OPENED = 2_000  # characters that are seen when it is opened; the others are not in the page
LABEL = 80  # characters of a label or a name
_BEFORE = 120  # characters before the place that a long text is cut around
_NEAR = 40  # characters within which a blank is looked for to cut at

_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# Half characters, and what turns the direction of a text against that of its letters.
_NOT_SHOWN = re.compile("[\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Place:
    """A stretch of a text, in characters, that stands out; see `Piece`."""

    start: int
    end: int
    mark: str
    label: str = ""


def readable(text: str) -> str:
    """The text as HTML and UTF-8 can hold it: control characters as pictures, no half characters or turns."""
    text = _NOT_SHOWN.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))
    return _CONTROLS.sub(_picture, text)


def _picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    return chr(0x2400 + code) if code < 32 else "\N{REPLACEMENT CHARACTER}"


def short(text: object, length: int = LABEL) -> str:
    """A name, cut where it is too long for a table."""
    written = readable(str(text))
    return written if len(written) <= length else f"{written[: length - 1]}…"


def passage(text: str) -> Passage:
    """The beginning of a text, with the rest to be opened."""
    if len(text) <= SHOWN:
        return Passage([Piece(readable(text))])
    cut = _at_space(text, SHOWN)
    return Passage(
        [Piece(readable(text[:cut]))], readable(text[cut : cut + OPENED]), max(0, len(text) - cut - OPENED)
    )


def marked_passage(text: str, places: Iterable[Place], *, focus: int | None = None) -> Passage:
    """A text with places that stand out; a long one is cut around one of them.

    Args:
        text: the whole.
        places: what stands out; of two that overlap the first in the text counts.
        focus: the character that must be seen; None takes the first place.
    """
    ordered = _apart(places, len(text))
    if focus is None:
        focus = ordered[0].start if ordered else 0
    first, last = 0, len(text)
    if len(text) > SHOWN:
        first = max(0, min(focus - _BEFORE, len(text) - SHOWN))
        last = min(len(text), first + SHOWN)
        # No word is cut in two where blanks divide words.
        space = text.find(" ", first, focus) if first else -1
        first = space + 1 if 0 <= space < first + _NEAR else first
        last = _at_space(text, last) if last < len(text) else last
    pieces = [*([Piece("… ")] if first else []), *_pieces(text, ordered, first, last)]
    if last < len(text):
        pieces.append(Piece(" …"))
    if first == 0 and last == len(text):
        return Passage(pieces)
    beyond = max(0, len(text) - SHOWN - OPENED)
    return Passage(pieces, readable(text[: SHOWN + OPENED]), beyond, "the whole text")


def _apart(places: Iterable[Place], length: int) -> list[Place]:
    """Places in the order of the text that do not overlap and are inside it."""
    found: list[Place] = []
    for place in sorted(places, key=lambda each: (each.start, -each.end)):
        if 0 <= place.start < place.end <= length and (not found or place.start >= found[-1].end):
            found.append(place)
    return found


def _pieces(text: str, places: Sequence[Place], first: int, last: int) -> list[Piece]:
    pieces: list[Piece] = []
    position = first
    for place in places:
        start, end = max(place.start, first), min(place.end, last)
        if start >= end:
            continue
        if start > position:
            pieces.append(Piece(readable(text[position:start])))
        pieces.append(Piece(readable(text[start:end]), place.mark, short(place.label)))
        position = end
    if position < last:
        pieces.append(Piece(readable(text[position:last])))
    return pieces


def _at_space(text: str, limit: int) -> int:
    """The last place before the limit where a word ends, unless it is far away."""
    space = text.rfind(" ", limit - _NEAR, limit)
    return space if space > 0 else limit
