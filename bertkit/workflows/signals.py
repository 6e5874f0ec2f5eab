"""Stop when asked to, with the state saved."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


class Terminated(BaseException):
    """SIGTERM as an exception, so that it unwinds as Ctrl-C does: what is half-made is removed.

    No KeyboardInterrupt, which Typer would turn into a silent exit of its own.
    """


# What unwinds when somebody asks to stop: `except STOPS`.
STOPS = (KeyboardInterrupt, Terminated)


def raise_on_sigterm() -> None:
    """Let SIGTERM raise `Terminated`; Python's own way is to end without a word or a clean-up."""

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        raise Terminated

    signal.signal(signal.SIGTERM, stop)


def signal_of(stop: BaseException) -> int:
    """The number of the signal behind an exception."""
    return int(signal.SIGTERM if isinstance(stop, Terminated) else signal.SIGINT)


@dataclass
class StopRequest:
    """The signal that asked to stop, None while nobody did."""

    signal_number: int | None = None


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """Take SIGINT and SIGTERM as a request to stop soon; a second one ends the process at once.

    Outside the main thread, where Python allows no handlers, nothing is taken.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return

    def note(number: int, frame: FrameType | None) -> None:
        request.signal_number = number
        for each in before:
            signal.signal(each, signal.SIG_DFL)

    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    for each in before:
        signal.signal(each, note)
    try:
        yield request
    finally:
        for each, handler in before.items():
            # None stands for a handler that was not set from Python, and cannot be given back.
            signal.signal(each, signal.SIG_DFL if handler is None else handler)
