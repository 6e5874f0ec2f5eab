"""Rows with tagged words, in the forms people have them, as text, words and tags.

Two forms: `tokens` with a tag each (lists, or text split at blanks), or a text with character spans,
`{"start", "end", "label"}`, whose words are found here.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bertkit.data.cell_lists import is_cell_list, read_cell_list
from bertkit.data.tag_schemes import Entity, entities_of, iob2_of
from bertkit.data.words import find_words
from bertkit.errors import DataError

Words = tuple[tuple[int, int], ...]

# Kinds of faults, as they are told and counted.
CONTRADICTED = "a span says another text than stands at its offsets"
OTHER_COUNT = "another number of tags than of words"
OUTSIDE_TEXT = "a span reaches outside the text"
BACKWARDS = "a span ends before it starts, or where it starts"
OVERLAP = "spans overlap: the longer one is kept"
WIDENED = "a span begins or ends inside a word: it is widened to whole words"
BLANK_SPAN = "a span holds no word"

# Of these the tags cannot be right: the row is left out.
UNUSABLE = frozenset({OTHER_COUNT, OUTSIDE_TEXT, BACKWARDS, CONTRADICTED})


@dataclass(frozen=True)
class TaggedText:
    """One row, read.

    Attributes:
        text: as given, or the tokens with a blank between each two.
        words: where they stand in the text, (start, end).
        tags: one a word, in IOB2 or plain; None where the row has none.
        faults: kinds of what is wrong, of the constants here.
    """

    text: str
    words: Words
    tags: list[str] | None
    faults: tuple[str, ...] = ()

    @property
    def is_usable(self) -> bool:
        """False if what is wrong makes the tags unknown."""
        return not UNUSABLE & set(self.faults)


def joined(tokens: Sequence[Any]) -> tuple[str, Words]:
    """Tokens as one text with a blank between each two, and where each of them stands."""
    words = []
    place = 0
    for token in tokens:
        length = len(str(token))
        words.append((place, place + length))
        place += length + 1
    return " ".join(map(str, tokens)), tuple(words)


def as_tokens(value: Any) -> list[str] | None:
    """The tokens of a list; None for a text."""
    if not isinstance(value, list | tuple):
        return None
    if any(isinstance(token, list | dict | tuple) for token in value):
        raise DataError("the tokens hold a list or an object", hint="give a list of words")
    return ["" if token is None else str(token) for token in value]


def read_tags(value: Any, class_names: Sequence[str]) -> list[str] | None:
    """The tags of tokens: names, numbers of named classes, or text split at blanks; None for none.

    Raises:
        DataError: a number that is no class.
    """
    if isinstance(value, str):
        if not is_cell_list(value):
            return value.split()
        value = read_cell_list(value)
    if value is None or (not isinstance(value, list | tuple)):
        return None
    tags = []
    for tag in value:
        if class_names and isinstance(tag, int) and not isinstance(tag, bool):
            if not 0 <= tag < len(class_names):
                raise DataError(
                    f"the tag {tag} is none of the classes 0 to {len(class_names) - 1}", hint="mend the row"
                )
            tags.append(class_names[tag])
        else:
            tags.append(str(tag))
    return tags


def is_empty_list(value: Any) -> bool:
    """True for null and for a list without anything in it, also in a cell of a table."""
    return value is None or ((isinstance(value, list | tuple) or is_cell_list(value)) and not _listed(value))


def holds_spans(value: Any) -> bool:
    """True for a list of spans (an empty one says nothing), also for one in a cell of a table."""
    spans = _listed(value)
    return bool(spans) and isinstance(spans[0], Mapping | list | tuple)


def _listed(value: Any) -> list[Any]:
    if isinstance(value, str):
        try:
            value = read_cell_list(value) if is_cell_list(value) else []
        except DataError:
            return []
    return list(value) if isinstance(value, list | tuple) else []


def contradicts(value: Any, text: str) -> bool:
    """Whether a span brings along a text that does not stand at its offsets; white space does not count."""
    for span in _listed(value):
        said = span.get("text") if isinstance(span, Mapping) else None
        if isinstance(said, str):
            there = text[max(span["start"], 0) : max(span["end"], 0)]
            if "".join(said.split()) != "".join(there.split()):
                return True
    return False


def read_spans(value: Any) -> list[Entity]:
    """Spans in characters as (label, start, end), in their order.

    Raises:
        DataError: one that has no start, end or label.
    """
    spans = []
    for span in _listed(value):
        if isinstance(span, Mapping):
            parts = (span.get("label"), span.get("start"), span.get("end"))
        elif isinstance(span, list | tuple) and len(span) == 3:
            parts = (span[2], span[0], span[1])
        else:
            parts = (None, None, None)
        label, start, end = parts
        if label == "":
            raise DataError(f"the span {span} has no label", hint="name it, or remove it")
        if label is None or not isinstance(start, int) or not isinstance(end, int):
            raise DataError(
                f"the span {span} is not understood",
                hint='write {"start": 0, "end": 5, "label": "PER"} or [0, 5, "PER"]',
            )
        spans.append(Entity(str(label), start, end))
    return spans


def tagged_by_spans(text: str, spans: Sequence[Entity], *, words: Words | None = None) -> TaggedText:
    """A text with character spans; its words are found where they are not given."""
    words = tuple(find_words(text)) if words is None else words
    faults: set[str] = set()
    chosen: list[Entity] = []
    for span in sorted(spans, key=lambda span: (span.start - span.end, span.start)):  # the longest first
        if span.start >= span.end:
            faults.add(BACKWARDS)
        elif span.start < 0 or span.end > len(text):
            faults.add(OUTSIDE_TEXT)
        else:
            first = bisect_right(words, span.start, key=lambda word: word[1])
            last = bisect_left(words, span.end, key=lambda word: word[0])
            if first >= last:
                faults.add(BLANK_SPAN)
                continue
            inside = text[words[first][0] : span.start] + text[span.end : words[last - 1][1]]
            if inside.strip():
                faults.add(WIDENED)
            if any(entity.start < last and first < entity.end for entity in chosen):
                faults.add(OVERLAP)
                continue
            chosen.append(Entity(span.label, first, last))
    return TaggedText(text, words, iob2_of(chosen, len(words)), tuple(sorted(faults)))


def tagged_tokens(tokens: Sequence[str], tags: Sequence[str] | None, *, plain: bool) -> TaggedText:
    """Tokens with a tag each, brought to IOB2 from whichever scheme; plain tags stay.

    Raises:
        ValueError: a tag without a prefix among tags that are not plain.
    """
    text, words = joined(tokens)
    if tags is None:
        return TaggedText(text, words, None)
    if len(tags) != len(tokens):
        return TaggedText(text, words, None, (OTHER_COUNT,))
    return TaggedText(text, words, list(tags) if plain else iob2_of(entities_of(tags), len(tags)))
