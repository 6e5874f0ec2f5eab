"""`bertkit eval`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bertkit.cli.options import (
    Columns,
    Debug,
    Json,
    Label,
    Labels,
    Quiet,
    Text,
    TextPair,
    as_json,
    complete_recipe,
    complete_run,
)

EPILOG = """Examples:

bertkit eval

bertkit eval runs/latest --data new-reviews.csv

bertkit eval textattack/bert-base-uncased-MNLI --recipe mnli --split matched --json
"""


def evaluate(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="[RUN|MODEL]",
            help="A run, a model folder or a Hub id; default: the latest run.",
            autocompletion=complete_run,
        ),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            metavar="RECIPE",
            help="Score on this recipe; default: the one of the run.",
            autocompletion=complete_recipe,
        ),
    ] = None,
    split: Annotated[
        str | None, typer.Option(metavar="NAME", help="One split; default: all eval splits.")
    ] = None,
    data: Annotated[Path | None, typer.Option(metavar="FILE", help="Score on an own file.")] = None,
    text: Text = None,
    text_pair: TextPair = None,
    label: Label = None,
    columns: Columns = None,
    labels: Labels = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write one line an example: id, prediction, reference."
        ),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Score a trained model: published scores beside ours."""
    from bertkit.cli.display import Display
    from bertkit.cli.tables import print_scores
    from bertkit.config.flags import settings_from_flags

    flags = settings_from_flags(
        text=text, text_pair=text_pair, label=label, columns=columns or (), labels=labels or ()
    )
    with Display(quiet=quiet or json) as display:
        from bertkit.workflows.evaluate import evaluate as workflow

        result = workflow(
            model,
            recipe=recipe,
            split=split,
            data=data,
            text=flags.get("task.text"),
            label=flags.get("task.label"),
            intent=flags.get("task.intent"),
            rename=flags.get("task.rename"),
            predictions=output,
            listen=display,
        )
    print(as_json(result.as_dict())) if json else print_scores(result)
