"""Several trainings of one recipe as tables: how far their scores lie apart, and which one is kept."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bertkit.cli.plain_table import plain_table
from bertkit.cli.printable import output_console, printable
from bertkit.cli.tables import duration, print_estimate

if TYPE_CHECKING:
    from bertkit.config.loader import LoadedRecipe
    from bertkit.evaluation.spread import Spread
    from bertkit.workflows.estimate import Estimate
    from bertkit.workflows.repeat_results import RepeatResult

_MOVED_BY = {"seeds": "the seed alone", "folds": "the rows that are left out"}


def print_repeated(result: RepeatResult, console: Console | None = None) -> None:
    """The closing panel: mean and deviation, the trainings one by one, the best one, what to type next."""
    console = console or output_console()
    seconds = sum(child.seconds for child in result.children)
    facts = [
        f"kept     {result.kept}, the best by {result.metric}",
        f"model    {result.run}/model",
        f"took     {duration(seconds)} of training in all",
    ]
    body = Group(
        _spread_table(result),
        *([Text(printable(result.caution))] if result.caution else []),
        Text(),
        _children_table(result),
        Text(),
        *(Text(printable(line)) for line in wobble(result)),
        Text(),
        *(Text(printable(fact), overflow="fold") for fact in facts),
        Text(),
        Text("next     bertkit eval", style="cyan"),
        Text("         bertkit predict file.jsonl", style="cyan"),
    )
    title = Text(printable(result.run.name))
    style = "yellow" if result.failed else "green"
    panel = Panel(body, title=title, title_align="left", border_style=style, expand=False)
    console.print(panel if console.is_terminal else body)


def _spread_table(result: RepeatResult) -> Table:
    from bertkit.evaluation.scoring import shown
    from bertkit.workflows.out_of_fold import OUT_OF_FOLD

    published = result.recipe.published
    numbers = ("mean ± sd", "n", "lowest", "highest")
    headings = [f">{name}" for name in numbers]
    table = plain_table("split", "metric", *headings, *(["published"] if published else []))
    first = next(iter(result.spread), "")
    for split, values in result.spread.items():
        for metric, spread in values.items():
            ends = (shown(metric, spread.low), shown(metric, spread.high))
            cells = [printable(split), metric, _mean(metric, spread), str(spread.n), *ends]
            if published:
                cells.append(
                    ", ".join(
                        f"{entry.value:g} {printable(entry.model)}" for entry in published
                        if entry.metric == metric and (entry.split or first) == split
                    )
                )  # fmt: skip
            table.add_row(*map(Text, cells))
    for metric, value in result.out_of_fold.items():
        table.add_row(f"all folds, {result.rows[OUT_OF_FOLD]:,} rows", metric, shown(metric, value))
    return table


def _mean(metric: str, spread: Spread) -> str:
    from bertkit.workflows.repeat_results import spread_text

    return spread_text(metric, spread)


def _children_table(result: RepeatResult) -> Table:
    """A line a training: its scores, or why it has none."""
    from bertkit.evaluation.scoring import shown

    table = plain_table("training", "scores")
    for child in result.children:
        scores = "; ".join(
            f"{split} " + ", ".join(f"{metric} {shown(metric, value)}" for metric, value in values.items())
            for split, values in child.scores.items()
        )
        text = Text(printable(scores)) if child.state == "finished" else Text("failed: ", style="bold red")
        if child.state == "failed":
            text += Text(printable(child.message), style="default")
        elif child.name == result.kept:
            text += Text("  best", style="green")
        table.add_row(Text(child.name), text)
    return table


def wobble(result: RepeatResult) -> Iterator[str]:
    """In words, how far the selecting metric moves on the first eval split, and what follows from that."""
    from bertkit.evaluation.metrics import METRICS
    from bertkit.evaluation.scoring import shown

    split, values = next(iter(result.spread.items()))
    metric, spread = result.metric, values[result.metric]
    if spread.n < 2:
        yield "A single training: how far scores lie apart cannot be told from it."
    elif math.isnan(spread.mean):
        yield f"{metric} of {split} is not defined in one of the trainings."
    elif spread.low == spread.high:
        yield f"All {spread.n} trainings have the same {metric} on {split}."
    else:
        width = shown(metric, spread.high - spread.low) + (" points" if METRICS[metric].percent else "")
        yield (
            f"With {_MOVED_BY[result.by]}, {metric} of {split} moves by {width}, from "
            f"{shown(metric, spread.low)} to {shown(metric, spread.high)}."
        )
        yield "Between single runs of two models a difference of that size may be luck: compare means."


def print_repeated_estimate(recipe: LoadedRecipe, estimate: Estimate, *, runs: int) -> None:
    """The table of `--dry-run` for the first training, and the time of them all."""
    print_estimate(recipe, estimate)
    total = duration(estimate.seconds * runs)
    output_console().print(f"{runs} trainings one after another: roughly {total}")
