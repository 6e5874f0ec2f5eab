"""Where rows come from: Hub ids, files, folders, saved data sets, installed packages."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bertkit.config.schema import DataSection
from bertkit.data.columns import nearest
from bertkit.data.hub import HUB_ID, check_reachable, hub_errors, looks_like_path
from bertkit.data.packages import read_package
from bertkit.data.readers import read_path
from bertkit.data.rows import Rows
from bertkit.errors import BertkitError, DataError

if TYPE_CHECKING:
    import datasets


@dataclass(frozen=True)
class RowNumber:
    """The place of a row in something that has no lines."""

    origin: str

    def __call__(self, index: int, /) -> str:
        """As `nyu-mll/glue, train: row 12`, from 1."""
        return f"{self.origin}: row {index + 1}"


@dataclass(frozen=True)
class SplitRows:
    """The rows of a data set.

    Attributes:
        train: None where there is nothing to train on, or where it was not asked for.
        evals: by the name of the eval split.
        test: None where there is none.
        missing_test: why there is none, although the recipe names one.
    """

    train: Rows | None
    evals: Mapping[str, Rows]
    test: Rows | None
    missing_test: str = ""


def load_splits(data: DataSection) -> SplitRows:
    """Read all splits a recipe names. Mirrors often lack the test split, which nothing here depends on.

    Raises:
        DataError, HubError: for what cannot be read; nothing is left half-made.
    """
    train = load_split(data, data.train) if data.train is not None else None
    evals = {name: load_split(data, split) for name, split in data.eval.items()}
    if data.test is None:
        return SplitRows(train, evals, None)
    try:
        return SplitRows(train, evals, load_split(data, data.test))
    except DataError as error:
        if data.source is None:
            raise
        return SplitRows(train, evals, None, missing_test=error.message)


def load_split(data: DataSection, split: str) -> Rows:
    """Read one split, or one file where the recipe names no source; at most `data.limit` rows."""
    return _first(_read(data, split), data.limit)


def _read(data: DataSection, split: str) -> Rows:
    if data.source is None:
        return read_path(Path(split).expanduser())
    if data.source.startswith("package:"):
        return read_package(data.source.removeprefix("package:"))
    folder = Path(data.source).expanduser()
    if folder.is_dir():
        return _read_folder(folder, split)
    if looks_like_path(data.source):
        raise DataError(
            f"no folder {data.source}", hint="data.source is a folder or a Hub id; for files: --train FILE"
        )
    return _read_hub(data, split)


def _first(rows: Rows, limit: int | None) -> Rows:
    if limit is None or len(rows) <= limit:
        return rows
    records = rows.records.select(range(limit)) if hasattr(rows.records, "select") else rows.records[:limit]
    return Rows(records, rows.columns, rows.origin, rows.place, rows.class_names)


def _read_folder(folder: Path, split: str) -> Rows:
    """A `save_to_disk` folder, a folder with one file (or folder) a split, or one split in all its files."""
    if (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file():
        return _read_saved(folder, split)
    named = [path for path in sorted(folder.iterdir()) if _split_of(path) == split]
    if len(named) > 1:
        listed = ", ".join(path.name for path in named)
        raise DataError(f"{folder}: {split} could be any of {listed}", hint="name the file: --train FILE")
    if named:
        return read_path(named[0])
    if split != "train":
        listed = ", ".join(sorted(path.name for path in folder.iterdir())[:10])
        raise DataError(
            f"{folder} has no file for the split {split!r}; it holds {listed}",
            hint=f"call a file {split}.csv",
        )
    return read_path(folder)


def _split_of(path: Path) -> str:
    """`train.csv`, `train-00000-of-00001.parquet` and the folder `train` are all the split `train`."""
    return path.name.split(".")[0].split("-0")[0]


def _read_saved(folder: Path, split: str) -> Rows:
    import datasets

    try:
        saved = datasets.load_from_disk(str(folder))
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"{folder} is no saved data set: {error}", hint="save it again with save_to_disk"
        ) from error
    if isinstance(saved, datasets.DatasetDict):
        if split not in saved:
            raise DataError(
                f"{folder} has no split {split!r}; it has {', '.join(saved)}", hint="name one of these"
            )
        saved = saved[split]
    return _as_rows(saved, f"{folder.name}, {split}")


def _as_rows(dataset: datasets.Dataset, origin: str) -> Rows:
    class_names = {}
    for column, feature in dataset.features.items():
        names = getattr(feature, "names", None) or getattr(getattr(feature, "feature", None), "names", None)
        if names:
            class_names[column.strip()] = tuple(names)
    stripped = {column: column.strip() for column in dataset.column_names if column != column.strip()}
    if stripped:
        dataset = dataset.rename_columns(stripped)
    if not len(dataset):
        raise DataError(f"{origin} has no rows", hint="check the split")
    return Rows(dataset, tuple(dataset.column_names), origin, RowNumber(origin), class_names)


def _read_hub(data: DataSection, split: str) -> Rows:
    assert data.source is not None
    if not HUB_ID.fullmatch(data.source):
        raise DataError(
            f"{data.source!r} is neither a folder nor a Hub id", hint="a Hub id is NAMESPACE/NAME"
        )
    import datasets
    from huggingface_hub import constants

    origin = f"{data.source}{f' ({data.config})' if data.config else ''}, {split}"
    if not constants.HF_HUB_OFFLINE:
        try:
            check_reachable()
        except BertkitError:
            with suppress(Exception):  # what is in the cache serves as well
                return _as_rows(_cached(data, split), origin)
            raise
    with hub_errors("data set", data.source, data.revision):
        try:
            if data.streaming:
                return _as_rows(_stream(data, split), origin)
            loaded = datasets.load_dataset(data.source, data.config, split=split, revision=data.revision)
        except datasets.exceptions.DatasetNotFoundError as error:
            raise DataError(
                f"there is no data set {data.source!r} on the Hub",
                hint="bare names need a namespace, as nyu-mll/glue; for a private one first: hf auth login",
            ) from error
        except ValueError as error:
            raise _unknown_part(data, split, error) from error
        except (FileNotFoundError, ConnectionError, datasets.exceptions.DatasetGenerationError) as error:
            raise DataError(
                f"{origin} cannot be read: {_first_line(error)}", hint="try again; check the data set's page"
            ) from error
    return _as_rows(loaded, origin)


def _cached(data: DataSection, split: str) -> datasets.Dataset:
    """What an earlier run downloaded; raises whatever the library raises if there is nothing."""
    import datasets

    offline = datasets.DownloadMode.REUSE_DATASET_IF_EXISTS
    os.environ.setdefault("HF_DATASETS_OFFLINE", "1")
    datasets.config.HF_HUB_OFFLINE = True
    try:
        return datasets.load_dataset(
            data.source, data.config, split=split, revision=data.revision, download_mode=offline
        )
    finally:
        datasets.config.HF_HUB_OFFLINE = False
        os.environ.pop("HF_DATASETS_OFFLINE", None)


def _stream(data: DataSection, split: str) -> datasets.Dataset:
    import datasets

    stream = datasets.load_dataset(
        data.source, data.config, split=split, revision=data.revision, streaming=True
    )
    rows = list(stream.take(data.limit))
    return datasets.Dataset.from_list(rows, features=stream.features)


def _unknown_part(data: DataSection, split: str, error: ValueError) -> DataError:
    import datasets

    names: Any = []
    with suppress(Exception):
        names = datasets.get_dataset_config_names(data.source, revision=data.revision)
    if data.config not in names and (data.config or len(names) > 1):
        wanted = f"config {data.config!r}" if data.config else "config named, and several to choose from"
        key, given = "data.config", data.config or ""
    else:
        wanted, key, given = f"split {split!r}", "a split", split
        names = []
        with suppress(Exception):
            names = datasets.get_dataset_split_names(data.source, data.config, revision=data.revision)
    if not names:
        return DataError(
            f"{data.source} cannot be read: {_first_line(error)}", hint="check data.config and the splits"
        )
    near = nearest(given, names) if given else None
    return DataError(
        f"{data.source} has no {wanted}; it has {', '.join(names[:15])}",
        hint=f"did you mean {near}?" if near else f"name {key} that it has",
    )


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n", 1)[0] or type(error).__name__
