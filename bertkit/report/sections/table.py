"""Which sections a report has, in their order, and what is said of a split by its problem."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bertkit.report.blocks import Part, Section
from bertkit.report.content import ReportContent, ReportSplit
from bertkit.report.passages import short
from bertkit.report.sections.answers import answer_parts
from bertkit.report.sections.classes import Decisions, class_doubts, class_parts
from bertkit.report.sections.data import data
from bertkit.report.sections.entities import Tagged, entity_parts
from bertkit.report.sections.entity_examples import entity_doubts
from bertkit.report.sections.frames import frame_parts
from bertkit.report.sections.groups import parts_part, slices_part
from bertkit.report.sections.overview import overview
from bertkit.report.sections.regression import regression_parts
from bertkit.report.sections.run import environment, settings
from bertkit.report.sections.scored import Scored, probabilities_of, scored_of
from bertkit.report.sections.several_labels import several_label_parts
from bertkit.report.sections.tags import tag_parts
from bertkit.report.sections.training import training

# What is said of the scores, and of single examples: length and slices stand between the two.
Parts = tuple[list[Part], list[Part]]


def sections_of(content: ReportContent) -> list[Section]:
    """All sections that have something to say."""
    found = [
        overview(content), training(content), *(_split(split) for split in content.splits), data(content),
        settings(content), environment(content),
    ]  # fmt: skip
    return [section for section in found if section is not None]


def _split(split: ReportSplit) -> Section | None:
    scored = scored_of(split)
    if not scored.examples:
        return None
    scores, examples = PROBLEMS[split.problem](split, scored)
    return Section(short(split.result.name), parts=[*scores, *slices_part(split.result.slices), *examples])


def _single_label(split: ReportSplit, scored: Scored) -> Parts:
    names = split.labels.names
    places = {name: number for number, name in enumerate(names)}
    decisions = Decisions(
        names,
        np.asarray([example.target for example in scored.examples], dtype=np.int64),
        np.asarray([places[prediction.value] for prediction in scored.predictions], dtype=np.int64),
        probabilities_of(scored.predictions, names),
        scored.examples,
        scored.text_names,
    )
    return class_parts(decisions, split.result.parts), class_doubts(decisions)


def _regression(split: ReportSplit, scored: Scored) -> Parts:
    scores, examples = regression_parts(scored)
    return [*scores, *parts_part(split.result.parts)], examples


def _tags(split: ReportSplit, scored: Scored) -> Parts:
    if any(isinstance(tag, str) for tags in scored.references for tag in tags):
        return tag_parts(scored, split.labels.names, split.result.parts)
    tagged = Tagged(
        scored.examples, scored.references, [prediction.value for prediction in scored.predictions]
    )
    return entity_parts(tagged, split.result.parts), entity_doubts(tagged)


PROBLEMS: dict[str, Callable[[ReportSplit, Scored], Parts]] = {
    "single_label": _single_label,
    "multi_label": several_label_parts,
    "regression": _regression,
    "tags": _tags,
    "answers": answer_parts,
    "frames": frame_parts,
}
