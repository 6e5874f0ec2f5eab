from __future__ import annotations

import math
import random
from collections import Counter

import numpy as np
import pytest
import seqeval.metrics
import seqeval.scheme
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from bertkit.data.tag_schemes import UNNAMED
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
from bertkit.evaluation.entity_readings import MODES, reading

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


# --- averages, strict mode and conlleval ---


def figures(scores):
    return (scores.precision, scores.recall, scores.f1, scores.support)


def test_averages_by_hand():
    # LOC 0 of 1 predicted and 3, ORG 0 of 1 and 0, PER 1 of 1 and 1
    report = entity_report(PREDICTED, EXPECTED)
    assert figures(report.micro) == pytest.approx((1 / 3, 1 / 4, 2 / 7, 4))
    assert figures(report.macro) == pytest.approx((1 / 3, 1 / 3, 1 / 3, 4))
    assert figures(report.weighted) == pytest.approx((1 / 4, 1 / 4, 1 / 4, 4))
    assert report.accuracy == pytest.approx(5 / 7)
    assert (report.mode, report.scheme, report.reading, report.unread) == ("default", None, "default", 0)


def test_strict_mode_by_hand():
    # References: X 0-2 | Y 0-1.  Predicted: X 0-2 | the stray I-Y is nothing in IOB2.
    predicted, expected = split("B-X I-X", "I-Y"), split("B-X I-X", "B-Y")
    assert entity_f1(predicted, expected) == 1.0
    report = entity_report(predicted, expected, mode="strict", scheme="IOB2")
    assert report == {"X": EntityScores(1.0, 1.0, 1.0, 1), "Y": EntityScores(0.0, 0.0, 0.0, 1)}
    assert figures(report.micro) == pytest.approx((1, 1 / 2, 2 / 3, 2))
    assert (report.reading, report.unread) == ("strict, IOB2", 0)


def test_strict_mode_in_the_wrong_scheme_loses_references():
    # IOB1 says two entities; IOB2 sees the one that begins with B-.
    tags = split("I-X I-X B-X O I-Y")
    right = entity_report(tags, tags, mode="strict", scheme="IOB1")
    assert (right["X"].support, right["Y"].support, right.unread) == (2, 1, 0)
    wrong = entity_report(tags, tags, mode="strict", scheme="IOB2")
    assert (wrong["X"].support, "Y" in wrong, wrong.unread) == (1, False, 3)
    assert wrong.micro.f1 == 1.0, "of what is left"


@pytest.mark.parametrize(
    ("scheme", "tags", "entities"),
    [
        ("IOB1", "I-X I-X B-X", {("X", 0, 2), ("X", 2, 3)}),
        ("IOB1", "B-X I-X", {("X", 1, 2)}),  # nothing of its label before it: B-X begins nothing
        ("IOB1", "I-X B-X B-Y", {("X", 0, 1)}),  # seqeval's oddity
        ("IOB2", "I-X B-X I-X I-Y B-X", {("X", 1, 3), ("X", 4, 5)}),
        ("IOE1", "I-X E-X I-X", {("X", 0, 2), ("X", 2, 3)}),
        ("IOE1", "I-X E-X O", set()),  # seqeval's oddity
        ("IOE2", "I-X E-X E-X I-X", {("X", 0, 2), ("X", 2, 3)}),
        ("BIOES", "S-X B-X E-X B-X I-X O E-X", {("X", 0, 1), ("X", 1, 3)}),
        ("IOBES", "B-X E-Y S-Y", {("Y", 2, 3)}),
        ("BILOU", "U-X B-X I-X L-X I-X", {("X", 0, 1), ("X", 1, 4)}),
        ("IOB2", "B-a-b I-a-b B-a-c I-a", {("a-b", 0, 2), ("a-c", 2, 3)}),
        ("IOB2", "B I O B--", {(UNNAMED, 0, 2), (UNNAMED, 3, 4)}),
    ],
)
def test_what_strict_mode_reads(scheme, tags, entities):
    assert set(reading("strict", scheme)(tags.split())) == entities


