"""Cut an eval split off the training rows where a data set brings none, or cut them into folds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence

import numpy as np


def hold_out(
    strata: Sequence[Hashable], texts: Sequence[Hashable], *, fraction: float, seed: int
) -> tuple[list[int], list[int]]:
    """Cut rows in two, with the share of each label kept and equal texts on the same side.

    Args:
        strata: the label of each row (None for all rows of a regression).
        texts: what makes two rows the same, so that no eval row was trained on.
        fraction: the share that is held out, between 0 and 1.
        seed: makes the cut repeatable.

    Returns:
        Row numbers to train on and row numbers held out, each in the order of the rows. A label with a
        single text stays in training, unless all have just one: where there are two texts, one is held out.
    """
    by_label = _rows_by_text(strata, texts)
    order = np.random.default_rng(seed)
    held: list[int] = []
    for members in by_label:
        wanted = fraction * sum(len(rows) for rows in members)
        taken = 0
        for position in order.permutation(len(members))[: len(members) - 1]:
            if taken + len(members[position]) / 2 > wanted:
                continue  # a text with many copies; those after it may fit
            held += members[position]
            taken += len(members[position])
    if not held and sum(map(len, by_label)) > 1:
        members = max(by_label, key=len)
        held = min((members[position] for position in order.permutation(len(members))), key=len)
    held_rows = set(held)
    return [row for row in range(len(texts)) if row not in held_rows], sorted(held_rows)


def fold_numbers(
    strata: Sequence[Hashable], texts: Sequence[Hashable], *, folds: int, seed: int
) -> list[int]:
    """Cut rows into folds of like size, with the share of each label kept and equal texts in one fold.

    Args:
        strata: the label of each row (None for all rows of a regression).
        texts: what makes two rows the same, so that none is predicted by a model that was trained on it.
        folds: how many.
        seed: makes the cut repeatable.

    Returns:
        The fold of each row, from 0. None is empty unless there are fewer different texts than folds.
    """
    number = [0] * len(texts)
    order = np.random.default_rng(seed)
    rows_in = [0] * folds
    for members in _rows_by_text(strata, texts):
        of_label = [0] * folds
        shuffled = [members[position] for position in order.permutation(len(members))]
        # Texts with many copies first, so that the others even them out.
        for rows in sorted(shuffled, key=len, reverse=True):
            fold = min((of_label[each], rows_in[each], each) for each in range(folds))[2]
            of_label[fold] += len(rows)
            rows_in[fold] += len(rows)
            for row in rows:
                number[row] = fold
    return number


def _rows_by_text(strata: Sequence[Hashable], texts: Sequence[Hashable]) -> list[list[list[int]]]:
    """Row numbers, those of equal texts together, by label; a text counts for the label it has first."""
    groups: dict[Hashable, list[int]] = {}
    for row, text in enumerate(texts):
        groups.setdefault(text, []).append(row)
    by_label: dict[Hashable, list[list[int]]] = defaultdict(list)
    for rows in groups.values():
        by_label[strata[rows[0]]].append(rows)
    return [by_label[label] for label in sorted(by_label, key=repr)]
