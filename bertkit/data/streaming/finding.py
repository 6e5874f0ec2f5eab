"""Which files a streamed split is made of: named, in a folder, behind a URL, or on the Hub."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path

from bertkit.config.schema import DataSection
from bertkit.data.reading.file_access import (
    HEAD_BYTES,
    UTF8_BOM,
    DataFile,
    Head,
    is_folder,
    missing,
    read_head,
)
from bertkit.data.reading.folders import check_together, files_of
from bertkit.data.reading.formats import FORMATS, format_of, suffix_of
from bertkit.data.reading.hub import looks_like_path
from bertkit.data.reading.hub_parts import MissingSplitError
from bertkit.data.reading.hub_streams import files_on_hub
from bertkit.data.reading.readers import is_glob
from bertkit.data.reading.remote import is_url, open_system, paths_of, remote_faults, url_of
from bertkit.data.reading.split_files import files_of_split, folder_of_config, names_file
from bertkit.data.streaming.shards import Shard, ShardSet, local_shard, open_shard, remote_shard
from bertkit.errors import DataError
from bertkit.redaction import is_masked, redacted

_FORMS = ("jsonl", "csv", "tsv", "parquet")


def find_shards(data: DataSection, split: str) -> ShardSet:
    """The files of one split, none of them read; those on the Hub are not downloaded.

    Args:
        data: names the source; without one the split names files.
        split: a split of the source, a file, a folder, a glob in quotes, or a URL, perhaps with stars.

    Raises:
        DataError: there are none, they cannot be read, or their format cannot be streamed.
        HubError: the Hub is out of reach.
        MissingPackageError: the package that speaks the URL's protocol is not installed.
    """
    folder = Path(data.source).expanduser() if data.source is not None else None
    if folder is not None and names_file(split) and (folder / split).is_file():
        return _of_files([folder / split], str(folder / split))
    if folder is None or names_file(split):
        return _of_url(split) if is_url(split) else _of_files(_local_files(split), split)
    if folder.is_dir():
        return _of_files(_files_in_source(folder, data.config, split), f"{folder}, {split}")
    source = str(data.source)
    if source.startswith("package:") or looks_like_path(source):
        raise DataError(
            f"{source} cannot be streamed", hint="a stream is of files, a folder, a URL or a Hub id"
        )
    files, class_names = files_on_hub(data, split)
    shards = [shard for file in files for shard in _of_url(file).shards]
    return ShardSet(f"{source}{f' ({data.config})' if data.config else ''}, {split}", shards, class_names)


def _local_files(name: str) -> list[Path]:
    path = Path(name).expanduser()
    if is_glob(name) and not path.exists():
        matches = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207  # Path.glob wants a folder
        found = [Path(match) for match in matches if not is_folder(Path(match))]
        if not found:
            raise DataError(f"{name}: no file matches", hint="check the path")
        check_together([DataFile.at(file) for file in found], place=name)
        return found
    return [file.path for file in files_of(path)] if is_folder(path) else [path]


def _files_in_source(folder: Path, config: str | None, split: str) -> list[Path]:
    folder = folder_of_config(folder, config)
    found = files_of_split(folder, split)
    if not found and split == "train":
        found = [file.path for file in files_of(folder)]
    if not found:
        raise MissingSplitError(
            f"{folder} has no file for the split {split!r}", hint=f"call its files {split}-00000.jsonl ..."
        )
    files = [
        file
        for each in found
        for file in ([item.path for item in files_of(each)] if is_folder(each) else [each])
    ]
    check_together([DataFile.at(file) for file in files], place=str(folder))
    return files


def _of_files(files: Sequence[Path], origin: str) -> ShardSet:
    if not files[0].exists():
        raise missing(files[0])
    file = DataFile.at(files[0])
    form = _streamed(format_of(file, read_head(file)), file)
    return ShardSet(origin, [local_shard(path, _form_of(path.name, form)) for path in files])


def _of_url(url: str) -> ShardSet:
    if is_masked(url):
        raise DataError(
            f"{url}: the secret in this address was not stored",
            hint="name the whole address again, or download it and name the file",
        )
    system, path = open_system(url)
    with remote_faults(url):
        places = paths_of(system, path, url)
    names = [redacted(url if places == [path] else url_of(place, url)) for place in places]
    form = FORMATS.get(suffix_of(names[0]), "")
    shards = [
        remote_shard(system, place, name, _form_of(name, form))
        for place, name in zip(places, names, strict=True)
    ]
    if form not in _FORMS:
        form = _streamed(_form_of_content(shards[0]), DataFile(Path(names[0]), names[0]))
        shards = [remote_shard(system, place, name, form) for place, name in zip(places, names, strict=True)]
    return ShardSet(redacted(url), shards)


def _form_of(name: str, first: str) -> str:
    """By its suffix, where that says one of those that are streamed; else as the first file's."""
    form = FORMATS.get(suffix_of(name), "")
    return form if form in _FORMS else first


def _form_of_content(shard: Shard) -> str:
    with open_shard(shard) as stream:
        data = stream.read(HEAD_BYTES)
    head = Head(data.removeprefix(UTF8_BOM), None, len(data) < HEAD_BYTES)
    return format_of(DataFile(Path(shard.name), shard.name), head)


def _streamed(form: str, file: DataFile) -> str:
    if form not in _FORMS:
        raise DataError(
            f"{file}: a file of the format {form} is read whole, and cannot be streamed",
            hint=f"convert it: bertkit data convert {file} {file.path.stem}.jsonl",
        )
    return form
