"""Tallies of items: of the entities, tags or slots that each sentence has, by their label."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bertkit.data.tag_schemes import entities_of
from bertkit.evaluation.class_tallies import Formula, on_counts
from bertkit.evaluation.counts import Array
from bertkit.evaluation.tally import Tally, TallyFunction, kinds_of

Items = Callable[[Any], Any]
"""What is counted of one example: distinct items whose first part is their label."""


def item_rows(
    predicted: Sequence[Any], expected: Sequence[Any], items: Items
) -> tuple[tuple[str, ...], Array]:
    """Right, predicted and actual items of each example by label.

    Returns:
        the labels that occur on either side, sorted, and (examples, 3 x labels).
    """
    sides = [(set(items(left)), set(items(right))) for left, right in zip(predicted, expected, strict=True)]
    labels = tuple(sorted({item[0] for found, wanted in sides for item in found | wanted}))
    number = {label: place for place, label in enumerate(labels)}
    rows = np.zeros((len(sides), 3 * len(labels)))
    for row, (found, wanted) in zip(rows, sides, strict=True):
        for offset, counted in ((0, found & wanted), (1, found), (2, wanted)):
            for item in counted:
                row[offset * len(labels) + number[item[0]]] += 1
    return labels, rows


def item_tally(rows: Array, formula: Formula, asked: Formula | None = None) -> Tally:
    """The tally of rows as `item_rows` gives them."""
    codes, counts = kinds_of(rows)
    size = on_counts(asked, exclusive=True) if asked is not None else None
    return Tally(codes, counts, on_counts(formula, exclusive=True), size)


def by_item(items: Items, formula: Formula, asked: Formula) -> TallyFunction:
    """The tally of a score over items, as over the entities that the tags of each sentence name."""

    def tally(predicted: Sequence[Any], expected: Sequence[Any], *, label_count: int = 0) -> Tally:
        _, rows = item_rows(predicted, expected, items)
        return item_tally(rows, formula, asked)

    return tally


def tag_items(tags: Sequence[str]) -> list[tuple[str, int]]:
    """Each word's tag, at its place."""
    return [(tag, place) for place, tag in enumerate(tags)]


def slot_items(frame: Any) -> Any:
    """The slots that the tags of a frame name."""
    return entities_of(frame[1])
