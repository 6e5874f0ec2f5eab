"""Where processes meet: one of them holds a store of keys, all others reach it over the network."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bertkit.errors import UsageError
from bertkit.processes.place import Place

if TYPE_CHECKING:
    from torch.distributed import TCPStore  # type: ignore[attr-defined]

# How long hosts may come one after the other.
PATIENCE_SECONDS = 600.0
# After so long it is said that others are awaited.
SAID_AFTER_SECONDS = 5.0
BETWEEN_TRIES_SECONDS = 0.2
# What a single question to the store may take.
ANSWER_SECONDS = 30.0


def patience() -> float:
    """Seconds to wait for the other hosts: `$BERTKIT_RENDEZVOUS_SECONDS`."""
    with suppress(KeyError, ValueError):
        return float(os.environ["BERTKIT_RENDEZVOUS_SECONDS"])
    return PATIENCE_SECONDS


def listen_at(address: str, port: int) -> socket.socket:
    """A socket that listens; bound before torch is imported, so that a fault shows at once.

    Args:
        address: of this host, as others name it.
        port: 0 takes any that is free.

    Raises:
        UsageError: the port is taken, or the address is none at all.
    """
    try:
        family = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0][0]
    except OSError as error:
        raise UsageError(f"there is no host {address}: {error.strerror or error}", hint=HINT) from error
    found = socket.socket(family, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # All addresses of this host: the one that others know may be that of a router before it.
        found.bind(("127.0.0.1" if address == "127.0.0.1" else "", port))
        found.listen(1024)
    except OSError as error:
        found.close()
        raise UsageError(
            f"port {port} of this machine cannot be used: {error.strerror or error}",
            hint="take another one in all places: --rendezvous HOST:PORT",
        ) from error
    return found


HINT = "--rendezvous HOST:PORT names the host that has --node-rank 0, and a port of it that others reach"


def hold_store(listening: socket.socket) -> TCPStore:
    """Answer at a socket that listens, for as long as the store that comes back is kept."""
    from torch.distributed import TCPStore  # type: ignore[attr-defined]

    port = listening.getsockname()[1]
    return TCPStore(
        "127.0.0.1", port, is_master=True, wait_for_workers=False,
        timeout=timedelta(seconds=ANSWER_SECONDS), master_listen_fd=listening.detach(),
    )  # fmt: skip


def reach_store(place: Place, *, tell: Callable[[str], None] | None = None) -> Any:
    """A connection of its own to the store: one that waits keeps nobody else waiting.

    Raises:
        UsageError: nobody answers there in time.
    """
    from torch.distributed import TCPStore  # type: ignore[attr-defined]

    _await(place, tell)
    try:
        return TCPStore(
            place.address, place.port, is_master=False, wait_for_workers=False,
            timeout=timedelta(seconds=ANSWER_SECONDS),
        )  # fmt: skip
    except RuntimeError as error:
        raise _unreachable(place, "what answers there is no rendezvous") from error


def _await(place: Place, tell: Callable[[str], None] | None) -> None:
    """Wait until something listens: the host may still be starting, its name not be known yet."""
    address, port = place.address, place.port
    # A router may lead there all the same, so this is no reason to refuse.
    lost = place.rank == 0 and not is_of_this_host(address)
    where = "; it is no address of this host, which has --node-rank 0" if lost else ""
    began = time.monotonic()
    reason = ""
    while (waited := time.monotonic() - began) < patience():
        try:
            socket.create_connection(
                (address, port), timeout=min(SAID_AFTER_SECONDS, max(1.0, patience() - waited))
            ).close()
            return
        except OSError as error:
            reason = str(error.strerror or error)
        if tell is not None and waited > SAID_AFTER_SECONDS:
            tell(f"waiting for {address}:{port} to answer ({reason}{where})")
            tell = None
        time.sleep(BETWEEN_TRIES_SECONDS)
    raise UsageError(
        f"the rendezvous {address}:{port} cannot be reached within {patience():.0f} s: {reason}{where}",
        hint=HINT,
    )


def _unreachable(place: Place, reason: str) -> UsageError:
    return UsageError(f"the rendezvous {place.address}:{place.port} cannot be used: {reason}", hint=HINT)


def is_of_this_host(address: str) -> bool:
    """False where an address belongs to another host, to a router before this one, or to nobody."""
    with suppress(OSError):
        found = socket.getaddrinfo(address, 0, type=socket.SOCK_DGRAM)[0]
        with socket.socket(found[0], socket.SOCK_DGRAM) as probe:
            probe.bind(found[4])
            return True
    return False


def choose_interface(place: Place) -> None:
    """Let gloo use the interface that leads to the meeting; its own choice goes by the host's name."""
    if "GLOO_SOCKET_IFNAME" in os.environ:
        return
    import psutil

    with suppress(OSError):
        own = _own_address(place)
        for name, addresses in psutil.net_if_addrs().items():
            if any(each.address.partition("%")[0] == own for each in addresses):
                os.environ["GLOO_SOCKET_IFNAME"] = name
                return


def _own_address(place: Place) -> str:
    """The address of this host that others answer to."""
    target = "127.0.0.1" if place.is_alone_on_host else place.address
    found = socket.getaddrinfo(target, place.port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(found[0], socket.SOCK_DGRAM) as probe:
        probe.connect(found[4])  # sends nothing: it asks which way leads there
        return str(probe.getsockname()[0])
