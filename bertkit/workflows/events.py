"""What a workflow tells whoever started it; the command line shows it, a program may ignore it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bertkit.training.events import Event as TrainingEvent


@dataclass(frozen=True)
class Note:
    """A sentence for the person; `warning` for what probably was not meant."""

    text: str
    warning: bool = False


@dataclass(frozen=True)
class Progress:
    """How far a piece of long work is.

    Attributes:
        what: what is being done, as `tokenizing train`.
        done: so many units of `total`.
        total: None where nobody knows.
        unit: what is counted, as `rows` or `bytes`.
    """

    what: str
    done: int
    total: int | None
    unit: str = "rows"


@dataclass(frozen=True)
class TrainingBegins:
    """The first step follows.

    Attributes:
        steps: optimizer steps in all.
        first_step: steps done before, in a resumed run.
        run: the run folder.
        rows: training features (rows, or windows of rows); None for a stream, which nobody has counted.
        precision: fp32 or bf16.
        device: as `cpu` or `cuda:0`.
    """

    steps: int
    first_step: int
    run: Path
    rows: int | None
    precision: str
    device: str


Event = Note | Progress | TrainingBegins | TrainingEvent
Listener = Callable[[Event], None]


def silent(event: Event) -> None:
    """The listener of those who do not listen."""
