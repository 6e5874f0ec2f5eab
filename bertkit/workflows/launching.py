"""Start the processes of one command on this host, wait for them, and end as they end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bertkit.errors import BertkitError
from bertkit.processes.meeting import hold_store, listen_at, reach_store
from bertkit.processes.place import LAUNCHED, WAY_BACK, Place
from bertkit.processes.watch import AGAIN, NO_HOST, Failure, report
from bertkit.runs.atomic import write_json
from bertkit.workflows.children import name_of_signal, python_path_options
from bertkit.workflows.launch_plan import LaunchPlan, threads_of_each
from bertkit.workflows.signals import StopRequest, stop_of, stop_requests

LOOK_EVERY_SECONDS = 0.1
# How long the others may take to end after one has failed: they may be waiting to hear who it was.
GRACE_SECONDS = 26.0
ENDING_SECONDS = 5.0


class ProcessesFailed(BertkitError):
    """What one of several processes failed of, said once for all.

    Args:
        failure: of the process that said it first.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message, hint=failure.hint)
        self.exit_code = failure.code


def launch(plan: LaunchPlan, arguments: Sequence[str]) -> int:
    """Run `bertkit ARGUMENTS` as several processes.

    Args:
        plan: how many, and where they meet.
        arguments: the command line of this process; those that are started see by their environment that
            they are not to start others.

    Returns:
        Their exit code, if none has failed.

    Raises:
        UsageError: the place to meet cannot be used.
        ProcessesFailed: with what one of them said.
    """
    with ExitStack() as stack:
        listening = listen_at(plan.address, plan.port) if plan.host == 0 else None
        port = listening.getsockname()[1] if listening is not None else plan.port
        words = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bertkit-")))
        request = stack.enter_context(stop_requests())
        started = [_start(plan, number, port, words, arguments) for number in range(plan.processes)]
        stack.callback(_end_all, started)
        # They take seconds to come; by then this is ready.
        held = hold_store(listening) if listening is not None else None
        codes = _wait(plan, port, started, request, words)
        failed = [code for code in codes if code not in (0, 3)]
        if held is not None and not failed:
            _await_others(plan, held)
        del held
        if failed and request.signal_number is not None and not any(words.glob("*.json")):
            raise stop_of(request.signal_number)  # they had not begun
        if failed:
            raise ProcessesFailed(_first_word(words) or _of_code(plan, codes, failed[0], words))
        return max(codes)


def _start(
    plan: LaunchPlan, number: int, port: int, words: Path, arguments: Sequence[str]
) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ, **threads_of_each(plan.processes),
        "RANK": str(plan.host * plan.processes + number), "WORLD_SIZE": str(plan.hosts * plan.processes),
        "LOCAL_RANK": str(number), "LOCAL_WORLD_SIZE": str(plan.processes),
        "MASTER_ADDR": plan.address, "MASTER_PORT": str(port), LAUNCHED: str(words),
    }  # fmt: skip
    return subprocess.Popen(
        [sys.executable, *python_path_options(), "-m", "bertkit", *arguments],
        env=environment,
        # A pipe that nothing is written to: it closes when this process ends, however it ends.
        stdin=subprocess.PIPE,
        # Ctrl-C on a terminal reaches all processes of a session; these shall get it once, from here.
        start_new_session=True,
    )


def _wait(
    plan: LaunchPlan, port: int, started: Sequence[subprocess.Popen[bytes]], request: StopRequest, words: Path
) -> list[int]:
    """Wait until all have ended; hand on what asks to stop; after a failure only for a while."""
    told = False
    failed_at: float | None = None
    while None in [process.poll() for process in started]:
        if request.signal_number is not None and not told:
            told = True
            for process in started:
                process.send_signal(request.signal_number)
        if failed_at is None and (number := _failed(started)) is not None:
            failed_at = time.monotonic()
            if request.signal_number is None:
                _tell(plan, port, number, started[number].returncode, words)
        # Once one has said why, the others know, too.
        grace = ENDING_SECONDS if any(words.glob("*.json")) else GRACE_SECONDS
        if failed_at is not None and time.monotonic() - failed_at > grace:
            _end_all(started)
        time.sleep(LOOK_EVERY_SECONDS)
    return [process.returncode for process in started]


def _await_others(plan: LaunchPlan, store: Any) -> None:
    """Keep the store for the processes of other hosts until they have taken leave."""
    until = time.monotonic() + GRACE_SECONDS
    names = [f"left/{rank}" for rank in range(plan.processes * plan.hosts)]
    while not store.check(names) and time.monotonic() < until:
        time.sleep(LOOK_EVERY_SECONDS)


def _failed(started: Sequence[subprocess.Popen[bytes]]) -> int | None:
    for number, process in enumerate(started):
        if process.returncode not in (None, 0, 3):
            return number
    return None


def _tell(plan: LaunchPlan, port: int, number: int, code: int, words: Path) -> None:
    """Tell the others of a process that could not tell them itself: a signal has killed it."""
    if code >= 0:
        return

    def tell() -> None:
        with suppress(Exception):  # nobody may be there any more to be told
            rank = plan.host * plan.processes
            place = Place(rank, plan.hosts * plan.processes, 0, plan.processes, plan.address, port, True)
            report(reach_store(place), _killed(plan, number, code, words))

    # The store may be on a host that is gone.
    threading.Thread(target=tell, daemon=True).start()


def _killed(plan: LaunchPlan, number: int, code: int, words: Path) -> Failure:
    rank = plan.host * plan.processes + number
    said = f"process {rank} of {plan.hosts * plan.processes} was killed by {name_of_signal(-code)}"
    hint = AGAIN
    with suppress(OSError):  # not written before the training
        hint = (words / WAY_BACK).read_text(encoding="utf-8")
    return Failure(None, plan.host * plan.processes, said, hint, 1)


def _of_code(plan: LaunchPlan, codes: Sequence[int], failed: int, words: Path) -> Failure:
    if failed < 0:
        return _killed(plan, codes.index(failed), failed, words)
    rank = plan.host * plan.processes + codes.index(failed)
    said = f"process {rank} ended with exit code {failed} and without a word"
    return Failure(None, NO_HOST, said, "run it again with --debug, and report it", failed)


def _end_all(started: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in started:
        if process.poll() is None:
            process.kill()
    for process in started:
        process.wait()
        if process.stdin is not None:
            process.stdin.close()


def leave_word(failure: Failure) -> None:
    """Leave it to the one that started this process to say why it ends."""
    with suppress(OSError):  # a full disk: the exit code has to do
        write_json(Path(os.environ[LAUNCHED]) / f"{os.environ['RANK']}.json", asdict(failure))


def _first_word(words: Path) -> Failure | None:
    """What the processes say; all that knew of each other say the same."""
    for path in sorted(words.glob("*.json"), key=lambda path: path.stat().st_mtime_ns):
        with suppress(OSError, ValueError, TypeError):
            return Failure(**json.loads(path.read_text(encoding="utf-8")))
    return None
