"""Which files of a folder are a split, and what is the name of a file rather than of a split."""

from __future__ import annotations

import os
import re
from pathlib import Path

from bertkit.data.reading.compression import without_compression
from bertkit.data.reading.formats import FORMATS, TEXT_SUFFIX, suffix_of
from bertkit.data.reading.readers import is_glob
from bertkit.data.reading.remote import is_url

# `train-00000-of-00003`, as `datasets` and the Hub name the parts of a split.
SHARD = re.compile(r"-\d+(-of-\d+)?$")
# The folder with the files of a data set that was downloaded from the Hub as it is, and what lies beside.
_HUB_DATA = "data"
_HUB_NOTES = ("dataset_infos.json", "dataset_info.json")
# Other names of a split that files go by.
_ALSO_CALLED = {"validation": ("valid", "val", "dev"), "train": ("training",), "test": ("testing",)}


def names_file(split: str) -> bool:
    """True for `own.csv`, `own.txt.gz`, `data/*.csv` and URLs; a file called `train` hides no split."""
    if is_url(split) or is_glob(split) or suffix_of(split) in (*FORMATS, TEXT_SUFFIX):
        return True
    return os.sep in split and Path(split).expanduser().exists()


def folder_of_config(folder: Path, config: str | None) -> Path:
    """Where the files of a config lie: in the folder that is called so, or in `data`, as the Hub has it.

    `data` is that of the Hub only where beside it there is nothing that could be meant instead.
    """
    if config is not None and (folder / config).is_dir():
        return folder / config
    beside = [path for path in folder.iterdir() if not path.name.startswith(".") and path.name != _HUB_DATA]
    meant = [path for path in beside if path.is_dir() or suffix_of(path.name) in (*FORMATS, TEXT_SUFFIX)]
    inside = folder / _HUB_DATA
    return inside if inside.is_dir() and all(path.name in _HUB_NOTES for path in meant) else folder


def files_of_split(folder: Path, split: str) -> list[Path]:
    """`train.csv`, `train-00000-of-00001.parquet` and the folder `train` are all the split `train`.

    `train.txt` is it too, but only where none of these is there: it may be notes.
    """
    entries = sorted(folder.iterdir())
    for suffixes in ((*FORMATS,), (TEXT_SUFFIX,)):
        for name in (split, *_ALSO_CALLED.get(split, ())):
            found = [
                path
                for path in entries
                if (path.is_dir() and path.name == name)
                or (suffix_of(path.name) in suffixes and SHARD.sub("", stem_of(path)) == name)
            ]
            if found:
                return found
    return []


def stem_of(path: Path) -> str:
    """`train` of `train.csv.gz`."""
    return Path(without_compression(path.name)).stem
