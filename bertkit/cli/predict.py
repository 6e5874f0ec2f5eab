"""`bertkit predict`."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from bertkit.cli.options import (
    Columns,
    Debug,
    Force,
    Offline,
    Quiet,
    Text,
    TextPair,
    complete_run,
    debug_wanted,
)
from bertkit.cli.waiting import wait_politely_beside_others

if TYPE_CHECKING:
    from io import TextIOWrapper

    from bertkit.workflows.predict import PredictResult
    from bertkit.workflows.predict_files import PredictedFiles


class Engine(StrEnum):
    """The choices of `--engine`."""

    auto = "auto"
    torch = "torch"
    onnx = "onnx"


EPILOG = """Examples:

bertkit predict reviews.jsonl

bertkit predict reviews.csv -o labelled.jsonl --scores

echo '{"text": "What a film!"}' | bertkit predict - --model runs/latest

bertkit predict 'in/*.jsonl' -o out --nproc 4
"""


def predict(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE|-",
            help="JSONL, CSV, TSV or text (.txt: a text a line); - reads JSONL from standard input. "
            "Several files, or a pattern in quotes, go into a folder: -o DIR.",
        ),
    ],
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            metavar="RUN|MODEL",
            help="A run, a model folder or a Hub id; default: the latest run.",
            autocompletion=complete_run,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            help="Write to this file, of many files into this folder; interrupted, the same command goes on.",
        ),
    ] = None,
    scores: Annotated[bool, typer.Option("--scores", help="Add the probability of each label.")] = False,
    tags: Annotated[
        bool, typer.Option("--tags", help="Add words and their tags, where the model tags words.")
    ] = False,
    n_best: Annotated[
        int,
        typer.Option(metavar="N", min=0, help="Add the N best answers, where the model answers questions."),
    ] = 0,
    engine: Annotated[
        Engine,
        typer.Option(
            "--engine",
            help="What computes the model: torch, or onnx (ONNX Runtime; pip install 'bertkit\\[onnx]'). "
            "auto is torch, on processors without transformers for the usual families; --debug says which.",
        ),
    ] = Engine.auto,
    nproc: Annotated[
        int,
        typer.Option(
            "--nproc",
            metavar="N",
            min=1,
            help="Compute in N processes: they share the cores, or have a GPU each; the output is the same.",
        ),
    ] = 1,
    shard: Annotated[
        str | None,
        typer.Option(
            "--shard",
            metavar="K/N",
            help="Of many files only every N-th, from the K-th on: for the tasks of a job array.",
        ),
    ] = None,
    text: Text = None,
    text_pair: TextPair = None,
    columns: Columns = None,
    force: Force = False,
    quiet: Quiet = False,
    offline: Offline = False,
    debug: Debug = False,
) -> None:
    """Predict: one output line for each input line, in order; a faulty line gives its error in place.

    Of many files one that cannot be read is said, and the others are predicted; called again, what is whole
    and of the same input, model and options is skipped. Exit code 3 says that some lines were faulty.
    """
    from bertkit.cli.display import Display
    from bertkit.cli.tables import print_predicted
    from bertkit.config.flags import settings_from_flags

    # JSON is UTF-8 with line feeds, whatever the terminal or the machine thinks.
    cast("TextIOWrapper", sys.stdout).reconfigure(encoding="utf-8", newline="\n")
    flags = settings_from_flags(text=text, text_pair=text_pair, columns=columns or ())
    wait_politely_beside_others()
    result: PredictResult | PredictedFiles
    with Display(quiet=quiet) as display:
        from bertkit.workflows.predict_sources import names_many

        if shard is not None or names_many(files):
            from bertkit.workflows.predict_files import predict_files

            result = predict_files(
                files, output, model=model, scores=scores, tags=tags, n_best=n_best,
                text=flags.get("task.text"), force=force, engine=engine.value, nproc=nproc, shard=shard,
                listen=display,
            )  # fmt: skip
        else:
            from bertkit.workflows.predict import predict as workflow

            result = workflow(
                sys.stdin.buffer if files[0] == "-" else files[0], model=model, output=output or sys.stdout,
                scores=scores, tags=tags, n_best=n_best, text=flags.get("task.text"), force=force,
                engine=engine.value, nproc=nproc, listen=display,
            )  # fmt: skip
    print_predicted(result, quiet=quiet)
    if debug_wanted():
        print(f"computed by {result.computed_by}", file=sys.stderr)
    if result.rejected:
        raise typer.Exit(3)
