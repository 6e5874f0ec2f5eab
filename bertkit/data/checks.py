"""What looks wrong in the examples, told before anything expensive begins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing worth knowing about the data.

    Attributes:
        text: a sentence with a count.
        examples: ids of the first rows it is about.
    """

    text: str
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class CheckedRow:
    """What the checks need of an example.

    Attributes:
        id: as in the predictions file.
        texts: one text, or two of a pair.
        label: its label in words, None where there is none.
    """

    id: str
    texts: tuple[str, ...]
    label: str | None


def check_splits(train: Sequence[CheckedRow], evals: Mapping[str, Sequence[CheckedRow]]) -> list[Finding]:
    """Empty and repeated texts, one text with two labels, eval rows that were trained on, unseen labels."""
    findings: list[Finding] = []
    for name, rows in {"train": train, **evals}.items():
        empty = [row.id for row in rows if not any(text.strip() for text in row.texts)]
        if empty:
            findings.append(_finding(f"{name}: {_count(empty, 'row')} without text", empty))
    labels_of: dict[tuple[str, ...], set[str | None]] = {}
    copies: list[str] = []
    torn: list[str] = []
    for row in train:
        known = labels_of.setdefault(_normalised(row.texts), set())
        if known:
            (copies if row.label in known else torn).append(row.id)
        known.add(row.label)
    if copies:
        findings.append(_finding(f"train: {_count(copies, 'row')} repeating another", copies))
    if torn:
        findings.append(
            _finding(f"train: {_count(torn, 'row')} with the text of another but another label", torn)
        )
    trained_labels = Counter(row.label for row in train)
    for name, rows in evals.items():
        leaked = [row.id for row in rows if _normalised(row.texts) in labels_of]
        if leaked:
            findings.append(_finding(f"{name}: {_count(leaked, 'row')} also among the training rows", leaked))
        unseen = sorted(
            {row.label for row in rows if row.label is not None and row.label not in trained_labels}
        )
        if unseen and train:
            findings.append(Finding(f"{name}: labels that no training row has: {', '.join(unseen)}"))
    return findings


def _finding(text: str, ids: Sequence[str]) -> Finding:
    first = tuple(ids[:3])
    return Finding(f"{text} ({', '.join(first)}{', ...' if len(ids) > 3 else ''})", first)


def _count(rows: Sequence[str], noun: str) -> str:
    return f"{len(rows):,} {noun}{'' if len(rows) == 1 else 's'}"


def _normalised(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(" ".join(text.casefold().split()) for text in texts)
