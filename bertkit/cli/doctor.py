"""`bertkit doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bertkit.cli.options import Debug, Json, Quiet, as_json

if TYPE_CHECKING:
    from bertkit.workflows.doctor import Examination

EPILOG = """Examples:

bertkit doctor

bertkit doctor --no-self-test

bertkit doctor --json > health.json
"""
_STYLES = {"ok": "green", "warning": "yellow", "problem": "bold red"}


def doctor(
    self_test: Annotated[
        bool, typer.Option("--self-test/--no-self-test", help="Train a tiny encoder on made-up texts.")
    ] = True,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Look whether all that bertkit needs is there and works: packages, machine, disk, Hub, a training.

    Exit code 1 says that something is broken; what to do stands beside it.
    """
    from bertkit.cli.display import Display
    from bertkit.workflows.doctor import examine

    with Display(quiet=quiet or json) as display:
        examination = examine(self_test=self_test, listen=display)
    print(as_json(examination.as_dict())) if json else _print(examination)
    if not examination.is_healthy:
        raise typer.Exit(1)


def _print(examination: Examination) -> None:
    from rich.text import Text

    from bertkit.cli.plain_table import plain_table
    from bertkit.cli.printable import output_console, printable
    from bertkit.workflows.health.finding import counted

    table = plain_table("", "what", "found")
    table.columns[0].no_wrap = table.columns[1].no_wrap = True
    for finding in examination.findings:
        style = _STYLES[finding.state]
        found = Text(printable(finding.text), style="" if finding.state == "ok" else style)
        table.add_row(Text(finding.state, style=style), Text(finding.name), found)
        if finding.hint:
            table.add_row("", "", Text(f"next: {printable(finding.hint)}", style="cyan"))
    console = output_console()
    console.print(table)
    problems, warnings = examination.count("problem"), examination.count("warning")
    said = f"{counted(problems, 'problem')}, {counted(warnings, 'warning')}"
    healthy = "all is well" if not warnings else f"nothing is broken; {counted(warnings, 'warning')}"
    console.print(Text(f"\n{healthy if examination.is_healthy else said}", style="bold"))
