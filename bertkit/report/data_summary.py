"""What the splits of a data set hold, small enough to keep: rows, shares of labels, lengths."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from bertkit.evaluation.grouping import word_count
from bertkit.report.content import DataSplit
from bertkit.tasks.base import Example

_BINS = 24
_LONGEST = 0.99  # of the rows are inside the bins; longer ones are in the last


def summarise(name: str, examples: Sequence[Example], references: Iterable[Any], problem: str) -> DataSplit:
    """What one split holds.

    Args:
        name: of the split.
        examples: its rows.
        references: what `Task.shown` says of each.
        problem: one of `bertkit.config.names.PROBLEMS`.
    """
    lengths = np.asarray([word_count(example.texts) for example in examples], dtype=np.int64)
    found: Counter[str] = Counter()
    counted = "rows"
    for reference in references:
        if problem == "tags" and reference:
            counted = "words" if isinstance(reference[0], str) else "entities"
        found.update(_labels(reference, problem))
    ordered = dict(sorted(found.items(), key=lambda each: (-each[1], each[0])))
    if not len(lengths):
        return DataSplit(name, 0, ordered, counted)
    top = max(float(np.quantile(lengths, _LONGEST)), float(lengths.min()) + 1)
    step = max(1, int(np.ceil((top - lengths.min()) / _BINS)))
    edges = np.arange(lengths.min(), top + step, step, dtype=np.float64)
    counts = np.histogram(np.minimum(lengths, edges[-1]), edges)[0]
    quantiles = {
        "shortest": float(lengths.min()), "median": float(np.median(lengths)),
        "95 % below": float(np.quantile(lengths, 0.95)), "longest": float(lengths.max()),
    }  # fmt: skip
    return DataSplit(name, len(examples), ordered, counted, counts.tolist(), edges.tolist(), quantiles)


def _labels(reference: Any, problem: str) -> list[str]:
    if reference is None or problem == "regression":
        return []
    if problem == "frames":
        return [str(reference["intent"])]
    if problem == "answers":
        return ["has an answer" if reference else "has none"]
    if problem == "tags":
        return [each if isinstance(each, str) else str(each["label"]) for each in reference]
    return [str(label) for label in reference] if isinstance(reference, list) else [str(reference)]
