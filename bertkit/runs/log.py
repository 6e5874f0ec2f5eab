"""log.jsonl and TensorBoard events: what happened, one record a step and an evaluation."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from bertkit.runs.atomic import json_text, write_text


class RunLog:
    """Appends to log.jsonl and to an event file, flushed line by line so that a killed run is readable.

    What cannot be written stops no training: it is said once, and the training goes on without.

    Args:
        path: of log.jsonl.
        events: the folder of TensorBoard's file.
        done: steps of a training that goes on.
        warn: told what cannot be written.
    """

    def __init__(self, path: Path, events: Path, *, warn: Callable[[str], None], done: int = 0) -> None:
        # Part of torch: it is imported here, where a training is about to begin anyway.
        from torch.utils.tensorboard import SummaryWriter

        self._path, self._warn, self._failed = path, warn, False
        # TensorBoard writes in a thread of its own, whose errors would be printed whole.
        self._hook, threading.excepthook = threading.excepthook, self._hear_thread
        self._stream: TextIO | None = None
        self._events: SummaryWriter | None = None
        with self._surviving():
            self._stream = path.open("a", encoding="utf-8")
            # Steps that a killed process wrote after its last checkpoint come again.
            self._events = SummaryWriter(str(events), purge_step=done + 1 if done else None)

    def write(self, kind: str, step: int, values: Mapping[str, Any]) -> None:
        """Append one record; numbers among `values` also become points of the curve `kind/name`."""
        if self._failed or self._stream is None or self._events is None:
            return
        record = {"kind": kind, "step": step, **values}
        with self._surviving():
            self._stream.write(json_text(record) + "\n")
            self._stream.flush()
            for name, value in values.items():
                if isinstance(value, int | float) and not isinstance(value, bool):
                    self._events.add_scalar(f"{kind}/{name}", value, step)

    @contextmanager
    def _surviving(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._fail(error)

    def _fail(self, error: OSError) -> None:
        if not self._failed:
            self._failed = True
            reason = error.strerror or error
            self._warn(f"{self._path} cannot be written ({reason}): the training goes on without its log")

    def _hear_thread(self, raised: threading.ExceptHookArgs) -> None:
        if isinstance(raised.exc_value, OSError):
            self._fail(raised.exc_value)
        else:
            self._hook(raised)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in (self._stream, self._events):
            with suppress(OSError):  # what could not be written was said
                if each is not None:
                    each.close()
        threading.excepthook = self._hook


def trim_log(path: Path, *, step: int, judged_step: int) -> None:
    """Drop records after `step`, and of evaluations after `judged_step`: a resumed run writes them again."""
    if not path.is_file():
        return
    kept = []
    for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            record = json.loads(line)
        except ValueError:  # the last line of a killed run may be half a line
            continue
        if not isinstance(record, dict):
            continue
        last = judged_step if record.get("kind") == "eval" else step
        if isinstance(record.get("step"), int) and record["step"] <= last:
            kept.append(line)
    write_text(path, "".join(f"{line}\n" for line in kept))
