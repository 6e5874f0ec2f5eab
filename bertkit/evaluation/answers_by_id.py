"""Answers scored by the id of their question, as files of predictions hold them: SQuAD 1.1 and 2.0.

The scores are those of evaluate-v1.1.py and evaluate-v2.0.py of https://rajpurkar.github.io/SQuAD-explorer/
in all but one case: a question without a prediction is wrong in both versions. So the 1.1 script counts; the
2.0 script stops there. Predictions for questions that are not asked are ignored. `remark` tells of both.

Scores are fractions, and nan without any question; `official` gives what the scripts print, in percent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bertkit.errors import DataError
from bertkit.evaluation.answers import AnswerScore, Threshold, best_threshold, question_scores

# The texts that are right, by the id of the question; or pairs of both, where a question may come twice.
ReferencesById = Mapping[str, Sequence[str]] | Iterable[tuple[str, Sequence[str]]]
_NAN = float("nan")


@dataclass(frozen=True)
class Coverage:
    """Which questions have a prediction.

    Attributes:
        questions: how many are asked.
        missing: ids of those without a prediction, in the order of the references; they count as wrong.
        ignored: ids of the predictions for which no question is asked.
    """

    questions: int
    missing: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()

    @property
    def remark(self) -> str | None:
        """What does not fit together, in one line; None where all does."""
        parts = []
        if self.missing:
            parts.append(
                f"{len(self.missing):,} of {self.questions:,} questions have no prediction "
                f"(first {self.missing[0]}) and count as wrong"
            )
        if self.ignored:
            parts.append(
                f"{len(self.ignored):,} predictions are for none of the questions "
                f"(first {self.ignored[0]}) and are ignored"
            )
        return "; ".join(parts) or None


@dataclass(frozen=True)
class PartScores:
    """The scores of one part of a set: exact match, F1, and how many questions it holds."""

    exact: float
    f1: float
    total: int


@dataclass(frozen=True)
class SquadScores:
    """The scores of version 1.1."""

    exact_match: float
    f1: float
    coverage: Coverage

    def official(self) -> dict[str, float]:
        """As evaluate-v1.1.py prints them, in percent."""
        return {"exact_match": 100 * self.exact_match, "f1": 100 * self.f1}


@dataclass(frozen=True)
class Squad2Scores:
    """The scores of version 2.0.

    Attributes:
        whole: of all questions.
        answerable: of those that have references ("HasAns"); None where none has.
        unanswerable: of those that have none ("NoAns"); None where all have some.
        best_exact: the no-answer threshold with the best exact match; None without probabilities.
        best_f1: the one with the best F1.
        coverage: which questions have a prediction.
    """

    whole: PartScores
    answerable: PartScores | None
    unanswerable: PartScores | None
    best_exact: Threshold | None
    best_f1: Threshold | None
    coverage: Coverage

    def official(self) -> dict[str, float]:
        """As evaluate-v2.0.py prints them: shares in percent, without the parts that hold no question."""
        figures: dict[str, float] = {}
        for prefix, part in (("", self.whole), ("HasAns_", self.answerable), ("NoAns_", self.unanswerable)):
            if part:
                figures[f"{prefix}exact"] = 100 * part.exact
                figures[f"{prefix}f1"] = 100 * part.f1
                figures[f"{prefix}total"] = part.total
        for name, best in (("best_exact", self.best_exact), ("best_f1", self.best_f1)):
            if best:
                figures[name] = 100 * best.score
                figures[f"{name}_thresh"] = best.value
        return figures


@dataclass(frozen=True)
class _Answered:
    """The questions that have a prediction, in the order of the references."""

    ids: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    references: list[Sequence[str]] = field(default_factory=list)


def _pair(
    predictions: Mapping[str, str], rows: list[tuple[str, Sequence[str]]]
) -> tuple[_Answered, Coverage]:
    answered, missing = _Answered(), []
    for question, texts in rows:
        if question not in predictions:
            missing.append(question)
            continue
        answered.ids.append(question)
        answered.texts.append(predictions[question])
        answered.references.append(texts)
    asked = {question for question, _ in rows}
    ignored = tuple(question for question in predictions if question not in asked)
    return answered, Coverage(len(rows), tuple(missing), ignored)


def _share(total: float, questions: int) -> float:
    return total / questions if questions else _NAN


def squad_scores(predictions: Mapping[str, str], references: ReferencesById) -> SquadScores:
    """Exact match and F1 by the rules of SQuAD 1.1.

    Args:
        predictions: the answer to each question, by id.
        references: the texts that are right, at least one each; a question that comes twice counts twice.

    Raises:
        DataError: a question without any reference, which is a matter of version 2.0.
    """
    rows = list(references.items() if isinstance(references, Mapping) else references)
    bare = next((question for question, texts in rows if not len(texts)), None)
    if bare is not None:
        hint = "score questions that have no answer by the rules of version 2.0: squad_v2"
        raise DataError(f"question {bare} has no reference answer, and SQuAD 1.1 knows none such", hint=hint)
    answered, coverage = _pair(predictions, rows)
    scores = question_scores(answered.texts, answered.references, second_version=False)
    return SquadScores(
        _share(sum(score.exact for score in scores), len(rows)),
        _share(sum(score.f1 for score in scores), len(rows)),
        coverage,
    )


def squad2_scores(
    predictions: Mapping[str, str],
    references: ReferencesById,
    no_answer_probabilities: Mapping[str, float] | None = None,
    *,
    no_answer_threshold: float = 1.0,
) -> Squad2Scores:
    """Exact match and F1 by the rules of SQuAD 2.0, of the whole and of its two parts.

    Args:
        predictions: the answer to each question, by id; an empty one says that there is no answer.
        references: the texts that are right; none where there is no answer. Of a question that comes twice
            the last references count.
        no_answer_probabilities: how likely it is that a question has no answer. Of equal ones those that
            come first in this mapping are answered first in the search for the best thresholds.
        no_answer_threshold: where the probability is above it, not at it, no answer is given.

    Raises:
        DataError: probabilities for some of the predictions only.
    """
    rows = list(dict(references).items())
    answered, coverage = _pair(predictions, rows)
    answerable = dict(zip(answered.ids, map(len, answered.references), strict=True))
    found = question_scores(answered.texts, answered.references, second_version=True)
    raw = dict(zip(answered.ids, found, strict=True))
    scores = raw
    best_exact = best_f1 = None
    if no_answer_probabilities is not None:
        _check_probabilities(answered.ids, no_answer_probabilities)
        scores = {
            question: _kept_silent(answerable[question])
            if no_answer_probabilities[question] > no_answer_threshold
            else score
            for question, score in raw.items()
        }
        best_exact, best_f1 = (
            _best(predictions, scored, answerable, no_answer_probabilities, len(rows))
            for scored in (
                {question: score.exact for question, score in raw.items()},
                {question: score.f1 for question, score in raw.items()},
            )
        )
    return Squad2Scores(
        _part([question for question, _ in rows], scores) or PartScores(_NAN, _NAN, 0),
        _part([question for question, texts in rows if len(texts)], scores),
        _part([question for question, texts in rows if not len(texts)], scores),
        best_exact,
        best_f1,
        coverage,
    )


def _check_probabilities(ids: Sequence[str], probabilities: Mapping[str, float]) -> None:
    without = [question for question in ids if question not in probabilities]
    if without:
        message = f"{len(without):,} of {len(ids):,} predictions lack a no-answer probability"
        hint = "give one for each prediction, or none at all"
        raise DataError(f"{message} (first {without[0]})", hint=hint)


def _kept_silent(references: int) -> AnswerScore:
    right = float(not references)
    return AnswerScore(right, right)


def _part(questions: Sequence[str], scores: Mapping[str, AnswerScore]) -> PartScores | None:
    if not questions:
        return None
    found = [scores[question] for question in questions if question in scores]
    return PartScores(
        sum(score.exact for score in found) / len(questions),
        sum(score.f1 for score in found) / len(questions),
        len(questions),
    )


def _best(
    predictions: Mapping[str, str],
    scores: Mapping[str, float],
    answerable: Mapping[str, int],
    probabilities: Mapping[str, float],
    questions: int,
) -> Threshold:
    # The script asks whether the text itself is empty, not what normalising leaves of it: "the" is an answer.
    gains = {
        question: score if answerable[question] else float(not predictions[question])
        for question, score in scores.items()
    }
    order = [question for question in probabilities if question in gains]
    best = best_threshold(
        [gains[question] for question in order],
        [bool(answerable[question]) for question in order],
        [probabilities[question] for question in order],
    )
    return Threshold(best.value, best.score * len(order) / questions if order else _share(0.0, questions))
