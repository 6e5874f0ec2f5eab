"""Where rows come from: files, folders, saved data sets, installed packages, Hub ids."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from bertkit.config.schema import DataSection
from bertkit.data.reading.compression import without_compression
from bertkit.data.reading.formats import FORMATS, TEXT_SUFFIX, suffix_of
from bertkit.data.reading.hub import looks_like_path
from bertkit.data.reading.hub_datasets import as_rows, read_hub
from bertkit.data.reading.hub_parts import MissingSplitError
from bertkit.data.reading.packages import read_package
from bertkit.data.reading.readers import is_glob, read_files, read_location, read_path
from bertkit.data.reading.remote import is_url
from bertkit.data.rejection import RejectedRows
from bertkit.data.rows import Rows
from bertkit.errors import DataError

# `train-00000-of-00003`, as `datasets` and the Hub name the parts of a split.
_SHARD = re.compile(r"-\d+(-of-\d+)?$")
# Other names of a split that files go by.
_ALSO_CALLED = {"validation": ("valid", "val", "dev"), "train": ("training",), "test": ("testing",)}


@dataclass(frozen=True)
class SplitRows:
    """The rows of a data set.

    Attributes:
        train: None where there is nothing to train on, or where it was not asked for.
        evals: by the name of the eval split.
        test: None where there is none.
        missing_test: why there is none, although the recipe names one.
        rejected: rows of all splits that were set aside.
    """

    train: Rows | None
    evals: Mapping[str, Rows]
    test: Rows | None
    missing_test: str = ""
    rejected: RejectedRows = field(default_factory=RejectedRows)


def load_splits(data: DataSection, rejected: RejectedRows | None = None) -> SplitRows:
    """Read all splits a recipe names. Mirrors often lack the test split, which nothing here depends on.

    Args:
        data: what to read.
        rejected: where rows go that cannot be read or used; None takes what `data.skip_bad_rows` allows.

    Raises:
        DataError, HubError: for what cannot be read; nothing is left half-made.
    """
    rejected = rejected or rejected_rows(data)
    train = load_split(data, data.train, rejected) if data.train is not None else None
    evals = {name: load_split(data, split, rejected) for name, split in data.eval.items()}
    if data.test is None:
        return SplitRows(train, evals, None, rejected=rejected)
    try:
        return SplitRows(train, evals, load_split(data, data.test, rejected), rejected=rejected)
    except MissingSplitError as error:
        return SplitRows(train, evals, None, missing_test=error.message, rejected=rejected)


def rejected_rows(data: DataSection) -> RejectedRows:
    """As many rows as `data.skip_bad_rows` allows may be set aside."""
    return RejectedRows(data.skip_bad_rows, advise=True)


def load_split(data: DataSection, split: str, rejected: RejectedRows | None = None) -> Rows:
    """Read one split of the source, or one file; at most `data.limit` rows.

    Args:
        data: names the source; without one, every split is a file (or a folder of them).
        split: its name, or a file, so that an own eval file can stand beside another's source.
        rejected: as in `load_splits`.
    """
    rejected = rejected or rejected_rows(data)
    rows = replace(_read(data, split, rejected), rejected=rejected)
    return rows if data.limit is None else rows.first(data.limit)


def _read(data: DataSection, split: str, rejected: RejectedRows) -> Rows:
    if data.source is None:
        return read_location(split, rejected)
    folder = Path(data.source).expanduser()
    if names_file(split):
        inside = folder / split
        return read_path(inside, rejected) if inside.is_file() else read_location(split, rejected)
    if data.source.startswith("package:"):
        package = data.source.removeprefix("package:")
        if split != "train":
            raise MissingSplitError(
                f"{data.source} has no split {split!r}; it has train", hint="leave it out: some rows are kept"
            )
        return read_package(package)
    if folder.is_dir():
        return _read_folder(folder, data.config, split, rejected)
    if looks_like_path(data.source):
        raise DataError(
            f"no folder {data.source}", hint="data.source is a folder or a Hub id; for files: --train FILE"
        )
    return read_hub(data, split)


def names_file(split: str) -> bool:
    """True for `own.csv`, `own.txt.gz`, `data/*.csv` and URLs; a file called `train` hides no split."""
    if is_url(split) or is_glob(split) or suffix_of(split) in (*FORMATS, TEXT_SUFFIX):
        return True
    return os.sep in split and Path(split).expanduser().exists()


def _read_folder(folder: Path, config: str | None, split: str, rejected: RejectedRows) -> Rows:
    """A `save_to_disk` folder, a folder with files (or a folder) for each split, or of training rows only."""
    if config is not None and (folder / config).is_dir():
        folder /= config
    if (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file():
        return _read_saved(folder, split)
    found = _files_of(folder, split)
    if len(found) == 1:
        return read_path(found[0], rejected)
    if found and all(_SHARD.search(_stem(path)) for path in found):
        return read_files(found, origin=f"{folder}, {split}", rejected=rejected)
    if found:
        listed = ", ".join(path.name for path in found)
        raise DataError(f"{folder}: {split} could be any of {listed}", hint="name the file: --train FILE")
    if split != "train":
        listed = ", ".join(sorted(path.name for path in folder.iterdir())[:10]) or "nothing"
        raise MissingSplitError(
            f"{folder} has no file for the split {split!r}; it holds {listed}",
            hint=f"call a file {split}.csv",
        )
    return read_path(folder, rejected)


def _files_of(folder: Path, split: str) -> list[Path]:
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
                or (suffix_of(path.name) in suffixes and _SHARD.sub("", _stem(path)) == name)
            ]
            if found:
                return found
    return []


def _stem(path: Path) -> str:
    """`train` of `train.csv.gz`."""
    return Path(without_compression(path.name)).stem


def _read_saved(folder: Path, split: str) -> Rows:
    import datasets

    several = folder / "dataset_dict.json"
    try:
        if several.is_file():
            names = list(json.loads(several.read_bytes())["splits"])
            known = {name: folder / name for name in names}
        else:  # one split, which knows its name if it was once cut out of several
            name = json.loads((folder / "state.json").read_bytes())["_split"] or "train"
            known = dict.fromkeys((name, "train"), folder)
        if split not in known:
            raise MissingSplitError(
                f"{folder} has no split {split!r}; it has {', '.join(known)}", hint="name one of these"
            )
        if not json.loads((known[split] / "state.json").read_bytes())["_data_files"]:
            raise MissingSplitError(f"{folder}, {split} has no rows", hint="check how it was saved")
        saved = datasets.load_from_disk(str(known[split]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{folder} is no saved data set: {error}", hint="save it again with save_to_disk"
        ) from error
    return as_rows(saved, f"{folder.name}, {split}")
