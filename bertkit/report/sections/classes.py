"""One class an example: by class, confusions, confidence, ROC and precision-recall, errors, suspects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bertkit.evaluation.curves import Floats, confusion_counts
from bertkit.evaluation.doubtful import hardest_errors, suspected_labels
from bertkit.evaluation.results import Grouping
from bertkit.report.blocks import Fact, Part, ShownExample
from bertkit.report.passages import short
from bertkit.report.sections.confusions import confusion_blocks
from bertkit.report.sections.groups import parts_part
from bertkit.report.sections.probabilities import Separation, confidence_part
from bertkit.report.sections.shown_examples import (
    HARDEST,
    SUSPECTS,
    example_lines,
    hardest_part,
    suspects_part,
)
from bertkit.report.wording import percent
from bertkit.tasks.base import Example


@dataclass(frozen=True)
class Decisions:
    """One class an example, as numbers.

    Attributes:
        names: of the classes.
        expected: (examples,) classes.
        predicted: (examples,) classes.
        probabilities: (examples, classes); None where they are not known.
        examples: what was classified.
        text_names: of pairs.
    """

    names: Sequence[str]
    expected: NDArray[np.int64]
    predicted: NDArray[np.int64]
    probabilities: Floats | None
    examples: Sequence[Example]
    text_names: Sequence[str] = ()

    @cached_property
    def is_right(self) -> NDArray[np.bool_]:
        """(examples,)."""
        return np.asarray(self.expected == self.predicted)

    @cached_property
    def confidence(self) -> Floats | None:
        """(examples,) the probability of what was predicted."""
        if self.probabilities is None:
            return None
        return self.probabilities[np.arange(len(self.predicted)), self.predicted]

    @cached_property
    def separation(self) -> Separation | None:
        """Each class against all others."""
        if self.probabilities is None:
            return None
        members = self.expected[:, None] == np.arange(len(self.names))
        return Separation(self.names, members, self.probabilities)


def class_parts(decisions: Decisions, parts: Grouping | None, *, what: str = "class") -> list[Part]:
    """All parts of a page on one class an example, without its slices and single examples."""
    names, separation, confidence = decisions.names, decisions.separation, decisions.confidence
    found = parts_part(parts, separation.columns if separation else ())
    counts = confusion_counts(decisions.expected, decisions.predicted, len(names))
    found.append(Part("Confusions", confusion_blocks(counts, names, names, what=what)))
    if separation is not None:
        found.append(separation.part(mirrored=len(names) == 2, what=what))
    if confidence is not None:
        found.append(confidence_part(confidence, decisions.is_right))
    return found


def class_doubts(decisions: Decisions) -> list[Part]:
    """The hardest errors and the suspected labels."""
    wrong = int((~decisions.is_right).sum())
    confidence = decisions.confidence
    order = hardest_errors(
        np.zeros(len(decisions.expected)) if confidence is None else confidence, decisions.is_right, HARDEST
    )
    shown = [_shown(decisions, index, int(decisions.predicted[index]), "predicted") for index in order]
    parts = [hardest_part(shown, wrong, len(decisions.expected))]
    if decisions.probabilities is not None:
        parts.append(_suspects(decisions))
    return parts


def _shown(decisions: Decisions, index: int, other: int, term: str) -> ShownExample:
    """An example with its label and what it was, or looks, predicted as."""
    example, label = decisions.examples[index], int(decisions.expected[index])
    shares = decisions.probabilities

    def share(number: int) -> str:
        return "" if shares is None else percent(float(shares[index, number]))

    facts = [
        Fact(term, short(decisions.names[other]), share(other), "wrong"),
        Fact("reference", short(decisions.names[label]), share(label), "expected"),
    ]
    return ShownExample(short(example.id), facts, example_lines(example, decisions.text_names))


def _suspects(decisions: Decisions) -> Part:
    assert decisions.probabilities is not None
    found = suspected_labels(decisions.probabilities, decisions.expected)
    shown = [_shown(decisions, each.index, each.likely, "looks like") for each in found[:SUSPECTS]]
    return suspects_part(
        shown,
        len(found),
        "Examples that count for another class by confident learning (Northcutt et al. 2021): the model "
        "gives it at least the probability that it has on average where it is the label. Either the label "
        "or the model is wrong: read them.",
    )
