"""From an exception to two lines on standard error and an exit code."""

from __future__ import annotations

import sys

import typer

from bertkit.cli.printable import printable
from bertkit.errors import BertkitError

INTERRUPTED = 130


def exit_code_of(error: BaseException) -> int:
    """Say what went wrong, and give the exit code for it (DESIGN: 0, 1, 2, 3, 130, 143)."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    if isinstance(error, typer.Exit):
        return error.exit_code
    if isinstance(error, BertkitError):
        return _say(error.message, error.hint, error.exit_code)
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return _say("stopped", "nothing was half-made; start again when you like", INTERRUPTED)
    if hasattr(error, "format_message"):  # Typer's own: an unknown verb or option, a missing argument
        context = getattr(error, "ctx", None)
        verb = context.command_path if context is not None else "bertkit"
        return _say(error.format_message().rstrip("."), f"{verb} --help", 2)
    if isinstance(error, MemoryError):
        return _say("memory ran out", "use a smaller model, train.batch_size or train.max_length", 1)
    if isinstance(error, OSError) and error.filename is not None:
        return _say(f"{error.filename}: {error.strerror}", "check the path, its rights and the free space", 1)
    text = str(error).strip().split("\n", 1)[0]
    return _say(
        f"{type(error).__name__}: {text}",
        "this is a fault of bertkit; run it again with --debug and report it",
        1,
    )


def _say(message: str, hint: str, code: int) -> int:
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    label, style = ("stopped: ", "yellow") if code >= 128 else ("error: ", "bold red")
    console.print(Text(label, style=style) + Text(printable(message, keep_lines=True), style="default"))
    console.print(Text("hint: ", style="bold cyan") + Text(printable(hint), style="default"))
    sys.stderr.flush()
    return code
