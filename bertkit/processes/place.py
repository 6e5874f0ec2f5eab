"""Which of several processes this is; told by the environment, without torch."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from bertkit.errors import UsageError

DEFAULT_PORT = 29_500
# Set for the processes that `bertkit` starts itself.
LAUNCHED = "BERTKIT_LAUNCHED"
# In the folder it names: what to type next where one of them dies.
WAY_BACK = "way_back.txt"


@dataclass(frozen=True)
class Place:
    """One of several processes.

    Attributes:
        rank: its number, from 0, over all hosts.
        processes: how many there are.
        local_rank: its number on this host.
        local_processes: how many there are on this host.
        address, port: where they meet.
        meets_launcher: the one that started them answers there; else the first process does.
    """

    rank: int
    processes: int
    local_rank: int
    local_processes: int
    address: str
    port: int
    meets_launcher: bool = False

    @property
    def is_alone_on_host(self) -> bool:
        """True if no other process can be on another host."""
        return self.local_processes == self.processes

    @property
    def environment(self) -> dict[str, str]:
        """The same in the words of torchrun."""
        return {
            "RANK": str(self.rank), "WORLD_SIZE": str(self.processes), "LOCAL_RANK": str(self.local_rank),
            "LOCAL_WORLD_SIZE": str(self.local_processes), "MASTER_ADDR": self.address,
            "MASTER_PORT": str(self.port),
        }  # fmt: skip


def is_launched(environment: Mapping[str, str] = os.environ) -> bool:
    """True if bertkit has started this process as one of several, and will say how they end."""
    return LAUNCHED in environment


def is_main_process(environment: Mapping[str, str] = os.environ) -> bool:
    """True in the one process that writes and prints, of however many there are."""
    place = find_place(environment)
    return place is None or place.rank == 0


def find_place(environment: Mapping[str, str] = os.environ) -> Place | None:
    """What torchrun, accelerate launch, srun or bertkit itself say of this process; None of a single one.

    Raises:
        UsageError: they say it in part, or what cannot be.
    """
    values = dict(environment)
    if "RANK" not in values and _number(values.get("SLURM_STEP_NUM_TASKS")) > 1:
        # Of a step, as `srun` starts it: a batch script has the number of tasks, too, and is a single one.
        values |= _of_slurm(values)
    processes = _number(values.get("WORLD_SIZE"))
    if processes < 2:
        return None
    if "RANK" not in values:
        raise UsageError(
            f"WORLD_SIZE says that this is one of {processes} processes, and RANK does not say which",
            hint="start it with torchrun, accelerate launch or srun, or leave WORLD_SIZE out",
        )
    rank = _number(values["RANK"])
    local_processes = _number(values.get("LOCAL_WORLD_SIZE")) or processes
    place = Place(
        rank, processes, _number(values.get("LOCAL_RANK", rank % local_processes)), local_processes,
        values.get("MASTER_ADDR") or "127.0.0.1", _number(values.get("MASTER_PORT")) or DEFAULT_PORT,
        meets_launcher=values.get("TORCHELASTIC_USE_AGENT_STORE") == "True" or LAUNCHED in values,
    )  # fmt: skip
    if not (0 <= place.rank < processes and 0 <= place.local_rank < local_processes <= processes):
        raise UsageError(
            f"RANK {rank}, LOCAL_RANK {place.local_rank} of {local_processes} and WORLD_SIZE {processes} "
            "cannot be",
            hint="start it with torchrun, accelerate launch or srun",
        )
    return place


def _of_slurm(values: Mapping[str, str]) -> dict[str, str]:
    """A task of a step of Slurm in the words of torchrun."""
    job = _number(values.get("SLURM_JOB_ID")) + _number(values.get("SLURM_STEP_ID"))
    counts = _counts(values.get("SLURM_STEP_TASKS_PER_NODE", ""))
    node = _number(values.get("SLURM_NODEID"))
    return {
        "RANK": values.get("SLURM_PROCID", "0"),
        "WORLD_SIZE": values["SLURM_STEP_NUM_TASKS"],
        "LOCAL_RANK": values.get("SLURM_LOCALID", "0"),
        "LOCAL_WORLD_SIZE": str(counts[node] if node < len(counts) else 1),
        "MASTER_ADDR": values.get("MASTER_ADDR") or first_host(values.get("SLURM_STEP_NODELIST", "")),
        # Steps of several jobs may share a host.
        "MASTER_PORT": values.get("MASTER_PORT") or str(20_000 + job % 10_000),
    }


def _counts(text: str) -> list[int]:
    """Slurm's `2(x3),1` as 2, 2, 2, 1."""
    counts: list[int] = []
    for part in filter(None, text.split(",")):
        found = re.fullmatch(r"(\d+)(?:\(x(\d+)\))?", part)
        if found:
            counts += [int(found[1])] * int(found[2] or 1)
    return counts


def first_host(nodes: str) -> str:
    """The first of Slurm's `gpu[03-05,11],cpu1`: gpu03."""
    found = re.match(r"([^,\[]*)(?:\[(\d+)[^\]]*\])?([^,\[]*)", nodes)
    return "".join(part or "" for part in found.groups()) if found else nodes


def _number(text: object) -> int:
    try:
        return int(str(text))
    except ValueError:
        return 0
