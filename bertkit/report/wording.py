"""Numbers as a report writes them."""

from __future__ import annotations

from collections.abc import Sequence

from bertkit.evaluation.metrics import METRICS
from bertkit.evaluation.results import Interval
from bertkit.evaluation.scoring import shown
from bertkit.report.blocks import Cell, Range
from bertkit.report.passages import short

NONE = "\N{EN DASH}"  # where there is no number


def is_percent(metric: str) -> bool:
    """Whether a metric is a share; those that are not in the table of metrics are."""
    return METRICS[metric].percent if metric in METRICS else True


def is_better_greater(metric: str) -> bool:
    """Whether more of it is better."""
    return METRICS[metric].greater_is_better if metric in METRICS else True


def about(metric: str) -> str:
    """One line on a metric; empty where it is not in the table."""
    return METRICS[metric].about if metric in METRICS else ""


def score(metric: str, value: float) -> str:
    """A score without its unit, as the command line writes it."""
    if value != value:
        return NONE
    return shown(metric, value) if metric in METRICS else f"{100 * value:.2f}"


def with_unit(metric: str, value: float) -> str:
    """A score with `%` where it is a share."""
    text = score(metric, value)
    return f"{text}\N{NO-BREAK SPACE}%" if is_percent(metric) and text != NONE else text


def header(metric: str) -> str:
    """A metric as the header of a column of bare scores."""
    return f"{short(metric)}, %" if is_percent(metric) else short(metric)


def interval(metric: str, found: Interval) -> str:
    """The two ends of an interval; empty where there is none."""
    if found.low != found.low or found.high != found.high:
        return ""
    return f"{score(metric, found.low)} to {score(metric, found.high)}"


def bar(metric: str, found: Interval) -> Range | None:
    """The interval on a line from 0 to 1; None where the score is not a share, or is negative."""
    if not is_percent(metric) or found.value != found.value or found.value < 0:
        return None
    return Range(found.value, max(0.0, found.low), min(1.0, found.high))


def score_cell(metric: str, found: Interval | None, *, with_bar: bool = False) -> Cell:
    """A score with its interval below it."""
    if found is None:
        return Cell(NONE)
    return Cell(score(metric, found.value), interval(metric, found), bar(metric, found) if with_bar else None)


def percent(share: float, digits: int = 1) -> str:
    """A share as people read it; a dash where it is not defined."""
    return NONE if share != share else f"{100 * share:.{digits}f}\N{NO-BREAK SPACE}%"


def count(number: float) -> str:
    """A whole number with commas."""
    return f"{number:,.0f}"


def plural(number: int, one: str, several: str = "") -> str:
    """The number and what it counts: `1 row`, `3 rows`."""
    return f"{count(number)} {one if number == 1 else several or one + 's'}"


def listed(names: Sequence[str]) -> str:
    """Names in a sentence: `a`, `a and b`, `a, b and c`."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
