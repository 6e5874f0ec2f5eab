"""Whether the others are still there: no process waits for one that has died, and what ended it is said once.

Each process lets itself be heard in the store every second, and listens to the one with the next number and
to what anybody reports. Collectives of torch would wait for a dead one until their timeout, half an hour.
"""

from __future__ import annotations

import json
import os
import platform
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from bertkit.processes.place import Place

BEAT_SECONDS = 1.0
# How long a process may not be heard of; with what is below it the rest ends within 30 seconds.
SILENCE_SECONDS = 20.0
# How long it may take to tell the others why this process ends.
TELLING_SECONDS = 5.0
_FAILURE = "failure"
NO_HOST = -1


@dataclass(frozen=True)
class Failure:
    """Why several processes end.

    Attributes:
        rank: the process that says so, None where a launcher does.
        host: the lowest rank on its host: which one it is; `NO_HOST` where none can be asked any more.
        message, hint, code: as one process alone would say it.
    """

    rank: int | None
    host: int
    message: str
    hint: str
    code: int


def silence() -> float:
    """Seconds after which a process that is not heard of counts as dead: `$BERTKIT_SILENCE_SECONDS`."""
    with suppress(KeyError, ValueError):
        return float(os.environ["BERTKIT_SILENCE_SECONDS"])
    return SILENCE_SECONDS


def report(store: Any, failure: Failure) -> Failure:
    """Tell all why they have to end; returns what was told first, by whomever."""
    told = store.compare_set(_FAILURE, "", json.dumps(asdict(failure)))
    return Failure(**json.loads(told.decode() if isinstance(told, bytes) else told))


class Watch:
    """Beats, listens and judges in threads of its own, for a main thread that waits in a collective.

    Args:
        place: of this process.
        connect: gives a connection to the store that nobody else uses.
        end: ends this process with what is to be said; None where another one says it.
    """

    def __init__(
        self, place: Place, connect: Callable[[], Any], end: Callable[[Failure, bool], None]
    ) -> None:
        self._place, self._end = place, end
        self._host = place.rank - place.local_rank
        self._listening, self._telling = connect(), connect()
        self._heard_at = time.monotonic()
        self._next_beat, self._next_heard_at = b"", time.monotonic()
        self._all_have_come = False
        # What to type next when others have died.
        self.way_back = AGAIN
        self._stopped = threading.Event()
        self._ending = threading.Lock()
        self._failure: Failure | None = None
        self._found = threading.Event()

    def start(self) -> None:
        """Begin; the threads end with the process."""
        self._heard_at = time.monotonic()
        for work in (self._listen, self._judge):
            threading.Thread(target=work, daemon=True, name=f"bertkit{work.__name__}").start()

    def all_have_come(self) -> None:
        """From now on a process that was never heard of is missed, too."""
        self._next_heard_at = time.monotonic()
        self._all_have_come = True

    def stop(self) -> None:
        """Take leave: the work is done, and silence means nothing from now on."""
        self._stopped.set()
        with suppress(Exception):  # whoever held the store may be gone already
            self._telling.set(f"left/{self._place.rank}", "1")

    def report(self, message: str, hint: str, code: int) -> tuple[Failure, bool]:
        """Say why this process ends, unless others did before; returns the reason, and whether to print it.

        The threads do nothing from then on.
        """
        self._ending.acquire()
        own = Failure(self._place.rank, self._host, message, hint, code)
        told = [own]

        def tell() -> None:
            # The one that held the store may be gone: then it is this that is to be said.
            with suppress(Exception):
                told.append(report(self._telling, own))

        # A connection whose other end is gone may keep whoever asks waiting for minutes.
        asking = threading.Thread(target=tell, daemon=True)
        asking.start()
        asking.join(TELLING_SECONDS)
        self._keep_store()
        return told[-1], self._speaks(told[-1])

    def settle(self, failure: Failure) -> bool:
        """Let the main thread end with what another process failed of; returns whether to print it."""
        self._ending.acquire()
        self._keep_store()
        return self._speaks(failure)

    def _keep_store(self) -> None:
        """Let the others hear what was told, where it is this process that holds the store."""
        if self._place.rank == 0 and not self._place.meets_launcher:
            time.sleep(3 * BEAT_SECONDS)

    def reason(self) -> Failure | None:
        """Why a collective may have failed in this process; waits until a dead one has been missed."""
        self._found.wait(silence() + 5 * BEAT_SECONDS)
        return self._failure

    def _speaks(self, failure: Failure) -> bool:
        """One process on each host speaks: on that of the fault the one that found it."""
        if failure.host == NO_HOST and self._host == 0 and not self._place.meets_launcher:
            return self._place.local_rank == 1  # the first one held the store, and is the one that died
        if failure.host == self._host and failure.rank is not None:
            return failure.rank == self._place.rank
        return self._place.local_rank == 0

    def _listen(self) -> None:
        beat = 0
        while not self._stopped.is_set():
            beat += 1
            try:
                self._listening.set(f"beat/{self._place.rank}", str(beat))
                if self._listening.check([_FAILURE]):
                    self._find(Failure(**json.loads(self._listening.get(_FAILURE))))
                self._hear_next()
                self._heard_at = time.monotonic()
            except Exception:  # a connection that is lost raises whatever torch has for it
                if not self._stopped.is_set():
                    self._find(self._no_rendezvous())
                return
            self._stopped.wait(BEAT_SECONDS)

    def _hear_next(self) -> None:
        """Look whether the process with the next number was heard of since; one that has left need not be."""
        other = (self._place.rank + 1) % self._place.processes
        now = time.monotonic()
        if self._listening.check([f"left/{other}"]):
            self._next_heard_at = now
            return
        beat = self._listening.get(f"beat/{other}") if self._listening.check([f"beat/{other}"]) else b""
        if beat != self._next_beat or not (beat or self._all_have_come):
            self._next_beat, self._next_heard_at = beat, now
        elif now - self._next_heard_at > silence():
            said = (
                f"process {other} of {self._place.processes} has died, or its host cannot be reached: "
                f"it was not heard of for {now - self._next_heard_at:.0f} s"
            )
            failure = Failure(self._place.rank, self._host, said, self.way_back, 1)
            self._find(report(self._listening, failure))

    def _judge(self) -> None:
        looked_at = time.monotonic()
        while not self._stopped.wait(BEAT_SECONDS / 2):
            now = time.monotonic()
            if now - looked_at > 5 * BEAT_SECONDS:
                # This process itself was stopped, as a laptop that is closed: nobody else is to blame.
                self._heard_at = self._next_heard_at = now
            looked_at = now
            if self._failure is None and now - self._heard_at > silence():
                self._find(self._no_rendezvous())
            if self._failure is not None:
                # A main thread that fails for the same reason may have been first; then it ends the process.
                if self._ending.acquire(timeout=2 * BEAT_SECONDS):
                    self._keep_store()
                    self._end(self._failure, self._speaks(self._failure))
                return

    def _find(self, failure: Failure) -> None:
        if self._failure is None:
            self._failure = failure
            self._found.set()

    def _no_rendezvous(self) -> Failure:
        who = "the bertkit that started" if self._place.meets_launcher else "process 0, or the host of"
        said = (
            f"the rendezvous {self._place.address}:{self._place.port} does not answer any more: "
            f"{who} process 0 has died, or cannot be reached from {platform.node()}"
        )
        return Failure(None, NO_HOST, said, self.way_back, 1)


AGAIN = "start all processes again; a training goes on: bertkit finetune --resume RUN"
