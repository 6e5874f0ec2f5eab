"""The drawings of a report: numbers in, an SVG out. No text of the user's goes into a drawing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertkit.evaluation.curves import Curve, Reliability
from bertkit.report.blocks import Range
from bertkit.report.drawing import colour, drawing, drawn, series_colour

Floats = NDArray[np.float64]
SQUARE = 300  # height of drawings whose two axes are the same
POINTS = 400  # of a line; a screen shows no more
DOTS = 900  # of a scatter
_BAR = 26  # height of a row of bars


@dataclass(frozen=True)
class Line:
    """A line over steps; with `is_faint` it stays behind the others."""

    x: Floats
    y: Floats
    number: int = 0
    is_faint: bool = False
    has_dots: bool = False


def _grid(axes: Any, axis: str = "y") -> None:
    axes.grid(visible=True, axis=axis)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(side == ("bottom" if axis == "y" else "left"))


def _percent(axis: Any, limits: tuple[float, float] | None = None) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.4g} %"))
    if limits == (0.0, 1.0):
        axis.set_ticks([0.0, 0.25, 0.5, 0.75, 1.0])
    else:
        axis.set_major_locator(MaxNLocator(5))


def _few(axis: Any) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(5))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}".replace("e-0", "e-")))


def _whole(axis: Any, bins: int = 5) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(bins, integer=True))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def lines(
    series: Sequence[Line],
    summary: str,
    *,
    best: float | None = None,
    percent: bool = False,
    from_zero: bool = False,
) -> str:
    """Lines over training steps; `best` marks the step whose weights were kept; `from_zero` shows the 0."""
    with drawing() as figure:
        axes = figure.subplots()
        if best is not None:
            axes.axvline(best, color=colour("muted"), linewidth=1.0, linestyle=(0, (3, 3)))
        for line in series:
            style: dict[str, Any] = {"alpha": 0.3, "linewidth": 1.0} if line.is_faint else {}
            if line.has_dots:
                style |= {"marker": "o", "markersize": 4.5}
            axes.plot(line.x, line.y, color=series_colour(line.number), **style)
        if from_zero:
            axes.set_ylim(bottom=0)
        _whole(axes.xaxis)
        _percent(axes.yaxis) if percent else _few(axes.yaxis)
        axes.set_xlabel("step")
        axes.margins(x=0.02)
        _grid(axes)
        return drawn(figure, summary)


def unit_curves(curves: Sequence[Curve], summary: str, *, x: str, y: str, diagonal: bool = False) -> str:
    """Curves between two shares, each in the colour of its place; `diagonal` is what guessing reaches."""
    with drawing(SQUARE) as figure:
        axes = figure.subplots()
        if diagonal:
            axes.plot([0, 1], [0, 1], color=colour("muted"), linewidth=1.0, linestyle=(0, (3, 3)))
        for number, curve in enumerate(curves):
            axes.plot(
                curve.x, curve.y, color=series_colour(number),
                drawstyle="default" if diagonal else "steps-pre", clip_on=False,
            )  # fmt: skip
        _unit_square(axes, x, y)
        return drawn(figure, summary)


def _unit_square(axes: Any, x: str, y: str) -> None:
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_aspect("equal")
    _percent(axes.xaxis, (0.0, 1.0))
    _percent(axes.yaxis, (0.0, 1.0))
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(visible=True)


def reliability_diagram(
    found: Reliability, summary: str, *, x: str = "confidence", y: str = "share that is right"
) -> str:
    """How many of the predictions with a confidence are right, and below how many there are."""
    with drawing(SQUARE + 40) as figure:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
        centres = (found.edges[1:] + found.edges[:-1]) / 2
        width = 0.86 * (found.edges[1] - found.edges[0])
        filled = found.counts > 0
        shares, means = found.accuracy[filled], found.confidence[filled]
        lower_ends, gaps = np.minimum(shares, means), means - shares
        upper.bar(centres[filled], lower_ends, width, color=series_colour(0), alpha=0.9)
        for gap, paint in ((np.maximum(gaps, 0), colour("bad")), (np.maximum(-gaps, 0), series_colour(2))):
            upper.bar(centres[filled], gap, width, bottom=lower_ends, color=paint, alpha=0.6)
        upper.plot([0, 1], [0, 1], color=colour("muted"), linewidth=1.0, linestyle=(0, (3, 3)))
        upper.set_ylim(0, 1)
        upper.set_xlim(0, 1)
        _percent(upper.yaxis, (0.0, 1.0))
        upper.set_ylabel(y)
        _grid(upper)
        lower.bar(centres, found.counts, width, color=colour("muted"), alpha=0.6)
        _percent(lower.xaxis, (0.0, 1.0))
        _whole(lower.yaxis, 2)
        lower.set_xlabel(x)
        lower.set_ylabel("number")
        _grid(lower)
        return drawn(figure, summary)


def bars(
    names: Sequence[str],
    values: Sequence[Range],
    labels: Sequence[str],
    summary: str,
    *,
    largest: float = 1.0,
) -> str:
    """A bar a group with its interval; `names` and `labels` are the report's own words."""
    with drawing(34 + _BAR * len(names)) as figure:
        axes = figure.subplots()
        rows = np.arange(len(names))
        shown = [value.value if value.value == value.value else 0.0 for value in values]
        axes.barh(rows, shown, height=0.62, color=series_colour(0), alpha=0.85)
        for row, value in zip(rows, values, strict=True):
            if value.has_interval:
                axes.plot([value.low, value.high], [row, row], color=colour("ink"), linewidth=1.4)
                axes.plot([value.low, value.high], [row, row], "|", color=colour("ink"), markersize=6)
        axes.set_yticks(rows, names)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.set_xlim(0, largest)
        for row, label in zip(rows, labels, strict=True):
            axes.annotate(
                label, (1.02, row), xycoords=("axes fraction", "data"), va="center", color=colour("ink"),
                fontsize=10.5, annotation_clip=False,
            )  # fmt: skip
        if largest == 1.0:
            axes.set_xticks([0, 0.5, 1.0])
            axes.set_xticklabels(["0 %", "50 %", "100 %"])
        _grid(axes, "x")
        return drawn(figure, summary)


