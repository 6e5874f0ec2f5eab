"""Data sets of the Hub, read through `datasets`: downloaded, streamed, or found in its cache."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from bertkit.config.schema import DataSection
from bertkit.data.reading.arrow_records import ArrowRecords
from bertkit.data.reading.hub import (
    EMBEDDED_HINT,
    HUB_ID,
    broken_download,
    check_reachable,
    hub_errors,
)
from bertkit.data.reading.hub_parts import MissingSplitError, no_split, unknown_part, unreadable
from bertkit.data.reading.hub_patience import PatienceOverError
from bertkit.data.reading.offline import STAY_OFFLINE, prepared_folders
from bertkit.data.reading.places import CountPlace
from bertkit.data.reading.text_files import check_names
from bertkit.data.rows import Rows
from bertkit.errors import DataError, HubError

if TYPE_CHECKING:
    import datasets

_COMMIT = re.compile(r"[0-9a-f]{40}")


def read_hub(data: DataSection, split: str) -> Rows:
    """Read one split of a Hub data set; without the Hub, what an earlier run downloaded serves as well.

    Raises:
        DataError: there is no such data set, config or split.
        HubError: the Hub is out of reach or breaks off, and the cache has not got it either.
    """
    source = _checked_id(data)
    import datasets
    from huggingface_hub import constants

    origin = f"{source}{f' ({data.config})' if data.config else ''}, {split}"
    try:
        if constants.HF_HUB_OFFLINE or datasets.config.HF_HUB_OFFLINE:
            raise HubError(
                f"the data set {source} is not in the cache and {STAY_OFFLINE}", hint=EMBEDDED_HINT
            )
        check_reachable()
        return as_rows(_fetch(data, source, split), origin)
    except HubError:
        cached = _read_cached(data, source, split)
        if cached is None:
            raise
        return as_rows(cached, origin)


def as_rows(dataset: datasets.Dataset, origin: str) -> Rows:
    """The table of a data set, with trimmed column names and the names of its classes.

    Raises:
        MissingSplitError: it has no rows.
        DataError: a column has no name, or two are the same once they are trimmed.
    """
    if not len(dataset):
        raise MissingSplitError(f"{origin} has no rows", hint="check the split")
    class_names = {}
    for column, feature in dataset.features.items():
        names = getattr(feature, "names", None) or getattr(getattr(feature, "feature", None), "names", None)
        if names:
            class_names[column.strip()] = tuple(names)
    columns = check_names((column.strip() for column in dataset.column_names), origin)
    stripped = {old: new for old, new in zip(dataset.column_names, columns, strict=True) if old != new}
    if stripped:
        dataset = dataset.rename_columns(stripped)
    return Rows(ArrowRecords(dataset), columns, origin, CountPlace(origin), class_names)


def _checked_id(data: DataSection) -> str:
    source = data.source or ""
    if HUB_ID.fullmatch(source) and "/" in source:
        return source
    raise DataError(
        f"{source!r} is neither a folder nor the Hub id of a data set",
        hint="an id is NAMESPACE/NAME, as nyu-mll/glue or stanfordnlp/imdb; for files: --train FILE",
    )


def _fetch(data: DataSection, source: str, split: str) -> datasets.Dataset:
    import datasets
    from datasets.packaged_modules.webdataset.webdataset import WebDataset

    from bertkit.data.reading.hub_requests import fetch_patiently

    # The one reader that would open pickles: tensors in a .tar. Without it they stay bytes.
    WebDataset.DECODERS.pop("pth", None)
    with hub_errors("data set", source, data.revision), _quiet_when_piped():
        try:
            if not data.streaming:
                return _load_whole(data, source, split)
            loaded = fetch_patiently(
                lambda: datasets.load_dataset(
                    source, data.config, split=split, revision=data.revision, streaming=True
                )
            )
            some = loaded if data.limit is None else loaded.take(data.limit)
            rows = fetch_patiently(lambda: list(some))
            return datasets.Dataset.from_list(rows, features=loaded.features)
        except datasets.exceptions.DatasetNotFoundError as error:
            _raise_not_found(data, source, error)
        except datasets.exceptions.DataFilesNotFoundError as error:
            raise DataError(
                f"the data set {source} holds no data files that can be read",
                hint="take a copy of it that holds Parquet, CSV or JSON",
            ) from error
        except datasets.exceptions.DatasetGenerationError as error:
            cause = error.__cause__
            if isinstance(cause, OSError):
                raise cause  # noqa: B904  # a full disk, a broken connection: told by those who know these
            raise unreadable(source, split, cause or error) from error
        except RuntimeError as error:
            if "scripts" not in str(error):
                raise
            raise DataError(
                f"the data set {source} is read by a script, which nothing here runs",
                hint="the Hub's own copy in Parquet: --set data.revision=refs/convert/parquet",
            ) from error
        except (ValueError, datasets.exceptions.DatasetsError) as error:
            raise unknown_part(data, source, split, error) from error
        except FileNotFoundError as error:
            if "LocalEntryNotFoundError" in str(error):  # five pages of text for: 403, 429, 500 or 503
                raise HubError(
                    f"the Hub answers, but does not give out the data set {source}",
                    hint="try again in a minute; for a private one first: hf auth login",
                ) from error
            raise broken_download("data set", source, error) from error


def _load_whole(data: DataSection, source: str, split: str) -> datasets.Dataset:
    """One split, made of downloads that are what the Hub holds: they are checked before anything is made."""
    from huggingface_hub import constants

    from bertkit.data.reading.hub_checksums import remove_leftovers, repair
    from bertkit.data.reading.hub_requests import fetch_patiently

    folder = Path(constants.HF_HUB_CACHE) / _folder_name(source)
    fetch = partial(fetch_patiently, partial(_download, data, source))
    builder: datasets.DatasetBuilder | None = None
    failed: Exception | None = None
    try:
        builder = fetch()
    except PatienceOverError:
        raise
    except Exception as error:  # perhaps of a broken file; if none is, it is told as it is
        failed = error
    made = prepared_folders(source)
    builder = repair(folder / "snapshots", f"the data set {source}", fetch, made_of=made) or builder
    if builder is None:
        raise failed or AssertionError
    remove_leftovers(folder)
    fetch_patiently(builder.download_and_prepare)
    return builder.as_dataset(split=split)


def _download(data: DataSection, source: str) -> datasets.DatasetBuilder:
    """What makes the data set, with its files in the cache; not asked for where it is made already."""
    import datasets

    builder = datasets.load_dataset_builder(source, data.config, revision=data.revision)
    if not Path(builder.cache_dir).exists():
        by_split = builder.config.data_files or {}
        files = {file for files in by_split.values() for file in files if file.startswith("hf://")}
        datasets.DownloadManager().download(sorted(files))
    return builder


@contextmanager
def _quiet_when_piped() -> Iterator[None]:
    """No progress bars of the library where standard error is no terminal."""
    import datasets

    shown = datasets.are_progress_bars_disabled() is False and not sys.stderr.isatty()
    if shown:
        datasets.disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            datasets.enable_progress_bars()


def _raise_not_found(data: DataSection, source: str, error: Exception) -> NoReturn:
    from huggingface_hub import errors

    cause = error.__cause__
    if isinstance(cause, errors.GatedRepoError | errors.RevisionNotFoundError):
        raise cause  # told by `hub_errors`
    raise DataError(
        f"there is no data set {source!r} on the Hub",
        hint="check the spelling; for a private one first: hf auth login",
    ) from error


def _read_cached(data: DataSection, source: str, split: str) -> datasets.Dataset | None:
    """What an earlier run downloaded, the newest if no revision is asked for; None if there is nothing.

    Raises:
        DataError: what is there has no such split.
    """
    import datasets
    from datasets.packaged_modules.cache.cache import Cache

    commit = _cached_commit(source, data.revision) if data.revision else "auto"
    verbosity = datasets.logging.get_verbosity()
    datasets.logging.set_verbosity_error()  # it warns of what is wanted here
    try:
        builder = Cache(
            dataset_name=source.rsplit("/", 1)[-1], repo_id=source, config_name=data.config,
            version="auto" if commit == "auto" else "0.0.0", hash=commit,
        )  # fmt: skip
        splits: Mapping[str, object] = builder.info.splits or {}
        if not splits:
            return None
        if split in splits or not split.isidentifier():  # `train[:10%]` is for the library to read
            return builder.as_dataset(split=split)
    except (ValueError, OSError):
        return None
    finally:
        datasets.logging.set_verbosity(verbosity)
    raise no_split(source, split, list(splits))


def _cached_commit(source: str, revision: str) -> str:
    """The commit that a branch or tag named when it was last asked for; the revision itself if unknown."""
    if _COMMIT.fullmatch(revision):
        return revision
    from huggingface_hub import constants

    with suppress(OSError):
        ref = Path(constants.HF_HUB_CACHE) / _folder_name(source) / "refs" / revision
        return ref.read_text(encoding="utf-8").strip()
    return revision


def _folder_name(source: str) -> str:
    """What the folder of a data set in the Hub's cache is called."""
    return f"datasets--{source.replace('/', '--')}"
