"""What a person sees: notes, progress, tables, the closing panel. Results go to standard output."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console, Group
from rich.panel import Panel
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from bertkit.cli.printable import printable

if TYPE_CHECKING:
    from bertkit.config.catalogue import CatalogueEntry
    from bertkit.config.loader import LoadedRecipe
    from bertkit.config.schema import Published
    from bertkit.workflows.estimate import Estimate
    from bertkit.workflows.evaluate import EvaluationResult
    from bertkit.workflows.events import Event
    from bertkit.workflows.finetune import FinetuneResult
    from bertkit.workflows.predict import PredictResult
    from bertkit.workflows.runs import RunDescription, RunSummary

PLAIN_WIDTH = 110


def output_console() -> Console:
    """Standard output; without colours and of a fixed width where it is no terminal."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else PLAIN_WIDTH)


class _Speed(ProgressColumn):
    """Units a second, and what the training says of itself."""

    def render(self, task: Task) -> Text:
        """One column of the bar."""
        speed = task.finished_speed or task.speed
        shown = f"{speed:,.1f}/s" if speed else ""
        return Text(f"{task.fields.get('extra', '')}  {shown}".strip(), style="cyan")


class Display:
    """Listens to a workflow and shows it on standard error: bars on a terminal, plain lines elsewhere."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._live = self._console.is_terminal and not quiet
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._steps = 0

    def __enter__(self) -> Self:
        if not self._live:
            _silence_libraries()
        elif self._bars is None:
            self._bars = Progress(
                SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=24),
                TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn(), TimeRemainingColumn(), _Speed(),
                console=self._console, transient=True,
            )  # fmt: skip
            _silence_libraries()
            self._bars.start()
            self._tasks["loading"] = self._bars.add_task("starting", total=None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def __call__(self, event: Event) -> None:
        """Show one event."""
        from bertkit.training.events import Evaluation, SmallerBatches, Step
        from bertkit.workflows.events import Note, TrainingBegins
        from bertkit.workflows.events import Progress as Done

        match event:
            case Note():
                self._note(event.text, warning=event.warning)
            case Done():
                self._advance(event.what, event.done, event.total)
            case TrainingBegins():
                self._steps = event.steps
                self._note(
                    f"training {event.rows:,} rows in {event.steps:,} steps, {event.precision} on {event.device}, "
                    f"into {event.run}"
                )
                self._advance("training", event.first_step, event.steps)
            case Step():
                extra = f"loss {event.loss:.4f}  lr {event.learning_rate:.1e}"
                self._advance("training", event.step, self._steps, extra=extra)
            case Evaluation():
                self._evaluation(event)
            case SmallerBatches():
                self._note(
                    f"memory ran out: computing {event.micro_batch_size} rows at once from now on",
                    warning=True,
                )

    def _note(self, text: str, *, warning: bool = False) -> None:
        if warning or not self._quiet:
            mark, style = ("! ", "yellow") if warning else ("· ", "dim")
            self._console.print(Text(mark + printable(text), style=style))

    def _evaluation(self, event: Any) -> None:
        if self._quiet:
            return
        from bertkit.evaluation.scoring import shown

        scores = "  ".join(f"{name} {shown(name, value)}" for name, value in event.scores.items())
        line = Text(f"epoch {event.epoch:.2f}  step {event.step:,}  ") + Text(scores, style="bold")
        self._console.print(line + Text("  best so far" if event.is_best else "", style="green"))

    def _advance(self, what: str, done: int, total: int | None, *, extra: str = "") -> None:
        if self._bars is None:
            return
        if "loading" in self._tasks:
            self._bars.remove_task(self._tasks.pop("loading"))
        if what not in self._tasks:
            self._tasks[what] = self._bars.add_task(printable(what), total=total, completed=done)
        self._bars.update(self._tasks[what], completed=done, extra=extra)
        if total is not None and done >= total:
            self._bars.remove_task(self._tasks.pop(what))


def _silence_libraries() -> None:
    """One display at a time: the libraries' own bars would tear it, and warnings of theirs help nobody."""
    import os

    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")


