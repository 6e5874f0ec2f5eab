"""The scores of parts of the examples: tables, bars, and the gap between the best and the worst."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bertkit.evaluation.results import Grouping, GroupScores, Interval
from bertkit.evaluation.slices import ENOUGH
from bertkit.report.blocks import Cell, Chart, Figures, Part, Range, Table
from bertkit.report.charts import bars
from bertkit.report.passages import short
from bertkit.report.wording import (
    NONE,
    count,
    header,
    is_better_greater,
    is_percent,
    percent,
    score,
    score_cell,
    with_unit,
)

SHOWN = 20  # rows of a table of groups that are seen at once
MOST = 200  # rows in all
_DRAWN = 12

Columns = Sequence[tuple[str, Mapping[str, str]]]


def groups_table(grouping: Grouping, *, caption: str, extra: Columns = (), is_quiet: bool = False) -> Table:
    """A row a group; with more than fit, those with the lowest score first.

    Args:
        grouping: the groups.
        caption: of the table.
        extra: further columns: a header, and the text of each group.
        is_quiet: see `Table`.
    """
    metrics = list(dict.fromkeys(metric for group in grouping.groups for metric in group.scores))
    main = _main(grouping, metrics)
    # On a phone only the first columns are seen.
    metrics.sort(key=lambda metric: metric != main)
    groups = list(grouping.groups)
    if len(groups) > SHOWN and main is not None:
        groups.sort(key=lambda group: _badness(group, main))
    rows = [
        [
            Cell(short(group.group)),
            Cell(count(group.rows)),
            *(score_cell(metric, group.scores.get(metric), with_bar=metric == main) for metric in metrics),
            *(Cell(texts.get(group.group, NONE)) for _, texts in extra),
        ]
        for group in groups
    ]
    columns = [short(grouping.by), "number", *map(header, metrics), *(name for name, _ in extra)]
    note = "Small: the 95 % interval." if _has_intervals(grouping) else ""
    if len(rows) > SHOWN and main is not None:
        note = f"Those with the lowest {main} first. {note}".strip()
    if len(rows) > MOST:
        note = f"{note} {len(rows) - MOST:,} more are not shown.".strip()
    more = rows[SHOWN:MOST]
    return Table(caption, columns, rows[:SHOWN], more, f"{len(more):,} more", note, is_quiet=is_quiet)


def _main(grouping: Grouping, metrics: Sequence[str]) -> str | None:
    if grouping.metric in metrics:
        return grouping.metric
    named = [metric for metric in metrics if metric.endswith("f1")]
    return next(iter([*named, *metrics]), None)


def _badness(group: GroupScores, metric: str) -> float:
    found = group.scores.get(metric)
    if found is None or found.value != found.value:
        return float("inf")
    return found.value if is_better_greater(metric) else -found.value


def _has_intervals(grouping: Grouping) -> bool:
    return any(found.low == found.low for group in grouping.groups for found in group.scores.values())


def gap(grouping: Grouping) -> str:
    """How far the best group is ahead of the worst, in a sentence; empty where nothing is compared."""
    found, metric = grouping.gap, grouping.metric
    if found is None or metric is None:
        return ""
    scores = {group.group: group.scores[metric].value for group in grouping.groups}
    unit = f"{100 * found.difference:.1f} points" if is_percent(metric) else f"{found.difference:.4f}"
    worst, best = (f"{short(name, 40)} ({score(metric, scores[name])})" for name in (found.worst, found.best))
    return (
        f"Gap in {metric}: {unit}, from {worst} to {best}. Groups of these sizes differ as much by chance in "
        f"{percent(found.chance)} of all cases."
    )


def parts_part(grouping: Grouping | None, extra: Columns = ()) -> list[Part]:
    """The scores of the parts that a problem has by itself; nothing where it has none."""
    if grouping is None:
        return []
    title = f"By {short(grouping.by)}"
    return [Part(title, [groups_table(grouping, caption=title, extra=extra, is_quiet=True)])]


def group_bars(grouping: Grouping, title: str) -> Chart | None:
    """A bar a group; None where the score is no share, negative, or of too many groups.

    The names of the groups go into the drawing: only for groups that the report itself names.
    """
    metrics = [metric for group in grouping.groups for metric in group.scores]
    main = _main(grouping, metrics)
    if main is None or not is_percent(main) or not 1 < len(grouping.groups) <= _DRAWN:
        return None
    nothing = Interval(float("nan"), float("nan"), float("nan"))
    scores = [group.scores.get(main, nothing) for group in grouping.groups]
    if any(found.value < 0 for found in scores):
        return None
    names = [group.group for group in grouping.groups]
    ranges = [Range(found.value, max(0.0, found.low), found.high) for found in scores]
    labels = [score(main, found.value) for found in scores]
    said = [f"{name}: {with_unit(main, found.value)}" for name, found in zip(names, scores, strict=True)]
    return Chart(
        title, bars(names, ranges, labels, f"{main} by {grouping.by}. {'; '.join(said)}."),
        note=f"{main} of each group with its 95 % interval.",
    )  # fmt: skip


def slices_part(slices: Sequence[Grouping]) -> list[Part]:
    """All the ways to divide the examples, each with its gap."""
    if not slices:
        return []
    figures: list[Chart | Table] = []
    for grouping in slices:
        chart = group_bars(grouping, "Score by length") if grouping.by == "length" else None
        figures += [chart] if chart else []
        table = groups_table(grouping, caption=f"By {short(grouping.by)}")
        figures.append(replace(table, note=gap(grouping) or table.note))
    few = any(group.rows < ENOUGH for grouping in slices for group in grouping.groups)
    lead = "The same scores for parts of the examples: where the model is weaker, and for whom."
    if few:
        lead += f" Groups of fewer than {ENOUGH} examples say little, and no gap counts them."
    return [Part("Length and slices", [Figures(figures)], lead)]
