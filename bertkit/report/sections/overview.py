"""What is read first: the scores with their intervals, and beside them what others reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bertkit.evaluation.results import Interval
from bertkit.report.blocks import Block, Cell, Section, Table, Text, Tile, Tiles
from bertkit.report.content import ReportContent, ReportSplit
from bertkit.report.passages import short
from bertkit.report.wording import (
    NONE,
    about,
    bar,
    header,
    interval,
    is_percent,
    plural,
    score,
    score_cell,
    with_unit,
)


def overview(content: ReportContent) -> Section:
    """Scores of each split as tiles, then a table for each split that has something beside it."""
    blocks: list[Block] = [Text(note, "warning") for note in content.notes]
    for split in content.splits:
        blocks += _split_blocks(content, split)
    blocks += [Text(note, "note") for note in content.calibration]
    return Section("Scores", blocks, lead=_lead(content))


def _lead(content: ReportContent) -> str:
    found = [score for split in content.splits for score in split.result.scores.values()]
    if any(score.low == score.low for score in found):
        return "Below each score: its 95 % interval, as far as the choice of the examples may have moved it."
    return ""


def _split_blocks(content: ReportContent, split: ReportSplit) -> list[Block]:
    result = split.result
    rows = plural(result.rows, "example")
    if not result.scores:
        return [Text(f"{short(result.name)}: {rows}, labels hidden: predictions, but no scores.", "note")]
    tiles = [
        Tile(
            short(metric),
            with_unit(metric, found.value),
            _detail(metric, found),
            bar(metric, found),
            about(metric),
        )
        for metric, found in sorted(result.scores.items(), key=lambda each: each[0] != content.select)
    ]
    blocks: list[Block] = [Text(f"{result.name}, {rows}", "heading"), Tiles(tiles)]
    blocks += [Text(note, "note") for note in split.notes if note not in content.notes]
    beside = _beside(content, split)
    return [*blocks, beside] if beside else blocks


def _detail(metric: str, found: Interval) -> str:
    ends = interval(metric, found)
    return f"95 %: {ends}" if ends else ""


def _beside(content: ReportContent, split: ReportSplit) -> Table | None:
    """The model, the baselines and what is published, a row each; None with nothing to compare."""
    name, first = split.result.name, content.splits[0].result.name
    published = [each for each in content.published if (each.split or first) == name]
    baselines = [(each.name, each.scores[name]) for each in content.baselines if name in each.scores]
    metrics = list(split.result.scores)
    others = [each.metric for each in published if each.metric not in metrics]
    metrics += list(dict.fromkeys(others))
    if not published and not baselines:
        return None
    rows: list[list[Cell]] = [
        [
            Cell("this model"),
            *(score_cell(metric, split.result.scores.get(metric)) for metric in metrics),
            Cell(short(content.title)),
        ]
    ]
    for label, scores in baselines:
        rows.append([Cell(short(label)), *_scores(metrics, scores), Cell("baseline on the same rows")])
    by_source: dict[tuple[str, str], dict[str, float]] = {}
    for entry in published:
        value = entry.value / 100 if is_percent(entry.metric) else entry.value
        by_source.setdefault((entry.model, entry.source), {})[entry.metric] = value
    for (model, source), scores in by_source.items():
        rows.append([Cell(short(model)), *_scores(metrics, scores), Cell(short(source, 160))])
    columns = ["", *map(header, metrics), "from"]
    return Table(f"Beside others: {short(name)}", columns, rows, kind="beside")


def _scores(metrics: Sequence[str], scores: Mapping[str, float]) -> list[Cell]:
    return [Cell(score(metric, scores[metric]) if metric in scores else NONE) for metric in metrics]
