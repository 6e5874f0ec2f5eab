"""Scores of classes, entities, slots and kinds of questions."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

from bertkit.data.labels import LabelSet
from bertkit.evaluation.parts import WITHOUT_ANSWER, parts_of


def test_classes_as_scikit_learn_scores_them() -> None:
    draws = np.random.default_rng(0)
    expected = draws.integers(0, 3, 300)
    predicted = np.where(draws.random(300) < 0.7, expected, draws.integers(0, 3, 300))
    found = parts_of(LabelSet("single_label", ("a", "b", "c")), predicted, expected)
    assert found is not None
    precision, recall, f1, support = precision_recall_fscore_support(expected, predicted)
    assert [group.rows for group in found.groups] == list(support)
    for number, group in enumerate(found.groups):
        values = [group.scores[name].value for name in ("precision", "recall", "f1")]
        assert values == pytest.approx([precision[number], recall[number], f1[number]], abs=1e-12)
        for score in group.scores.values():
            assert score.low < score.value < score.high


def test_what_is_never_predicted_has_no_precision_and_what_is_all_right_no_narrow_interval() -> None:
    found = parts_of(LabelSet("single_label", ("a", "b")), np.array([0] * 10), np.array([0] * 5 + [1] * 5))
    assert found is not None
    first, second = (group.scores for group in found.groups)
    assert np.isnan(second["precision"].value)
    assert second["recall"].value == 0.0
    assert first["recall"].value == 1.0
    assert first["recall"].low == pytest.approx(0.5655, abs=1e-4)  # Wilson's, 5 of 5


def test_labels_of_several_a_row() -> None:
    predicted, expected = np.array([[1, 0], [1, 1], [0, 1]]), np.array([[1, 0], [0, 1], [0, 1]])
    found = parts_of(LabelSet("multi_label", ("a", "b")), predicted, expected)
    assert found is not None
    assert [(group.group, group.rows, group.scores["f1"].value) for group in found.groups] == [
        ("a", 1, pytest.approx(2 / 3)),
        ("b", 2, 1.0),
    ]


def test_entities_by_label() -> None:
    labels = LabelSet("tags", ("O", "B-PER", "I-PER", "B-LOC"))
    expected = [["B-PER", "I-PER", "O", "B-LOC"], ["O", "B-LOC"]]
    predicted = [["B-PER", "O", "O", "B-LOC"], ["O", "B-LOC"]]
    found = parts_of(labels, predicted, expected)
    assert found is not None
    assert (found.by, [(group.group, group.rows) for group in found.groups]) == (
        "entity",
        [("LOC", 2), ("PER", 1)],
    )
    assert [group.scores["f1"].value for group in found.groups] == [1.0, 0.0]


def test_tags_that_mark_no_entities_are_the_parts_themselves() -> None:
    found = parts_of(LabelSet("tags", ("NOUN", "VERB")), [["NOUN", "NOUN"]], [["NOUN", "VERB"]])
    assert found is not None
    assert (found.by, [group.group for group in found.groups]) == ("tag", ["NOUN", "VERB"])


def test_slots_of_frames() -> None:
    labels = LabelSet("frames", ("O", "B-city"), ("book",))
    found = parts_of(labels, [("book", ["B-city"])], [("book", ["B-city"])])
    assert found is not None
    assert (found.by, found.groups[0].group, found.groups[0].scores["f1"].value) == ("slot", "city", 1.0)


def test_answers_by_question_word_follow_the_rules_of_the_whole_set() -> None:
    # Version 2.0, because one question has no answer: "the" against "a" is right there, and F1 0 in 1.1.
    predicted, expected = ["the", "1990", ""], [["a"], ["in 1990"], []]
    found = parts_of(LabelSet("answers"), predicted, expected, ["Who?", "When was it?", "Who?"])
    assert found is not None
    scores = {group.group: (group.rows, group.scores["answer_f1"].value) for group in found.groups}
    assert scores == {"who": (1, 1.0), "when": (1, pytest.approx(2 / 3)), WITHOUT_ANSWER: (1, 1.0)}


def test_numbers_and_nothing_have_no_parts() -> None:
    assert parts_of(LabelSet("regression"), [1.0], [1.0]) is None
    assert parts_of(LabelSet("tags", ("O", "B-X")), [["O"]], [["O"]]) is None
