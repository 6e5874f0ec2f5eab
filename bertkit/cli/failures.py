"""From an exception to two lines on standard error and an exit code."""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import typer

from bertkit.cli.printable import error_console, sentence
from bertkit.config.faults import did_you_mean
from bertkit.errors import BertkitError
from bertkit.runs.disk import is_disk_full
from bertkit.workflows.signals import STOPS, signal_of


@dataclass(frozen=True)
class Said:
    """What is said of an error.

    Attributes:
        message: what is wrong, in one line.
        hint: what to type next.
        code: the exit code (DESIGN: 0, 1, 2, 3, 130, 143).
    """

    message: str
    hint: str
    code: int


def exit_code_of(error: BaseException) -> int:
    """Say what went wrong, and give the exit code for it."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    if isinstance(error, typer.Exit):
        return error.exit_code
    from bertkit.cli.several import said_by_several

    said = said_of(error)
    if (code := said_by_several(said, error)) is not None:
        return code
    return say(said.message, said.hint, said.code)


def said_of(error: BaseException) -> Said:
    """What to say of an error that ends the command."""
    if isinstance(error, BertkitError):
        return Said(error.message, error.hint, error.exit_code)
    if isinstance(error, (*STOPS, typer.Abort)):
        hint = "the same command starts again; bertkit runs tells what can go on"
        return Said("before it was done", hint, 128 + signal_of(error))
    if hasattr(error, "format_message"):
        return Said(*_usage_fault(error), 2)
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return Said("memory ran out", "use a smaller model, train.batch_size or train.max_length", 1)
    if is_disk_full(error):
        return Said("the disk is full", "make room, then go on: bertkit runs tells what can be resumed", 1)
    if isinstance(error, OSError) and error.filename is not None:
        return Said(f"{error.filename}: {error.strerror}", "check the path, its rights and the free space", 1)
    text = str(error).strip().split("\n", 1)[0]
    return Said(
        f"{type(error).__name__}: {text}",
        "this is a fault of bertkit; run it again with --debug and report it",
        1,
    )


def _usage_fault(error: Any) -> tuple[str, str]:
    """Message and hint for what Typer raises itself: an unknown verb or option, a missing argument."""
    message = str(error.format_message()).strip().rstrip(".")
    context = getattr(error, "ctx", None)
    ask = f"{context.command_path if context is not None else 'bertkit'} --help"
    if getattr(error, "possibilities", None):
        return f"there is no option {error.option_name}", f"did you mean {error.possibilities[0]}? {ask}"
    if found := re.match(r"No such (command|option):? '?([^ ']*)'?", message):
        verbs = list(getattr(getattr(context, "command", None), "commands", {}))
        near = did_you_mean(found[2], verbs).removeprefix("; ")
        kind = {"command": "verb", "option": "option"}[found[1]]
        return f"there is no {kind} {found[2]}", " ".join(filter(None, [near, ask]))
    if found := re.match(r"Missing argument '(.*)'", message):
        stream = "to read standard input name it: bertkit predict -; else a file; " * (found[1] == "FILE|-")
        return f"{found[1]} is missing", f"{stream}{ask}"
    if found := re.match(r"Got unexpected extra argument\(?s?\)? \((.*)\)", message):
        return f"too many arguments: {found[1]}", ask
    if found := re.match(r"Invalid value for '(.*?)'(?: / '.*?')*: (.*)", message, re.DOTALL):
        return f"{found[1]} takes {_wanted_value(found[2])}", ask
    return message[:1].lower() + message[1:], ask


def _wanted_value(fault: str) -> str:
    """What an option takes, from what Typer says of a value that it does not take."""
    if found := re.search(r"'(.*)' is not one of (.*)", fault, re.DOTALL):
        choices = re.findall(r"'(.*?)'", found[2])
        return f"one of {', '.join(choices)}, not {found[1]}{did_you_mean(found[1], choices)}"
    if found := re.search(r"should be (greater|less) than( or equal to)? (\S+)", fault):
        bound = {"greater": "more than", "less": "less than"}[found[1]]
        if found[2]:
            bound = {"greater": "at least", "less": "at most"}[found[1]]
        return f"a number, {bound} {found[3]}"
    if found := re.search(r"should be a valid (integer|number)", fault):
        return {"integer": "a whole number", "number": "a number"}[found[1]]
    return "another value"


def say(message: str, hint: str, code: int) -> int:
    """Print two lines on standard error; returns the exit code."""
    from rich.text import Text

    console = error_console()
    label, style = ("stopped: ", "yellow") if code >= 128 else ("error: ", "bold red")
    # A list of faults has them in lines of their own, indented; a line end in a text from data is none.
    shown = "\n  ".join(map(sentence, message.split("\n  ")))
    with suppress(OSError):  # the terminal may be gone: the exit code says it all the same
        console.print(Text(label, style=style) + Text(shown, style="default"))
        console.print(Text("hint: ", style="bold cyan") + Text(sentence(hint), style="default"))
        sys.stderr.flush()
    return code
