"""One annotated text in its two views: words with a tag each, or a text with labelled stretches of it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

from bertkit.data.tag_schemes import Entity, entities_of, iob2_of
from bertkit.data.words import find_words


class UnfitRowError(ValueError):
    """A row that cannot be converted, and so is set aside.

    Attributes:
        reason: what is wrong, the same for all rows with this fault, so that they can be counted.
        detail: what it is in this row.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason} ({detail})" if detail else reason)
        self.reason = reason
        self.detail = detail


class Span(NamedTuple):
    """A labelled stretch of a text, from character `start` to before `end`, counted from 0."""

    start: int
    end: int
    label: str


@dataclass(frozen=True, slots=True)
class Document:
    """A text with its spans, in the order they were given; `id` is None where it has none."""

    text: str
    spans: tuple[Span, ...]
    id: Any = None


@dataclass(frozen=True, slots=True)
class Sentence:
    """Words with a tag each."""

    tokens: tuple[str, ...]
    tags: tuple[str, ...]


def read_document(text: object, spans: object, identity: Any = None) -> Document:
    """A document from the values of a row: spans as `{"start", "end", "label"}` or `[start, end, label]`.

    Raises:
        UnfitRowError: no text, or a span that is none or does not lie in the text.
    """
    if not isinstance(text, str):
        raise UnfitRowError("the text is missing")
    if not isinstance(spans, Sequence) or isinstance(spans, str):
        raise UnfitRowError("the spans are missing")
    return Document(text, tuple(_span(value, len(text)) for value in spans), identity)


def _span(value: object, length: int) -> Span:
    if isinstance(value, Mapping):
        parts: Sequence[object] = [value.get(key) for key in ("start", "end", "label")]
    else:
        parts = value if isinstance(value, Sequence) and len(value) == 3 else ()
    if len(parts) != 3:
        raise UnfitRowError("a span is not given by start, end and label")
    start, end, label = parts
    if type(start) is not int or type(end) is not int:
        raise UnfitRowError("an offset of a span is not a whole number")
    if not isinstance(label, str) or not label:
        raise UnfitRowError("a span has no label", f"{start} to {end}")
    if start >= end:
        raise UnfitRowError("a span ends before it begins, or is empty", f"{start} to {end}")
    if start < 0 or end > length:
        raise UnfitRowError(
            "a span lies outside the text", f"{start} to {end}, the text has {length} characters"
        )
    return Span(start, end, label)


def read_sentence(tokens: object, tags: object, names: Sequence[str] = ()) -> Sentence:
    """A sentence from the values of a row.

    Args:
        tokens: a list of texts.
        tags: a list of texts, or of positions in `names`.
        names: the names of the classes, where tags are numbers.

    Raises:
        UnfitRowError: one is missing, not of its kind, or they are not of one length.
    """
    for value, what in ((tokens, "words"), (tags, "tags")):
        if not isinstance(value, Sequence) or isinstance(value, str) or not value:
            raise UnfitRowError(f"the {what} are missing")
    words, marks = list(tokens), [_tag(tag, names) for tag in tags]  # type: ignore[call-overload, attr-defined]
    if not all(isinstance(word, str) for word in words):
        raise UnfitRowError("a word is not text")
    if len(words) != len(marks):
        raise UnfitRowError("there is not one tag for each word", f"{len(words)} words, {len(marks)} tags")
    return Sentence(tuple(words), tuple(marks))


def _tag(tag: object, names: Sequence[str]) -> str:
    if type(tag) is int:
        if not 0 <= tag < len(names):
            raise UnfitRowError("a tag is a number without a name", str(tag))
        return names[tag]
    if not isinstance(tag, str) or not tag:
        raise UnfitRowError("a tag is missing")
    return tag


def document_of(sentence: Sentence, identity: Any = None) -> Document:
    """The words with a blank between them as the text, their entities as its spans.

    Raises:
        UnfitRowError: the tags name no entities, as those of parts of speech, or one is of no characters.
    """
    starts = [0]
    for token in sentence.tokens:
        starts.append(starts[-1] + len(token) + 1)
    spans = [
        Span(starts[entity.start], starts[entity.end] - 1, entity.label) for entity in _entities(sentence)
    ]
    if any(span.start == span.end for span in spans):
        raise UnfitRowError("a tagged word is empty")
    return Document(" ".join(sentence.tokens), tuple(spans), identity)


def sentence_of(document: Document) -> Sentence:
    """The words of the text, tagged in IOB2; where a span begins or ends inside a word, the word is cut.

    Raises:
        UnfitRowError: spans overlap, a span covers no word, or the text has none.
    """
    spans = sorted(set(document.spans))  # the same span twice says nothing new
    for before, span in pairwise(spans):
        if span.start < before.end:
            raise UnfitRowError(
                "spans overlap, which tags cannot say",
                f"{before.start} to {before.end} and {span.start} to {span.end}",
            )
    words = find_words(document.text, boundaries=(edge for span in spans for edge in span[:2]))
    if not words:
        raise UnfitRowError("the text has no words")
    starts = [start for start, _ in words]
    ends = [end for _, end in words]
    entities = []
    for span in spans:
        entity = Entity(span.label, bisect_left(starts, span.start), bisect_right(ends, span.end))
        if entity.start >= entity.end:
            raise UnfitRowError("a span covers no word", f"{span.start} to {span.end}")
        entities.append(entity)
    tokens = tuple(document.text[start:end] for start, end in words)
    return Sentence(tokens, tuple(iob2_of(entities, len(words))))


def retagged(sentence: Sentence, scheme: str) -> Sentence:
    """The same sentence with the same entities, tagged in `IOB1`, `IOB2` or `BIOES`.

    Raises:
        UnfitRowError: the tags name no entities.
    """
    entities = _entities(sentence)
    tags = iob2_of(entities, len(sentence.tags))
    if scheme == "BIOES":
        for entity in entities:
            alone = entity.end - entity.start == 1
            tags[entity.end - 1] = f"{'S' if alone else 'E'}-{entity.label}"
    elif scheme == "IOB1":
        follows = {
            after.start
            for before, after in pairwise(entities)
            if (before.end, before.label) == (after.start, after.label)
        }
        for entity in entities:
            if entity.start not in follows:
                tags[entity.start] = f"I-{entity.label}"
    return Sentence(sentence.tokens, tuple(tags))


def span_values(spans: Iterable[Span]) -> list[dict[str, Any]]:
    """Spans as rows hold them."""
    return [span._asdict() for span in spans]


def _entities(sentence: Sentence) -> list[Entity]:
    try:
        return entities_of(sentence.tags)
    except ValueError as error:
        raise UnfitRowError("the tags name no entities (as B-PER and O do)", str(error)) from None
