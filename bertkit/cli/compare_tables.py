"""A comparison of runs as tables: the leaderboard, what is luck, and which examples changed."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bertkit.cli.plain_table import plain_table
from bertkit.cli.printable import output_console, printable

if TYPE_CHECKING:
    from bertkit.evaluation.results import Interval
    from bertkit.workflows.comparison import Comparison, Flip, Pair, SplitComparison, Standing

# Longer predictions and texts are cut on the terminal; --flips-file has them whole.
_LONGEST = 300
_UNCERTAIN = "no difference shown"


def print_comparison(result: Comparison) -> None:
    """The leaderboard of each split, then what is to be said of the differences, then examples."""
    console = output_console()
    for number, split in enumerate(result.splits):
        if number:
            console.print()
        title = f"{split.split}: {split.rows:,} rows, by {split.metric}"
        console.print(Text(printable(title), style="bold"))
        console.print(_leaderboard(split))
        console.print()
        console.print(_differences(split))
        for line in _said(split):
            console.print(Text(printable(line), style="dim"))
        _print_flips(console, split, [flip for flip in result.flips if flip.split == split.split])


def _leaderboard(split: SplitComparison) -> Table:
    from bertkit.evaluation.scoring import shown

    seeds = any(standing.spread for standing in split.standings)
    others = list(split.standings[0].scores)
    spread = [">over seeds"] if seeds else []
    table = plain_table(">#", "run", "model", f">{split.metric}", ">95 % interval", *spread,
                   *(f">{name}" for name in others))  # fmt: skip
    for place, standing in enumerate(split.standings, start=1):
        score = standing.score
        cells = [str(place), standing.run, standing.model, shown(split.metric, score.value)]
        cells += [_ends(split.metric, score), *([_spread(split.metric, standing)] if seeds else [])]
        cells += [shown(name, standing.scores[name]) for name in others]
        table.add_row(*(Text(printable(cell)) for cell in cells))
    return table


def _ends(metric: str, interval: Interval, *, signed: bool = False) -> str:
    if math.isnan(interval.low):
        return ""
    form = _signed if signed else _plain
    return f"{form(metric, interval.low)} to {form(metric, interval.high)}"


def _plain(metric: str, value: float) -> str:
    from bertkit.evaluation.scoring import shown

    return shown(metric, value)


def _signed(metric: str, value: float) -> str:
    text = _plain(metric, value)
    return text if text.startswith("-") or math.isnan(value) else f"+{text}"


def _spread(metric: str, standing: Standing) -> str:
    if standing.spread is None:
        return "one training"
    return f"± {_plain(metric, standing.spread.deviation)} (n = {standing.spread.n})"


def _differences(split: SplitComparison) -> Table:
    reference, seeds = split.pairs[0].reference, _over_seeds(split)
    gained, lost = ("nearer", "farther") if split.pairs[0].flips.unit == "near" else (
        "wrong to right", "right to wrong")  # fmt: skip
    table = plain_table(
        f"beside {printable(reference)}", ">difference", ">95 % interval", ">p",
        *([">p over seeds"] if seeds else []), "what it says", f">{gained}", f">{lost}",
    )  # fmt: skip
    for pair in split.pairs:
        metric = split.metric
        cells = [
            pair.run,
            _signed(metric, pair.difference.value),
            _ends(metric, pair.difference, signed=True),
        ]
        cells += [_p_value(pair.p_examples), *([_p_value(pair.p_seeds)] if seeds else [])]
        cells += [_verdict(pair), f"{len(pair.flips.gained):,}", f"{len(pair.flips.lost):,}"]
        table.add_row(*(Text(printable(cell)) for cell in cells))
    return table


def _over_seeds(split: SplitComparison) -> bool:
    return any(not math.isnan(pair.p_seeds) for pair in split.pairs)


def _p_value(value: float) -> str:
    if math.isnan(value):
        return ""
    return "< 0.0001" if value < 0.0001 else f"{value:.2g}"


def _verdict(pair: Pair) -> str:
    if pair.better is not None:
        return f"{pair.better} is better"
    return "no score to compare" if math.isnan(pair.p_value) else _UNCERTAIN


def _said(split: SplitComparison) -> Iterator[str]:
    """How to read the table."""
    if _over_seeds(split):
        yield "better: where both p say so, that of the examples and that of the seeds"
    if split.family > 1:
        corrected = "; ".join(
            f"{pair.run} {_p_value(pair.p_value)}" for pair in split.pairs if not math.isnan(pair.p_value)
        )
        chosen = "" if split.family == len(split.pairs) else ", all pairs, as the best was seen first,"
        yield f"what it says is by p corrected for {split.family} comparisons{chosen} (Holm): {corrected}"
    if any(pair.better is None for pair in split.pairs):
        yield f"{_UNCERTAIN}: luck makes as large ones too often to tell; it does not say that they are alike"


def _print_flips(console: Console, split: SplitComparison, flips: list[Flip]) -> None:
    for pair in split.pairs:
        gained_and_lost = (pair.flips.gained, pair.flips.lost)
        changes = ("nearer", "farther") if pair.flips.unit == "near" else ("wrong to right", "right to wrong")
        for change, places in zip(changes, gained_and_lost, strict=True):
            chosen = [
                flip for flip in flips
                if flip.change == change and tuple(flip.predictions) == (pair.reference, pair.run)
            ]  # fmt: skip
            if not chosen:
                continue
            title = f"{pair.run} beside {pair.reference}, {change}: {len(chosen):,} of {len(places):,}"
            console.print(Text(f"\n{printable(title)}", style="bold"))
            for flip in chosen:
                console.print(Text(f"  {printable(_one_line(flip))}", overflow="fold"))
                for text in flip.texts:
                    console.print(Text(f"    {printable(_cut(text))}", style="dim", overflow="fold"))


def _one_line(flip: Flip) -> str:
    said = "; ".join(f"{run} says {_value(value)}" for run, value in flip.predictions.items())
    return f"{flip.id}: right is {_value(flip.reference)}; {said}"


def _value(value: Any) -> str:
    """A prediction in words, as predictions files write it."""
    if isinstance(value, dict) and "text" in value:
        value = value["text"] or "no answer"
    if isinstance(value, list) and value and all(isinstance(each, dict) and "text" in each for each in value):
        shown = [f"{each['text']} ({each['label']})" if "label" in each else each["text"] for each in value]
        value = ", ".join(dict.fromkeys(shown))
    if value == []:
        return "nothing"
    return _cut(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
