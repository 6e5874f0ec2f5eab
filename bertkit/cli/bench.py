"""`bertkit bench`."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Self

import typer

from bertkit.cli.options import Columns, Debug, Json, Offline, Quiet, Text, TextPair, as_json, complete_run
from bertkit.cli.predict import Engine
from bertkit.cli.waiting import wait_politely_beside_others

if TYPE_CHECKING:
    from rich.console import Console

    from bertkit.workflows.events import Event

EPILOG = """Examples:

bertkit bench

bertkit bench runs/latest --data lines.jsonl --seconds 30

bertkit bench runs/latest --engine onnx --threads 1 --json
"""


def bench(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN|MODEL",
            help="A run, a model folder or a Hub id; default: the latest run.",
            autocompletion=complete_run,
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="FILE",
            help="Measure with these lines: JSONL, CSV, TSV or text, as for predict; default: the texts "
            "the run was scored on, else words of the vocabulary.",
        ),
    ] = None,
    engine: Annotated[
        Engine, typer.Option("--engine", help="What computes the model, as for predict.")
    ] = Engine.auto,
    seconds: Annotated[
        float, typer.Option("--seconds", metavar="N", min=0.1, help="About how long to measure.")
    ] = 10.0,
    threads: Annotated[
        int | None,
        typer.Option("--threads", metavar="N", min=1, help="Compute with so many threads."),
    ] = None,
    text: Text = None,
    text_pair: TextPair = None,
    columns: Columns = None,
    json: Json = False,
    quiet: Quiet = False,
    offline: Offline = False,
    debug: Debug = False,
) -> None:
    """Measure how fast a trained model predicts on this machine: latency, throughput, memory.

    Exit code 3 says that some lines of FILE were faulty.
    """
    from bertkit.cli.bench_tables import print_bench
    from bertkit.config.flags import settings_from_flags

    flags = settings_from_flags(text=text, text_pair=text_pair, columns=columns or ())
    wait_politely_beside_others()
    with StillDisplay(quiet=quiet or json) as display:
        from bertkit.workflows.bench import bench as workflow

        result = workflow(
            model, data=data, text=flags.get("task.text"), engine=engine.value, seconds=seconds,
            threads=threads, listen=display,
        )  # fmt: skip
    if json:
        print(as_json(result.as_dict()))
    else:
        print_bench(result, model=model, data=data, columns=flags.get("task.text", ()), threads=threads)
    if result.rejected:
        raise typer.Exit(3)


class StillDisplay:
    """Notes, and on a terminal how far it is, drawn between measurements: live bars would be measured too.

    Args:
        quiet: show warnings only.
        console: where to show it; standard error if none is given.
    """

    def __init__(self, *, quiet: bool = False, console: Console | None = None) -> None:
        from bertkit.cli.display import Display
        from bertkit.cli.printable import error_console

        self._console = console or error_console()
        self._notes = Display(quiet=quiet, console=self._console)
        self._live = self._console.is_terminal and not quiet
        self._shown = ""

    def __enter__(self) -> Self:
        self._notes.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._draw("")
        self._notes.__exit__(kind, error, trace)

    def __call__(self, event: Event) -> None:
        """Show one event."""
        from bertkit.workflows.events import Progress

        if not isinstance(event, Progress):
            self._draw("")
            self._notes(event)
        elif event.total:
            self._draw(f"{event.what} {100 * event.done // event.total:3d} %")

    def _draw(self, line: str) -> None:
        """Put a line in place of the last one; nothing where it says the same."""
        if self._live and line != self._shown:
            self._console.print(line.ljust(len(self._shown)), end="\r", markup=False, soft_wrap=True)
            if not line:
                self._console.print("", end="\r")
            self._shown = line
