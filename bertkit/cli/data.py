"""`bertkit data`: look at data before a training, and convert it."""

from __future__ import annotations

import typer

from bertkit.cli import data_check, data_convert, data_preview
from bertkit.cli.options import Debug

EPILOG = """Examples:

bertkit data check reviews.csv

bertkit data preview sst2

bertkit data convert train.conll train.jsonl
"""

app = typer.Typer(help="Check, preview and convert data.", invoke_without_command=True, epilog=EPILOG)
app.command("check", epilog=data_check.EPILOG)(data_check.check)
app.command("preview", epilog=data_preview.EPILOG)(data_preview.preview)
app.command("convert", epilog=data_convert.EPILOG)(data_convert.convert)


@app.callback()
def _explain(context: typer.Context, debug: Debug = False) -> None:
    """Check, preview and convert data."""
    if context.invoked_subcommand is None:
        print(context.get_help())
