"""Which entities the tags of a sentence name, by the rules of each scorer.

- `default`: `bertkit.data.tag_schemes.entities_of`, which is seqeval's default mode, and conlleval's reading
  of IOB1 and IOB2: an `I-` or `E-` that continues nothing begins an entity.
- `conlleval`: that script's own rules. They differ in tags it does not know: an `S-` next to a word of the
  same label, and a `B-` after an `E-` of the same label, begin nothing.
- `strict`: seqeval's strict mode, where only what a scheme spells in full is an entity. Read in the wrong
  scheme, entities go missing from the references as well, and the score is one of what is left.

Sources: https://www.cnts.ua.ac.be/conll2000/chunking/conlleval.txt and https://github.com/chakki-works/seqeval
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple

from bertkit.data.tag_schemes import UNNAMED, Entity, entities_of

MODES = ("default", "strict", "conlleval")
Reading = Callable[[Sequence[str]], list[Entity]]


class _Tag(NamedTuple):
    letter: str
    label: str


_OUTSIDE = _Tag("O", "")


class _Scheme(NamedTuple):
    """What strict reading knows of a scheme.

    Attributes:
        letters: that its tags begin with, besides `O`.
        joins: pairs of letters that, with one label, are in one entity.
        begins: whether a word that continues nothing begins an entity, seen with the word before.
        complete: whether an entity counts, by its last word and the word after.
    """

    letters: str
    joins: frozenset[str]
    begins: Callable[[_Tag, _Tag], bool]
    complete: Callable[[_Tag, _Tag], bool]

    def joined(self, before: _Tag, tag: _Tag) -> bool:
        return before.label == tag.label and before.letter + tag.letter in self.joins


def _same(tag: _Tag, before: _Tag, letters: str) -> bool:
    return before.letter in letters and before.label == tag.label


# The conditions of IOB1 and IOE1 are seqeval's, oddities included: in IOB1 an entity of one word that is
# tagged `B-` is lost before a `B-` of another label, in IOE1 one ended by `E-` counts only before its like.
_STRICT = {
    "IOB1": _Scheme(
        "BI",
        frozenset({"BI", "II"}),
        lambda tag, before: tag.letter == "I" or _same(tag, before, "BI"),
        lambda last, after: not (last.letter == after.letter == "B" and last.label != after.label),
    ),
    "IOB2": _Scheme(
        "BI", frozenset({"BI", "II"}), lambda tag, before: tag.letter == "B", lambda last, after: True
    ),
    "IOE1": _Scheme(
        "IE",
        frozenset({"II", "IE"}),
        lambda tag, before: tag.letter == "I" or _same(tag, before, "E"),
        lambda last, after: last.letter == "I" or _same(last, after, "IE"),
    ),
    "IOE2": _Scheme(
        "IE", frozenset({"II", "IE"}), lambda tag, before: True, lambda last, after: last.letter == "E"
    ),
    "BIOES": _Scheme(
        "BIES",
        frozenset({"BI", "BE", "II", "IE"}),
        lambda tag, before: tag.letter in "BS",
        lambda last, after: last.letter in "ES",
    ),
    "BILOU": _Scheme(
        "BILU",
        frozenset({"BI", "BL", "II", "IL"}),
        lambda tag, before: tag.letter in "BU",
        lambda last, after: last.letter in "LU",
    ),
}
STRICT_SCHEMES = tuple(_STRICT)
_OTHER_NAMES = {"IOBES": "BIOES", "IOB": "IOB2", "BIO": "IOB2"}
# Pairs of letters between which conlleval sees a border though the label is the same.
_CONLLEVAL_BORDERS = frozenset({"BB", "IB", "EE", "EI"})


def strict_scheme(references: Iterable[Sequence[str]], scheme: str | None = None) -> str:
    """The name of a strict scheme; without one given, the scheme of the references by their letters.

    That choice is seqeval's where it makes one, so IOB1 data with a single `B-` is taken for IOB2: name IOB1.
    References that hold no letter but `I` and `O` are IOB1 here.

    Raises:
        ValueError: no such scheme.
    """
    if scheme is not None:
        name = _OTHER_NAMES.get(scheme.upper(), scheme.upper())
        if name not in _STRICT:
            raise ValueError(f"there is no strict tag scheme {scheme!r}: {', '.join(_STRICT)}")
        return name
    letters = {tag[:1] for tags in references for tag in tags}
    if letters & set("LU"):
        return "BILOU"
    if "S" in letters or {"B", "E"} <= letters:
        return "BIOES"
    if "E" in letters:
        return "IOE2"
    return "IOB1" if "I" in letters and "B" not in letters else "IOB2"


def reading(mode: str, scheme: str | None = None) -> Reading:
    """How the tags of a sentence are read.

    Raises:
        ValueError: an unknown mode, or an unknown scheme or none in strict mode.
    """
    if mode == "strict":
        if scheme is None:
            raise ValueError("strict mode needs a tag scheme")
        return partial(strict_entities, scheme=strict_scheme((), scheme))
    readings = {"default": entities_of, "conlleval": conlleval_entities}
    if mode not in readings:
        raise ValueError(f"there is no mode {mode!r}: {', '.join(MODES)}")
    return readings[mode]


def strict_entities(tags: Sequence[str], scheme: str) -> list[Entity]:
    """The entities that are spelled as the scheme wants it, in the order of the text.

    Dashes around a label are not part of it, as in seqeval.

    Raises:
        ValueError: a tag that the scheme does not know; KeyError for an unknown scheme.
    """
    rules = _STRICT[scheme]
    for name in tags:
        if name[:1] not in {"O", *rules.letters}:
            raise ValueError(f"tag {name!r} is none of {scheme}, whose letters are {rules.letters} and O")
    words = [*(_Tag(name[:1], name[1:].strip("-") or UNNAMED) for name in tags), _OUTSIDE]
    entities = []
    before, place = _OUTSIDE, 0
    while place < len(tags):
        start, tag = place, words[place]
        place += 1
        if tag.letter != "O" and rules.begins(tag, before):
            while rules.joined(words[place - 1], words[place]):
                place += 1
            if rules.complete(words[place - 1], words[place]):
                entities.append(Entity(tag.label, start, place))
        before = words[place - 1]
    return entities


def conlleval_entities(tags: Sequence[str]) -> list[Entity]:
    """The phrases that conlleval counts, in the order of the text; any letter but `O` may begin one."""
    entities: list[Entity] = []
    before = _OUTSIDE
    for place, name in enumerate(tags):
        letter, _, label = name.partition("-")
        tag = _OUTSIDE if letter == "O" else _Tag(letter, label or UNNAMED)
        if tag is not _OUTSIDE:
            border = before.letter + tag.letter in _CONLLEVAL_BORDERS
            if before is _OUTSIDE or before.label != tag.label or border:
                entities.append(Entity(tag.label, place, place + 1))
            else:
                entities[-1] = entities[-1]._replace(end=place + 1)
        before = tag
    return entities
