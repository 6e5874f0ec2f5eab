"""Scores of answers that are stretches of a text, by the rules of SQuAD 1.1 and 2.0.

A prediction is a text; its reference is the list of the texts that are right, and the best of them counts.
An empty list means that the question has no answer, an empty prediction that none is given. Where any list
of a set is empty the rules of version 2.0 hold for the whole set, else those of 1.1. They differ only in
texts of which normalising leaves nothing, such as "the": F1 0 in 1.1, but 1 in 2.0 where both sides are so.

Words are what blanks divide, in every language: so the official scripts count, and so XQuAD scores Chinese,
whose F1 there hardly differs from exact match. CMRC's own score counts characters and is another one.

Scores are fractions. Without any question they are nan, as in `formulas`.
Source: evaluate-v1.1.py and evaluate-v2.0.py of https://rajpurkar.github.io/SQuAD-explorer/
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

References = Sequence[Sequence[str]]
_NAN = float("nan")
_WITHOUT_PUNCTUATION = str.maketrans(
    "", "", string.punctuation
)  # ASCII only: a dash or quote of Unicode stays
_ARTICLE = re.compile(r"\b(?:a|an|the)\b")
_QUESTION_WORD = re.compile(r"\b(what|who(?:m|se)?|when|where|which|why|how(?:\s+many)?)\b", re.IGNORECASE)


class AnswerScore(NamedTuple):
    """The scores of one answer, from 0 to 1."""

    exact: float
    f1: float


@dataclass(frozen=True)
class Threshold:
    """No answer is given where the no-answer score is above `value`; the set then scores `score`."""

    value: float
    score: float


def normalise_answer(text: str) -> str:
    """The text in small letters, without ASCII punctuation and then without articles, words one blank apart.

    Punctuation goes first and leaves no blank, so "a-b" is one word and keeps its a.
    """
    bare = text.lower().translate(_WITHOUT_PUNCTUATION)
    return " ".join(_ARTICLE.sub(" ", bare).split())


def _score(found: str, reference: str, empty_f1: float) -> AnswerScore:
    """The scores of a normalised answer; `empty_f1` is the F1 of nothing where nothing is right."""
    if not found and not reference:
        return AnswerScore(1.0, empty_f1)
    words, right_words = found.split(), reference.split()
    common = (Counter(words) & Counter(right_words)).total()
    if not common:
        return AnswerScore(0.0, 0.0)
    # In the steps of the official scripts: the last digit decides between thresholds that are equally good.
    precision, recall = common / len(words), common / len(right_words)
    return AnswerScore(float(found == reference), 2 * precision * recall / (precision + recall))


def _is_second_version(expected: References) -> bool:
    return not all(expected)


def question_scores(
    predicted: Sequence[str], expected: References, *, second_version: bool | None = None
) -> list[AnswerScore]:
    """The scores of each answer: exact match and F1, each of its own best reference.

    Args:
        predicted: the answers.
        expected: the texts that are right, for each answer.
        second_version: the rules of 2.0 hold, or those of 1.1; without it the references decide, as above.

    Raises:
        ValueError: not as many predictions as references, or nothing is right by the rules of 1.1.
    """
    if len(predicted) != len(expected):
        raise ValueError(f"{len(predicted)} predictions for {len(expected)} references")
    second = _is_second_version(expected) if second_version is None else second_version
    if not second and _is_second_version(expected):
        raise ValueError("a question without references has no score by the rules of SQuAD 1.1")
    scores = []
    for text, references in zip(predicted, expected, strict=True):
        found = normalise_answer(text)
        right = [normalise_answer(reference) for reference in references]
        if second:  # references of which nothing is left do not count; without any other there is no answer
            right = [reference for reference in right if reference] or [""]
        against = [_score(found, reference, float(second)) for reference in right]
        scores.append(AnswerScore(max(score.exact for score in against), max(score.f1 for score in against)))
    return scores


def _mean(values: Sequence[float], without: float = _NAN) -> float:
    return sum(values) / len(values) if values else without


def exact_match(predicted: Sequence[str], expected: References, *, label_count: int = 0) -> float:
    """Share of questions whose normalised answer is a normalised reference."""
    return _mean([score.exact for score in question_scores(predicted, expected)])


def answer_f1(predicted: Sequence[str], expected: References, *, label_count: int = 0) -> float:
    """Mean F1 of the answers' words, each counted as often as it occurs."""
    return _mean([score.f1 for score in question_scores(predicted, expected)])


def _part(predicted: Sequence[str], expected: References, *, answerable: bool) -> list[AnswerScore]:
    """The scores of the questions with references, or of those without, by the rules of the whole set."""
    scores = zip(question_scores(predicted, expected), expected, strict=True)
    return [score for score, references in scores if bool(references) is answerable]


def _without(expected: References) -> float:
    """The score of a part of a set that holds no question.

    0 and not nan: the official script leaves the figure out, but a table and a comparison of checkpoints need
    a number, and nan would win or lose by chance. Only a set without any question is nan.
    """
    return 0.0 if expected else _NAN


def answerable_exact(predicted: Sequence[str], expected: References, *, label_count: int = 0) -> float:
    """`exact_match` of the questions that have references ("HasAns"); 0 where none has."""
    part = _part(predicted, expected, answerable=True)
    return _mean([score.exact for score in part], _without(expected))


def answerable_f1(predicted: Sequence[str], expected: References, *, label_count: int = 0) -> float:
    """`answer_f1` of the questions that have references ("HasAns"); 0 where none has."""
    part = _part(predicted, expected, answerable=True)
    return _mean([score.f1 for score in part], _without(expected))


def unanswerable_accuracy(predicted: Sequence[str], expected: References, *, label_count: int = 0) -> float:
    """Share of the questions without references that get no answer ("NoAns"); 0 where all have references.

    As in the official script, an answer of which normalising leaves nothing is none.
    """
    part = _part(predicted, expected, answerable=False)
    return _mean([score.exact for score in part], _without(expected))


def best_threshold(
    scores: Sequence[float], answerable: Sequence[bool], no_answer_scores: Sequence[float]
) -> Threshold:
    """The no-answer threshold with the best mean score, by the search of the official 2.0 script.

    `scores` are the exact matches or F1s of the answers that the model gives if it must; of a question that
    has no answer the score is 1 where that answer is itself empty, else 0. The search begins with no question
    answered at 0.0 and then answers one after the other from the lowest no-answer score up. Two oddities are
    the script's and kept: inside a tie it may stop in the middle, at a score that no threshold reaches, and
    0.0 means "answer none" only where no-answer scores are above 0, as probabilities are.

    Raises:
        ValueError: the three do not have the same length.
    """
    questions = sorted(zip(scores, answerable, no_answer_scores, strict=True), key=lambda each: each[2])
    if not questions:
        return Threshold(0.0, _NAN)
    current: float = sum(not has_answer for has_answer in answerable)
    best, value = current, 0.0
    for score, has_answer, no_answer_score in questions:
        current += score if has_answer else score - 1.0
        if current > best:
            best, value = current, no_answer_score
    return Threshold(value, best / len(questions))


def question_type(question: str) -> str:
    """The first English question word in the text: what, who, when, where, which, why, how many or how.

    Whom and whose are who; a question without any of them is `other`.
    """
    found = _QUESTION_WORD.search(question)
    if found is None:
        return "other"
    word = " ".join(found[1].lower().split())
    return "who" if word.startswith("who") else word
