"""`bertkit data convert`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bertkit.cli.options import Debug, Force, Json, Offline, Quiet, SkipBadRows, as_json
from bertkit.cli.printable import error_console, printable

if TYPE_CHECKING:
    from bertkit.workflows.convert import ConvertResult

EPILOG = """Examples:

bertkit data convert train.conll train.jsonl

bertkit data convert annotated.jsonl train.conll --scheme BIOES

bertkit data convert train.parquet tasks.json --to label-studio --label ner_tags

bertkit data convert dev-v2.0.json dev.jsonl.gz
"""


def convert(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="A file or a folder, of any format that is read.")
    ],
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET", help="The file to write (.gz and .zst pack it), or a folder for brat."
        ),
    ],
    to: Annotated[
        str | None,
        typer.Option(
            metavar="FORMAT",
            help="conll, jsonl, json, csv, tsv, parquet, arrow, doccano, label-studio, prodigy, brat or "
            "squad; default: by the name of TARGET.",
        ),
    ] = None,
    text: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The column with the words, or with the text.")
    ] = None,
    label: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The column with the tags, or with the spans.")
    ] = None,
    scheme: Annotated[
        str | None,
        typer.Option(metavar="SCHEME", help="Write tags in IOB1, IOB2 or BIOES; default: as they are read."),
    ] = None,
    skip_bad_rows: SkipBadRows = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
    offline: Offline = False,
    debug: Debug = False,
) -> None:
    """Convert data between formats: tables, words with tags, texts with spans, questions.

    Exit code 3 says that some rows could not be converted.
    """
    from bertkit.cli.display import Display

    with Display(quiet=quiet or json) as display:
        from bertkit.workflows.convert import convert as workflow

        result = workflow(
            source, target, to=to, text=text, label=label, scheme=scheme,
            skip_bad_rows=skip_bad_rows or 0, force=force, listen=display,
        )  # fmt: skip
    if json:
        print(as_json(result.as_dict()))
    else:
        _print_result(result, quiet=quiet)
    if result.set_aside:
        raise typer.Exit(3)


def _print_result(result: ConvertResult, *, quiet: bool) -> None:
    """One line on what was written, and before it on standard error a line for each thing left out."""
    from rich.text import Text

    console = error_console()
    if result.passed_over and not quiet:
        console.print(Text(printable(f"· passed over: {', '.join(result.passed_over)}"), style="dim"))
    for part in result.left_out:
        if quiet and part.what != "rows":
            continue
        more = ", ..." if part.count > len(part.first) > 0 else ""
        where = f": {', '.join(part.first)}{more}" if part.first else ""
        noun = part.what.removesuffix("s") if part.count == 1 else part.what
        line = f"· {part.count:,} {noun} left out, {part.reason}{where}"
        console.print(Text(printable(line), style="yellow" if part.what == "rows" else "dim"))
    rows = f"{result.rows:,} {'row' if result.rows == 1 else 'rows'}"
    print(printable(f"{result.path}: {rows} as {result.written}, read as {result.read or 'a table'}"))
