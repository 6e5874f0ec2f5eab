"""How words are tagged with entities: the schemes, what they say, and what a tagger may predict.

A tag is a prefix and a label (`B-PER`), a bare prefix where entities have no names (`B`), or `O`. In each
scheme `O` is outside of any entity, and the other prefixes mean:

- `IOB2`: `B-` the first word of an entity, `I-` its other words;
- `IOB1`: `I-` all words of an entity, but `B-` the first one right after an entity of the same label;
- `BIOES`: as IOB2, with `E-` for the last word and `S-` for the only one. BILOU (`L-`, `U-`) and BMES
  (`M-` for `I-`) are other letters for the same and are read as this scheme;
- `plain`: no entities at all, as in part-of-speech tags.

Which entities a sequence names follows the scorer of the CoNLL tasks, whatever the scheme: an `I-` or `E-`
that continues nothing begins an entity. https://www.cnts.ua.ac.be/conll2000/chunking/conlleval.txt
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

SCHEMES = ("IOB1", "IOB2", "BIOES", "plain")
UNNAMED = "ENTITY"  # the label of the bare `B` and `I`

_KINDS = {"B": "B", "I": "I", "M": "I", "E": "E", "L": "E", "S": "S", "U": "S"}
_LETTERS = {"IOB1": "BI", "IOB2": "BI", "BIOES": "".join(_KINDS)}
# Below any log-probability that a softmax gives, and small enough to be summed over a long text.
_IMPOSSIBLE = -1e6


class Entity(NamedTuple):
    """A named stretch of words: from `start` to before `end`, counted from 0."""

    label: str
    start: int
    end: int


class _Tag(NamedTuple):
    kind: str  # B, I, E, S or O
    label: str


_OUTSIDE = _Tag("O", "")


@lru_cache(maxsize=4096)
def _read(tag: str) -> _Tag | None:
    """The parts of a tag; None where it is neither `O` nor begins with a prefix."""
    if tag == "O":
        return _OUTSIDE
    kind, dash, label = _KINDS.get(tag[:1]), tag[1:2], tag[2:]
    if kind is None or dash not in ("", "-") or bool(dash) != bool(label):
        return None
    return _Tag(kind, label or UNNAMED)


def _known(tag: str) -> _Tag:
    read = _read(tag)
    if read is None:
        raise ValueError(f"tag {tag!r} is neither O nor a prefix such as B- or I- with a label")
    return read


def _continues(before: _Tag, tag: _Tag) -> bool:
    return tag.kind in "IE" and before.kind in "BI" and before.label == tag.label


def recognise_scheme(sentences: Iterable[Sequence[str]]) -> str:
    """The scheme of a data set's tag sequences: one of `SCHEMES`.

    `plain` as soon as one tag has no prefix, then `BIOES` where a prefix other than `B-` and `I-` occurs.
    `IOB1` needs `I-` and not a single `B-` where IOB1 has none, so that a stray `I-` does not turn IOB2 data
    into IOB1. Without any entity it is `IOB2`.
    """
    other_letters = inside = begun_by_b = False
    for sentence in sentences:
        before = _OUTSIDE
        for name in sentence:
            tag = _read(name)
            if tag is None:
                return "plain"
            other_letters |= name[0] in "ESLUM"
            inside |= tag.kind == "I"
            begun_by_b |= tag.kind == "B" and before.label != tag.label
            before = tag
    if other_letters:
        return "BIOES"
    return "IOB1" if inside and not begun_by_b else "IOB2"


def entities_of(tags: Sequence[str]) -> list[Entity]:
    """The entities that the tags of one sentence name, in the order of the text.

    Raises:
        ValueError: a tag without a prefix, which `scheme_faults` tells beforehand.
    """
    entities: list[Entity] = []
    before = _OUTSIDE
    for place, tag in enumerate(map(_known, tags)):
        if _continues(before, tag):
            entities[-1] = entities[-1]._replace(end=place + 1)
        elif tag.kind != "O":
            entities.append(Entity(tag.label, place, place + 1))
        before = tag
    return entities


def iob2_of(entities: Iterable[Entity], length: int) -> list[str]:
    """The IOB2 tags of a sentence of `length` words; the inverse of `entities_of`.

    Raises:
        ValueError: an entity that overlaps another one, leaves the sentence, or has no words or no label.
    """
    tags = ["O"] * length
    for entity in entities:
        label, start, end = entity
        if not label or not 0 <= start < end <= length:
            raise ValueError(f"{entity} is no entity of a sentence of {length} words")
        if any(tag != "O" for tag in tags[start:end]):
            raise ValueError(f"{entity} overlaps another entity")
        tags[start:end] = [f"B-{label}"] + [f"I-{label}"] * (end - start - 1)
    return tags


def to_iob2(tags: Sequence[str], scheme: str) -> list[str]:
    """The tags of one sentence in IOB2, naming the same entities; plain tags as they are.

    Raises:
        ValueError: an unknown scheme, or a tag without a prefix in any other than `plain`.
    """
    _check_scheme(scheme)
    return list(tags) if scheme == "plain" else iob2_of(entities_of(tags), len(tags))


def _check_scheme(scheme: str) -> None:
    if scheme not in SCHEMES:
        raise ValueError(f"there is no tag scheme {scheme!r}: {', '.join(SCHEMES)}")


def scheme_faults(tags: Sequence[str], scheme: str) -> list[tuple[int, str]]:
    """What is wrong with the tags of one sentence: the index of the word, from 0, and what to say of it."""
    _check_scheme(scheme)
    if scheme == "plain":
        return [(place, "the tag is empty") for place, name in enumerate(tags) if not name]
    read = [_read(name) or _OUTSIDE for name in tags]
    faults = []
    for place, name in enumerate(tags):
        before = read[place - 1] if place else _OUTSIDE
        after = read[place + 1] if place + 1 < len(tags) else _OUTSIDE
        if _read(name) is None:
            faults.append((place, f"{name!r} is neither O nor a prefix such as B- with a label"))
        elif name != "O" and name[0] not in _LETTERS[scheme]:
            faults.append((place, f"{name} is no tag of {scheme}, which knows B-, I- and O"))
        elif fault := _fault(name, before, read[place], after, scheme):
            faults.append((place, fault))
    return faults


def _fault(name: str, before: _Tag, tag: _Tag, after: _Tag, scheme: str) -> str | None:
    """What is wrong with a tag between its neighbours; `name` is the tag as written, for the message."""
    label = name[1:]
    if scheme == "IOB1":
        stray = tag.kind == "B" and before.label != tag.label
        return f"{name} follows no {label[1:] or 'entity'}: IOB1 begins it with I{label}" if stray else None
    if tag.kind in "IE" and not _continues(before, tag):
        return f"{name} continues no entity: {scheme} begins one with B{label}"
    if scheme == "BIOES" and tag.kind in "BI" and not _continues(tag, after):
        return f"{name} is not continued: {scheme} marks the last word of an entity"
    return None


def allowed_transitions(names: Sequence[str]) -> NDArray[np.bool_]:
    """Which tag may follow which, `(tags, tags)`: the row is the tag before, the column the tag after.

    Of IOB2 names, `I-X` follows only `B-X` and `I-X`. Where any name is not one of IOB2, the tags are plain
    and may follow each other freely.
    """
    count = len(names)
    tags = _iob2_names(names)
    if tags is None:
        return np.ones((count, count), dtype=bool)
    allowed = [[after.kind != "I" or _continues(before, after) for after in tags] for before in tags]
    return np.array(allowed, dtype=bool).reshape(count, count)


def allowed_starts(names: Sequence[str]) -> NDArray[np.bool_]:
    """Which tags a sentence may begin with, `(tags,)`: of IOB2 names all but `I-X`, of plain ones all."""
    tags = _iob2_names(names)
    if tags is None:
        return np.ones(len(names), dtype=bool)
    return np.array([tag.kind != "I" for tag in tags], dtype=bool)


def _iob2_names(names: Sequence[str]) -> list[_Tag] | None:
    tags = [tag for name in names if (tag := _read(name)) and name[0] in "OBI"]
    return tags if len(tags) == len(names) else None


def best_path(
    scores: NDArray[Any], starts: NDArray[np.bool_], transitions: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """The allowed tag sequence with the highest sum of scores, `(words,)`, as indices of tags.

    `scores` are log-probabilities, `(words, tags)`; `starts` and `transitions` are what `allowed_starts` and
    `allowed_transitions` give. No score breaks a constraint: one of minus infinity or nan is only very low.
    Viterbi's algorithm; of equal sums the lower index wins.

    Raises:
        ValueError: no sequence of this length is allowed.
    """
    count = len(scores)
    path = np.zeros(count, dtype=np.int64)
    if not count:
        return path
    finite = np.nan_to_num(scores.astype(np.float64), nan=_IMPOSSIBLE, neginf=_IMPOSSIBLE, posinf=0.0)
    forbidden = np.where(transitions.T, 0.0, -np.inf)  # (after, before): the maximum runs along memory
    best = np.where(starts, finite[0], -np.inf)
    origin = np.zeros(finite.shape, dtype=np.int64)
    every = np.arange(finite.shape[1])
    for word in range(1, count):
        sums = best + forbidden
        origin[word] = sums.argmax(axis=1)
        best = sums[every, origin[word]] + finite[word]
    path[-1] = best.argmax()
    if best[path[-1]] == -np.inf:
        raise ValueError(f"no sequence of {count} tags is allowed")
    for word in range(count - 1, 0, -1):
        path[word - 1] = origin[word, path[word]]
    return path
