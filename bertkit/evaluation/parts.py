"""The scores of each class, each entity label, each kind of question, with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bertkit.data.labels import LabelSet
from bertkit.data.tag_schemes import entities_of, recognise_scheme
from bertkit.evaluation.answers import question_type
from bertkit.evaluation.class_tallies import class_tally, counts_of
from bertkit.evaluation.counts import Array, ClassCounts
from bertkit.evaluation.intervals import RESAMPLES, enclosing, interval, wilson
from bertkit.evaluation.item_tallies import item_rows, item_tally, slot_items, tag_items
from bertkit.evaluation.resampling import Sample, sample_of
from bertkit.evaluation.results import Grouping, GroupScores, Interval
from bertkit.evaluation.tallies import TALLIES
from bertkit.evaluation.tally import Tally

# The group of the questions to which no answer is right.
WITHOUT_ANSWER = "(without answer)"


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
    """Precision, recall and F1 of each label: two shares, and what is resampled of one set of draws."""
    if not len(tally) or not names:
        return None
    whole = counts_of(tally.totals, exclusive=exclusive)
    draws = np.random.default_rng(0)
    sample = sample_of(tally.codes, tally.counts, draws)
    drawn = counts_of(np.concatenate(list(sample.drawn(RESAMPLES, draws))), exclusive=exclusive)
    groups = []
    for number, name in enumerate(names):
        right, predicted, actual = (
            float(side[number]) for side in (whole.right, whole.predicted, whole.actual)
        )
        if not keep_all and not predicted + actual:
            continue
        columns = [number, len(names) + number, 2 * len(names) + number]
        own = Sample(sample.counts[:, columns], sample.frequencies)
        scores = {
            "precision": _share(right, predicted),
            "recall": _share(right, actual),
            "f1": _f1(whole, drawn, number, own),
        }
        groups.append(GroupScores(name, int(actual), scores))
    return Grouping(by, tuple(groups))


def _share(right: float, asked: float) -> Interval:
    return Interval(right / asked if asked else float("nan"), *wilson(right, asked))


def _f1(whole: ClassCounts, drawn: ClassCounts, number: int, own: Sample) -> Interval:
    """F1 of one label; resamples in which it does not occur say nothing of it."""
    size = max(float(whole.predicted[number]), float(whole.actual[number]))
    if not size:
        return Interval(float("nan"), float("nan"), float("nan"))
    present = drawn.predicted[:, number] + drawn.actual[:, number] > 0
    scores = np.where(present, drawn.f1[:, number], np.nan)
    acceleration = own.acceleration(lambda totals: counts_of(totals, exclusive=True).f1[..., 0])
    return enclosing(float(whole.f1[number]), scores, size=size, acceleration=acceleration)


def _by_question(predicted: Sequence[Any], expected: Sequence[Any], questions: Sequence[str]) -> Grouping:
    """F1 and exact match by the question word, the most frequent first; questions without answer together."""
    types = np.asarray(
        [
            question_type(question) if references else WITHOUT_ANSWER
            for question, references in zip(questions, expected, strict=True)
        ]
    )
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
