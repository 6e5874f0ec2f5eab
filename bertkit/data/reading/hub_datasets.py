"""Data sets of the Hub, read through `datasets`: downloaded, streamed, or found in its cache."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from bertkit.config.schema import DataSection
from bertkit.data.columns import nearest
from bertkit.data.reading.arrow_records import ArrowRecords
from bertkit.data.reading.hub import (
    EMBEDDED_HINT,
    HUB_ID,
    broken_download,
    check_reachable,
    first_line,
    hub_errors,
)
from bertkit.data.reading.places import CountPlace
from bertkit.data.reading.text_files import check_names
from bertkit.data.rows import Rows
from bertkit.errors import DataError, HubError

if TYPE_CHECKING:
    import datasets

_COMMIT = re.compile(r"[0-9a-f]{40}")


class MissingSplitError(DataError):
    """A data set is there, but has no such split, or no rows in it."""


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
                f"the data set {source} is not in the cache, and HF_HUB_OFFLINE is set", hint=EMBEDDED_HINT
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

    # The one reader that would open pickles: tensors in a .tar. Without it they stay bytes.
    WebDataset.DECODERS.pop("pth", None)
    with hub_errors("data set", source, data.revision), _quiet_when_piped():
        try:
            loaded = datasets.load_dataset(
                source, data.config, split=split, revision=data.revision, streaming=data.streaming
            )
            if not data.streaming:
                return loaded
            rows = list(loaded.take(data.limit))
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
            raise _unreadable(source, split, cause or error) from error
        except RuntimeError as error:
            if "scripts" not in str(error):
                raise
            raise DataError(
                f"the data set {source} is read by a script, which nothing here runs",
                hint="the Hub's own copy in Parquet: --set data.revision=refs/convert/parquet",
            ) from error
        except (ValueError, datasets.exceptions.DatasetsError) as error:
            raise _unknown_part(data, source, split, error) from error
        except FileNotFoundError as error:
            if "LocalEntryNotFoundError" in str(error):  # five pages of text for: 403, 429, 500 or 503
                raise HubError(
                    f"the Hub answers, but does not give out the data set {source}",
                    hint="try again in a minute; for a private one first: hf auth login",
                ) from error
            raise broken_download("data set", source, error) from error


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


def _unreadable(source: str, split: str, error: BaseException) -> DataError:
    return DataError(
        f"{source}, {split} cannot be read: {first_line(error)}", hint="check data.config, or data.revision"
    )


def _unknown_part(data: DataSection, source: str, split: str, error: Exception) -> DataError:
    """Whether it is the config or the split that a data set has not got."""
    import datasets

    configs: list[str] = []
    splits: list[str] = []
    with suppress(Exception):  # only names for a message that comes in any case
        configs = datasets.get_dataset_config_names(source, revision=data.revision)
    if data.config not in configs and (data.config or len(configs) > 1):
        return _no_config(source, data.config, configs)
    with suppress(Exception):
        splits = datasets.get_dataset_split_names(source, data.config, revision=data.revision)
    if not splits or split in splits:
        return _unreadable(source, split, error)
    return _no_split(source, split, splits)


def _no_config(source: str, config: str | None, known: list[str]) -> DataError:
    listed = ", ".join(known[:15]) + (", ..." if len(known) > 15 else "")
    if config is None:
        return DataError(f"{source} has several configs: {listed}", hint=f"--set data.config={known[0]}")
    near = nearest(config, known)
    return DataError(
        f"{source} has no config {config!r}; it has {listed}",
        hint=f"did you mean --set data.config={near}?" if near else "--set data.config=NAME",
    )


def _no_split(source: str, split: str, known: list[str]) -> MissingSplitError:
    near = nearest(split, known)
    return MissingSplitError(
        f"{source} has no split {split!r}; it has {', '.join(known)}",
        hint=f"did you mean {near}?" if near else "name a split that it has, or a file",
    )


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
    raise _no_split(source, split, list(splits))


def _cached_commit(source: str, revision: str) -> str:
    """The commit that a branch or tag named when it was last asked for; the revision itself if unknown."""
    if _COMMIT.fullmatch(revision):
        return revision
    from huggingface_hub import constants

    folder = f"datasets--{source.replace('/', '--')}"
    with suppress(OSError):
        return (Path(constants.HF_HUB_CACHE) / folder / "refs" / revision).read_text(encoding="utf-8").strip()
    return revision
