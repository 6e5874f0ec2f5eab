"""Which of several processes this is; known without torch, so that the command line can ask."""

from __future__ import annotations

import os


def is_main_process() -> bool:
    """True in the one process that writes and prints, of those that torchrun or accelerate started."""
    return os.environ.get("RANK", "0") == "0"
