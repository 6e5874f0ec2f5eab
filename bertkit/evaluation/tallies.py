"""The table of tallies: each metric as sums over examples; see `tally.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bertkit.data.tag_schemes import entities_of
from bertkit.evaluation.answers import AnswerScore, question_scores
from bertkit.evaluation.class_tallies import Formula, agreement, by_class
from bertkit.evaluation.counts import (
    Array,
    ClassCounts,
    matthews_correlation,
    mean_over,
    micro_f1,
    ratio,
    weighted_f1,
)
from bertkit.evaluation.item_tallies import by_item, slot_items, tag_items
from bertkit.evaluation.number_tallies import absolute_errors, products, squared_errors
from bertkit.evaluation.tally import Tally, TallyFunction, first_over_second, kinds_of, mean_tally, second


def right_words(
    predicted: Sequence[Sequence[str]], expected: Sequence[Sequence[str]], *, label_count: int = 0
) -> Tally:
    """Share of words whose tag is right; resampled are sentences, whose words are not independent."""
    statistics = [
        (sum(tag == right for tag, right in zip(left, other, strict=True)), len(other))
        for left, other in zip(predicted, expected, strict=True)
    ]
    codes, counts = kinds_of(np.asarray(statistics, np.float64).reshape(-1, 2))
    return Tally(codes, counts, first_over_second, second)


def by_answer(field: str, *, answerable: bool | None = None) -> TallyFunction:
    """The tally of a mean over questions: `exact` or `f1`, of all or of those with or without an answer."""
    place = AnswerScore._fields.index(field)

    def tally(predicted: Sequence[str], expected: Sequence[Sequence[str]], *, label_count: int = 0) -> Tally:
        values = [score[place] for score in question_scores(predicted, expected)]
        asked = None if answerable is None else [bool(right) is answerable for right in expected]
        return mean_tally(values, asked, share=field == "exact")

    return tally


def right_frames(predicted: Sequence[Any], expected: Sequence[Any], *, label_count: int = 0) -> Tally:
    """Share of sentences whose intent and every tag are right."""
    pairs = zip(predicted, expected, strict=True)
    return mean_tally([left[0] == right[0] and list(left[1]) == list(right[1]) for left, right in pairs],
                      share=True)  # fmt: skip


def right_intents(predicted: Sequence[Any], expected: Sequence[Any], *, label_count: int = 0) -> Tally:
    """Share of sentences whose intent is right."""
    return mean_tally([left[0] == right[0] for left, right in zip(predicted, expected, strict=True)],
                      share=True)  # fmt: skip


def _macro_f1(counts: ClassCounts) -> Array:
    return mean_over(counts.f1, counts.averaged)


def _macro_precision(counts: ClassCounts) -> Array:
    return mean_over(counts.precision, counts.averaged)


def _macro_recall(counts: ClassCounts) -> Array:
    return mean_over(counts.recall, counts.averaged)


def _present_recall(counts: ClassCounts) -> Array:
    return mean_over(counts.recall, counts.actual > 0)


def _all_precision(counts: ClassCounts) -> Array:
    return ratio(counts.right.sum(axis=-1), counts.predicted.sum(axis=-1))


def _all_recall(counts: ClassCounts) -> Array:
    return ratio(counts.right.sum(axis=-1), counts.actual.sum(axis=-1))


def _second(formula: Formula) -> Formula:
    """A formula of each label, for the second of two."""
    return lambda counts: formula(counts)[..., 1]


def _predicted(counts: ClassCounts) -> Array:
    return counts.predicted


def _actual(counts: ClassCounts) -> Array:
    return counts.actual


def _either(counts: ClassCounts) -> Array:
    """As many as there are on the side that has more: of so many F1 is a share at most."""
    return np.maximum(counts.predicted, counts.actual)


def _all(formula: Formula) -> Formula:
    """A formula of each label, summed over the labels."""
    return lambda counts: formula(counts).sum(axis=-1)


# Of each metric of `bertkit.evaluation.metrics` but the Spearman correlation, which is no function of sums.
TALLIES: dict[str, TallyFunction] = {
    "accuracy": agreement,
    "f1": by_class(_second(lambda counts: counts.f1), _second(_either)),
    "f1_macro": by_class(_macro_f1, _all(_either)),
    "f1_micro": by_class(micro_f1, _all(_either)),
    "f1_weighted": by_class(weighted_f1, _all(_actual)),
    "precision": by_class(_second(lambda counts: counts.precision), _second(_predicted)),
    "recall": by_class(_second(lambda counts: counts.recall), _second(_actual)),
    "precision_macro": by_class(_macro_precision, _all(_predicted)),
    "recall_macro": by_class(_macro_recall, _all(_actual)),
    "balanced_accuracy": by_class(_present_recall, _all(_actual)),
    "matthews": by_class(matthews_correlation),
    "subset_accuracy": agreement,
    "pearson": products,
    "mse": squared_errors,
    "mae": absolute_errors,
    "entity_f1": by_item(entities_of, micro_f1, _all(_either)),
    "entity_precision": by_item(entities_of, _all_precision, _all(_predicted)),
    "entity_recall": by_item(entities_of, _all_recall, _all(_actual)),
    "entity_f1_macro": by_item(entities_of, _macro_f1, _all(_either)),
    "tag_accuracy": right_words,
    "tag_f1_macro": by_item(tag_items, _macro_f1, _all(_either)),
    "answer_f1": by_answer("f1"),
    "exact_match": by_answer("exact"),
    "answerable_f1": by_answer("f1", answerable=True),
    "answerable_exact": by_answer("exact", answerable=True),
    "unanswerable_accuracy": by_answer("exact", answerable=False),
    "frame_accuracy": right_frames,
    "intent_accuracy": right_intents,
    "slot_f1": by_item(slot_items, micro_f1, _all(_either)),
}
