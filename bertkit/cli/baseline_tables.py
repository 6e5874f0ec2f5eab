"""Scores of the baselines as a table, those of the encoder beside where there are any."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from bertkit.cli.plain_table import plain_table
from bertkit.cli.printable import printable

if TYPE_CHECKING:
    from bertkit.workflows.baseline import BaselineScores


def baseline_rows(
    baselines: BaselineScores, scores: Mapping[str, Mapping[str, float]] | None = None
) -> list[Text | Table]:
    """A blank line and the table; nothing where no baseline was asked for, or none makes sense."""
    return [Text(), baseline_table(baselines, scores)] if baselines else []


def baseline_table(
    baselines: BaselineScores, scores: Mapping[str, Mapping[str, float]] | None = None
) -> Table:
    """A row a split and metric, a column a baseline; in brackets, how far the encoder is above it.

    Args:
        baselines: not empty.
        scores: of the encoder, by split and metric; without them the baselines stand alone.
    """
    from bertkit.evaluation.baselines import TITLES
    from bertkit.evaluation.scoring import shown

    names = list(next(iter(baselines.values())))
    beside = [">encoder"] if scores is not None else []
    table = plain_table("split", "metric", *beside, *(f">{TITLES[name]}" for name in names))
    for split, by_name in baselines.items():
        for metric in next(iter(by_name.values())):
            reached = scores[split][metric] if scores is not None else None
            cells = [Text(printable(split)), Text(metric)]
            cells += [Text(shown(metric, reached))] if reached is not None else []
            cells += [_beside(metric, by_name[name][metric], reached) for name in names]
            table.add_row(*cells)
    return table


def _beside(metric: str, value: float, reached: float | None) -> Text:
    """A baseline's score and what the encoder adds to it; yellow where it adds nothing."""
    from bertkit.evaluation.metrics import METRICS
    from bertkit.evaluation.scoring import shown

    if reached is None or value != value or reached != reached:
        return Text(shown(metric, value))
    added = reached - value
    is_better = added > 0 if METRICS[metric].greater_is_better else added < 0
    sign = "" if shown(metric, added).startswith("-") else "+"
    text = f"{shown(metric, value)} ({sign}{shown(metric, added)})"
    return Text(text, style="" if is_better else "yellow")
