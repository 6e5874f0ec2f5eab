# ruff: noqa: RUF001  (letters that look like others are what is tested)
from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertkit.errors import DataError
from bertkit.evaluation.answers import Threshold
from bertkit.evaluation.answers_by_id import Coverage, PartScores, squad2_scores, squad_scores


def test_version_1_by_hand():
    predictions = {"b": "Paris", "a": "the red big car", "d": ""}
    references = {"a": ["a red car", "blue car"], "b": ["paris!", "Paris, France"], "c": ["Lyon"], "d": ["x"]}
    found = squad_scores(predictions, references)
    # a: 4/5, b: 1, c has no prediction, d is empty
    assert (found.exact_match, found.f1) == (1 / 4, pytest.approx(1.8 / 4))
    assert found.official() == {"exact_match": 25.0, "f1": pytest.approx(45.0)}
    assert found.coverage == Coverage(4, ("c",), ())


def test_missing_and_extra_ids_are_said_in_one_line():
    coverage = squad_scores({"a": "x", "y": "x", "z": "x"}, {"a": ["x"], "b": ["x"], "c": ["x"]}).coverage
    assert coverage == Coverage(3, ("b", "c"), ("y", "z"))
    assert coverage.remark == (
        "2 of 3 questions have no prediction (first b) and count as wrong; "
        "2 predictions are for none of the questions (first y) and are ignored"
    )
    assert squad_scores({"a": "x"}, {"a": ["x"]}).coverage.remark is None


def test_extra_ids_change_no_score():
    references = {"a": ["x"], "b": []}
    few = squad2_scores({"a": "x", "b": ""}, references, {"a": 0.1, "b": 0.2})
    more = squad2_scores({"a": "x", "z": "y", "b": ""}, references, {"z": 0.0, "a": 0.1, "b": 0.2, "y": 0.3})
    assert few.official() == more.official()


def test_nothing_left_after_normalising():
    # Exact 100 and F1 0 in 1.1; 100 and 100 in 2.0.
    assert squad_scores({"a": "the"}, {"a": ["a"]}).official() == {"exact_match": 100.0, "f1": 0.0}
    official = squad2_scores({"a": "the"}, {"a": ["a"]}).official()
    assert (official["exact"], official["f1"]) == (100.0, 100.0)


def test_version_1_has_no_question_without_answer():
    with pytest.raises(DataError, match="question b has no reference answer") as caught:
        squad_scores({"a": "x", "b": ""}, {"a": ["x"], "b": []})
    assert "squad_v2" in caught.value.hint


def test_version_1_counts_a_question_as_often_as_it_comes():
    references = [("a", ["x"]), ("a", ["x"]), ("b", ["y"])]
    assert squad_scores({"a": "x", "b": "z"}, references).exact_match == pytest.approx(2 / 3)
    assert squad2_scores({"a": "x", "b": "z"}, references).whole.total == 2


def test_version_2_by_hand():
    predictions = {"a": "red car", "b": "", "c": "blue", "d": "", "e": "an", "f": "sky"}
    references = {"a": ["red"], "b": ["x"], "c": [], "d": [], "e": [], "f": ["sky"]}
    found = squad2_scores(predictions, references)
    assert found.whole == PartScores(3 / 6, pytest.approx((2 / 3 + 1 + 1 + 1) / 6), 6)
    assert found.answerable == PartScores(pytest.approx(1 / 3), pytest.approx((2 / 3 + 1) / 3), 3)
    assert found.unanswerable == PartScores(pytest.approx(2 / 3), pytest.approx(2 / 3), 3)
    assert (found.best_exact, found.best_f1) == (None, None)
    assert found.official() == pytest.approx(
        {
            "exact": 50.0,
            "f1": 100 * (2 / 3 + 3) / 6,
            "total": 6,
            "HasAns_exact": 100 / 3,
            "HasAns_f1": 500 / 9,
            "HasAns_total": 3,
            "NoAns_exact": 200 / 3,
            "NoAns_f1": 200 / 3,
            "NoAns_total": 3,
        }
    )


