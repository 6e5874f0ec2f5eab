"""log.jsonl and TensorBoard events: what happened, one record a step and an evaluation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bertkit.runs.atomic import json_text, write_text


class RunLog:
    """Appends to log.jsonl and to an event file, flushed line by line so that a killed run is readable."""

    def __init__(self, path: Path, events: Path, *, done: int = 0) -> None:
        # Part of torch: it is imported here, where a training is about to begin anyway.
        from torch.utils.tensorboard import SummaryWriter

        self._stream = path.open("a", encoding="utf-8")
        # Steps that a killed process wrote after its last checkpoint come again.
        self._events = SummaryWriter(str(events), purge_step=done + 1 if done else None)

    def write(self, kind: str, step: int, values: Mapping[str, Any]) -> None:
        """Append one record; numbers among `values` also become points of the curve `kind/name`."""
        record = {"kind": kind, "step": step, **values}
        self._stream.write(json_text(record) + "\n")
        self._stream.flush()
        for name, value in values.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                self._events.add_scalar(f"{kind}/{name}", value, step)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()
        self._events.close()


def trim_log(path: Path, *, step: int) -> None:
    """Drop records after `step`: a resumed run writes them again."""
    if not path.is_file():
        return
    kept = []
    for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            record = json.loads(line)
        except ValueError:  # the last line of a killed run may be half a line
            continue
        if isinstance(record, dict) and record.get("step", 0) <= step:
            kept.append(line)
    write_text(path, "".join(f"{line}\n" for line in kept))
