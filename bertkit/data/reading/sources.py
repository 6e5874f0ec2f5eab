"""Where rows come from: files, folders, saved data sets, installed packages, Hub ids."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from bertkit.config.schema import DataSection
from bertkit.data.reading.hub import looks_like_path
from bertkit.data.reading.hub_datasets import as_rows, read_hub
from bertkit.data.reading.hub_parts import MissingSplitError
from bertkit.data.reading.packages import read_package
from bertkit.data.reading.readers import read_files, read_location, read_path
from bertkit.data.reading.split_files import SHARD, files_of_split, folder_of_config, names_file, stem_of
from bertkit.data.rejection import RejectedRows
from bertkit.data.rows import Rows
from bertkit.data.streaming.blocks import PARTS_AT_ONCE
from bertkit.data.streaming.finding import find_shards
from bertkit.data.streaming.sample import first_rows
from bertkit.data.streaming.shards import ShardSet
from bertkit.errors import DataError


@dataclass(frozen=True)
class SplitRows:
    """The rows of a data set.

    Attributes:
        train: None where there is nothing to train on, or where it was not asked for.
        evals: by the name of the eval split.
        test: None where there is none.
        missing_test: why there is none, although the recipe names one.
        rejected: rows of all splits that were set aside.
        stream: where the training rows are streamed, their files; `train` has the first rows then.
    """

    train: Rows | None
    evals: Mapping[str, Rows]
    test: Rows | None
    missing_test: str = ""
    rejected: RejectedRows = field(default_factory=RejectedRows)
    stream: ShardSet | None = None


def load_splits(data: DataSection, rejected: RejectedRows | None = None) -> SplitRows:
    """Read all splits a recipe names. Mirrors often lack the test split, which nothing here depends on.

    Args:
        data: what to read.
        rejected: where rows go that cannot be read or used; None takes what `data.skip_bad_rows` allows.

    Raises:
        DataError, HubError: for what cannot be read; nothing is left half-made.
    """
    rejected = rejected or rejected_rows(data)
    stream = find_shards(data, str(data.train)) if data.streams else None
    if stream is not None:
        train: Rows | None = first_rows(stream, data.block_rows, rejected)
    else:
        train = load_split(data, data.train, rejected) if data.train is not None else None
    evals = {name: load_split(data, split, rejected) for name, split in data.eval.items()}
    if data.test is None:
        return SplitRows(train, evals, None, rejected=rejected, stream=stream)
    try:
        test = load_split(data, data.test, rejected)
    except MissingSplitError as error:
        return SplitRows(train, evals, None, missing_test=error.message, rejected=rejected, stream=stream)
    return SplitRows(train, evals, test, rejected=rejected, stream=stream)


def rejected_rows(data: DataSection) -> RejectedRows:
    """As many rows as `data.skip_bad_rows` allows may be set aside."""
    return RejectedRows(data.skip_bad_rows, advise=True)


def load_split(data: DataSection, split: str, rejected: RejectedRows | None = None) -> Rows:
    """Read one split of the source, or one file; at most `data.limit` rows, and of a stream the first ones.

    Args:
        data: names the source; without one, every split is a file (or a folder of them).
        split: its name, or a file, so that an own eval file can stand beside another's source.
        rejected: as in `load_splits`.
    """
    rejected = rejected or rejected_rows(data)
    if data.streaming and split == data.train and (data.limit is None or _is_of_files(data, split)):
        first = data.block_rows if data.limit is None else data.limit
        return first_rows(
            find_shards(data, split), first, rejected, at_once=PARTS_AT_ONCE if data.streams else 1
        )
    rows = replace(_read(data, split, rejected), rejected=rejected)
    return rows if data.limit is None else rows.first(data.limit)


def _is_of_files(data: DataSection, split: str) -> bool:
    return data.source is None or names_file(split) or Path(data.source).expanduser().is_dir()


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
            f"no folder {data.source}",
            hint="name one: --set data.source=FOLDER, or a Hub id; for files: --train FILE",
        )
    return read_hub(data, split)


def _read_folder(folder: Path, config: str | None, split: str, rejected: RejectedRows) -> Rows:
    """A `save_to_disk` folder, a folder with files (or a folder) for each split, or of training rows only."""
    folder = folder_of_config(folder, config)
    if (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file():
        return _read_saved(folder, split)
    found = files_of_split(folder, split)
    if len(found) == 1:
        return read_path(found[0], rejected)
    if found and all(SHARD.search(stem_of(path)) for path in found):
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
