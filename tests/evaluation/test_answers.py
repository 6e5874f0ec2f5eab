# ruff: noqa: RUF001  (letters that look like others are what is tested)
from __future__ import annotations

import itertools
import math
import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertkit.evaluation.answers import (
    AnswerScore,
    Threshold,
    answer_f1,
    answerable_exact,
    answerable_f1,
    best_threshold,
    exact_match,
    normalise_answer,
    question_scores,
    question_type,
    unanswerable_accuracy,
)

METRICS = (exact_match, answer_f1, answerable_exact, answerable_f1, unanswerable_accuracy)


@pytest.mark.parametrize(
    ("text", "normalised"),
    [
        ("The  Eiffel\tTower.", "eiffel tower"),
        ("a an the", ""),
        ("?!", ""),
        ("", ""),
        ("U.S.A.", "usa"),
        ("T.h.e cat", "cat"),  # punctuation goes before articles
        ("the-cat", "thecat"),  # and leaves no blank
        ("theatre of a nation", "theatre of nation"),
        ("Ａ ＴＨＥ", "ａ ｔｈｅ"),  # full width: small, but neither folded nor an article
        ("“the”", "“ ”"),  # quotes that are not ASCII stay; between them the article is a word
        ("don’t", "don’t"),
        ("1990–2000", "1990–2000"),
        ("$5,000", "5000"),
        ("naïve Straße", "naïve straße"),  # no folding to strasse
        ("été à la", "été à la"),
        ("今天 天气。", "今天 天气。"),
        ("x the\u00a0y", "x y"),  # a no-break blank is a blank
        ("a_b", "ab"),
    ],
)
def test_normalise_answer(text, normalised):
    assert normalise_answer(text) == normalised


def test_exact_match_and_f1_by_hand():
    predicted = ["the red big car", "Paris", "Lyon"]
    expected = [["a red car", "blue car"], ["paris!", "Paris, France"], ["Paris"]]
    # red big car to red car: 2 common of 3 and 2 -> 4/5; the other reference has 1 common: 2/5
    assert question_scores(predicted, expected) == [
        AnswerScore(0.0, 0.8),
        AnswerScore(1.0, 1.0),
        AnswerScore(0.0, 0.0),
    ]
    assert exact_match(predicted, expected) == pytest.approx(1 / 3)
    assert answer_f1(predicted, expected) == pytest.approx(1.8 / 3)


def test_words_count_as_often_as_they_occur():
    # x x y to x x x z: common x, x -> 2*2/7
    assert answer_f1(["x x y"], [["x x x z"]]) == pytest.approx(4 / 7)


def test_a_text_without_blanks_is_one_word():
    assert question_scores(["北京市"], [["北京"]]) == [AnswerScore(0.0, 0.0)]


def test_nothing_left_on_both_sides():
    assert question_scores(["the"], [["a"]]) == [AnswerScore(1.0, 0.0)], "version 1.1"
    assert question_scores([""], [["the"]]) == [AnswerScore(1.0, 0.0)], "version 1.1"
    assert question_scores(["the", ""], [["a"], []]) == [AnswerScore(1.0, 1.0)] * 2, "version 2.0"


def test_nothing_left_on_one_side():
    for expected in ([["x"], ["the"]], [["x"], []]):
        assert question_scores(["the", "x"], expected) == [AnswerScore(0.0, 0.0)] * 2


def test_in_version_2_references_without_words_do_not_count():
    # 1.1 takes the best of both references, also of "the"; 2.0 drops it, as x is another one.
    assert question_scores(["a", "y"], [["the", "x"], ["y"]])[0] == AnswerScore(1.0, 0.0)
    assert question_scores(["a", "y"], [["the", "x"], []])[0] == AnswerScore(0.0, 0.0)
    # Without any other there is no answer, but the question still counts as one that has some.
    predicted, expected = ["", "z"], [["the"], []]
    assert answerable_exact(predicted, expected) == answerable_f1(predicted, expected) == 1.0
    assert unanswerable_accuracy(predicted, expected) == 0.0


