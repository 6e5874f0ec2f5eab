"""Several labels an example: by label, what is missed and added, curves, errors, suspects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bertkit.evaluation.curves import Floats
from bertkit.evaluation.doubtful import Suspect, suspected_labels
from bertkit.report.blocks import Cell, Fact, Figures, Part, ShownExample, Table
from bertkit.report.content import ReportSplit
from bertkit.report.passages import short
from bertkit.report.sections.groups import parts_part
from bertkit.report.sections.probabilities import Separation, confidence_part
from bertkit.report.sections.scored import Scored, probabilities_of
from bertkit.report.sections.shown_examples import (
    HARDEST,
    SUSPECTS,
    example_lines,
    hardest_part,
    suspects_part,
)
from bertkit.report.wording import count, percent

_LABELS = 30  # rows of the table of mistakes
_FACTS = 6  # wrong labels that are named of one example


@dataclass(frozen=True)
class _Several:
    """Decisions for and against each label, (examples, labels)."""

    names: Sequence[str]
    expected: NDArray[np.bool_]
    predicted: NDArray[np.bool_]
    probabilities: Floats | None
    scored: Scored

    @cached_property
    def wrong(self) -> NDArray[np.bool_]:
        return np.asarray(self.expected != self.predicted)

    @cached_property
    def separation(self) -> Separation | None:
        if self.probabilities is None:
            return None
        return Separation(self.names, self.expected, self.probabilities)


def several_label_parts(split: ReportSplit, scored: Scored) -> tuple[list[Part], list[Part]]:
    """What is said of the scores, and of single examples."""
    names = split.labels.names
    places = {name: number for number, name in enumerate(names)}
    expected = np.asarray([example.target for example in scored.examples], dtype=bool)
    predicted = np.zeros_like(expected)
    for row, prediction in enumerate(scored.predictions):
        predicted[row, [places[name] for name in prediction.value if name in places]] = True
    shares = probabilities_of(scored.predictions, names)
    several = _Several(names, expected, predicted, shares, scored)
    separation = several.separation
    parts = parts_part(split.result.parts, separation.columns if separation else ())
    parts.append(_mistakes(several))
    hardest = [_hardest(several)]
    if shares is None or separation is None:
        return parts, hardest
    parts.append(separation.part(what="label"))
    parts.append(
        confidence_part(
            shares.ravel(), expected.ravel(), what="decisions", right="labelled", subject="probability"
        )
    )
    return parts, [*hardest, _suspects(several)]


def _mistakes(several: _Several) -> Part:
    missed = (several.expected & ~several.predicted).sum(axis=0)
    added = (several.predicted & ~several.expected).sum(axis=0)
    actual = several.expected.sum(axis=0)
    order = np.argsort(-(missed + added), kind="stable")[:_LABELS]
    rows = [
        [
            Cell(short(several.names[n])), Cell(count(actual[n])), Cell(count(missed[n])),
            Cell(count(added[n])),
        ]
        for n in order
        if missed[n] + added[n]
    ]  # fmt: skip
    sizes = [side.sum(axis=1) for side in (several.expected, several.predicted)]
    most = int(max(size.max(initial=0) for size in sizes))
    columns = [*range(min(most, 5) + 1)]
    numbers = [
        [Cell(name), *(Cell(count(_size(size, n, last=n == columns[-1]))) for n in columns)]
        for name, size in zip(("reference", "predicted"), sizes, strict=True)
    ]
    heads = [str(n) if n < columns[-1] or most <= 5 else f"{n} or more" for n in columns]
    return Part(
        "Missed and added",
        [
            Figures(
                [
                    Table("Where labels go wrong", ["label", "in the reference", "missed", "added"], rows),
                    Table("Labels an example", ["labels", *heads], numbers),
                ]
            )
        ],
    )


def _size(sizes: NDArray[np.int64], number: int, *, last: bool) -> int:
    return int(np.count_nonzero(sizes >= number if last else sizes == number))


def _hardest(several: _Several) -> Part:
    wrong: NDArray[np.bool_] = np.any(several.wrong, axis=1)
    sure = np.where(several.wrong, _sureness(several), -1.0).max(axis=1, initial=-1.0)
    order = [int(row) for row in np.argsort(-sure, kind="stable")[:HARDEST] if wrong[row]]
    return hardest_part([_shown(several, row) for row in order], int(wrong.sum()), len(wrong))


def _sureness(several: _Several) -> Floats:
    """(examples, labels) the probability of what was decided."""
    if several.probabilities is None:
        return np.zeros(several.expected.shape)
    return np.where(several.predicted, several.probabilities, 1 - several.probabilities)


def _shown(several: _Several, row: int) -> ShownExample:
    places = np.flatnonzero(several.wrong[row])
    places = places[np.argsort(-_sureness(several)[row, places], kind="stable")]
    facts = [
        Fact(
            "added" if several.predicted[row, n] else "missed", short(several.names[n]),
            "" if several.probabilities is None else percent(several.probabilities[row, n]),
            "wrong" if several.predicted[row, n] else "expected",
        )
        for n in places[:_FACTS]
    ]  # fmt: skip
    right = np.flatnonzero(several.expected[row] & several.predicted[row])
    facts += [Fact("right", short(several.names[n]), "", "right") for n in right[:_FACTS]]
    example = several.scored.examples[row]
    return ShownExample(short(example.id), facts, example_lines(example, several.scored.text_names))


def _suspects(several: _Several) -> Part:
    assert several.probabilities is not None
    found: list[tuple[float, int, Suspect]] = []
    for label in range(len(several.names)):
        shares = several.probabilities[:, label]
        for each in suspected_labels(np.stack([1 - shares, shares], axis=1), several.expected[:, label]):
            found.append((each.likely_probability - each.given_probability, label, each))
    found.sort(key=lambda entry: (-entry[0], entry[2].index, entry[1]))
    shown = []
    for _, label, each in found[:SUSPECTS]:
        example = several.scored.examples[each.index]
        share = several.probabilities[each.index, label]
        term = "label missing?" if each.likely else "label too many?"
        fact = Fact(term, short(several.names[label]), percent(share), "wrong" if each.likely else "expected")
        lines = example_lines(example, several.scored.text_names)
        shown.append(ShownExample(short(example.id), [fact], lines))
    return suspects_part(
        shown,
        len(found),
        "Each label for itself, by confident learning (Northcutt et al. 2021): labels that are there "
        "although the model is as sure against them as it is on average where they are not, and the reverse. "
        "Either the label or the model is wrong: read them.",
    )
