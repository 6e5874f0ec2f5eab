"""Memory that a step gives back stays with the process, for the next step."""

from __future__ import annotations

import ctypes
import sys

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
    if not sys.platform.startswith("linux"):
        return
    try:
        set_option = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return
    # Older versions take no more than 32 MB; setting the other alone would freeze this one at 128 KB.
    if set_option(_MMAP_THRESHOLD, 1 << 30) or set_option(_MMAP_THRESHOLD, 32 << 20):
        set_option(_TRIM_THRESHOLD, _LARGEST)
