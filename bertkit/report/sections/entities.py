"""Entities: what becomes of each, which bounds are wrong, confidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from bertkit.data.tag_schemes import Entity
from bertkit.evaluation.entity_errors import (
    BOTH,
    BOUNDS,
    LABEL,
    MISSED,
    OUTCOMES,
    RIGHT,
    SPURIOUS,
    EntityOutcome,
    entity_outcomes,
)
from bertkit.evaluation.results import Grouping
from bertkit.report.blocks import Block, Cell, Figures, Part, Table
from bertkit.report.sections.confusions import confusion_blocks
from bertkit.report.sections.groups import parts_part
from bertkit.report.sections.probabilities import confidence_part
from bertkit.report.wording import count, percent
from bertkit.tasks.base import Example

Written = Mapping[str, Any]  # an entity as predictions are written: label, text, start, end, score

_SAID = {
    RIGHT: "the same label and the same bounds",
    LABEL: "the same bounds under another label",
    BOUNDS: "the same label, but it begins or ends elsewhere",
    BOTH: "an overlap of another label",
    MISSED: "nothing was predicted there",
    SPURIOUS: "predicted where the reference has nothing",
}


@dataclass(frozen=True)
class Tagged:
    """Texts with the entities of the reference and those predicted.

    Attributes:
        examples: the texts.
        expected: entities of each.
        predicted: entities of each, with scores.
        what: what they are called: `entity` or `slot`.
    """

    examples: Sequence[Example]
    expected: Sequence[Sequence[Written]]
    predicted: Sequence[Sequence[Written]]
    what: str = "entity"

    @property
    def several(self) -> str:
        """What more than one is called."""
        return "entities" if self.what == "entity" else f"{self.what}s"

    @cached_property
    def outcomes(self) -> list[list[EntityOutcome]]:
        """What became of the entities of each text."""
        pairs = zip(self.expected, self.predicted, strict=True)
        return [entity_outcomes(places_of(wanted), places_of(found)) for wanted, found in pairs]

    def score(self, row: int, outcome: EntityOutcome) -> float:
        """The probability of the predicted entity; nan where it is not known, or nothing was predicted."""
        if outcome.position is None:
            return float("nan")
        return float(self.predicted[row][outcome.position].get("score", float("nan")))


def places_of(entities: Sequence[Written]) -> list[Entity]:
    """Entities as they are written, as labels and places."""
    return [Entity(str(each["label"]), int(each["start"]), int(each["end"])) for each in entities]


def entity_parts(tagged: Tagged, parts: Grouping | None) -> list[Part]:
    """What is said of the scores of entities."""
    found = parts_part(parts)
    found.append(_outcomes(tagged))
    found.append(Part("Confusions", _confusions(tagged)))
    scored = [
        (tagged.score(row, outcome), outcome.outcome == RIGHT)
        for row, outcomes in enumerate(tagged.outcomes)
        for outcome in outcomes
        if tagged.score(row, outcome) == tagged.score(row, outcome)
    ]
    if scored:
        confidence, is_right = zip(*scored, strict=True)
        found.append(
            confidence_part(
                np.clip(np.asarray(confidence, dtype=np.float64), 0, 1), np.asarray(is_right, dtype=bool),
                what=f"predicted {tagged.several}",
            )
        )  # fmt: skip
    return found


def _outcomes(tagged: Tagged) -> Part:
    numbers = Counter(outcome.outcome for outcomes in tagged.outcomes for outcome in outcomes)
    total = max(1, sum(numbers.values()))
    rows = [
        [Cell(name), Cell(count(numbers[name])), Cell(percent(numbers[name] / total)), Cell(_SAID[name])]
        for name in OUTCOMES
    ]
    title = f"What became of the {tagged.several}"
    tables = [Table(title, ["", "number", "share", ""], rows, kind="beside", is_quiet=True)]
    ends = Counter(
        end for outcomes in tagged.outcomes for outcome in outcomes for end in _wrong_ends(outcome)
    )
    if ends:
        lines = [[Cell(name), Cell(count(number))] for name, number in ends.most_common()]
        tables.append(Table("Wrong bounds", ["", "number"], lines, note="One may have both ends wrong."))
    lead = (
        "Each of the reference is set beside the predicted one with the same bounds, else beside the one "
        "that overlaps it most. Only the first row counts as right in the scores."
    )
    return Part(title, [Figures(tables)], lead)


def _wrong_ends(outcome: EntityOutcome) -> list[str]:
    if outcome.outcome not in (BOUNDS, BOTH) or outcome.expected is None or outcome.predicted is None:
        return []
    found = []
    for side, name in (("start", "begins"), ("end", "ends")):
        difference = getattr(outcome.predicted, side) - getattr(outcome.expected, side)
        if difference:
            found.append(f"{name} too {'late' if difference > 0 else 'early'}")
    return found


def _confusions(tagged: Tagged) -> list[Block]:
    pairs = Counter(
        (
            outcome.expected.label if outcome.expected else None,
            outcome.predicted.label if outcome.predicted else None,
        )
        for outcomes in tagged.outcomes
        for outcome in outcomes
    )
    labels = sorted({label for pair in pairs for label in pair if label is not None})
    places = {label: number for number, label in enumerate(labels)} | {None: len(labels)}
    counts = np.zeros((len(labels) + 1, len(labels) + 1), dtype=np.int64)
    for (wanted, found), number in pairs.items():
        counts[places[wanted], places[found]] += number
    return confusion_blocks(counts, [*labels, "(nothing there)"], [*labels, "(missed)"], what="label")
