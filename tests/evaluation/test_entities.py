from __future__ import annotations

import math
import random

import numpy as np
import pytest
import seqeval.metrics
from sklearn.metrics import f1_score

from bertkit.evaluation.entities import (
    EntityScores,
    entity_f1,
    entity_f1_macro,
    entity_precision,
    entity_recall,
    entity_report,
    tag_accuracy,
    tag_f1_macro,
)

METRICS = (entity_f1, entity_precision, entity_recall, entity_f1_macro, tag_accuracy, tag_f1_macro)


def split(*sentences: str) -> list[list[str]]:
    return [sentence.split() for sentence in sentences]


# References: PER 0-2, LOC 3-4 | LOC 0-1, LOC 1-2.  Predicted: PER 0-2, ORG 3-4 | LOC 0-2.
EXPECTED = split("B-PER I-PER O B-LOC", "B-LOC B-LOC O")
PREDICTED = split("B-PER I-PER O B-ORG", "B-LOC I-LOC O")


def test_by_hand():
    # 1 right of 3 predicted and 4 in the references.
    assert entity_precision(PREDICTED, EXPECTED) == pytest.approx(1 / 3)
    assert entity_recall(PREDICTED, EXPECTED) == pytest.approx(1 / 4)
    assert entity_f1(PREDICTED, EXPECTED) == pytest.approx(2 / 7)
    # PER 1, LOC 0, ORG 0: over the labels of either side
    assert entity_f1_macro(PREDICTED, EXPECTED) == pytest.approx(1 / 3)
    assert tag_accuracy(PREDICTED, EXPECTED) == pytest.approx(5 / 7)
    # F1 of tags: B-PER 1, I-PER 1, O 1, B-LOC 2*1/(1+3), B-ORG 0, I-LOC 0
    assert tag_f1_macro(PREDICTED, EXPECTED) == pytest.approx(3.5 / 6)
    assert entity_report(PREDICTED, EXPECTED) == {
        "LOC": EntityScores(0.0, 0.0, 0.0, 3),
        "ORG": EntityScores(0.0, 0.0, 0.0, 0),
        "PER": EntityScores(1.0, 1.0, 1.0, 1),
    }
    assert list(entity_report(PREDICTED, EXPECTED)) == ["LOC", "ORG", "PER"]


def test_report_by_hand():
    # X: 1 right, 2 predicted, 3 in the references
    report = entity_report(split("B-X O B-X O O"), split("B-X O O B-X B-X"))
    assert report == {"X": EntityScores(1 / 2, 1 / 3, 2 / 5, 3)}


@pytest.mark.parametrize(
    ("predicted", "expected", "f1"),
    [
        ("B-X I-X O", "B-X O O", 0),  # an end too far
        ("O B-X O", "B-X I-X O", 0),  # a beginning too late
        ("B-Y", "B-X", 0),  # another label
        ("O I-X I-X", "O B-X I-X", 1),  # a stray I- begins an entity
        ("B-X I-Y", "B-X B-Y", 1),
        ("S-X B-Y E-Y", "B-X B-Y I-Y", 1),  # another scheme, the same entities
        ("B I O", "B I O", 1),
        ("O O O", "B-X O O", 0),
        ("B-X O O", "O O O", 0),
    ],
)
def test_boundaries_and_labels(predicted, expected, f1):
    assert entity_f1(split(predicted), split(expected)) == f1


def test_same_place_in_another_sentence_is_not_right():
    assert entity_f1(split("B-X O", "O O"), split("O O", "B-X O")) == 0.0


def test_without_entities_the_score_is_0():
    for metric in (entity_f1, entity_precision, entity_recall, entity_f1_macro):
        assert metric(split("O O"), split("O O")) == 0.0
    assert entity_precision(split("O"), split("B-X")) == 0.0
    assert entity_recall(split("B-X"), split("O")) == 0.0
    assert entity_report(split("O O"), split("O O")) == {}


def test_plain_tags():
    predicted, expected = split("DT NN", "VB"), split("DT VB", "VB")
    assert tag_accuracy(predicted, expected) == pytest.approx(2 / 3)
    assert tag_f1_macro(predicted, expected) == pytest.approx((1 + 0 + 2 / 3) / 3)
    with pytest.raises(ValueError, match="'DT'"):
        entity_f1(predicted, expected)


@pytest.mark.parametrize("metric", METRICS)
def test_no_words_is_nan(metric):
    assert math.isnan(metric([], [], label_count=5))
    assert math.isnan(metric([[]], [[]]))
    assert metric([[], ["B-X"]], [[], ["B-X"]], label_count=3) == 1.0


@pytest.mark.parametrize("metric", [*METRICS, entity_report])
def test_what_is_not_aligned_is_refused(metric):
    with pytest.raises(ValueError, match=r"sentence 1 \(from 0\) has 1 predicted tags for 2"):
        metric(split("O", "O"), split("O", "O O"))
    with pytest.raises(ValueError, match="1 predictions for 2 references"):
        metric(split("O"), split("O", "O"))


@pytest.mark.parametrize("letters", ["BI", "BIES"])
def test_agrees_with_seqeval(letters):
    generator = random.Random(7)
    names = ["O", "O"] + [f"{letter}-{label}" for letter in letters for label in ("X", "Y", "A.B")]
    for _ in range(300):
        lengths = [generator.randint(1, 8) for _ in range(generator.randint(1, 4))]
        # Mostly the same tags, or hardly anything would be right.
        expected = [[generator.choice(names) for _ in range(length)] for length in lengths]
        predicted = [
            [tag if generator.random() < 0.8 else generator.choice(names) for tag in sentence]
            for sentence in expected
        ]
        for own, other, average in (
            (entity_f1, seqeval.metrics.f1_score, "micro"),
            (entity_precision, seqeval.metrics.precision_score, "micro"),
            (entity_recall, seqeval.metrics.recall_score, "micro"),
            (entity_f1_macro, seqeval.metrics.f1_score, "macro"),
        ):
            if any(tag != "O" for sentence in expected + predicted for tag in sentence):
                theirs = other(expected, predicted, average=average, zero_division=0)
                assert own(predicted, expected) == pytest.approx(theirs)
        assert tag_accuracy(predicted, expected) == seqeval.metrics.accuracy_score(expected, predicted)
        flat = [np.concatenate(side) for side in (expected, predicted)]
        theirs = f1_score(*flat, average="macro", zero_division=0)
        assert tag_f1_macro(predicted, expected) == pytest.approx(theirs)
        report = (
            seqeval.metrics.classification_report(expected, predicted, output_dict=True, zero_division=0)
            if entity_report(predicted, expected)
            else {}
        )
        for label, scores in entity_report(predicted, expected).items():
            theirs = [report[label][name] for name in ("precision", "recall", "f1-score", "support")]
            assert [scores.precision, scores.recall, scores.f1, scores.support] == pytest.approx(theirs)
