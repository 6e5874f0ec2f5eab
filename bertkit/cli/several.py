"""Commands that run as several processes: their options, how they are started, and who says what."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from bertkit.errors import UsageError
from bertkit.processes.place import find_place, is_launched

if TYPE_CHECKING:
    from bertkit.cli.failures import Said
    from bertkit.processes.group import Group
    from bertkit.processes.place import Place
    from bertkit.processes.watch import Failure, Watch
    from bertkit.workflows.launch_plan import LaunchPlan

PANEL = "Several processes and hosts"
# How long the others let the one that speaks have its say: a launcher ends it as soon as one of them ends.
SPEAKING_SECONDS = 2.0
Nproc = Annotated[
    int | None,
    typer.Option(
        "--nproc", metavar="N", min=1, rich_help_panel=PANEL,
        help="Run as so many processes on this host; default: one for each GPU, or one.",
    ),
]  # fmt: skip
Nnodes = Annotated[
    int | None,
    typer.Option("--nnodes", metavar="N", min=1, rich_help_panel=PANEL, help="How many hosts take part."),
]
NodeRank = Annotated[
    int | None,
    typer.Option(
        "--node-rank", metavar="N", min=0, rich_help_panel=PANEL,
        help="Which of the hosts this is, from 0; that one writes the run.",
    ),
]  # fmt: skip
Rendezvous = Annotated[
    str | None,
    typer.Option(
        "--rendezvous", metavar="HOST:PORT", rich_help_panel=PANEL,
        help="Where the hosts meet: the address of host 0, and a port of it.",
    ),
]  # fmt: skip
Gpus = Annotated[
    str | None,
    typer.Option(
        "--gpus", metavar="LIST", rich_help_panel=PANEL,
        help="Use these GPUs of this host, as 0,2; none: processors.",
    ),
]  # fmt: skip
AccelerateConfig = Annotated[
    str | None,
    typer.Option(
        "--accelerate-config", metavar="FILE", rich_help_panel=PANEL,
        help="Take hosts, processes and strategy from a file that accelerate config wrote.",
    ),
]  # fmt: skip


def launch(plan: LaunchPlan) -> int:
    """Run this same command line as several processes; returns the exit code of them all."""
    from bertkit.workflows.launching import launch as workflow

    return workflow(plan, sys.argv[1:])


@contextmanager
def together() -> Iterator[Group]:
    """Work with the other processes for the block, where this is one of several."""
    from bertkit.cli.printable import error_console
    from bertkit.processes.joining import joined

    if is_launched():
        from bertkit.workflows.children import stop_with_parent

        stop_with_parent()

    def tell(text: str) -> None:
        error_console().print(text, markup=False, highlight=False)

    with joined(_end, tell=tell) as group:
        yield group


def said_by_several(said: Said, error: BaseException) -> int | None:
    """Tell the other processes why this one ends, and say what is to be said; None of a single process.

    Returns:
        The exit code.
    """
    with suppress(UsageError):  # what the environment says of this one cannot be: that is the error
        if (place := find_place()) is not None:
            return _said_in(place, said, error)
    return None


def _said_in(place: Place, said: Said, error: BaseException) -> int:
    from bertkit.processes.joining import current_group
    from bertkit.processes.watch import AGAIN, NO_HOST, Failure

    watch = current_group().watch
    if watch is None:  # it has not met the others, and nobody else may know
        if place.local_rank > 0 and not is_launched():
            time.sleep(SPEAKING_SECONDS)  # as a rule the first one says the same
        return _say(Failure(place.rank, NO_HOST, said.message, said.hint, said.code), True)
    if _is_of_communication(error):
        reason = _reason(watch)
        if reason is not None:
            return _say(reason, watch.settle(reason))
        said = replace(said, message=f"another process has died: {said.message}", hint=AGAIN)
    failure, speaks = watch.report(said.message, said.hint, said.code)
    return _say(failure, speaks)


def _reason(watch: Watch) -> Failure | None:
    """Why a collective failed: which other process has died, once that is known."""
    from bertkit.workflows.signals import STOPS

    with suppress(*STOPS):  # torchrun ends the others at once, and says itself which one it was
        return watch.reason()
    return None


def _is_of_communication(error: BaseException) -> bool:
    """True where a collective failed, as it does when another process has died."""
    if "torch" not in sys.modules or not isinstance(error, RuntimeError):
        return False
    from torch import distributed

    text = str(error).lower()
    return isinstance(error, distributed.DistError) or "gloo" in text or "nccl" in text


def _end(failure: Failure, speaks: bool) -> None:
    """End this process, whatever its main thread is doing."""
    code = _say(failure, speaks)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def _say(failure: Failure, speaks: bool) -> int:
    if is_launched():
        from bertkit.workflows.launching import leave_word

        leave_word(failure)
    elif speaks:
        from bertkit.cli.failures import say

        say(failure.message, failure.hint, failure.code)
    else:
        time.sleep(SPEAKING_SECONDS)
    return failure.code
