"""What a benchmark found: scores by task, the average, and the table with published rows beside."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bertkit.evaluation.glue import GlueAverage
from bertkit.runs.atomic import write_json, write_text
from bertkit.workflows.benchmark_plan import Plan
from bertkit.workflows.benchmark_published import PUBLISHED, GlueTask, PublishedRow, average_of
from bertkit.workflows.benchmark_submission import Submission
from bertkit.workflows.children import ChildOutcome

RESULTS, TABLE = "results.json", "results.md"
SMOKE = "SMOKE RUN: a few rows and steps a task; these scores say nothing about the model"
PLAIN_ENCODER = (
    "All tasks start from the plain encoder, RTE, MRPC and STS-B too; published rows may start these three "
    "from a model of MNLI."
)


@dataclass(frozen=True)
class TaskResult:
    """What became of one task.

    Attributes:
        task: which.
        state: `finished` or `failed`.
        message: why it failed.
        run: its run folder.
        scores: by eval split and metric, fractions.
        rows: examples by split, the training rows as `train`.
        seconds: from the first step to the last.
    """

    task: GlueTask
    state: str
    message: str
    run: Path
    scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    rows: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def figures(self) -> tuple[float, ...]:
        """What GLUE reports of it, in percent, in the order of `GlueTask.metrics`; empty if it failed."""
        if self.state != "finished":
            return ()
        values = (self.scores.get(split, {}).get(metric) for split, metric in self.task.metrics)
        return tuple(math.nan if value is None else 100 * value for value in values)

    @property
    def shortfall(self) -> str:
        """Which rows of the whole data set were not there; empty where all were."""
        if self.state != "finished":
            return ""
        wanted = {"train": self.task.train_rows, **self.task.dev_rows}
        short = [
            f"{self.rows.get(split, 0):,} of {count:,} {split} rows"
            for split, count in wanted.items()
            if self.rows.get(split) != count
        ]
        return f"{self.task.title}: {', '.join(short)}" if short else ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "task": self.task.name, "state": self.state, "message": self.message, "run": str(self.run),
            "scores": self.scores, "figures": list(self.figures), "rows": self.rows,
            "seconds": self.seconds, "shortfall": self.shortfall,
        }  # fmt: skip


@dataclass(frozen=True)
class BenchmarkResult:
    """What a benchmark found.

    Attributes:
        folder: of the benchmark.
        plan: its settings.
        tasks: what became of each task, in their order.
        submission: None while trainings are under way.
    """

    folder: Path
    plan: Plan
    tasks: tuple[TaskResult, ...]
    submission: Submission | None = None

    @property
    def failed(self) -> tuple[TaskResult, ...]:
        """The tasks that failed."""
        return tuple(result for result in self.tasks if result.state == "failed")

    @property
    def average(self) -> GlueAverage:
        """The benchmark's average in percent; it has no value unless all nine tasks have scores."""
        return average_of({result.task.name: result.figures for result in self.tasks})

    @property
    def published(self) -> tuple[PublishedRow, ...]:
        """What stands beside; nothing beside a smoke run."""
        return () if self.plan.quick else PUBLISHED

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "benchmark": "glue",
            "model": self.plan.model,
            "smoke_run": self.plan.quick,
            "seed": self.plan.seed,
            "settings": list(self.plan.assignments),
            "tasks": [result.as_dict() for result in self.tasks],
            "average": {"value": self.average.value, "about": self.average.about},
            "submission": self.submission.as_dict() if self.submission else None,
            "published": [
                {
                    "model": row.model, "source": row.source, "average": average_of(row.figures).value,
                    "figures": {name: list(values) for name, values in row.figures.items()},
                }
                for row in self.published
            ],
        }  # fmt: skip


