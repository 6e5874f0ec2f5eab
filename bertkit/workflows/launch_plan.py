"""How many processes a command runs as on this machine; known without torch."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bertkit.errors import UsageError
from bertkit.processes.meeting import HINT
from bertkit.processes.place import find_place
from bertkit.workflows.accelerate_config import (
    AccelerateSettings,
    of_accelerate_launch,
    read_accelerate_config,
)

# The driver lists all cards of the host here, also in a container that was lent some of them: of those alone
# it has the device files. Where there are none yet, the driver makes them when a card is first used.
_NVIDIA = Path("/proc/driver/nvidia/gpus")
_DEVICES = Path("/dev")


@dataclass(frozen=True)
class LaunchPlan:
    """What is started.

    Attributes:
        processes: on this host.
        hosts: how many take part.
        host: which of them this is, from 0.
        address, port: where they meet; port 0 takes a free one, where there is one host.
        is_one: nothing has to be started: this process does the work, alone or as one that was started.
        settings: of a recipe, that a file of Accelerate asks for.
    """

    processes: int = 1
    hosts: int = 1
    host: int = 0
    address: str = "127.0.0.1"
    port: int = 0
    is_one: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)


def plan_launch(
    *,
    nproc: int | None = None,
    nnodes: int | None = None,
    node_rank: int | None = None,
    rendezvous: str | None = None,
    gpus: str | None = None,
    accelerate_config: str | None = None,
) -> LaunchPlan:
    """What the options ask for.

    Args:
        nproc: processes on this host; None: one for each GPU, or one.
        nnodes: hosts.
        node_rank: which of them this is.
        rendezvous: HOST:PORT where they meet.
        gpus: numbers with commas between, or `none`.
        accelerate_config: a file whose settings hold where no option is given.

    Raises:
        UsageError: that cannot be done here.
    """
    settings = read_accelerate_config(accelerate_config) if accelerate_config else AccelerateSettings()
    place = find_place()
    if place is not None:
        if nproc is not None and nproc != place.local_processes:
            raise UsageError(
                f"--nproc {nproc}, and {place.local_processes} processes were started on this host already",
                hint="leave --nproc out: who started them has said how many",
            )
        return LaunchPlan(is_one=True, settings={**of_accelerate_launch(os.environ), **settings.settings})
    if {"RANK", "WORLD_SIZE"} <= os.environ.keys() and nproc is None:
        return LaunchPlan(is_one=True, settings=settings.settings)  # torchrun has started this one, alone
    environment = _visible(gpus if gpus is not None else settings.gpus)
    found = count_gpus(environment)
    hosts = nnodes or settings.hosts or 1
    host = node_rank if node_rank is not None else settings.host
    processes = nproc or settings.processes_of_a_host(hosts) or max(1, found)
    check_devices(processes, found)
    address, port = _meeting(rendezvous or settings.rendezvous, hosts, host)
    os.environ.update(environment)  # also for one process: it shall see the same GPUs
    alone = processes * hosts == 1
    return LaunchPlan(processes, hosts, host or 0, address, port, alone, settings.settings)


def count_gpus(environment: Mapping[str, str] = os.environ) -> int:
    """The NVIDIA GPUs that a process with this environment sees; asked of the driver, not of torch."""
    visible = environment.get("CUDA_VISIBLE_DEVICES", os.environ.get("CUDA_VISIBLE_DEVICES"))
    there = len(list(_NVIDIA.iterdir())) if _NVIDIA.is_dir() else 0
    if devices := len(list(_DEVICES.glob("nvidia[0-9]*"))):
        there = min(there, devices)
    if visible is None:
        return there
    chosen = [name for name in visible.split(",") if name.strip() and name.strip() != "-1"]
    return min(there, len(chosen))


def _visible(gpus: str | None) -> dict[str, str]:
    """The environment in which only these GPUs are seen."""
    if gpus is None or gpus == "all":
        return {}
    if gpus == "none":
        return {"CUDA_VISIBLE_DEVICES": ""}
    numbers = [number.strip() for number in gpus.split(",")]
    # A scheduler may have lent some of the GPUs: what is counted are these.
    lent = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    there = count_gpus()
    for number in numbers:
        if not number.isdecimal():
            raise UsageError(f"--gpus {gpus}: {number!r} is no number", hint="as --gpus 0,2, or --gpus none")
        if int(number) >= there:
            raise UsageError(
                f"--gpus {gpus}: this machine has {_gpus(there)}",
                hint=f"they count from 0; {'nvidia-smi lists them' if there else 'leave --gpus out'}",
            )
    if len(set(numbers)) < len(numbers):
        raise UsageError(f"--gpus {gpus} names one twice", hint="name each once")
    return {"CUDA_VISIBLE_DEVICES": ",".join(lent[int(number)] if lent else number for number in numbers)}


def _gpus(count: int) -> str:
    return "no GPU" if count == 0 else f"{count} GPU{'s' if count > 1 else ''}"


def check_devices(processes: int, gpus: int) -> None:
    """Raise where there are more processes than devices.

    Raises:
        UsageError: with how many there are.
    """
    if gpus:
        if processes > gpus:
            raise UsageError(
                f"--nproc {processes} is more than the {_gpus(gpus)} of this machine", hint=f"--nproc {gpus}"
            )
        return
    cores = usable_cores()
    if processes > cores:
        raise UsageError(
            f"--nproc {processes} is more than the {cores} processor cores of this machine, which has no GPU",
            hint=f"--nproc {cores}; or leave it out: one process uses all cores",
        )


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _meeting(rendezvous: str | None, hosts: int, host: int | None) -> tuple[str, int]:
    if hosts == 1:
        if host:
            raise UsageError(f"--node-rank {host} of one host", hint="name their number: --nnodes N")
        if rendezvous is None:
            return "127.0.0.1", 0
    if rendezvous is None:
        raise UsageError(f"{hosts} hosts, and no place to meet", hint=HINT)
    if host is None and hosts > 1:
        raise UsageError(f"which of the {hosts} hosts is this?", hint="--node-rank N, from 0")
    if (host or 0) >= hosts:
        raise UsageError(f"--node-rank {host} of {hosts} hosts", hint="they count from 0")
    address, _, port = rendezvous.rpartition(":")
    if not address or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise UsageError(f"--rendezvous {rendezvous} is no HOST:PORT", hint="as --rendezvous 10.0.0.1:29500")
    return address.strip("[]"), int(port)


def threads_of_each(processes: int, environment: Mapping[str, Any] = os.environ) -> dict[str, str]:
    """The cores of this host shared between its processes, unless the user has said how many."""
    if "OMP_NUM_THREADS" in environment:
        return {}
    return {"OMP_NUM_THREADS": str(max(1, usable_cores() // processes))}
