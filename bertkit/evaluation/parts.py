"""The scores of each class, each entity label, each kind of question, with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bertkit.data.labels import LabelSet
from bertkit.data.tag_schemes import entities_of, recognise_scheme
from bertkit.evaluation.answers import question_type
from bertkit.evaluation.counts import Array, ClassCounts
from bertkit.evaluation.intervals import enclosing, interval, resampled_totals
from bertkit.evaluation.results import Grouping, GroupScores, Interval
from bertkit.evaluation.tallies import (
    TALLIES,
    Tally,
    class_tally,
    counts_of,
    item_rows,
    item_tally,
    slot_items,
    tag_items,
)

_SIDES = ("precision", "recall", "f1")


def parts_of(
    labels: LabelSet, predicted: Sequence[Any], expected: Sequence[Any], questions: Sequence[str] = ()
) -> Grouping | None:
    """The scores of the parts that a problem has by itself; None where it has none.

    Args:
        labels: of the task.
        predicted: as metrics take them.
        expected: likewise.
        questions: of `answers`, the text of each question.
    """
    match labels.problem:
        case "single_label" | "multi_label":
            tally = class_tally(predicted, expected, label_count=len(labels.names), formula=_nothing)
            exclusive = labels.problem == "single_label"
            return _by_label("class", labels.names, tally, exclusive=exclusive, keep_all=True)
        case "tags":
            plain = recognise_scheme([labels.names]) == "plain"
            names, rows = item_rows(predicted, expected, tag_items if plain else entities_of)
            return _by_label("tag" if plain else "entity", names, item_tally(rows, _nothing))
        case "frames":
            names, rows = item_rows(predicted, expected, slot_items)
            return _by_label("slot", names, item_tally(rows, _nothing))
        case "answers":
            return _by_question(predicted, expected, questions) if questions else None
        case _:
            return None


def _nothing(counts: ClassCounts) -> Array:
    """Stands for the score of the whole, which nobody asks for here."""
    return np.zeros(counts.actual.shape[:-1])


def _by_label(
    by: str, names: Sequence[str], tally: Tally, *, exclusive: bool = True, keep_all: bool = False
) -> Grouping | None:
    """Precision, recall and F1 of each label, from one set of resamples."""
    if not len(tally) or not names:
        return None
    whole = counts_of(tally.totals, exclusive=exclusive)
    drawn = counts_of(np.concatenate(list(resampled_totals(tally))), exclusive=exclusive)
    groups = []
    for number, name in enumerate(names):
        predicted, actual = whole.predicted[number], whole.actual[number]
        if not keep_all and not predicted + actual:
            continue
        # Of what each score is a share: it says how little a perfect score of a rare label means.
        sizes = {"precision": predicted, "recall": actual, "f1": max(predicted, actual)}
        scores = {
            side: _of_label(getattr(whole, side)[number], getattr(drawn, side)[:, number], sizes[side])
            for side in _SIDES
        }
        groups.append(GroupScores(name, int(actual), scores))
    return Grouping(by, tuple(groups))


def _of_label(value: float, drawn: Array, size: float) -> Interval:
    nothing = float("nan")
    return enclosing(float(value), drawn, size=int(size)) if size else Interval(nothing, nothing, nothing)


def _by_question(predicted: Sequence[Any], expected: Sequence[Any], questions: Sequence[str]) -> Grouping:
    """F1 and exact match by the question word, the most frequent first."""
    types = np.asarray([question_type(question) for question in questions])
    names = ("answer_f1", "exact_match")
    # One tally of the whole set, then its parts: which version of SQuAD's rules holds is told by the whole.
    tallies = {name: TALLIES[name](predicted, expected, label_count=0) for name in names}
    found, counts = np.unique(types, return_counts=True)
    groups = [
        GroupScores(
            str(kind),
            int(count),
            {name: interval(tally.part(types == kind)) for name, tally in tallies.items()},
        )
        for count, kind in sorted(zip(counts, found, strict=True), key=lambda pair: (-pair[0], pair[1]))
    ]
    return Grouping("question", tuple(groups))