def test_parts_of_version_2():
    predicted = ["red car", "", "blue", "", "an", "sky"]
    expected = [["red"], ["x"], [], [], [], ["sky"]]
    assert exact_match(predicted, expected) == pytest.approx(3 / 6)
    assert answer_f1(predicted, expected) == pytest.approx((2 / 3 + 0 + 0 + 1 + 1 + 1) / 6)
    assert answerable_exact(predicted, expected) == pytest.approx(1 / 3)
    assert answerable_f1(predicted, expected) == pytest.approx((2 / 3 + 1) / 3)
    assert unanswerable_accuracy(predicted, expected) == pytest.approx(2 / 3)


def test_parts_that_hold_no_question_are_0():
    assert unanswerable_accuracy(["x"], [["x"]]) == 0.0
    assert answerable_exact([""], [[]]) == answerable_f1([""], [[]]) == 0.0
    assert unanswerable_accuracy([""], [[]]) == exact_match([""], [[]]) == answer_f1([""], [[]]) == 1.0


@pytest.mark.parametrize("metric", METRICS)
def test_no_questions_and_unequal_sides(metric):
    assert math.isnan(metric([], [], label_count=0))
    with pytest.raises(ValueError, match="1 predictions for 2 references"):
        metric(["x"], [["x"], []])


# --- an oracle from the rules, letter by letter and with fractions ---

ASCII_PUNCTUATION = {chr(code) for code in range(33, 127) if not chr(code).isalnum()}


def oracle_words(text: str) -> list[str]:
    kept = [letter for letter in text.lower() if letter not in ASCII_PUNCTUATION]
    # An article stands between letters that are of no word: a word is of letters and digits, as the underline
    # is gone by now.
    runs = ["".join(run) for _, run in itertools.groupby(kept, key=str.isalnum)]
    return "".join(" " if run in {"a", "an", "the"} else run for run in runs).split()


def oracle_f1(words: list[str], right: list[str], second: bool) -> Fraction:
    if second and not (words and right):
        return Fraction(words == right)
    left, common = list(right), 0
    for word in words:
        if word in left:
            left.remove(word)
            common += 1
    if not common:
        return Fraction(0)
    precision, recall = Fraction(common, len(words)), Fraction(common, len(right))
    return 2 * precision * recall / (precision + recall)


def oracle(predicted: list[str], expected: list[list[str]]) -> list[tuple[int, Fraction]]:
    second = any(len(references) == 0 for references in expected)
    scores = []
    for text, references in zip(predicted, expected, strict=True):
        texts = [r for r in references if oracle_words(r)] if second else references
        right = [oracle_words(reference) for reference in texts or [""]]
        words = oracle_words(text)
        scores.append((int(words in right), max(oracle_f1(words, one, second) for one in right)))
    return scores


PIECES = ["the", "a", "An", "cat", "Red", "red", "the-", "'s", ".", " ", " ", "“", "é", "２", "x.y", "\u00a0"]
pieces = st.lists(st.sampled_from(PIECES), max_size=6)
texts = pieces.map("".join) | pieces.map(" ".join) | st.text(max_size=8)


@given(st.lists(st.tuples(texts, st.lists(texts, max_size=3)), min_size=1, max_size=5))
def test_agrees_with_the_oracle(questions):
    predicted, expected = [list(side) for side in zip(*questions, strict=True)]
    theirs = oracle(predicted, expected)
    own = question_scores(predicted, expected)
    assert [score.exact for score in own] == [exact for exact, _ in theirs]
    assert [score.f1 for score in own] == pytest.approx([float(f1) for _, f1 in theirs])
    assert exact_match(predicted, expected) == pytest.approx(sum(e for e, _ in theirs) / len(theirs))
    assert answer_f1(predicted, expected) == pytest.approx(float(sum(f for _, f in theirs) / len(theirs)))


@given(texts)
def test_words_are_those_of_the_oracle(text):
    assert normalise_answer(text) == " ".join(oracle_words(text))


# --- the threshold ---


