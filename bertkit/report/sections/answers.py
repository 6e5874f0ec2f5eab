"""Answers that are stretches of a text: by question, by length, no-answer scores, errors, suspects."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from bertkit.evaluation.answers import AnswerScore, question_scores
from bertkit.evaluation.curves import Floats
from bertkit.evaluation.slices import sliced
from bertkit.report.blocks import Cell, Chart, Fact, Figures, Part, Passage, ShownExample, Table
from bertkit.report.charts import histogram
from bertkit.report.content import ReportSplit
from bertkit.report.passages import Place, marked_passage, passage, short
from bertkit.report.sections.groups import gap, group_bars, groups_table, parts_part
from bertkit.report.sections.probabilities import confidence_part
from bertkit.report.sections.scored import Scored
from bertkit.report.sections.shown_examples import HARDEST, SUSPECTS, hardest_part, suspects_part
from bertkit.report.wording import count, percent

_BINS = 20
# Words of the shortest right answer: upper ends of the groups.
_LENGTHS = (1, 2, 4, 8, 16)


@dataclass(frozen=True)
class _Answers:
    """The scores of each question, and what may be said of them."""

    scored: Scored

    @cached_property
    def texts(self) -> list[str]:
        return [str(prediction.value["text"]) for prediction in self.scored.predictions]

    @cached_property
    def references(self) -> list[list[str]]:
        return [[str(answer["text"]) for answer in answers] for answers in self.scored.references]

    @cached_property
    def scores(self) -> list[AnswerScore]:
        return question_scores(self.texts, self.references)

    @cached_property
    def f1(self) -> Floats:
        return np.asarray([score.f1 for score in self.scores], dtype=np.float64)

    @cached_property
    def confidence(self) -> Floats:
        """The probability of what was answered; nan where it is not known."""
        values = [prediction.value.get("score") for prediction in self.scored.predictions]
        return np.asarray([np.nan if value is None else value for value in values], dtype=np.float64)


def answer_parts(split: ReportSplit, scored: Scored) -> tuple[list[Part], list[Part]]:
    """What is said of the scores, and of single examples."""
    answers = _Answers(scored)
    parts = [_kinds(answers), *parts_part(split.result.parts)]
    parts += [*_by_length(answers), *_no_answers(split, answers)]
    known = np.isfinite(answers.confidence)
    if known.any():
        exact = np.asarray([score.exact == 1 for score in answers.scores], dtype=bool)
        shares = np.clip(answers.confidence[known], 0, 1)
        parts.append(confidence_part(shares, exact[known], what="answers", right="exactly right"))
    return parts, [_hardest(answers), _suspects(answers)]


def _kinds(answers: _Answers) -> Part:
    """How answers are right or wrong, a row a kind."""
    kinds = {
        "exactly right": "the text is a reference, but for articles, punctuation and capitals",
        "partly right": "some words are those of a reference",
        "wrong": "no word in common with a reference",
        "no answer, rightly": "there is none",
        "no answer, wrongly": "there is one",
        "an answer where there is none": "",
    }
    numbers = dict.fromkeys(kinds, 0)
    for text, references, score in zip(answers.texts, answers.references, answers.scores, strict=True):
        if not references:
            kind = "no answer, rightly" if score.exact else "an answer where there is none"
        elif not text:
            kind = "no answer, wrongly"
        else:
            kind = "exactly right" if score.exact else ("partly right" if score.f1 > 0 else "wrong")
        numbers[kind] += 1
    total = max(1, len(answers.texts))
    rows = [
        [Cell(kind), Cell(count(number)), Cell(percent(number / total)), Cell(kinds[kind])]
        for kind, number in numbers.items()
        if number
    ]
    return Part(
        "What became of the questions",
        [Table("Answers", ["", "number", "share", ""], rows, kind="beside", is_quiet=True)],
    )


def _by_length(answers: _Answers) -> list[Part]:
    """F1 by the words of the shortest right answer."""
    lengths = [min((len(text.split()) for text in texts), default=0) for texts in answers.references]
    rows = [row for row, length in enumerate(lengths) if length]
    grouping = sliced(
        "words of the answer", [_range(lengths[row]) for row in rows], "answer_f1",
        [answers.texts[row] for row in rows], [answers.references[row] for row in rows], label_count=0,
    )  # fmt: skip
    if grouping is None:
        return []
    chart = group_bars(grouping, "F1 by length of the answer")
    table = groups_table(grouping, caption="F1 by length of the answer", is_quiet=chart is not None)
    lead = f"Words of the shortest right answer; questions without one are left out. {gap(grouping)}"
    return [Part("By length of the answer", [Figures([*([chart] if chart else []), table])], lead.strip())]


def _range(length: int) -> str:
    """The group of answers of this length."""
    if length > _LENGTHS[-1]:
        return f"{_LENGTHS[-1] + 1} words or more"
    place = bisect_left(_LENGTHS, length)
    low, high = (_LENGTHS[place - 1] + 1 if place else 1), _LENGTHS[place]
    return f"{low} word{'s' * (low > 1)}" if low == high else f"{low} to {high} words"


def _no_answers(split: ReportSplit, answers: _Answers) -> list[Part]:
    known = [prediction.details.get("no_answer_score") for prediction in answers.scored.predictions]
    if not known or any(value is None for value in known):
        return []
    values = np.asarray(known, dtype=np.float64)
    answerable = np.asarray([bool(references) for references in answers.references], dtype=bool)
    edges = np.linspace(0, 1, _BINS + 1)
    heights = [np.histogram(values[each], edges)[0].tolist() for each in (answerable, ~answerable)]
    said = f"{count(answerable.sum())} questions have an answer, {count((~answerable).sum())} have none."
    marked = "" if split.threshold is None else f" The dashed line is the threshold, {split.threshold:.3f}."
    chart = Chart(
        "No-answer score",
        histogram(
            edges.tolist(), heights, f"Histogram of the no-answer score. {said}{marked}", x="no-answer score",
            y="questions", mark=split.threshold,
        ),
        ["has an answer", "has none"],
        f"Above the threshold no answer is given.{marked}",
    )  # fmt: skip
    return [Part("Questions without an answer", [Figures([chart])], said)]


def _hardest(answers: _Answers) -> Part:
    wrong = np.flatnonzero(answers.f1 < 1)
    sure = np.nan_to_num(answers.confidence[wrong], nan=0.0)
    order = wrong[np.lexsort((-sure, answers.f1[wrong] > 0))]
    lead = (
        f"{count(len(wrong))} of {count(len(answers.f1))} answers are not fully right. First those without a "
        "single right word, the highest confidence first."
    )
    shown = [_shown(answers, int(row)) for row in order[:HARDEST]]
    return hardest_part(shown, len(wrong), len(answers.f1), lead)


def _suspects(answers: _Answers) -> Part:
    exact = np.asarray([score.exact == 1 for score in answers.scores], dtype=bool)
    known = np.isfinite(answers.confidence)
    right = answers.confidence[exact & known]
    found: list[int] = []
    if len(right):
        rows = np.flatnonzero(known & (answers.f1 == 0) & (answers.confidence >= right.mean()))
        found = [int(row) for row in rows[np.argsort(-answers.confidence[rows], kind="stable")]]
    rule = (
        "Answers without a single word of a reference of which the model is at least as sure as it is on "
        "average of exactly right ones. Either the reference or the model is wrong: read them."
    )
    return suspects_part([_shown(answers, row) for row in found[:SUSPECTS]], len(found), rule)


def _shown(answers: _Answers, row: int) -> ShownExample:
    example, prediction = answers.scored.examples[row], answers.scored.predictions[row]
    value, score = prediction.value, float(answers.confidence[row])
    text = str(value["text"])
    references = list(dict.fromkeys(answers.references[row]))
    facts = [
        Fact("predicted", short(text) or "no answer", percent(score) if score == score else "", "wrong"),
        Fact("reference", short(" / ".join(references), 160) or "no answer", "", "expected"),
    ]
    if answers.f1[row] > 0:
        facts.append(Fact("F1", percent(float(answers.f1[row]))))
    question, context = (*example.texts, "")[:2]
    lines = [
        ("question", passage(question)),
        ("context", _context(context, value, answers.scored.references[row])),
    ]
    return ShownExample(short(example.id), facts, lines)


def _context(context: str, value: Any, references: Sequence[Any]) -> Passage:
    """The text with the predicted and the right answer; where they overlap the right one is seen."""
    places = [
        Place(answer["start"], answer["start"] + len(answer["text"]), "expected", "reference")
        for answer in references
        if answer.get("start") is not None
    ]
    if value.get("start") is not None and value.get("end") is not None:
        found = Place(int(value["start"]), int(value["end"]), "wrong", "predicted")
        overlapping = [place for place in places if place.start < found.end and found.start < place.end]
        if overlapping:
            return marked_passage(context, _overlaid(found, overlapping[0]), focus=found.start)
        places.append(found)
        return marked_passage(context, places, focus=found.start)
    return marked_passage(context, places)


def _overlaid(found: Place, right: Place) -> list[Place]:
    """Both places without overlap: what they share, and what only one of them has."""
    ends = sorted({found.start, found.end, right.start, right.end})
    pieces = []
    for start, end in pairwise(ends):
        in_found, in_right = found.start <= start < found.end, right.start <= start < right.end
        mark = "both" if in_found and in_right else ("wrong" if in_found else "expected")
        label = {"both": "both", "wrong": "predicted", "expected": "reference"}[mark]
        pieces.append(Place(start, end, mark, label))
    return pieces
