"""Stop when asked to, with the state saved."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

# What asks a process to stop: Ctrl-C, a scheduler or a system that goes down, a terminal that is closed.
STOPPING = (signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []))


class Terminated(BaseException):
    """SIGTERM or SIGHUP as an exception, so that it unwinds as Ctrl-C does: what is half-made is removed.

    No KeyboardInterrupt, which Typer would turn into a silent exit of its own.
    """

    def __init__(self, signal_number: int = signal.SIGTERM) -> None:
        super().__init__()
        self.signal_number = int(signal_number)


# What unwinds when somebody asks to stop: `except STOPS`.
STOPS = (KeyboardInterrupt, Terminated)


def raise_on_signals() -> None:
    """Let what asks to stop raise `Terminated`; Python's own way is to end without a word or a clean-up."""

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        raise Terminated(number)

    for number in STOPPING:
        if number != signal.SIGINT and not _is_ignored(number):
            signal.signal(number, stop)


def stop_of(signal_number: int) -> BaseException:
    """The exception for a signal."""
    return KeyboardInterrupt() if signal_number == signal.SIGINT else Terminated(signal_number)


def signal_of(stop: BaseException) -> int:
    """The number of the signal behind an exception."""
    return stop.signal_number if isinstance(stop, Terminated) else int(signal.SIGINT)


def _is_ignored(number: int) -> bool:
    """True where whoever started this process wants it so, as `nohup` does."""
    return signal.getsignal(number) == signal.SIG_IGN


@dataclass
class StopRequest:
    """The signal that asked to stop, None while nobody did."""

    signal_number: int | None = None


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """Take what asks to stop as a request to stop soon; a second one ends the process at once.

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

    before = {each: signal.getsignal(each) for each in STOPPING if not _is_ignored(each)}
    for each in before:
        signal.signal(each, note)
    try:
        yield request
    finally:
        for each, handler in before.items():
            # None stands for a handler that was not set from Python, and cannot be given back.
            signal.signal(each, signal.SIG_DFL if handler is None else handler)
