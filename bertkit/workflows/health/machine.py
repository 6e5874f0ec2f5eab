"""The processor, the memory, and what a container leaves of both."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from bertkit.runs.disk import size_of
from bertkit.runs.environment import processor_name
from bertkit.workflows.health.finding import Finding, counted

CGROUPS = Path("/sys/fs/cgroup")
# AdamW in fp32 holds each weight, its gradient and two means: 16 bytes. Those of a BERT-base, 110 million,
# and as much again for activations and the libraries.
LITTLE_MEMORY = 2 * 16 * 110e6
# Below so much nothing can be trained, however small: the libraries alone take about half of it.
TOO_LITTLE_MEMORY = 1e9


def look_at_processor(cgroups: Path = CGROUPS) -> Iterator[Finding]:
    """The processor, and how many of its cores this process may use."""
    cores, usable, limit = os.cpu_count() or 1, usable_cores(), core_limit(cgroups)
    facts = {"name": processor_name(), "cores": cores, "usable": usable, "limit": limit}
    parts = [processor_name(), f"{usable} of {cores} cores" if usable < cores else counted(cores, "core")]
    if limit is not None:
        parts.append(f"the container may use {limit:g} of them at a time")
    threads = int(first) if (first := os.environ.get("OMP_NUM_THREADS", "").split(",")[0]).isdecimal() else 0
    if limit is not None and (threads or usable) > max(1, limit):
        hint = f"export OMP_NUM_THREADS={max(1, int(limit))}: more threads than that wait for each other"
        yield Finding("processor", "warning", "; ".join(parts), hint, facts)
    else:
        yield Finding("processor", "ok", "; ".join(parts), facts=facts)


def look_at_memory(cgroups: Path = CGROUPS) -> Iterator[Finding]:
    """Memory there is, memory that is free, and the limit of a container."""
    import psutil

    memory = psutil.virtual_memory()
    limit = memory_limit(cgroups)
    free = memory.available
    if limit is not None:
        free = max(0, min(free, limit - (memory_used(cgroups) or 0)))
    facts = {"total_bytes": memory.total, "free_bytes": free, "limit_bytes": limit}
    text = f"{size_of(free)} free of {size_of(memory.total)}"
    text += f"; the container may use {size_of(limit)}" if limit is not None else ""
    if free < TOO_LITTLE_MEMORY:
        yield Finding("memory", "problem", text, "close other programs, or raise the limit", facts)
    elif free < LITTLE_MEMORY:
        hint = (
            f"fine-tuning a BERT-base wants about {size_of(LITTLE_MEMORY)}: take a smaller encoder, as minilm"
        )
        yield Finding("memory", "warning", text, hint, facts)
    else:
        yield Finding("memory", "ok", text, facts=facts)


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def core_limit(cgroups: Path = CGROUPS) -> float | None:
    """Cores' worth of time that a container gives; None for no limit. As cgroup v2 and v1 write it."""
    if both := _words(cgroups / "cpu.max", 2):
        quota, period = both
    else:
        quota = next(iter(_words(cgroups / "cpu/cpu.cfs_quota_us", 1)), "max")
        period = next(iter(_words(cgroups / "cpu/cpu.cfs_period_us", 1)), "100000")
    if not quota.isdecimal() or not period.isdecimal() or int(period) == 0:
        return None
    return int(quota) / int(period)


def memory_limit(cgroups: Path = CGROUPS) -> int | None:
    """Bytes that a container may use; None for no limit."""
    found = _number(cgroups, "memory.max", "memory/memory.limit_in_bytes")
    # Version 1 writes a number that no machine has where there is no limit.
    return found if found is not None and found < 1 << 60 else None


def memory_used(cgroups: Path = CGROUPS) -> int | None:
    """Bytes that a container uses now; None where nobody counts."""
    return _number(cgroups, "memory.current", "memory/memory.usage_in_bytes")


def _number(folder: Path, *names: str) -> int | None:
    for name in names:
        for word in _words(folder / name, 1):
            if word.isdecimal():
                return int(word)
    return None


def _words(path: Path, count: int) -> list[str]:
    """The first words of a file; none where it has not so many, or is not there."""
    try:
        words = path.read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return []
    return words[:count] if len(words) >= count else []
