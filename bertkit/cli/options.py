"""Options that mean the same in every verb."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

_STATE = {"debug": False}


def debug_wanted() -> bool:
    """True if `--debug` was given: errors then show where they were raised."""
    return _STATE["debug"]


def _note_debug(value: bool) -> None:
    if value:
        _STATE["debug"] = True


def _stay_offline(value: bool) -> None:
    if value:
        from bertkit.data.reading.offline import stay_offline

        stay_offline()


def complete_recipe(incomplete: str) -> list[tuple[str, str]]:
    """Names of recipes for shell completion."""
    from bertkit.config.catalogue import list_recipes

    return [(entry.name, entry.about) for entry in list_recipes() if entry.name.startswith(incomplete)]


def complete_run(incomplete: str) -> list[str]:
    """Paths of runs for shell completion."""
    from bertkit.runs.folder import RUNS, list_runs

    names = [f"{RUNS}/{run.path.name}" for run in list_runs()]
    return [name for name in names if name.startswith(incomplete)]


Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Say nothing but warnings, errors and the result.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
Debug = Annotated[
    bool, typer.Option("--debug", help="Show where an error was raised.", callback=_note_debug, is_eager=True)
]
Offline = Annotated[
    bool,
    typer.Option(
        "--offline",
        help="Ask nothing of the Hub: use what is in the cache.",
        callback=_stay_offline,
        is_eager=True,
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace what is already there.")]
Text = Annotated[str | None, typer.Option("--text", metavar="COLUMN", help="The column with the text.")]
TextPair = Annotated[
    str | None,
    typer.Option("--text-pair", metavar="COLUMN", help="The column with the second text of a pair."),
]
Window = Annotated[
    int | None, typer.Option(metavar="TOKENS", help="Read long texts in windows instead of cutting them.")
]
Stride = Annotated[int | None, typer.Option(metavar="TOKENS", help="Tokens that neighbouring windows share.")]
Label = Annotated[str | None, typer.Option("--label", metavar="COLUMN", help="The column with the label.")]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--columns",
        metavar="ROLE=COLUMN",
        help="Which column is which, as text=body,label=stars; roles: text, text_pair, label, premise, "
        "hypothesis, tokens, tags, spans, question, context, answers, intent.",
    ),
]
Labels = Annotated[
    list[str] | None,
    typer.Option(
        "--labels", metavar="FROM=TO", help="What labels count as, as pos=positive,neg=negative; may merge."
    ),
]
SkipBadRows = Annotated[
    int | None,
    typer.Option(
        "--skip-bad-rows",
        metavar="N",
        min=0,
        help="Set up to N rows aside that cannot be read or used; default: the first one is an error.",
    ),
]
Rejected = Annotated[
    Path | None, typer.Option("--rejected", metavar="FILE", help="Write the rows that were set aside.")
]


def as_json(value: Any) -> str:
    """One JSON object, without secrets; NaN becomes null."""
    from bertkit.redaction import redacted_values
    from bertkit.runs.atomic import json_text

    return json_text(redacted_values(value), indent=2)
