"""`bertkit compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bertkit.cli.options import Debug, Force, Json, Quiet, as_json, complete_run

EPILOG = """Examples:

bertkit compare runs/sst2-bert runs/sst2-roberta

bertkit compare latest runs/sst2-bert runs/sst2-roberta --against runs/sst2-bert --metric f1_macro

bertkit compare runs/sst2-bert runs/sst2-roberta --flips 5 --texts --flips-file flips.jsonl
"""


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN RUN",
            help="Run folders or their names; one that trained several seeds counts as all of them.",
            autocompletion=complete_run,
        ),
    ],
    split: Annotated[
        str | None, typer.Option(metavar="NAME", help="One eval split; default: all that the runs share.")
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Rank by this metric; default: the one that chose the weights."),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="RUN",
            help="Compare all others with this run; default: with the best.",
            autocompletion=complete_run,
        ),
    ] = None,
    flips: Annotated[
        int,
        typer.Option(
            min=0, metavar="N", help="Show so many examples that became right, and wrong, of each pair."
        ),
    ] = 0,
    texts: Annotated[
        bool, typer.Option("--texts", help="With their texts, read again from the data of the first run.")
    ] = False,
    flips_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write all such examples as JSON lines.")
    ] = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Rank runs, tell luck from progress, and show which examples changed.

    Runs are compared by their stored predictions, on the same examples or not at all.
    """
    from bertkit.cli.compare_tables import print_comparison
    from bertkit.cli.display import Display

    with Display(quiet=quiet or json) as display:
        from bertkit.workflows.compare import compare as workflow
        from bertkit.workflows.eval_outputs import check_unwritten
        from bertkit.workflows.flips import first_flips, write_flips

        if flips_file is not None:
            check_unwritten(flips_file, force=force)
        wanted = bool(flips) or flips_file is not None
        result = workflow(
            runs,
            split=split,
            metric=metric,
            against=against,
            flips=wanted,
            texts=texts and wanted,
            listen=display,
        )
        if flips_file is not None:
            write_flips(flips_file, result.flips)
    shown = first_flips(result, flips)
    print(as_json(shown.as_dict())) if json else print_comparison(shown)
