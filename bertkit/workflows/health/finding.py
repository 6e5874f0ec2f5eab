"""One thing that was looked at, and what is to be done about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

State = Literal["ok", "warning", "problem"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: of the thing, as `torch` or `disk for runs`.
        state: `problem` where something does not work, `warning` where it works worse than it could.
        text: what was found.
        hint: what to do next; empty where all is well.
        facts: the same for programs.
    """

    name: str
    state: State
    text: str
    hint: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def counted(number: int, what: str) -> str:
    """`1 core`, `2 cores`."""
    return f"{number} {what}{'' if number == 1 else 's'}"
