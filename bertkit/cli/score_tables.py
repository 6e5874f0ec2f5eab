"""Scores as tables, on standard output: of the whole, of its parts, of its slices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bertkit.cli.baseline_tables import baseline_rows
from bertkit.cli.plain_table import plain_table
from bertkit.cli.printable import output_console, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bertkit.config.schema import Published
    from bertkit.evaluation.results import Grouping, GroupScores, Interval, SplitResult
    from bertkit.workflows.evaluate import EvaluationResult

# More groups than these are a list nobody reads: the page and --json have them all.
MOST_GROUPS = 25
# A gap that chance makes more often than this is not worth a look.
_LIKELY_CHANCE = 0.05


def print_scores(result: EvaluationResult) -> None:
    """All that was found: scores with intervals, published ones beside, then parts and slices."""
    console = output_console()
    title = f"{result.model}{f' on {result.recipe}' if result.recipe else ''}"
    console.print(Text(printable(title), style="bold"))
    console.print(score_table(result.splits, result.published))
    for split in result.splits.values():
        for grouping in (*([split.parts] if split.parts else []), *split.slices):
            console.print()
            _print_grouping(console, split.name if len(result.splits) > 1 else "", grouping)
    for row in baseline_rows(result.baselines, result.scores):
        console.print(row)
    if result.report is not None:
        console.print(Text(f"\nreport   {printable(str(result.report))}", overflow="fold"))


def score_table(splits: Mapping[str, SplitResult], published: Iterable[Published]) -> Table:
    """A row a metric, with its interval and what others reached."""
    published = list(published)
    first = next(iter(splits), "")
    table = plain_table("split", ">rows", "metric", ">score", ">95 % interval")
    if published:
        table.add_column("published")
    for split in splits.values():
        for metric, score in split.scores.items():
            beside = [f"{entry.value:g} {entry.model}" for entry in published
                      if entry.metric == metric and (entry.split or first) == split.name]  # fmt: skip
            cells = [printable(split.name), f"{split.rows:,}", metric, *_score(metric, score)]
            table.add_row(*map(Text, [*cells, *([printable(", ".join(beside))] if published else [])]))
        if not split.scores:
            table.add_row(Text(printable(split.name)), f"{split.rows:,}", "labels are hidden", "", "")
    return table


def _score(metric: str, score: Interval) -> tuple[str, str]:
    """A score and its interval, as `90.02` and `87.85 to 91.83`."""
    from bertkit.evaluation.scoring import shown

    if score.low != score.low:
        return shown(metric, score.value), ""
    return shown(metric, score.value), f"{shown(metric, score.low)} to {shown(metric, score.high)}"


def _print_grouping(console: Console, split: str, grouping: Grouping) -> None:
    metrics = list(grouping.groups[0].scores)
    table = plain_table(
        f"{split}: {grouping.by}" if split else f"by {grouping.by}", ">rows",
        *(heading for metric in metrics for heading in (f">{metric}", ">95 % interval")),
    )  # fmt: skip
    for group in _shown_groups(grouping):
        cells = [cell for metric in metrics for cell in _group_score(metric, group)]
        table.add_row(*map(Text, [printable(group.group), f"{group.rows:,}", *cells]))
    console.print(table)
    left_out = len(grouping.groups) - MOST_GROUPS
    if left_out > 0:
        console.print(Text(f"and {left_out:,} more: --json or --report FILE has them all", style="dim"))
    if grouping.gap is not None and grouping.gap.difference and grouping.metric is not None:
        console.print(
            Text(printable(_gap_sentence(grouping)), style="yellow" if _is_real(grouping) else "dim")
        )


def _shown_groups(grouping: Grouping) -> Iterator[GroupScores]:
    """All groups, or of too many those with the most rows."""
    largest = sorted(grouping.groups, key=lambda group: -group.rows)[:MOST_GROUPS]
    return (group for group in grouping.groups if group in largest)


def _group_score(name: str, group: GroupScores) -> tuple[str, str]:
    from bertkit.evaluation.metrics import METRICS

    score = group.scores[name]
    if score.value != score.value:
        return "-", ""
    # Precision, recall and F1 of one label are named like metrics of the whole, and are shares as they are.
    return _score(name if name in METRICS else "accuracy", score)


def _is_real(grouping: Grouping) -> bool:
    return grouping.gap is not None and grouping.gap.chance < _LIKELY_CHANCE


def _gap_sentence(grouping: Grouping) -> str:
    from bertkit.evaluation.scoring import shown

    assert grouping.gap is not None
    assert grouping.metric is not None
    gap = grouping.gap
    size = shown(grouping.metric, gap.difference)
    chance = "less than 0.2 %" if gap.chance < 0.002 else f"{100 * gap.chance:.2g} %"
    between = f"gap {size} between {gap.best!r} and {gap.worst!r}"
    return f"{between}; groups dealt at random differ so much in {chance}"