def histogram(
    edges: Sequence[float],
    counts: Sequence[Sequence[int]],
    summary: str,
    *,
    x: str,
    y: str = "examples",
    mark: float | None = None,
    percent: bool = False,
) -> str:
    """Counts over bins, the series on top of each other; `mark` is a line at a value, such as a threshold."""
    with drawing() as figure:
        axes = figure.subplots()
        left, widths = np.asarray(edges[:-1]), np.diff(np.asarray(edges, dtype=np.float64))
        bottom = np.zeros(len(left))
        for number, series in enumerate(counts):
            values = np.asarray(series, dtype=np.float64)
            axes.bar(
                left + widths / 2, values, 0.9 * widths, bottom=bottom, color=series_colour(number), alpha=0.9
            )
            bottom += values
        if mark is not None:
            axes.axvline(mark, color=colour("ink"), linewidth=1.2, linestyle=(0, (3, 3)))
        axes.set_xlim(edges[0], edges[-1])
        _whole(axes.yaxis)
        if percent:
            _percent(axes.xaxis, (0.0, 1.0))
        axes.set_xlabel(x)
        axes.set_ylabel(y)
        _grid(axes)
        return drawn(figure, summary)


def scatter(x: Floats, y: Floats, summary: str, *, x_name: str, y_name: str) -> str:
    """Points beside the line on which both are the same, on equal axes."""
    with drawing(SQUARE) as figure:
        axes = figure.subplots()
        low, high = min(x.min(), y.min()), max(x.max(), y.max())
        room = 0.04 * (high - low or 1.0)
        axes.plot([low, high], [low, high], color=colour("muted"), linewidth=1.0, linestyle=(0, (3, 3)))
        _dots(axes, x, y)
        axes.set_xlim(low - room, high + room)
        axes.set_ylim(low - room, high + room)
        axes.set_aspect("equal")
        axes.set_xlabel(x_name)
        axes.set_ylabel(y_name)
        axes.grid(visible=True)
        return drawn(figure, summary)


def _dots(axes: Any, x: Floats, y: Floats) -> None:
    # Evenly over the order of the references: what is rare at the ends is not lost to chance.
    order = np.argsort(x, kind="stable")
    if len(order) > DOTS:
        order = order[np.linspace(0, len(order) - 1, DOTS).astype(int)]
    axes.plot(x[order], y[order], "o", color=series_colour(0), markersize=4.4, markeredgewidth=0, alpha=0.45)


def residuals(
    x: Floats, differences: Floats, centres: Floats, means: Floats, summary: str, *, x_name: str
) -> str:
    """Predicted minus reference over the reference, and its mean in bins."""
    with drawing(SQUARE) as figure:
        axes = figure.subplots()
        axes.axhline(0, color=colour("muted"), linewidth=1.0, linestyle=(0, (3, 3)))
        _dots(axes, x, differences)
        axes.plot(centres, means, color=series_colour(1), marker="o", markersize=4.5)
        axes.set_xlabel(x_name)
        axes.set_ylabel("predicted - reference")
        _grid(axes)
        return drawn(figure, summary)