def _score_table(
    scores: Mapping[str, Mapping[str, float]], rows: Mapping[str, int], published: Iterable[Published]
) -> Table:
    from bertkit.evaluation.scoring import shown

    published = list(published)
    first = next(iter(scores), "")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, justify in (("split", "left"), ("rows", "right"), ("metric", "left"), ("score", "right")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    if published:
        table.add_column("published")
    for split, values in scores.items():
        for metric, value in values.items():
            beside = ", ".join(
                f"{entry.value:g} {entry.model}" for entry in published
                if entry.metric == metric and (entry.split or first) == split
            )  # fmt: skip
            cells = [printable(split), f"{rows.get(split, 0):,}", metric, shown(metric, value)]
            table.add_row(*map(Text, [*cells, *([printable(beside)] if published else [])]))
        if not values:
            table.add_row(Text(printable(split)), f"{rows.get(split, 0):,}", "labels are hidden", "")
    return table


def print_finetuned(result: FinetuneResult) -> None:
    """The closing panel: what was made, how good it is, what to type next."""
    console = output_console()
    rows = result.rows
    body = Group(
        _score_table(result.scores, rows, result.recipe.published),
        Text(),
        Text(f"model    {result.run}/model", overflow="fold"),
        Text(
            f"steps    {result.steps:,} in {_duration(result.seconds)}; best at {result.best_step:,} by {result.metric}"
        ),
        Text(),
        Text("next     bertkit eval", style="cyan"),
        Text("         bertkit predict file.jsonl", style="cyan"),
        Text("         bertkit runs", style="cyan"),
    )
    if sys.stdout.isatty():
        console.print(
            Panel(
                body, title=printable(result.run.name), title_align="left", border_style="green", expand=False
            )
        )
    else:
        console.print(body)


def print_scores(result: EvaluationResult) -> None:
    """A table of scores, published ones beside."""
    console = output_console()
    console.print(
        Text(printable(f"{result.model}{f' on {result.recipe}' if result.recipe else ''}"), style="bold")
    )
    console.print(_score_table(result.scores, result.rows, result.published))


def print_predicted(result: PredictResult, *, quiet: bool) -> None:
    """One line on standard error: how many lines, how many faulty, where they are."""
    if quiet and not result.rejected:
        return
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    where = f" in {result.output}" if result.output is not None else ""
    faulty = f", {result.rejected:,} of them with an error in place" if result.rejected else ""
    console.print(
        Text(f"· {result.lines:,} lines{where}{faulty}", style="yellow" if result.rejected else "dim")
    )


def print_recipes(entries: Sequence[CatalogueEntry]) -> None:
    """Names and what each is about."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("recipe", no_wrap=True, style="cyan")
    table.add_column("what it is about")
    for entry in entries:
        table.add_row(entry.name, Text(entry.about))
    console = output_console()
    console.print(table)
    console.print(Text("\nbertkit recipes show NAME prints one; bertkit finetune NAME runs it", style="dim"))


def print_runs(summaries: Sequence[RunSummary]) -> None:
    """Runs with their scores, the newest first."""
    console = output_console()
    if not summaries:
        console.print("no runs here yet; make one: bertkit finetune sst2")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("run", "recipe", "model", "scores"):
        table.add_column(name, overflow="fold")
    for summary in summaries:
        scores = _one_line(summary.scores) if summary.state == "finished" else summary.state
        table.add_row(
            *(Text(printable(cell)) for cell in (str(summary.path), summary.recipe, summary.model, scores))
        )
    console.print(table)


def _one_line(scores: Mapping[str, Mapping[str, float | None]]) -> str:
    from bertkit.evaluation.scoring import shown

    return "; ".join(
        f"{split} "
        + ", ".join(
            f"{name} {shown(name, float('nan') if value is None else value)}"
            for name, value in values.items()
        )
        for split, values in scores.items()
    )


def print_run(described: RunDescription) -> None:
    """One run: what it was made of and how good it is."""
    from bertkit.config.loader import dump_recipe

    summary, environment = described.summary, described.environment
    facts = {
        "run": str(summary.path),
        "recipe": f"{summary.recipe} (version {environment.get('recipe_version')})",
        "model": f"{summary.model} {(environment.get('model') or {}).get('commit') or ''}".strip(),
        "state": summary.state,
        "scores": _one_line(summary.scores) or "none yet",
        "steps": f"{described.metrics.get('steps', '?')}, best at {described.metrics.get('best_step', '?')}",
        "precision": str(environment.get("precision")),
        "packages": ", ".join(
            f"{name} {number}" for name, number in (environment.get("packages") or {}).items()
        ),
    }
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(name, Text(printable(value)))
    console = output_console()
    console.print(table)
    console.print(Text("\nsettings", style="bold"))
    console.print(Text(printable(dump_recipe(described.settings), keep_lines=True).rstrip()))


def print_estimate(recipe: LoadedRecipe, estimate: Estimate) -> None:
    """The table of `--dry-run`."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("split", "rows", "features", "median tokens", "longest", "cut"):
        table.add_column(name, justify="left" if name == "split" else "right")
    for name, size in estimate.splits.items():
        share = f"{100 * size.cut / max(1, size.rows):.1f} %"
        cells = [
            name,
            f"{size.rows:,}",
            f"{size.features:,}",
            f"{size.median_tokens}",
            f"{size.longest_tokens}",
            share,
        ]
        table.add_row(*(Text(printable(cell)) for cell in cells))
    console = output_console()
    console.print(table)
    console.print(
        Text(
            f"\n{recipe.recipe.model.name}: {estimate.weights / 1e6:.1f} M weights; {estimate.steps:,} steps in {estimate.precision} on "
            f"{estimate.device}\nroughly {_duration(estimate.seconds)} and {estimate.memory_bytes / 1e9:.1f} GB, each within a factor of two"
        )
    )


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