def test_best_threshold_by_hand():
    # Sorted: 0.1 has 1.0 | 0.2 none | 0.3 has 0.5 | 0.4 has 1.0 | 0.9 none.
    # None answered 2; then 3, 2, 2.5, 3.5, 2.5: the best is at 0.4.
    scores, answerable = [0.5, 1.0, 0.0, 1.0, 0.0], [True, True, False, True, False]
    assert best_threshold(scores, answerable, [0.3, 0.1, 0.2, 0.4, 0.9]) == Threshold(0.4, 3.5 / 5)


def test_best_threshold_starts_at_0():
    assert best_threshold([0.0, 0.0], [False, True], [0.2, 0.8]) == Threshold(0.0, 0.5)
    # Answering all is as good as answering none: the first wins.
    assert best_threshold([1.0, 0.0], [True, False], [0.8, 0.2]) == Threshold(0.0, 0.5)
    # No threshold reaches these of 0.0 where scores are below 0: the script's own oddity.
    assert best_threshold([0.0], [False], [-3.0]) == Threshold(0.0, 1.0)
    assert best_threshold([1.0], [True], [-3.0]) == Threshold(-3.0, 1.0)


def test_best_threshold_walks_question_by_question_inside_ties():
    # With both at 0.5, answering the first alone scores 2 of 2, which no threshold can do.
    assert best_threshold([1.0, 0.0], [True, False], [0.5, 0.5]) == Threshold(0.5, 1.0)
    # In the other order it is at most 1, which is what answering none scores.
    assert best_threshold([0.0, 1.0], [False, True], [0.5, 0.5]) == Threshold(0.0, 0.5)


def test_an_unanswerable_question_whose_answer_is_empty_costs_nothing():
    assert best_threshold([1.0, 1.0], [False, True], [0.1, 0.2]) == Threshold(0.2, 1.0)
    assert best_threshold([0.0, 0.5], [False, True], [0.1, 0.2]) == Threshold(0.0, 0.5)


def test_best_threshold_of_nothing_and_of_unequal_lengths():
    nothing = best_threshold([], [], [])
    assert nothing.value == 0.0
    assert math.isnan(nothing.score)
    with pytest.raises(ValueError, match=r"shorter|longer"):
        best_threshold([1.0], [True, False], [0.1, 0.2])


def test_without_ties_no_threshold_does_better():
    generator = random.Random(3)
    for _ in range(300):
        count = generator.randint(1, 7)
        answerable = [generator.random() < 0.6 for _ in range(count)]
        scores = [generator.choice([0.0, 0.5, 1.0]) if has else 0.0 for has in answerable]
        no_answer = generator.sample([step / 64 for step in range(1, 64)], count)

        def reached(threshold, scores=scores, answerable=answerable, no_answer=no_answer):
            triples = zip(scores, answerable, no_answer, strict=True)
            return sum(float(not has) if p > threshold else s for s, has, p in triples) / len(scores)

        found = best_threshold(scores, answerable, no_answer)
        assert found.score == max(reached(threshold) for threshold in [0.0, *no_answer])
        assert found.score == reached(found.value)
        assert found.value == min(t for t in [0.0, *no_answer] if reached(t) == found.score)


# --- groups ---


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("What is it?", "what"),
        ("In WHICH year, and when?", "which"),
        ("Who's there?", "who"),
        ("Whose is it?", "who"),
        ("To whom was it given?", "who"),
        ("How many were there?", "how many"),
        ("how  MANY?", "how many"),
        ("How manyfold?", "how"),
        ("How much was it?", "how"),
        ("Where?", "where"),
        ("Why not when?", "why"),
        ("When?", "when"),
        ("Name somewhat of the whole.", "other"),
        ("", "other"),
        ("这是什么？", "other"),
    ],
)
def test_question_type(question, kind):
    assert question_type(question) == kind


def test_the_version_of_the_rules_can_be_named():
    assert question_scores(["the"], [["a"]], second_version=True) == [AnswerScore(1.0, 1.0)]
    assert question_scores(["the"], [["a"]], second_version=False) == [AnswerScore(1.0, 0.0)]
    with pytest.raises(ValueError, match=r"no score by the rules of SQuAD 1\.1"):
        question_scores(["x"], [[]], second_version=False)
