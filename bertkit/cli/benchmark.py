"""`bertkit benchmark`: whole benchmarks from one command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bertkit.cli.options import Debug, Force, Json, Offline, Quiet, as_json

EPILOG = """Examples:

bertkit benchmark glue --model bert-base-cased

bertkit benchmark glue --model minilm --quick

bertkit benchmark glue --model bert-base-cased --tasks cola,mrpc --out runs/glue-bert

bertkit benchmark glue --resume runs/glue-bert
"""

app = typer.Typer(help="Run a whole benchmark.", invoke_without_command=True, epilog=EPILOG)


@app.callback()
def _explain(context: typer.Context, debug: Debug = False) -> None:
    """Run a whole benchmark."""
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command("glue", epilog=EPILOG)
def glue(
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", metavar="MODEL", help="The encoder: a Hub id, a folder, or minilm."),
    ] = None,
    tasks: Annotated[
        str | None,
        typer.Option(metavar="NAME,...", help="Some of the nine tasks, as cola,sst2; default: all."),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="A smoke run: all tasks in minutes; the scores say nothing.")
    ] = False,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Any setting, for all tasks, as train.epochs=5."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="The seed of all trainings.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="The folder; default: a new one in runs/. With the same settings it goes on."
        ),
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Go on with an interrupted benchmark.")
    ] = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
    offline: Offline = False,
    debug: Debug = False,
) -> None:
    """Train and score an encoder on the tasks of GLUE; leave a table and the archive for its site.

    Exit code 1 says that a task failed; the others are done, and the same command tries it again.
    """
    from bertkit.cli.benchmark_tables import print_benchmark
    from bertkit.cli.display import Display

    with Display(quiet=quiet or json) as display:
        from bertkit.workflows.benchmark import benchmark_glue

        result = benchmark_glue(
            model, tasks=tasks.split(",") if tasks else (), quick=quick, seed=seed,
            assignments=assignments or (), out=out, resume=resume, force=force, quiet=quiet or json,
            listen=display,
        )  # fmt: skip
    print(as_json(result.as_dict())) if json else print_benchmark(result)
    if result.failed:
        raise typer.Exit(1)