def task_result(task: GlueTask, outcome: ChildOutcome) -> TaskResult:
    """The result of a task from the run folder of its training."""
    run = outcome.child.run
    if outcome.state == "failed":
        return TaskResult(task, outcome.state, outcome.message, run.path)
    metrics = run.read_metrics()
    return TaskResult(
        task, outcome.state, "", run.path,
        scores=metrics.get("scores", {}), rows=metrics.get("rows", {}), seconds=metrics.get("seconds", 0.0),
    )  # fmt: skip


@dataclass(frozen=True)
class ResultTable:
    """The table that people read, as text.

    Attributes:
        title: what was benchmarked.
        warning: of a smoke run; else empty.
        header: names of the columns; published systems by number.
        lines: cells of each line.
        notes: what has to be said below it.
    """

    title: str
    warning: str
    header: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


def result_table(result: BenchmarkResult) -> ResultTable:
    """Our scores by task, published ones beside, in percent."""
    beside = result.published
    lines = [
        (found.task.title, found.task.shown, _figures(found.figures, 2) or found.state,
         *(_figures(row.figures.get(found.task.name, ())) or "-" for row in beside))
        for found in result.tasks
    ]  # fmt: skip
    averages = [each.value for each in (result.average, *(average_of(row.figures) for row in beside))]
    lines.append(("GLUE", "average", *("-" if value is None else f"{value:.2f}" for value in averages)))
    return ResultTable(
        title=", ".join(["GLUE dev", result.plan.model, *_settings(result.plan)]),
        warning=SMOKE if result.plan.quick else "",
        header=("task", "metric", "ours", *(f"[{number}]" for number in range(1, len(beside) + 1))),
        lines=tuple(lines),
        notes=tuple(_notes(result)),
    )


def _settings(plan: Plan) -> list[str]:
    seed = [] if plan.seed is None else [f"train.seed={plan.seed}"]
    return [*plan.assignments, *seed]


def _figures(values: Sequence[float], digits: int | None = None) -> str:
    return "/".join(f"{value:g}" if digits is None else f"{value:.{digits}f}" for value in values)


def _notes(result: BenchmarkResult) -> list[str]:
    notes = [f"[{number}] {row.model}: {row.source}" for number, row in enumerate(result.published, 1)]
    notes += [f"{found.task.title} failed: {found.message}" for found in result.failed]
    if short := [found.shortfall for found in result.tasks if found.shortfall and not result.plan.quick]:
        notes.append(f"Not the whole data, so not to be compared: {'; '.join(short)}")
    if not result.plan.quick:
        notes += [PLAIN_ENCODER, f"GLUE average: {result.average.about}"]
    return notes + _submission_notes(result)


def _submission_notes(result: BenchmarkResult) -> list[str]:
    submission = result.submission
    if submission is None:
        return []
    by_reason: dict[str, list[str]] = {}
    for name, reason in submission.missing.items():
        by_reason.setdefault(reason, []).append(name)
    lacks = "; ".join(f"{', '.join(names)} ({reason})" for reason, names in by_reason.items())
    if submission.archive is None:
        return [f"No archive for the GLUE site: {lacks}"]
    notes = [f"Predictions of the test sets: {submission.archive}"]
    if result.plan.quick:
        notes.append("It holds the first rows only: the GLUE site would refuse it")
    if lacks:
        notes.append(f"The GLUE site wants all eleven files; missing: {lacks}")
    return notes


def as_markdown(result: BenchmarkResult) -> str:
    """The same table as Markdown."""
    table = result_table(result)
    lines = [table.header, tuple("---" for _ in table.header), *table.lines]
    rows = "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
    notes = "".join(f"- {note}\n" for note in table.notes)
    warning = f"**{table.warning}**\n\n" if table.warning else ""
    return f"# {table.title}\n\n{warning}{rows}\n{notes}"


def write_results(result: BenchmarkResult) -> None:
    """Write results.json and results.md into the folder; after each task, so that they tell how far it is."""
    write_json(result.folder / RESULTS, result.as_dict())
    write_text(result.folder / TABLE, as_markdown(result))
