"""How often each label occurs, and what is wrong with that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bertkit.data.checking.checks import (
    SHOWN_PLACES,
    CheckedRow,
    CheckedSplit,
    Finding,
    Severity,
    counted,
    some_of,
)

# A label with fewer is hardly learned; a share would call every label of a large set rare.
FEWEST = 10
# From here on the frequent labels drown the others.
IMBALANCE = 10
MAJORITY = 0.8


@dataclass(frozen=True)
class LabelTable:
    """How often each label occurs.

    Attributes:
        kind: what it is a label of: `label`, `entity`, `intent`, `slot`, `tag`.
        counted: what is counted: `row` or `entity`.
        counts: by split, by label; all splits hold all labels, the most frequent in training first.
    """

    kind: str
    counted: str
    counts: Mapping[str, Mapping[str, int]]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"kind": self.kind, "counted": self.counted, "counts": self.counts}


def count_labels(
    kind: str, splits: Sequence[CheckedSplit], *, names: Sequence[str] = (), unit: str = "row"
) -> LabelTable:
    """Count the labels of all splits.

    Args:
        kind: what they are labels of.
        splits: training rows first.
        names: labels that are known, whether they occur or not.
        unit: what is counted.
    """
    counts = [Counter(label for row in split.rows for label in row.labels) for split in splits]
    every = dict.fromkeys([*names, *(label for count in counts for label in count)])
    order = sorted(every, key=lambda label: -counts[0][label])
    return LabelTable(
        kind,
        unit,
        {
            split.name: {label: count[label] for label in order}
            for split, count in zip(splits, counts, strict=True)
        },
    )


def check_labels(table: LabelTable, splits: Sequence[CheckedSplit], *, treatment: str = "") -> list[Finding]:
    """Labels that only eval rows have, rare ones, and such that drown the others.

    Args:
        table: of these splits.
        splits: training rows first.
        treatment: what to type against imbalance; empty where it is no fault.
    """
    train = splits[0]
    counts = table.counts[train.name]
    findings = [_unseen(table, train, split) for split in splits[1:]]
    findings.append(_rare(table, train))
    if treatment:
        findings.append(_imbalance(table, counts, train.name, treatment))
    return findings


def _unseen(table: LabelTable, train: CheckedSplit, split: CheckedSplit) -> Finding:
    trained, found = table.counts[train.name], table.counts[split.name]
    unseen = {label for label, count in found.items() if count and not trained[label]}
    rows = _rows_with(split, unseen)
    right = f"no {table.kind} that {train.name} has not"
    names = f"whose {table.kind} no training row has: {some_of(sorted(unseen))}"
    return split.finding("unseen_label", rows, names, right)


def _rows_with(split: CheckedSplit, labels: set[str]) -> list[CheckedRow]:
    return [row for row in split.rows if labels.intersection(row.labels)] if labels else []


def _rare(table: LabelTable, train: CheckedSplit) -> Finding:
    counts = table.counts[train.name]
    rare = sorted((label for label, count in counts.items() if count < FEWEST), key=counts.__getitem__)
    if not rare:
        right = f"every {table.kind} at least {FEWEST} times"
        return Finding("rare_label", right, train.name, "good")
    shown = some_of(f"{label} ({counts[label]})" for label in rare)
    few = f"with fewer than {FEWEST} training {_plural(table.counted)}"
    text = f"{counted(len(rare), table.kind)} {few}: {shown}"
    places = tuple(train.place_of(row) for row in _rows_with(train, set(rare))[:SHOWN_PLACES])
    return Finding("rare_label", text, train.name, "warning", len(rare), places)


def _plural(noun: str) -> str:
    return counted(2, noun).partition(" ")[2]


def _imbalance(table: LabelTable, counts: Mapping[str, int], split: str, treatment: str) -> Finding:
    present = {label: count for label, count in counts.items() if count}
    if len(present) < 2:
        # One kind of entity is enough to look for; one label for all rows is nothing to learn.
        severity: Severity = "good" if table.kind in ("entity label", "slot") else "warning"
        return Finding("imbalance", f"only one {table.kind} in training", split, severity, len(present))
    most, least = max(present, key=present.__getitem__), min(present, key=present.__getitem__)
    share = present[most] / sum(present.values())
    ratio = present[most] / present[least]
    if ratio < IMBALANCE and share <= MAJORITY:
        text = f"{_plural(table.kind)} balanced within {ratio:.1f} to 1"
        return Finding("imbalance", text, split, "good")
    text = (
        f"{most!r} has {100 * share:.0f} % of the {_plural(table.counted)}, "
        f"{ratio:,.0f} times as many as {least!r}"
    )
    return Finding("imbalance", text, split, "warning", len(present), advice=treatment)
