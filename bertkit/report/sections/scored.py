"""The examples of a split that have a reference, each with its prediction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bertkit.evaluation.curves import Floats
from bertkit.report.content import ReportSplit
from bertkit.tasks.base import Example, Prediction


@dataclass(frozen=True)
class Scored:
    """Three sequences of the same length, and what texts are called."""

    examples: Sequence[Example]
    predictions: Sequence[Prediction]
    references: Sequence[Any]
    text_names: Sequence[str]


def scored_of(split: ReportSplit) -> Scored:
    """Those whose target is known."""
    every = zip(split.examples, split.predictions, split.references, strict=True)
    known = [each for each in every if each[0].target is not None]
    return Scored(
        [each[0] for each in known],
        [each[1] for each in known],
        [each[2] for each in known],
        split.text_names,
    )


def probabilities_of(predictions: Sequence[Prediction], names: Sequence[str]) -> Floats | None:
    """(predictions, names) the probabilities as written; None where one of them has none."""
    if not predictions or not all(prediction.scores for prediction in predictions):
        return None
    try:
        rows = [[prediction.scores[name] for name in names] for prediction in predictions]
    except KeyError:
        return None
    values = np.asarray(rows, dtype=np.float64)
    return np.clip(values, 0.0, 1.0) if np.isfinite(values).all() else None
