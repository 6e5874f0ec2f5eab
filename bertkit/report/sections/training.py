"""Learning curves: what log.jsonl holds of a training, drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bertkit.report.blocks import Chart, Figures, Section, Text
from bertkit.report.charts import POINTS, Line, lines
from bertkit.report.content import ReportContent
from bertkit.report.wording import count, is_better_greater, is_percent, plural, score, with_unit

_SMOOTHED = 40  # steps from which on a mean over neighbours is drawn over the loss
_NOT_SCORES = frozenset({"kind", "step", "epoch", "best", "loss", "learning_rate", "grad_norm", "tokens"})
_TRAINING = (("learning_rate", "Learning rate"), ("grad_norm", "Gradient norm"))

Records = Sequence[Mapping[str, Any]]


def training(content: ReportContent) -> Section | None:
    """The curves; None where nothing was logged."""
    steps, evaluations, smaller = (_of_kind(content.log, kind) for kind in ("train", "eval", "memory"))
    charts = [
        *_loss(steps, evaluations, content.best_step),
        *_scores(evaluations, content),
        *(chart for name, title in _TRAINING for chart in _one(steps, name, title)),
    ]
    if not charts:
        return None
    notes = [
        Text(
            f"At step {count(record['step'])} memory ran out: from there {record.get('micro_batch_size')} "
            "rows are computed at once, with the same result.",
            "note",
        )
        for record in smaller
    ]
    return Section("Training", [Figures(charts), *notes], lead=_lead(steps, evaluations, content))


def _of_kind(log: Records, kind: str) -> Records:
    """The records of a kind; of a broken file those that still tell their step."""
    return [record for record in log if record.get("kind") == kind and isinstance(record.get("step"), int)]


def _lead(steps: Records, evaluations: Records, content: ReportContent) -> str:
    last = max((record["step"] for record in (*steps, *evaluations)), default=0)
    said = [plural(last, "step")]
    epochs = [record["epoch"] for record in (*steps, *evaluations) if "epoch" in record]
    if epochs:
        said[0] += f", {max(epochs):.3g} epochs"
    tokens = sum(record.get("tokens", 0) for record in steps)
    if tokens:
        said.append(f"{count(tokens)} tokens read")
    if content.best_step is not None:
        said.append(f"the weights of step {count(content.best_step)} were kept (dashed line)")
    return "; ".join(said) + "."


def _points(records: Records, name: str) -> tuple[np.ndarray, np.ndarray]:
    """(steps, values) of the records that have this value, a number."""
    known = [
        (record["step"], record[name]) for record in records if isinstance(record.get(name), int | float)
    ]
    points = np.asarray(known, dtype=np.float64).reshape(-1, 2)
    return points[:, 0], points[:, 1]


def _thinned(x: np.ndarray, y: np.ndarray, points: int) -> tuple[np.ndarray, np.ndarray]:
    """The means of neighbours, as many as can be drawn."""
    if len(x) <= points:
        return x, y
    parts = np.array_split(np.arange(len(x)), points)
    return np.asarray([x[part].mean() for part in parts]), np.asarray([y[part].mean() for part in parts])


def _loss(steps: Records, evaluations: Records, best: int | None) -> list[Chart]:
    x, y = _points(steps, "loss")
    if not len(x):
        return []
    drawn = []
    legend = ["training"]
    smooth = _thinned(x, y, _SMOOTHED)
    is_long = len(x) > 2 * _SMOOTHED
    if is_long:
        drawn.append(Line(*_thinned(x, y, POINTS), is_faint=True))
    drawn.append(Line(*(smooth if is_long else (x, y))))
    held_x, held_y = _points(evaluations, "loss")
    if len(held_x):
        drawn.append(Line(held_x, held_y, 1, has_dots=True))
        legend.append("evaluation")
    summary = f"Loss over steps: {y[0]:.3f} at first, {y[-1]:.3f} at last."
    note = "The strong line is the mean over neighbouring steps." if is_long else ""
    return [Chart("Loss", lines(drawn, summary, best=best, from_zero=True), legend, note)]


def _scores(evaluations: Records, content: ReportContent) -> list[Chart]:
    names = list(
        dict.fromkeys(
            name
            for record in evaluations
            for name, value in record.items()
            if name not in _NOT_SCORES and isinstance(value, int | float)
        )
    )
    of = content.splits[0].result.name if content.splits else "evaluation"
    shares = [name for name in names if is_percent(name)]
    charts = _score_chart(evaluations, shares, f"Scores on {of}", content.best_step)
    for name in names:
        if name not in shares:
            charts += _score_chart(evaluations, [name], f"{name} on {of}", content.best_step)
    return charts


def _score_chart(evaluations: Records, names: Sequence[str], title: str, best: int | None) -> list[Chart]:
    drawn, said = [], []
    for number, name in enumerate(names):
        x, y = _points(evaluations, name)
        if len(x) < 2:
            continue
        drawn.append(Line(x, y, number, has_dots=len(x) <= _SMOOTHED))
        top = y.max() if is_better_greater(name) else y.min()
        said.append(f"{name}: {score(name, y[0])} at first, best {with_unit(name, top)}")
    if not drawn:
        return []
    percent = is_percent(names[0])
    return [
        Chart(title, lines(drawn, f"{title}. {'; '.join(said)}.", best=best, percent=percent), list(names))
    ]


def _one(steps: Records, name: str, title: str) -> list[Chart]:
    x, y = _points(steps, name)
    if len(x) < 2:
        return []
    summary = f"{title} over steps: from {y[0]:.3g} to {y[-1]:.3g}, at most {y.max():.3g}."
    return [Chart(title, lines([Line(*_thinned(x, y, POINTS // 2))], summary, from_zero=True))]
