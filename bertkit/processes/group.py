"""All processes of one work, seen from one of them: what the main one decides, and what all must agree on."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from bertkit.errors import UsageError
from bertkit.processes.meeting import (
    BETWEEN_TRIES_SECONDS,
    SAID_AFTER_SECONDS,
    choose_interface,
    patience,
    reach_store,
)
from bertkit.processes.place import LAUNCHED, WAY_BACK, Place
from bertkit.processes.watch import Watch

if TYPE_CHECKING:
    from numpy.typing import NDArray

Value = TypeVar("Value")

# A process that dies is missed within seconds; this ends what would wait for ever all the same.
COLLECTIVE_HOURS = 6
# How long the process that holds the store waits for others to take leave.
LEAVING_SECONDS = 10.0


class Group:
    """One process of several, or the only one.

    Values that go from one to others are what JSON can say.

    Args:
        place: of this process; None of the only one.
        store: a connection of its own.
        watch: that the others are there.
        held: what has to be kept for as long as the group.
    """

    def __init__(
        self, place: Place | None = None, store: Any = None, watch: Watch | None = None, held: Any = None
    ) -> None:
        self._place, self._store, self._watch, self._held = place, store, watch, held
        self._count = 0
        self._torch_store: Any = None

    @property
    def place(self) -> Place | None:
        """Of this process, None of the only one."""
        return self._place

    @property
    def size(self) -> int:
        """How many there are."""
        return self._place.processes if self._place is not None else 1

    @property
    def rank(self) -> int:
        """The number of this one, from 0."""
        return self._place.rank if self._place is not None else 0

    @property
    def is_main(self) -> bool:
        """True in the one that writes and prints."""
        return self.rank == 0

    @property
    def watch(self) -> Watch | None:
        """That the others are there; None of the only process."""
        return self._watch

    def from_main(self, make: Callable[[], Value]) -> Value:
        """What the main process makes, in all of them."""
        if self._place is None:
            return make()
        key = self._next_key()
        if self.is_main:
            made = make()
            self._store.set(key, json.dumps(made))
            return made
        found: Value = json.loads(self._awaited(key))
        return found

    def gathered(self, value: Any) -> list[Any]:
        """The value of each process, in all of them."""
        if self._place is None:
            return [value]
        key = self._next_key()
        self._store.set(f"{key}/{self.rank}", json.dumps(value))
        return [json.loads(self._awaited(f"{key}/{rank}")) for rank in range(self.size)]

    def joined_lists(self, values: list[Any]) -> list[Any]:
        """The values of all processes as one list, in all of them."""
        return [value for values in self.gathered(values) for value in values]

    def check_same(self, what: str, values: Mapping[str, Any], *, hint: str) -> None:
        """Refuse to go on where processes differ in what must be the same.

        Args:
            what: they are, for the message.
            values: by name.
            hint: what to do.

        Raises:
            UsageError: in all of them, with what differs first.
        """
        first, *others = self.gathered(dict(values))
        for rank, other in enumerate(others, start=1):
            for name in sorted(first.keys() | other.keys()):
                if first.get(name) != other.get(name):
                    said = (
                        f"{name}: {_short(first.get(name))} in process 0, {_short(other.get(name))} in {rank}"
                    )
                    raise UsageError(f"the processes differ in their {what}: {said}", hint=hint)

    @contextmanager
    def one_on_each_host_first(self) -> Iterator[None]:
        """Let one process of each host through the block before the others: they find what it has left."""
        if self._place is None:
            yield
            return
        key = f"{self._next_key()}/{self.rank - self._place.local_rank}"
        if self._place.local_rank == 0:
            yield
            self._store.set(key, "1")
        else:
            self._awaited(key)
            yield

    def largest(self, *numbers: int) -> tuple[int, ...]:
        """The largest of each number over all processes; called in all of them at the same point."""
        if self._place is None:
            return numbers
        import torch
        from torch import distributed

        tensor = torch.tensor(numbers, dtype=torch.int64)
        distributed.all_reduce(tensor, distributed.ReduceOp.MAX)
        return tuple(tensor.tolist())

    def summed(self, array: NDArray[Any]) -> NDArray[Any]:
        """The sum of an array of one shape and kind over all processes, in all of them."""
        if self._place is None:
            return array
        import torch
        from torch import distributed

        # On the processor, also where there are GPUs: it may be large, and their memory is for the model.
        tensor = torch.from_numpy(array.copy())
        distributed.all_reduce(tensor)
        found: NDArray[Any] = tensor.numpy()
        return found

    def gathered_tensors(self, tensor: Any) -> list[Any]:
        """A tensor of the processor of each process, of one shape and kind in all of them."""
        if self._place is None:
            return [tensor]
        import torch
        from torch import distributed

        found = [torch.empty_like(tensor) for _ in range(self.size)]
        distributed.all_gather(found, tensor)
        return found

    def share_tensors(self, tensors: Mapping[str, Any] | None) -> dict[str, Any]:
        """Tensors of the main process by name, in all of them, on the processor.

        Args:
            tensors: None in all but the main process.
        """
        if self._place is None:
            return dict(tensors or {})
        import torch
        from torch import distributed

        kinds: list[Any] = self.from_main(
            lambda: [(name, list(each.shape), str(each.dtype)) for name, each in (tensors or {}).items()]
        )
        shared = {}
        for name, shape, kind in kinds:
            if tensors is not None:
                each = tensors[name].detach().cpu().contiguous()
            else:
                each = torch.empty(shape, dtype=getattr(torch, kind.removeprefix("torch.")))
            distributed.broadcast(each, 0)
            shared[name] = each
        return shared

    def note_way_back(self, hint: str) -> None:
        """From now on this is what to type next where a process dies."""
        if self._watch is not None:
            self._watch.way_back = hint
            if (words := os.environ.get(LAUNCHED)) is not None:
                with suppress(OSError):
                    (Path(words) / WAY_BACK).write_text(hint, encoding="utf-8")

    def start_collectives(self) -> None:
        """Set up torch.distributed, once; on a machine with GPUs for these and for processors."""
        import torch
        from torch import distributed
        from torch.distributed import PrefixStore  # type: ignore[attr-defined]

        if self._place is None or distributed.is_initialized():
            return
        backend = "gloo"
        if torch.cuda.is_available():
            backend = "cpu:gloo,cuda:nccl"
            gpus = torch.cuda.device_count()
            if gpus > 1 and self._place.local_rank >= gpus:
                raise UsageError(
                    f"{self._place.local_processes} processes on a machine with {gpus} GPUs",
                    hint=f"--nproc {gpus}",
                )
            # A scheduler may show each process a GPU of its own.
            torch.cuda.set_device(self._place.local_rank if gpus > 1 else 0)
            cards = self.gathered(str(torch.cuda.get_device_properties(torch.cuda.current_device()).uuid))
            if len(set(cards)) < len(cards):
                raise UsageError(
                    f"{self.size} processes have only {len(set(cards))} GPUs",
                    hint="start one process for each GPU, as bertkit does by itself",
                )
        choose_interface(self._place)
        self._torch_store = reach_store(self._place)
        # Torch asks here for what others will bring, whenever that is.
        self._torch_store.set_timeout(timedelta(hours=COLLECTIVE_HOURS))
        distributed.init_process_group(
            backend, store=PrefixStore("torch", self._torch_store), rank=self.rank,
            world_size=self.size, timeout=timedelta(hours=COLLECTIVE_HOURS),
        )  # fmt: skip

    def _next_key(self) -> str:
        # All processes walk the same way: their counts say which of these exchanges is meant.
        self._count += 1
        return f"value/{self._count}"

    def _awaited(self, key: str) -> bytes:
        """A value from the store, whenever it comes; a process that dies meanwhile ends this one, too."""
        from torch.distributed import DistStoreError

        while True:
            with suppress(DistStoreError):
                self._store.wait([key], timedelta(seconds=1))
                return bytes(self._store.get(key))

    def meet(self, tell: Callable[[str], None] | None = None) -> None:
        """Wait until all processes have come.

        Args:
            tell: told who is waited for, once that takes long.

        Raises:
            UsageError: some have not, within `meeting.patience`, or they were not started as one.
        """
        size = int(self._store.compare_set("size", "", str(self.size)))
        same = "give the same --nproc and --nnodes on all hosts, and each its own --node-rank"
        if size != self.size:
            raise UsageError(
                f"process {self.rank} was started as one of {self.size}, others as some of {size}", hint=same
            )
        if self._store.add(f"came/{self.rank}", 1) > 1:
            raise UsageError(f"there are two processes with the number {self.rank}", hint=same)
        key, began = self._next_key(), time.monotonic()
        self._store.set(f"{key}/{self.rank}", "1")
        while missing := [rank for rank in range(self.size) if not self._store.check([f"{key}/{rank}"])]:
            waited = time.monotonic() - began
            names = ", ".join(map(str, missing))
            if waited > patience():
                raise UsageError(
                    f"only {self.size - len(missing)} of {self.size} processes have come to the rendezvous "
                    f"within {patience():.0f} s; missing: {names}",
                    hint="start bertkit with the same --nnodes, --nproc and --rendezvous on each host",
                )
            if tell is not None and waited > SAID_AFTER_SECONDS:
                tell(f"waiting for {len(missing)} of {self.size} processes: {names}")
                tell = None
            time.sleep(BETWEEN_TRIES_SECONDS)

    def leave(self) -> None:
        """End together: nobody takes the others for dead because they were done first."""
        if self._place is None or self._watch is None:
            return
        with suppress(Exception):  # the work is done; whatever happens now is no failure
            self.gathered(True)
        self._watch.stop()
        if self.is_main and not self._place.meets_launcher:
            # This one holds the store.
            until = time.monotonic() + LEAVING_SECONDS
            with suppress(Exception):
                names = [f"left/{rank}" for rank in range(self.size)]
                while not self._store.check(names) and time.monotonic() < until:
                    time.sleep(BETWEEN_TRIES_SECONDS)


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
