"""What a report is made of, as plain values: what was scored, how it was trained, on what, with what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bertkit.config.schema import Published
from bertkit.data.labels import LabelSet
from bertkit.evaluation.results import SplitResult
from bertkit.tasks.base import Example, Prediction


@dataclass(frozen=True)
class ReportSplit:
    """One scored split.

    Attributes:
        result: its scores, with the intervals that the page shows beside them.
        problem: one of `bertkit.config.names.PROBLEMS`.
        labels: what can be predicted.
        examples: in the order of the rows; those without a target are counted, and left out otherwise.
        predictions: one an example.
        references: one an example, as `Task.shown` gives it; None where there is none.
        text_names: what the texts of an example are called, for pairs.
        threshold: of a no-answer score; above it no answer is given.
        notes: what a person should know of this split.
    """

    result: SplitResult
    problem: str
    labels: LabelSet
    examples: Sequence[Example]
    predictions: Sequence[Prediction]
    references: Sequence[Any]
    text_names: Sequence[str] = ()
    threshold: float | None = None
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class DataSplit:
    """What one split holds; `data_summary.summarise` makes it.

    Attributes:
        name: of the split.
        rows: examples.
        labels: how often each label occurs; empty where there are none, as in a regression.
        counted: what `labels` counts: `rows` (one may have several labels), `entities` or `words`.
        lengths: words in all texts of a row, by `edges`: (bins,) rows.
        edges: (bins + 1,) the last one included.
        quantiles: words of a row by what they are called: `shortest`, `median`, `95 %`, `longest`.
    """

    name: str
    rows: int
    labels: Mapping[str, int] = field(default_factory=dict)
    counted: str = "rows"
    lengths: Sequence[int] = ()
    edges: Sequence[float] = ()
    quantiles: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Beside:
    """Scores of something simpler on the same rows, such as the majority class.

    Attributes:
        name: what it is.
        scores: by split and metric, fractions or in the metric's unit.
    """

    name: str
    scores: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class ReportContent:
    """A whole report. Only `title` and `splits` must hold something; what is empty is not shown.

    Attributes:
        title: name of the run or of the model.
        recipe: name of the recipe; None where there is none.
        model: name of the encoder, or of the trained model.
        splits: what was scored, the split that selects first.
        select: the metric that decides; None takes the first of the first split.
        log: the records of log.jsonl; empty for a model that is no run.
        best_step: the step whose weights were kept.
        data: what the splits hold, training rows first.
        settings: by section (`train`, `task`, ...) or flat; nested mappings are shown with dots.
        environment: as environment.json.
        published: what others reached, in the units in which it is published.
        baselines: what simpler methods reach on the same splits.
        notes: warnings and remarks that stand at the top.
        calibration: what was fitted, in words: a temperature, thresholds.
        made: when, as people read it; empty: not said.
    """

    title: str
    recipe: str | None
    model: str
    splits: Sequence[ReportSplit]
    select: str | None = None
    log: Sequence[Mapping[str, Any]] = ()
    best_step: int | None = None
    data: Sequence[DataSplit] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    published: Sequence[Published] = ()
    baselines: Sequence[Beside] = ()
    notes: Sequence[str] = ()
    calibration: Sequence[str] = ()
    made: str = ""
