"""Results as tables, on standard output: what a person reads at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bertkit.cli.baseline_tables import baseline_rows
from bertkit.cli.printable import error_console, output_console, printable
from bertkit.cli.score_tables import score_table

if TYPE_CHECKING:
    from bertkit.config.catalogue import CatalogueEntry
    from bertkit.config.loader import LoadedRecipe
    from bertkit.workflows.estimate import Estimate
    from bertkit.workflows.finetune_result import FinetuneResult
    from bertkit.workflows.predict import PredictResult
    from bertkit.workflows.predict_files import PredictedFiles
    from bertkit.workflows.runs import RunDescription, RunSummary


def print_finetuned(result: FinetuneResult, console: Console | None = None) -> None:
    """The closing panel: what was made, how good it is, what to type next."""
    console = console or output_console()
    took = f"{result.steps:,} in {duration(result.seconds)}; best at {result.best_step:,} by {result.metric}"
    body = Group(
        score_table(result.splits, result.recipe.published),
        *baseline_rows(result.baselines, result.scores),
        Text(),
        Text(f"model    {printable(str(result.run))}/model", overflow="fold"),
        Text(f"report   {printable(str(result.run))}/report.html", overflow="fold"),
        *_set_aside(result),
        Text(f"steps    {took}"),
        Text(),
        Text("next     bertkit eval", style="cyan"),
        Text("         bertkit predict file.jsonl", style="cyan"),
        Text("         bertkit runs", style="cyan"),
    )
    title = Text(printable(result.run.name))
    panel = Panel(body, title=title, title_align="left", border_style="green", expand=False)
    console.print(panel if console.is_terminal else body)


def _set_aside(result: FinetuneResult) -> list[Text]:
    if not result.rejected:
        return []
    rows = "1 row is" if result.rejected == 1 else f"{result.rejected:,} rows are"
    where = f"{printable(str(result.run))}/rejected.jsonl"
    return [Text(f"set aside  {rows} in {where}", style="yellow", overflow="fold")]


def print_predicted(result: PredictResult | PredictedFiles, *, quiet: bool) -> None:
    """One line on standard error: how many lines, how many faulty, where they are."""
    if quiet and not result.rejected:
        return
    console = error_console()
    where = _where(result)
    faulty = f", {result.rejected:,} of them with an error in place" if result.rejected else ""
    by = f", by {printable(result.model)}" if result.model else ""
    said = f"· {result.lines:,} line{'s' * (result.lines != 1)}{where}{faulty}{by}"
    console.print(Text(said, style="yellow" if result.rejected else "dim"))


def _where(result: PredictResult | PredictedFiles) -> str:
    from bertkit.workflows.predict import PredictResult

    if isinstance(result, PredictResult):
        return f" in {printable(str(result.output))}" if result.output is not None else ""
    before = f", {result.done_before:,} of which were done before" if result.done_before else ""
    files = "1 file" if result.files == 1 else f"{result.files:,} files"
    return f" in {files} in {printable(str(result.folder))}{before}"


def print_recipes(entries: Sequence[CatalogueEntry]) -> None:
    """Names and what each is about."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("recipe", no_wrap=True, style="cyan")
    table.add_column("what it is about")
    for entry in entries:
        table.add_row(Text(entry.name), Text(printable(entry.about)))
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
    console.print()
    console.print(
        Text(
            f"{printable(recipe.recipe.model.name)}: {estimate.weights / 1e6:.1f} M weights; "
            f"{estimate.steps:,} steps in {estimate.precision} on {estimate.device}, "
            f"batch plan {estimate.batch_plan}, {estimate.execution}"
        )
    )
    cost = f"{duration(estimate.seconds)} and {estimate.memory_bytes / 1e9:.1f} GB"
    console.print(f"roughly {cost}, each within a factor of two")
    for row in baseline_rows(estimate.baselines):
        console.print(row)


def duration(seconds: float) -> str:
    """A time as people read it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
