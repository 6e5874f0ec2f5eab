from __future__ import annotations

import math

import pytest

from bertkit.evaluation.entities import entity_f1
from bertkit.evaluation.frames import frame_accuracy, intent_accuracy, slot_f1

EXPECTED = [
    ("flight", ["O", "B-from", "O", "B-to", "I-to"]),
    ("fare", ["O", "B-to"]),
    ("flight", ["O"]),
    ("meal", ["B-kind", "O"]),
]
PREDICTED = [
    ("flight", ["O", "B-from", "O", "B-to", "I-to"]),  # all right
    ("flight", ["O", "B-to"]),  # the intent is wrong
    ("flight", ["B-to"]),  # a slot too many
    ("meal", ["I-kind", "O"]),  # the slot is right, its tag is not
]


def test_by_hand():
    assert intent_accuracy(PREDICTED, EXPECTED) == 3 / 4
    assert frame_accuracy(PREDICTED, EXPECTED) == 1 / 4
    assert slot_f1(PREDICTED, EXPECTED) == pytest.approx(2 * 4 / (5 + 4))


def test_slot_f1_is_that_of_the_entities():
    tags = [[tags for _, tags in side] for side in (PREDICTED, EXPECTED)]
    assert slot_f1(PREDICTED, EXPECTED, label_count=9) == entity_f1(*tags)


def test_tags_of_any_kind_of_sequence_are_compared():
    assert frame_accuracy([("a", ("O", "B-x"))], [("a", ["O", "B-x"])]) == 1.0


def test_sentences_without_slots():
    assert slot_f1([("a", ["O"])], [("a", ["O"])]) == 0.0
    assert frame_accuracy([("a", ["O"])], [("a", ["O"])], label_count=2) == 1.0
    assert intent_accuracy([("a", [])], [("a", [])], label_count=2) == 1.0


@pytest.mark.parametrize("metric", [frame_accuracy, intent_accuracy, slot_f1])
def test_nothing_and_unequal_sides(metric):
    assert math.isnan(metric([], [], label_count=0))
    with pytest.raises(ValueError, match="sentence 0"):
        metric([("a", ["O"])], [("a", ["O", "O"])])
    with pytest.raises(ValueError, match="0 predictions for 1"):
        metric([], [("a", ["O"])])
