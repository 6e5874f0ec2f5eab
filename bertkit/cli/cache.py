"""`bertkit cache`: what is kept on this machine, and what of it may go."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from bertkit.cli.options import Debug, Json, as_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bertkit.workflows.cache import CacheEntry

EPILOG = """Examples:

bertkit cache list

bertkit cache clean --dry-run

bertkit cache clean --hub --older-than 30 --yes

bertkit cache clean bert-base-uncased
"""

app = typer.Typer(help="List what is kept on this machine; remove it.", no_args_is_help=False, epilog=EPILOG)


@app.callback(invoke_without_command=True)
def _explain(context: typer.Context, debug: Debug = False) -> None:
    """List what is kept on this machine; remove it."""
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command("list", epilog="Example: bertkit cache list --json")
def list_all(json: Json = False, debug: Debug = False) -> None:
    """List what bertkit and the Hub's clients keep, with size and last use."""
    from bertkit.cli.cache_tables import print_cache
    from bertkit.workflows.cache import list_cache

    entries = list_cache()
    print(as_json({"entries": [entry.as_dict() for entry in entries]})) if json else print_cache(entries)


@app.command(epilog=EPILOG)
def clean(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME...]", help="Only these, by name or kind as listed."),
    ] = None,
    hub: Annotated[
        bool, typer.Option("--hub", help="Also what was fetched from the Hub: models, data sets, leftovers.")
    ] = False,
    leftovers: Annotated[
        bool, typer.Option("--leftovers", help="Only parts of files that killed downloads left.")
    ] = False,
    older_than: Annotated[
        float,
        typer.Option(metavar="DAYS", min=0.0, help="Only what was not used for so many days."),
    ] = 0.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would go; remove nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Remove without asking.")] = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Remove what bertkit has made and makes again when it is needed; with --hub, downloads too."""
    from bertkit.cli.cache_tables import print_cache
    from bertkit.runs.disk import size_of
    from bertkit.workflows.cache import choose_entries, list_cache, remove_entries

    chosen = choose_entries(
        list_cache(), names=names or (), hub=hub, leftovers=leftovers, unused_days=older_than
    )
    total = sum(entry.bytes for entry in chosen)
    if not json and chosen:
        print_cache(chosen)
    if not dry_run and chosen:
        if not (yes or _confirmed(chosen, f"remove these {size_of(total)}?", json=json)):
            return print("nothing removed")
        remove_entries(chosen)
    if json:
        listed = [entry.as_dict() for entry in chosen]
        print(as_json({"removed": not dry_run, "bytes": total, "entries": listed}))
    elif not chosen:
        print("nothing to remove")
    else:
        print(f"{'would free' if dry_run else 'freed'} {size_of(total)}")


def _confirmed(chosen: Sequence[CacheEntry], question: str, *, json: bool) -> bool:
    """Ask a person; whoever cannot be asked has to say it."""
    from bertkit.errors import UsageError

    if json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            f"{len(chosen)} entries would be removed: say so", hint="--yes removes them, --dry-run shows them"
        )
    return typer.confirm(question, err=True)
