"""Intents and slots: what is said of the intents as classes, and of the slots as entities."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bertkit.report.blocks import Cell, Part, Table
from bertkit.report.content import ReportSplit
from bertkit.report.sections.classes import Decisions, class_doubts, class_parts
from bertkit.report.sections.entities import Tagged, entity_parts
from bertkit.report.sections.entity_examples import entity_doubts
from bertkit.report.sections.groups import parts_part
from bertkit.report.sections.scored import Scored, probabilities_of
from bertkit.report.wording import count, percent


def frame_parts(split: ReportSplit, scored: Scored) -> tuple[list[Part], list[Part]]:
    """What is said of the scores, and of single examples."""
    intents = split.labels.intents
    places = {name: number for number, name in enumerate(intents)}
    decisions = Decisions(
        intents,
        np.asarray([places[reference["intent"]] for reference in scored.references], dtype=np.int64),
        np.asarray([places[prediction.value["intent"]] for prediction in scored.predictions], dtype=np.int64),
        probabilities_of(scored.predictions, intents),
        scored.examples,
    )
    slots = Tagged(
        scored.examples,
        [reference["slots"] for reference in scored.references],
        [prediction.value["slots"] for prediction in scored.predictions],
        "slot",
    )
    parts = [_whole(decisions, slots), *parts_part(split.result.parts)]
    parts += _named("Intents", class_parts(decisions, None, what="intent"))
    parts += _named("Slots", entity_parts(slots, None))
    doubts = [
        *_named("Intents", class_doubts(decisions)),
        *_named("Slots", entity_doubts(slots)),
    ]
    return parts, doubts


def _named(name: str, parts: list[Part]) -> list[Part]:
    return [replace(part, title=f"{name}: {part.title[0].lower()}{part.title[1:]}") for part in parts]


def _whole(decisions: Decisions, slots: Tagged) -> Part:
    """Where frames go wrong: in the intent, in the slots, or in both."""
    intent = decisions.is_right
    slot = np.asarray([all(each.outcome == "right" for each in row) for row in slots.outcomes], dtype=bool)
    kinds = (
        ("intent and slots right", intent & slot), ("only the intent right", intent & ~slot),
        ("only the slots right", ~intent & slot), ("both wrong", ~intent & ~slot),
    )  # fmt: skip
    total = max(1, len(intent))
    rows = [[Cell(name), Cell(count(each.sum())), Cell(percent(each.sum() / total))] for name, each in kinds]
    return Part("What became of the texts", [Table("Frames", ["", "number", "share"], rows, is_quiet=True)])
