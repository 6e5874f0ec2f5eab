"""How often, and how long, the Hub is asked again for what it did not give."""

from __future__ import annotations

import logging
import os
import random
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Event

from bertkit.errors import HubError, UsageError

# Says what is waited for; the command line shows it.
log = logging.getLogger("bertkit.hub")

SECONDS_VARIABLE = "BERTKIT_DOWNLOAD_SECONDS"
# After so many seconds in which nothing arrived it is given up.
SECONDS = 120.0
# A request is sent so often at most.
REQUESTS = 8
FIRST_WAIT = 0.5
LONGEST_WAIT = 16.0
# Shorter waits are not worth a line.
TOLD_FROM = 2.0


class PatienceOverError(Exception):
    """The Hub has failed too often, or for too long; the message says how."""


class Patience:
    """How often, and how long, to go on asking.

    Args:
        seconds: give up after so many in which nothing arrived.
        clock: seconds of a clock that only goes forward.
        sleep: waits so many seconds; None: until then, or until it is stopped.
        chance: 0 to 1; many who wait shall not come back all at once.
    """

    def __init__(
        self,
        seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.seconds = seconds
        self._clock = clock
        self._stopped = Event()
        self._sleep = sleep or self._stopped.wait
        self._chance = chance
        self._failing_since: float | None = None

    def stop(self) -> None:
        """Let all threads that fetch end with what they do next."""
        self._stopped.set()

    def arrived(self) -> None:
        """Something came: the time begins anew with the next failure."""
        if self._stopped.is_set():
            raise PatienceOverError("stopped")
        self._failing_since = None

    def failed(self, reason: str) -> float:
        """Note a failure; gives the seconds since the first one after which nothing came.

        Raises:
            PatienceOverError: these are too many.
        """
        if self._stopped.is_set():
            raise PatienceOverError("stopped")
        now = self._clock()
        since = self._failing_since = now if self._failing_since is None else self._failing_since
        if now - since > self.seconds:
            raise PatienceOverError(f"{reason}, and nothing came for {now - since:.0f} s")
        return now - since

    def wait(self, failures: int, reason: str, *, asked: float = 0.0, most: int = REQUESTS) -> None:
        """Wait before the next attempt.

        Args:
            failures: how often it failed so far.
            reason: what happened, for messages.
            asked: seconds that the Hub asks for.
            most: fail so often at most.

        Raises:
            PatienceOverError: it failed as often as that, or the wait would be too long.
        """
        idle = self.failed(reason)
        pause = min(FIRST_WAIT * 2 ** (failures - 1), LONGEST_WAIT) * (1 + self._chance()) / 2
        pause = max(pause, asked)
        if asked > self.seconds - idle:
            raise PatienceOverError(f"{reason} and asks to wait {asked:.0f} s")
        if failures >= most or idle + pause > self.seconds:
            times = f", {failures} times" if failures > 1 else ""
            raise PatienceOverError(f"{reason}{times} in {idle:.0f} s")
        if pause >= TOLD_FROM:
            log.warning("%s; trying again in %.0f s", reason, pause)
        self._sleep(pause)


def given_patience() -> Patience:
    """As `BERTKIT_DOWNLOAD_SECONDS` says.

    Raises:
        UsageError: it says no number of seconds.
    """
    given = os.environ.get(SECONDS_VARIABLE) or str(SECONDS)
    with suppress(ValueError):
        if (seconds := float(given)) > 0:
            return Patience(seconds)
    raise UsageError(
        f"{SECONDS_VARIABLE} is {given!r}, which is no number of seconds", hint=f"{SECONDS_VARIABLE}=120"
    )


def given_up(kind: str, name: str, error: PatienceOverError) -> HubError:
    """What to say when patience is over."""
    return HubError(
        f"the {kind} {name} cannot be fetched: {error}",
        hint="try again in a minute: files that have arrived whole are kept; "
        f"{SECONDS_VARIABLE}=600 waits longer",
    )