@pytest.mark.parametrize(
    ("references", "scheme"),
    [
        ("B-X I-X O", "IOB2"),
        ("I-X B-X", "IOB2"),
        ("I-X O", "IOB1"),
        ("O O", "IOB2"),
        ("I-X E-X", "IOE2"),
        ("B-X E-X", "BIOES"),
        ("S-X", "BIOES"),
        ("U-X O", "BILOU"),
    ],
)
def test_the_scheme_of_the_references(references, scheme):
    assert entity_report(split(references), split(references), mode="strict").scheme == scheme


def test_unknown_modes_schemes_and_tags_are_told():
    tags = split("B-X")
    with pytest.raises(ValueError, match="no mode 'loose': default, strict, conlleval"):
        entity_report(tags, tags, mode="loose")
    with pytest.raises(ValueError, match="no strict tag scheme 'IOB3': IOB1, IOB2"):
        entity_report(tags, tags, mode="strict", scheme="IOB3")
    with pytest.raises(ValueError, match="'E-X' is none of IOB2"):
        entity_report(split("E-X"), tags, mode="strict", scheme="IOB2")
    with pytest.raises(ValueError, match="'DT' is none of IOB2"):
        entity_report(split("DT"), tags, mode="strict")
    with pytest.raises(ValueError, match="needs a tag scheme"):
        reading("strict")


def test_a_report_of_no_words_is_nan():
    for mode in MODES:
        report = entity_report([[]], [[]], mode=mode)
        for scores in (report.micro, report.macro, report.weighted):
            assert all(map(math.isnan, (scores.precision, scores.recall, scores.f1)))
            assert scores.support == 0
        assert math.isnan(report.accuracy)


def test_what_replaces_a_division_by_0():
    expected, none = split("B-X"), split("O")
    assert figures(entity_report(none, expected).micro) == (0, 0, 0, 1)
    assert figures(entity_report(none, expected, zero_division=1).micro) == (1, 0, 0, 1)
    assert figures(entity_report(expected, none, zero_division=1).micro) == (0, 1, 0, 0)
    assert figures(entity_report(none, none, zero_division=1).micro) == (1, 1, 1, 0)


SCHEMES = {"IOB1": "BI", "IOB2": "BI", "IOE1": "IE", "IOE2": "IE", "IOBES": "BIES", "BILOU": "BILU"}


def tag_names(letters: str) -> list[str]:
    labels = ("-X", "-Y", "-a-b", "-O", "")
    return ["O", "O", "O", *(letter + label for letter in letters for label in labels)]


@st.composite
def tagged_pairs(draw, letters):
    """References and predictions of the same lengths, the predictions mostly right."""
    tags = st.sampled_from(tag_names(letters))
    words = st.tuples(tags, st.one_of(st.none(), st.none(), tags))
    sentences = draw(st.lists(st.lists(words, min_size=1, max_size=8), min_size=1, max_size=4))
    expected = [[tag for tag, _ in sentence] for sentence in sentences]
    return [[other or tag for tag, other in sentence] for sentence in sentences], expected


def assert_as_seqeval(report, theirs):
    own = {"_" if label == UNNAMED else label: scores for label, scores in report.items()}
    own |= {f"{name} avg": getattr(report, name) for name in ("micro", "macro", "weighted")}
    if not report:  # seqeval has the mean of nothing, with a warning of numpy
        assert math.isnan(theirs.pop("macro avg")["f1-score"])
        assert own.pop("macro avg").f1 == 0.0
    assert set(own) == set(theirs)
    for label, scores in own.items():
        keys = ("precision", "recall", "f1-score", "support")
        assert figures(scores) == pytest.approx([theirs[label][key] for key in keys], abs=1e-9), label


@pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore:invalid value")
@pytest.mark.parametrize("scheme", SCHEMES)
@given(data=st.data())
def test_strict_mode_agrees_with_seqeval(scheme, data):
    predicted, expected = data.draw(tagged_pairs(SCHEMES[scheme]))
    theirs = seqeval.metrics.classification_report(
        expected,
        predicted,
        output_dict=True,
        mode="strict",
        scheme=getattr(seqeval.scheme, scheme),
        zero_division=0,
    )
    assert_as_seqeval(entity_report(predicted, expected, mode="strict", scheme=scheme), theirs)


@pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore:invalid value")
@pytest.mark.parametrize("letters", ["BI", "BIES", "IE"])
@given(data=st.data())
def test_default_mode_agrees_with_seqeval(letters, data):
    predicted, expected = data.draw(tagged_pairs(letters))
    theirs = seqeval.metrics.classification_report(expected, predicted, output_dict=True, zero_division=0)
    report = entity_report(predicted, expected)
    assert_as_seqeval(report, theirs)
    assert report.accuracy == pytest.approx(seqeval.metrics.accuracy_score(expected, predicted))


# An oracle for conlleval, from its published rules: a walk over both columns at once, as the script does it.
# https://www.cnts.ua.ac.be/conll2000/chunking/conlleval.txt


def chunk_borders(before, tag):
    """Whether a chunk ends between two tags, and whether one starts."""
    (last, last_type), (this, this_type) = ((part[0], part[2]) for part in (before, tag))
    ends = (last, this) in {
        ("B", "B"),
        ("B", "O"),
        ("I", "B"),
        ("I", "O"),
        ("E", "E"),
        ("E", "I"),
        ("E", "O"),
    }
    starts = (last, this) in {
        ("B", "B"), ("I", "B"), ("O", "B"), ("O", "I"), ("E", "E"), ("E", "I"), ("O", "E")
    }  # fmt: skip
    differ = last_type != this_type
    return ends or (last != "O" and differ), starts or (this != "O" and differ)


def conlleval(predicted, expected):
    """Counts of tokens, right tags, phrases, found and correct chunks, and of the last three by type."""
    tokens = right_tags = 0
    counts = {"phrases": Counter(), "found": Counter(), "correct": Counter()}
    inside = False
    last = ("O".partition("-"), "O".partition("-"))
    for left, right in zip(predicted, expected, strict=True):
        for guess, correct in [*zip(left, right, strict=True), ("O", "O")]:  # an empty line after a sentence
            now = (guess.partition("-"), correct.partition("-"))
            (guess_ends, guess_starts), (correct_ends, correct_starts) = map(chunk_borders, last, now)
            if inside and guess_ends and correct_ends and last[0][2] == last[1][2]:
                counts["correct"][last[1][2]] += 1
                inside = False
            elif inside and (guess_ends != correct_ends or now[0][2] != now[1][2]):
                inside = False
            if guess_starts and correct_starts and now[0][2] == now[1][2]:
                inside = True
            counts["phrases"].update([now[1][2]] * correct_starts)
            counts["found"].update([now[0][2]] * guess_starts)
            last = now
        tokens += len(right)
        right_tags += sum(map(str.__eq__, left, right))
    return tokens, right_tags, counts


@given(data=st.data())
@pytest.mark.parametrize("letters", ["BI", "BIES", "BIE"])
def test_conlleval_mode_agrees_with_its_rules(letters, data):
    predicted, expected = data.draw(tagged_pairs(letters))
    # Bare tags have no type there; a bare S or E is nothing to it, which is beyond its own data.
    predicted, expected = (
        [[tag if len(tag) > 1 or tag == "O" else tag + "-Z" for tag in tags] for tags in side]
        for side in (predicted, expected)
    )
    tokens, right_tags, counts = conlleval(predicted, expected)
    report = entity_report(predicted, expected, mode="conlleval")
    assert report.accuracy == pytest.approx(right_tags / tokens, abs=1e-9)
    assert set(report) == set(counts["phrases"] | counts["found"])
    for label, scores in [*report.items(), (None, report.micro)]:
        correct, found, phrases = (
            counts[name].total() if label is None else counts[name][label]
            for name in ("correct", "found", "phrases")
        )
        precision, recall = correct / found if found else 0, correct / phrases if phrases else 0
        f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0
        assert figures(scores) == pytest.approx((precision, recall, f1, phrases), abs=1e-9)
    if letters == "BI":
        default = entity_report(predicted, expected)
        assert default == report, "in IOB tags default mode is conlleval"
        assert default.micro == report.micro


def test_where_conlleval_is_not_seqeval():
    # It knows no S-, and no B- after an E-: words of one label flow together.
    tags = split("S-X S-X O B-X E-X B-X E-X", "S-X S-Y")
    assert entity_report(tags, tags, mode="conlleval")["X"].support == 1 + 1 + 1
    assert entity_report(tags, tags)["X"].support == 2 + 2 + 1