def test_the_threshold_is_passed_above_it_and_not_at_it():
    predictions, references = {"a": "x", "b": "y"}, {"a": ["x"], "b": []}
    probabilities = {"a": 0.5, "b": 0.6}
    for threshold, exact in ((0.4, 0.5), (0.5, 1.0), (0.6, 0.5), (1.0, 0.5)):
        found = squad2_scores(predictions, references, probabilities, no_answer_threshold=threshold)
        assert found.whole.exact == exact, threshold
    # None answered 1, then a 2, then b 1: the best is at a.
    assert found.best_exact == found.best_f1 == Threshold(0.5, 1.0)


def test_of_equal_probabilities_the_first_in_their_mapping_is_answered_first():
    predictions, references = {"a": "x", "b": "y"}, {"a": ["x"], "b": []}
    assert squad2_scores(predictions, references, {"a": 0.5, "b": 0.5}).best_exact == Threshold(0.5, 1.0)
    assert squad2_scores(predictions, references, {"b": 0.5, "a": 0.5}).best_exact == Threshold(0.0, 0.5)


def test_an_answer_of_an_article_is_no_empty_answer_in_the_search():
    # It scores 1 where there is no answer, but the search of the script takes it for one.
    found = squad2_scores({"a": "the", "b": "x"}, {"a": [], "b": ["x"]}, {"a": 0.1, "b": 0.2})
    assert found.whole.exact == 1.0
    assert found.best_exact == Threshold(0.0, 0.5)
    found = squad2_scores({"a": "", "b": "x"}, {"a": [], "b": ["x"]}, {"a": 0.1, "b": 0.2})
    assert found.best_exact == Threshold(0.2, 1.0)


def test_version_2_counts_missing_ids_as_wrong():
    found = squad2_scores({"a": "x"}, {"a": ["x"], "b": ["y"], "c": []}, {"a": 0.1}, no_answer_threshold=0.5)
    assert found.whole == PartScores(pytest.approx(1 / 3), pytest.approx(1 / 3), 3)
    assert found.answerable == PartScores(0.5, 0.5, 2)
    assert found.unanswerable == PartScores(0.0, 0.0, 1)
    assert found.best_f1 == Threshold(0.1, pytest.approx(1 / 3))
    assert found.coverage.missing == ("b", "c")
    silent = squad2_scores({}, {"a": ["x"], "b": []}, {})
    assert (silent.whole.exact, silent.best_exact) == (0.0, Threshold(0.0, 0.0))


def test_parts_without_questions_are_left_out():
    assert squad2_scores({"a": "x"}, {"a": ["x"]}).official() == {
        "exact": 100.0,
        "f1": 100.0,
        "total": 1,
        "HasAns_exact": 100.0,
        "HasAns_f1": 100.0,
        "HasAns_total": 1,
    }
    assert squad2_scores({"a": ""}, {"a": []}).answerable is None


def test_no_questions_are_nan():
    assert all(map(math.isnan, squad_scores({}, {}).official().values()))
    whole = squad2_scores({}, {}, {}).whole
    assert (math.isnan(whole.exact), math.isnan(whole.f1), whole.total) == (True, True, 0)


def test_probabilities_for_some_predictions_only_are_refused():
    with pytest.raises(DataError, match=r"1 of 2 predictions lack a no-answer probability \(first b\)"):
        squad2_scores({"a": "x", "b": "y"}, {"a": ["x"], "b": ["y"]}, {"a": 0.5})


# --- an oracle: the published rules, step by step ---

PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


def tokens(text):
    """Small letters; no ASCII punctuation; no articles between letters that are of no word; words."""
    text = "".join(letter for letter in text.lower() if letter not in PUNCTUATION)
    kept, word = [], ""
    for letter in text + " ":
        if letter.isalnum():
            word += letter
        else:
            kept.append(" " if word in ("a", "an", "the") else word)
            kept.append(letter)
            word = ""
    return "".join(kept).split()


def token_f1(found, right, second):
    if second and (not found or not right):
        return float(found == right)
    left, same = list(right), 0
    for token in found:
        if token in left:
            left.remove(token)
            same += 1
    if not same:
        return 0.0
    precision, recall = 1.0 * same / len(found), 1.0 * same / len(right)
    return (2 * precision * recall) / (precision + recall)


