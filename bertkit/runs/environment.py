"""What a run was made with, so that a person can tell why two runs differ."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bertkit.redaction import redacted

PACKAGES = (
    "bertkit",
    "torch",
    "transformers",
    "datasets",
    "accelerate",
    "tokenizers",
    "numpy",
    "scikit-learn",
)


def describe_environment() -> dict[str, Any]:
    """Versions, hardware and the state of the git repository one stands in."""
    import psutil
    import torch

    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in PACKAGES},
        "hardware": {
            "processor": processor_name(),
            "threads": torch.get_num_threads(),
            # How long threads wait awake for each other: see bertkit.cli.waiting.
            "spins": os.environ.get("GOMP_SPINCOUNT"),
            "memory_bytes": psutil.virtual_memory().total,
            "gpus": [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())],
        },
        "git": _git_state(),
        "command": _command(),
    }


def _command() -> list[str] | None:
    """What was typed, without secrets; None where bertkit is used from Python."""
    program = Path(sys.argv[0])
    is_ours = program.stem == "bertkit" or program.parts[-2:] == ("bertkit", "__main__.py")
    return ["bertkit", *map(redacted, sys.argv[1:])] if is_ours else None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def processor_name() -> str:
    """The model of the processor, as its maker calls it."""
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as stream:
            names = [line.split(":", 1)[1].strip() for line in stream if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


def _git_state() -> dict[str, Any] | None:
    """Commit and whether there are changes, of the repository of the working directory; None outside one."""
    environment = os.environ | {"GIT_OPTIONAL_LOCKS": "0"}

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], capture_output=True, text=True, timeout=5, check=True, env=environment
        )
        return done.stdout.strip()

    try:
        return {"commit": git("rev-parse", "HEAD"), "changed": bool(git("status", "--porcelain"))}
    except (OSError, subprocess.SubprocessError):
        return None


def fingerprint(parts: Iterable[str]) -> str:
    """A short sha256 of texts in their order; the same rows give the same fingerprint everywhere."""
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8, "little"))
        digest.update(encoded)
    return digest.hexdigest()[:32]
