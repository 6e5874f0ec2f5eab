"""What a Hub data set has not got: the config, the split, or data that can be read."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

from bertkit.config.schema import DataSection
from bertkit.data.columns import nearest
from bertkit.data.reading.hub import first_line
from bertkit.errors import DataError


class MissingSplitError(DataError):
    """A data set is there, but has no such split, or no rows in it."""


def unreadable(source: str, split: str, error: BaseException) -> DataError:
    """A part that is there and cannot be read."""
    return DataError(
        f"{source}, {split} cannot be read: {first_line(error)}", hint="check data.config, or data.revision"
    )


def unknown_part(data: DataSection, source: str, split: str, error: Exception) -> DataError:
    """Whether it is the config or the split that a data set has not got."""
    import datasets

    from bertkit.data.reading.hub_requests import fetch_patiently

    configs: list[str] = []
    splits: list[str] = []
    with suppress(Exception):  # only names for a message that comes in any case
        configs = fetch_patiently(partial(datasets.get_dataset_config_names, source, revision=data.revision))
    if data.config not in configs and (data.config or len(configs) > 1):
        return _no_config(source, data.config, configs)
    with suppress(Exception):
        names = partial(datasets.get_dataset_split_names, source, data.config, revision=data.revision)
        splits = fetch_patiently(names)
    if not splits or split in splits:
        return unreadable(source, split, error)
    return no_split(source, split, splits)


def _no_config(source: str, config: str | None, known: list[str]) -> DataError:
    listed = ", ".join(known[:15]) + (", ..." if len(known) > 15 else "")
    if config is None:
        return DataError(f"{source} has several configs: {listed}", hint=f"--set data.config={known[0]}")
    near = nearest(config, known)
    return DataError(
        f"{source} has no config {config!r}; it has {listed}",
        hint=f"did you mean --set data.config={near}?" if near else "--set data.config=NAME",
    )


def no_split(source: str, split: str, known: list[str]) -> MissingSplitError:
    """A split that is not there; `known` are those that are."""
    near = nearest(split, known)
    return MissingSplitError(
        f"{source} has no split {split!r}; it has {', '.join(known)}",
        hint=f"did you mean {near}?" if near else "name a split that it has, or a file",
    )
