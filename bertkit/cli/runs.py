"""`bertkit runs`: what was trained here, and how good it is."""

from __future__ import annotations

from typing import Annotated

import typer

from bertkit.cli.options import Debug, Json, as_json, complete_run

EPILOG = """Examples:

bertkit runs

bertkit runs show latest

bertkit runs --json
"""

app = typer.Typer(help="List runs with their scores; show one.", invoke_without_command=True, epilog=EPILOG)


@app.callback()
def list_all(context: typer.Context, json: Json = False, debug: Debug = False) -> None:
    """List the runs of this folder, the newest first."""
    if context.invoked_subcommand is None:
        from bertkit.cli.tables import print_runs
        from bertkit.workflows.runs import list_summaries

        summaries = list_summaries()
        print(as_json({"runs": [summary.as_dict() for summary in summaries]})) if json else print_runs(
            summaries
        )


@app.command(epilog="Example: bertkit runs show latest --json")
def show(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="A run folder or its name.", autocompletion=complete_run)
    ] = "latest",
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show one run: recipe, scores, settings, environment."""
    from bertkit.cli.tables import print_run
    from bertkit.workflows.runs import describe_run

    described = describe_run(run)
    print(as_json(described.as_dict())) if json else print_run(described)