def version_1(predictions, references):
    exact = f1 = 0.0
    for question, texts in references.items():
        if question in predictions:
            found = tokens(predictions[question])
            exact += max(found == tokens(text) for text in texts)
            f1 += max(token_f1(found, tokens(text), second=False) for text in texts)
    return {"exact_match": 100.0 * exact / len(references), "f1": 100.0 * f1 / len(references)}


def version_2(predictions, references, probabilities, threshold):
    raw = {"exact": {}, "f1": {}}
    for question, texts in references.items():
        right = [tokens(text) for text in texts if tokens(text)] or [[]]
        found = tokens(predictions[question])
        raw["exact"][question] = max(int(found == each) for each in right)
        raw["f1"][question] = max(token_f1(found, each, second=True) for each in right)
    figures = {}
    parts = {
        "": list(references),
        "HasAns_": [question for question, texts in references.items() if texts],
        "NoAns_": [question for question, texts in references.items() if not texts],
    }
    for prefix, questions in parts.items():
        if questions:
            for name, scores in raw.items():
                total = 0.0
                for question in questions:
                    silent = probabilities[question] > threshold
                    total += float(not references[question]) if silent else scores[question]
                figures[prefix + name] = 100.0 * total / len(questions)
            figures[prefix + "total"] = len(questions)
    for name, scores in raw.items():
        now = best = len(parts["NoAns_"])
        at = 0.0
        for question in sorted(probabilities, key=lambda each: probabilities[each]):
            if references[question]:
                now += scores[question]
            elif predictions[question]:
                now -= 1
            if now > best:
                best, at = now, probabilities[question]
        figures[f"best_{name}"] = 100.0 * best / len(references)
        figures[f"best_{name}_thresh"] = at
    return figures


PIECES = ["the", "a", "An", "cat", "Red", "red", "the-", "'s", ".", " ", "“", "é", "２", "x.y", "\u00a0", "–"]
pieces = st.lists(st.sampled_from(PIECES), max_size=6)
texts = pieces.map("".join) | pieces.map(" ".join) | st.text(max_size=6)
ids = st.sampled_from("abcdefgh")


@given(
    st.dictionaries(ids, texts, max_size=8),
    st.dictionaries(ids, st.lists(texts, min_size=1, max_size=3), min_size=1, max_size=6),
)
def test_version_1_agrees_with_the_oracle(predictions, references):
    own = squad_scores(predictions, references).official()
    assert own == pytest.approx(version_1(predictions, references), abs=1e-9)


@given(data=st.data())
def test_version_2_agrees_with_the_oracle(data):
    references = data.draw(st.dictionaries(ids, st.lists(texts, max_size=3), min_size=1, max_size=8))
    answers = st.one_of(
        texts, st.just(""), st.sampled_from(sorted({t for ts in references.values() for t in ts} | {""}))
    )
    predictions = {question: data.draw(answers) for question in references}
    chance = st.sampled_from([0.0, 0.25, 0.5, 0.5, 0.75, 1.0]) | st.floats(0, 1)
    order = data.draw(st.permutations(sorted(references)))
    probabilities = {question: data.draw(chance) for question in order}
    threshold = data.draw(chance)
    own = squad2_scores(predictions, references, probabilities, no_answer_threshold=threshold).official()
    theirs = version_2(predictions, references, probabilities, threshold)
    assert own == pytest.approx(theirs, abs=1e-9)


def test_equally_good_thresholds_are_told_apart_by_the_same_rounding():
    # From 1: + 1, - 1, + 4/5, + 1/5. The two sums of 2 are equal on paper only, and the script takes the one
    # that its rounding favours.
    predictions = {"a": "x", "b": "y", "c": "k l m n z", "d": "o 1 2 3"}
    references = {"a": ["x"], "b": [], "c": ["k l m n p"], "d": ["o 4 5 6 7 8"]}
    probabilities = {"a": 0.1, "b": 0.2, "c": 0.3, "d": 0.4}
    own = squad2_scores(predictions, references, probabilities).official()
    theirs = version_2(predictions, references, probabilities, 1.0)
    assert own["HasAns_f1"] == pytest.approx(100 * (1 + 4 / 5 + 1 / 5) / 3)
    assert own["best_f1_thresh"] == theirs["best_f1_thresh"]
