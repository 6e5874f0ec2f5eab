"""The names of tags: which a tagger can predict, what their labels are, and what counts as another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from bertkit.data.columns import nearest
from bertkit.errors import DataError

OUTSIDE = "O"


def tag_names(
    labels: Iterable[str], *, plain: bool, order: Sequence[str] = (), given: Sequence[str] | None = None
) -> tuple[str, ...]:
    """The names of a tagger's outputs: `O` and two for each label, or the plain tags.

    Args:
        labels: the labels of entities, or the plain tags, that the data holds.
        plain: tags without entities.
        order: classes as the source lists them; labels that it does not list follow by name.
        given: the recipe's own list, of tags or of labels; it has to hold all.

    Raises:
        DataError: the data holds a label that is not in the given list.
    """
    ranks = {name: rank for rank, name in enumerate(_labels_in(order) if not plain else order)}
    found = sorted(set(labels), key=lambda name: (ranks.get(name, len(ranks)), name))
    if given is not None:
        wanted = labels_given(given, plain=plain)
        if unknown := [name for name in found if name not in wanted]:
            raise unknown_label(unknown[0], given, plain=plain)
        found = wanted
    if plain:
        return tuple(found)
    return (OUTSIDE, *(f"{prefix}-{label}" for label in found for prefix in "BI"))


def labels_given(given: Sequence[str], *, plain: bool) -> list[str]:
    """The labels that a recipe's own list of tags or of labels holds; of plain tags, these."""
    return list(given) if plain else _labels_in(given)


def unknown_label(name: str, given: Sequence[str], *, plain: bool) -> DataError:
    """The error for a label that is not in a recipe's own list."""
    wanted = labels_given(given, plain=plain)
    near = nearest(name, wanted)
    return DataError(
        f"the data holds the label {name!r}, which is not among task.labels: {', '.join(wanted)}",
        hint=f"did you mean {near!r}? map it: --labels {name}={near}"
        if near
        else "add it to task.labels, or leave task.labels out",
    )


def _labels_in(names: Iterable[str]) -> list[str]:
    """Labels of a list of tags (`O`, `B-PER`) or of labels (`PER`), each once."""
    names = list(names)
    if OUTSIDE not in names and not any(name[:2] == "B-" for name in names):
        return names
    return list(dict.fromkeys(label_of(name) for name in names if name != OUTSIDE))


def label_of(tag: str) -> str:
    """The label of a tag with a prefix: `PER` of `B-PER`."""
    return tag[2:] if tag[1:2] == "-" else "ENTITY"


def renamed_tags(tags: Sequence[str], rename: Mapping[str, str], *, plain: bool) -> list[str]:
    """Tags whose labels count as others; a label that counts as `O` is no entity."""
    if not rename:
        return list(tags)
    if plain:
        return [rename.get(tag, tag) for tag in tags]
    renamed = []
    for tag in tags:
        label = rename.get(label_of(tag), label_of(tag)) if tag != OUTSIDE else OUTSIDE
        renamed.append(OUTSIDE if label == OUTSIDE else f"{tag[0]}-{label}")
    return renamed


def labels_in(sequences: Iterable[Sequence[str]], *, plain: bool) -> Iterator[str]:
    """The labels of entities in IOB2 tags, or the plain tags."""
    for tags in sequences:
        for tag in tags:
            if plain:
                yield tag
            elif tag != OUTSIDE:
                yield label_of(tag)
