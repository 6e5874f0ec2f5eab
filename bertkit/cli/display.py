"""What a person sees while a workflow runs: notes, bars, a line an evaluation. All on standard error."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console
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
from rich.text import Text

from bertkit.cli.printable import error_console, printable, sentence

if TYPE_CHECKING:
    from rich.console import Console

    from bertkit.workflows.events import Event

# Below this width a bar with all its columns would be broken into two lines.
FULL_WIDTH = 100


class _Speed(ProgressColumn):
    """Units a second, and what the training says of itself."""

    def render(self, task: Task) -> Text:
        """One column of the bar."""
        speed = task.finished_speed or task.speed
        shown = f"{_short(speed)} {task.fields.get('unit', '')}/s" if speed else ""
        return Text(f"{task.fields.get('extra', '')}  {shown}".strip(), style="cyan")


def _short(number: float) -> str:
    for size, unit in ((1e6, " M"), (1e3, " k")):
        if number >= 10 * size:
            return f"{number / size:,.0f}{unit}"
    return f"{number:,.0f}" if number >= 100 else f"{number:.1f}"


def _bars(console: Console) -> Progress:
    """Bars for a terminal; a narrow one gets what matters most: what, how far, how long still."""
    columns: list[ProgressColumn] = [
        SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(bar_width=24),
        TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn(), TimeRemainingColumn(), _Speed(),
    ]  # fmt: skip
    if console.width < FULL_WIDTH:
        columns = [columns[1], BarColumn(bar_width=10), columns[3], columns[5]]
    return Progress(*columns, console=console, transient=True)


class _Warnings(logging.Handler):
    """What layers below the workflows warn of, as the download that is waiting."""

    def __init__(self, display: Display) -> None:
        super().__init__(logging.WARNING)
        self._display = display

    def emit(self, record: logging.LogRecord) -> None:
        """Show one warning."""
        self._display.warn(record.getMessage())


class Display:
    """Listens to a workflow and shows it on standard error: bars on a terminal, plain lines elsewhere.

    Args:
        quiet: show warnings only.
        console: where else to show it, without bars.
    """

    def __init__(self, *, quiet: bool = False, console: Console | None = None) -> None:
        self._quiet = quiet
        self._console = console or error_console()
        self._live = console is None and self._console.is_terminal and not quiet
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._steps = 0
        self._lost = False
        self._warnings = _Warnings(self)

    def __enter__(self) -> Self:
        _quieten_libraries(bars=self._live)
        logging.getLogger("bertkit").addHandler(self._warnings)
        if self._live:
            self._bars = _bars(self._console)
            self._bars.start()
            self._tasks["loading"] = self._bars.add_task("starting", total=None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        logging.getLogger("bertkit").removeHandler(self._warnings)
        if self._bars is not None:
            with suppress(OSError):  # the terminal is gone
                self._bars.stop()

    def warn(self, text: str) -> None:
        """Show a warning."""
        self._note(text, warning=True)

    def __call__(self, event: Event) -> None:
        """Show one event; where nobody can see it any more, the work goes on unseen."""
        if self._lost:
            return
        try:
            self._show(event)
        except OSError:
            self._lost = True

    def _show(self, event: Event) -> None:
        from bertkit.training.events import Evaluation, SkippedStep, SmallerBatches, Step
        from bertkit.workflows.events import Note, TrainingBegins
        from bertkit.workflows.events import Progress as Done

        match event:
            case Note():
                self._leave_room()
                self._note(event.text, warning=event.warning)
            case Done():
                self._advance(event.what, event.done, event.total, unit=event.unit)
            case TrainingBegins():
                self._steps = event.steps
                rows = "a stream of rows" if event.rows is None else f"{event.rows:,} rows"
                self._note(
                    f"training {rows} in {event.steps:,} steps, "
                    f"{event.precision} on {event.device}, into {event.run}"
                )
                self._advance("training", event.first_step, event.steps)
            case Step():
                extra = f"loss {event.loss:.4f}  lr {event.learning_rate:.1e}"
                self._advance("training", event.step, self._steps, extra=extra)
            case SkippedStep():
                self._advance("training", event.step, self._steps)
            case Evaluation():
                self._evaluation(event)
            case SmallerBatches():
                self._note(
                    f"memory ran out: computing {event.micro_batch_size} rows at once from now on",
                    warning=True,
                )

    def _leave_room(self) -> None:
        """Take the spinner away: data and model are found now, and the Hub's clients draw their downloads."""
        if self._bars is not None and "loading" in self._tasks:
            self._bars.remove_task(self._tasks.pop("loading"))
            self._bars.stop()

    def _note(self, text: str, *, warning: bool = False) -> None:
        if warning or not self._quiet:
            mark, style = ("! ", "yellow") if warning else ("· ", "dim")
            self._console.print(Text(mark + sentence(text), style=style))

    def _evaluation(self, event: Any) -> None:
        if self._quiet:
            return
        from bertkit.evaluation.scoring import shown

        scores = "  ".join(f"{name} {shown(name, value)}" for name, value in event.scores.items())
        line = Text(f"epoch {event.epoch:.2f}  step {event.step:,}  ") + Text(scores, style="bold")
        self._console.print(line + Text("  best so far" if event.is_best else "", style="green"))

    def _advance(
        self, what: str, done: int, total: int | None, *, unit: str = "steps", extra: str = ""
    ) -> None:
        if self._bars is None:
            return
        self._leave_room()
        self._bars.start()
        if what not in self._tasks:
            self._tasks[what] = self._bars.add_task(printable(what), total=total, completed=done, unit=unit)
        self._bars.update(self._tasks[what], completed=done, extra=extra)
        if total is not None and done >= total:
            self._bars.remove_task(self._tasks.pop(what))


def _quieten_libraries(*, bars: bool) -> None:
    """Warnings of the libraries help nobody here; their download bars are shown where ours would be."""
    if not bars:
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
        os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
