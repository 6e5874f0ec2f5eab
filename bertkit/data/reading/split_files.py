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
# Other names of a split that files go by.
_ALSO_CALLED = {"validation": ("valid", "val", "dev"), "train": ("training",), "test": ("testing",)}


def names_file(split: str) -> bool:
    """True for `own.csv`, `own.txt.gz`, `data/*.csv` and URLs; a file called `train` hides no split."""
    if is_url(split) or is_glob(split) or suffix_of(split) in (*FORMATS, TEXT_SUFFIX):
        return True
    return os.sep in split and Path(split).expanduser().exists()


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
