"""What is in the Hub's cache, told from folders alone: in a moment, and before anything large is imported."""

from __future__ import annotations

import os
import re
from pathlib import Path

STAY_OFFLINE = "the Hub is not to be asked (--offline, HF_HUB_OFFLINE)"
_TRUE = {"1", "ON", "YES", "TRUE"}
_NO_LETTER_OR_DIGIT = re.compile(r"[^a-z0-9]")


def is_offline() -> bool:
    """True if the Hub is not to be asked, as its own clients read the environment."""
    value = os.environ.get("HF_HUB_OFFLINE") or os.environ.get("TRANSFORMERS_OFFLINE") or ""
    return value.upper() in _TRUE


def stay_offline() -> None:
    """Ask nothing of the Hub from now on, here and in child processes; before its clients are imported."""
    os.environ["HF_HUB_OFFLINE"] = "1"


def hub_cache() -> Path:
    """Where models and data sets of the Hub lie as they were downloaded."""
    given = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    return _expanded(given) if given else _home() / "hub"


def prepared_cache() -> Path:
    """Where `datasets` keeps the data sets that it has made of downloads."""
    given = os.environ.get("HF_DATASETS_CACHE")
    return _expanded(given) if given else _home() / "datasets"


def chunk_cache() -> Path:
    """Where the Xet client keeps pieces of files that it has downloaded."""
    given = os.environ.get("HF_XET_CACHE")
    return _expanded(given) if given else _home() / "xet"


def _home() -> Path:
    given = os.environ.get("HF_HOME")
    return _expanded(given or os.environ.get("XDG_CACHE_HOME", "~/.cache")) / ("" if given else "huggingface")


def _expanded(path: str) -> Path:
    return Path(os.path.expandvars(path)).expanduser()


def may_have_model(name: str) -> bool:
    """False if surely nothing of a Hub model lies in the cache."""
    return any((hub_cache() / f"models--{name.replace('/', '--')}" / "snapshots").glob("*/*.safetensors"))


def prepared_folders(name: str) -> list[Path]:
    """What `datasets` has made of a Hub data set: a folder, or none."""
    cache = prepared_cache()
    found = sorted(cache.iterdir()) if cache.is_dir() else []
    return [path for path in found if path.is_dir() and _plain(path.name, "___") == _plain(name, "/")]


def _plain(name: str, separator: str) -> tuple[str, str]:
    """Namespace and name: `datasets` keeps a namespace whole, and of a name letters and digits."""
    namespace, _, own = name.rpartition(separator)
    return namespace, _NO_LETTER_OR_DIGIT.sub("", own.lower())
