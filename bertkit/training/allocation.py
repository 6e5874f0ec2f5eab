"""Memory that a step gives back stays with the process, for the next step."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

# Parameters of glibc's mallopt(3).
_TRIM_THRESHOLD = -1
_MMAP_THRESHOLD = -3
_LARGEST = 2**31 - 1


def keep_memory() -> None:
    """Ask glibc to reuse what was freed instead of giving it back to the system.

    Tensors over 32 MB, and whatever is free at the top of the heap after a step, would be asked for anew in
    each step, and the system fills every page with zeros first: a fifth of a small encoder's step. Elsewhere
    than on Linux with glibc nothing is done.
    """
    library = _glibc()
    if library is None:
        return
    # Older versions take no more than 32 MB; setting the other alone would freeze this one at 128 KB.
    if library.mallopt(_MMAP_THRESHOLD, 1 << 30) or library.mallopt(_MMAP_THRESHOLD, 32 << 20):
        library.mallopt(_TRIM_THRESHOLD, _LARGEST)


def give_memory_back() -> None:
    """Give back what is free now: what comes next needs other memory."""
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


def _glibc() -> Any:
    """The C library, if it is glibc."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        library = ctypes.CDLL("libc.so.6")
        return library if library.mallopt and library.malloc_trim else None
    except (OSError, AttributeError):
        return None
