"""Become one of several processes for a block, and leave together."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bertkit.processes.group import Group
from bertkit.processes.meeting import hold_store, listen_at, reach_store
from bertkit.processes.place import find_place
from bertkit.processes.watch import Failure, Watch

_current = [Group()]


def current_group() -> Group:
    """The group this process belongs to; one of its own unless it has joined others."""
    return _current[-1]


@contextmanager
def joined(
    end: Callable[[Failure, bool], None] | None = None, *, tell: Callable[[str], None] | None = None
) -> Iterator[Group]:
    """Meet the other processes, if this is one of several, and stay with them for the block.

    Args:
        end: ends this process with what another one failed of; told whether to say it. None prints it.
        tell: told what is waited for.

    Raises:
        UsageError: the others cannot be met.
    """
    place = find_place()
    if place is None:
        yield current_group()
        return
    # Accelerate knows the words of torchrun alone.
    os.environ.update(place.environment)
    # Torch's own warnings of each vain try to connect; what matters is said here.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    held = None
    if place.rank == 0 and not place.meets_launcher:
        held = hold_store(listen_at(place.address, place.port))
    store = reach_store(place, tell=tell)
    watch = Watch(place, lambda: reach_store(place), end or _end)
    group = Group(place, store, watch, held=held)
    # It stays after an error, for whoever says that: what it says has to be told to the others, too.
    _current.append(group)
    watch.start()
    group.meet(tell if place.local_rank == 0 else None)
    watch.all_have_come()
    yield group
    group.leave()
    _current.remove(group)


def _end(failure: Failure, speaks: bool) -> None:
    if speaks:
        print(f"{failure.message}\n{failure.hint}", file=sys.stderr, flush=True)
    os._exit(failure.code)
