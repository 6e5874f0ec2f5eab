"""Single texts with their entities: the surest errors, and what may be wrong in the reference."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from math import inf
from statistics import fmean

from bertkit.evaluation.entity_errors import MISSED, RIGHT, EntityOutcome
from bertkit.report.blocks import Fact, Part, Passage, ShownExample
from bertkit.report.passages import Place, marked_passage, short
from bertkit.report.sections.entities import Tagged, Written, places_of
from bertkit.report.sections.shown_examples import HARDEST, SUSPECTS, hardest_part, suspects_part
from bertkit.report.wording import count, percent


def entity_doubts(tagged: Tagged) -> list[Part]:
    """The hardest errors and the suspected labels."""
    wrong = [
        (row, [outcome for outcome in outcomes if outcome.outcome != RIGHT])
        for row, outcomes in enumerate(tagged.outcomes)
    ]
    wrong = [(row, outcomes) for row, outcomes in wrong if outcomes]
    wrong.sort(key=lambda each: -max(_known(tagged.score(each[0], outcome)) for outcome in each[1]))
    shown = [_shown(tagged, row, outcomes) for row, outcomes in wrong[:HARDEST]]
    lead = (
        f"{count(len(wrong))} of {count(len(tagged.examples))} texts have an error. First those where a "
        f"wrong {tagged.what} is predicted with the highest confidence."
    )
    return [hardest_part(shown, len(wrong), len(tagged.examples), lead), *_suspects(tagged)]


def _known(score: float) -> float:
    return score if score == score else -1.0


def _shown(tagged: Tagged, row: int, outcomes: Sequence[EntityOutcome]) -> ShownExample:
    ordered = sorted(outcomes, key=lambda outcome: -_known(tagged.score(row, outcome)))
    first = ordered[0]
    place = first.predicted or first.expected
    assert place is not None
    text = tagged.examples[row].texts[0]
    facts = [_fact(tagged, row, outcome, text) for outcome in ordered[:4]]
    return ShownExample(
        short(tagged.examples[row].id), facts,
        [
            ("reference", _marked(text, tagged.expected[row], outcomes, place.start, is_reference=True)),
            ("predicted", _marked(text, tagged.predicted[row], outcomes, place.start, is_reference=False)),
        ],
    )  # fmt: skip


def _fact(tagged: Tagged, row: int, outcome: EntityOutcome, text: str) -> Fact:
    place = outcome.predicted or outcome.expected
    assert place is not None
    score = tagged.score(row, outcome)
    label = place.label
    if outcome.expected and outcome.predicted and outcome.expected.label != outcome.predicted.label:
        label = f"{outcome.predicted.label}, not {outcome.expected.label}"
    return Fact(
        outcome.outcome, short(f"{text[place.start : place.end]} ({label})"),
        percent(score) if score == score else "", "expected" if outcome.outcome == MISSED else "wrong",
    )  # fmt: skip


def _marked(
    text: str,
    entities: Sequence[Written],
    outcomes: Sequence[EntityOutcome],
    focus: int,
    *,
    is_reference: bool,
) -> Passage:
    """The text with its entities, those that are wrong in their own colour."""
    wrong = {
        (each.start, each.end, each.label)
        for outcome in outcomes
        if (each := outcome.expected if is_reference else outcome.predicted) is not None
    }
    other = "expected" if is_reference else "wrong"
    places = [
        Place(
            place.start,
            place.end,
            other if (place.start, place.end, place.label) in wrong else "right",
            place.label,
        )
        for place in places_of(entities)
    ]
    return marked_passage(text, places, focus=focus)


def _suspects(tagged: Tagged) -> list[Part]:
    """Predicted entities that the reference has not, at least as sure as right ones of their label are."""
    right = defaultdict[str, list[float]](list)
    disagreeing: list[tuple[float, int, EntityOutcome]] = []
    for row, outcomes in enumerate(tagged.outcomes):
        for outcome in outcomes:
            score = tagged.score(row, outcome)
            if score != score or outcome.predicted is None:
                continue
            if outcome.outcome == RIGHT:
                right[outcome.predicted.label].append(score)
            else:
                disagreeing.append((score, row, outcome))
    if not right and not disagreeing:
        return []
    usual = {label: fmean(scores) for label, scores in right.items()}
    found = [
        each
        for each in disagreeing
        if each[2].predicted and each[0] >= usual.get(each[2].predicted.label, inf)
    ]
    found.sort(key=lambda each: (-each[0], each[1]))
    shown = [_suspect(tagged, row, outcome) for _, row, outcome in found[:SUSPECTS]]
    rule = (
        f"Predicted {tagged.several} that differ from the reference although the model is at least as sure "
        "of them as it is on average of right ones with that label, the rule of confident learning "
        "(Northcutt et al. 2021). Either the reference or the model is wrong: read them."
    )
    return [suspects_part(shown, len(found), rule)]


def _suspect(tagged: Tagged, row: int, outcome: EntityOutcome) -> ShownExample:
    text = tagged.examples[row].texts[0]
    facts = [_fact(tagged, row, outcome, text)]
    assert outcome.predicted is not None
    if outcome.expected is not None:
        wanted = outcome.expected
        facts.append(
            Fact("reference", short(f"{text[wanted.start : wanted.end]} ({wanted.label})"), "", "expected")
        )
    place = Place(outcome.predicted.start, outcome.predicted.end, "wrong", outcome.predicted.label)
    return ShownExample(short(tagged.examples[row].id), facts, [("", marked_passage(text, [place]))])
