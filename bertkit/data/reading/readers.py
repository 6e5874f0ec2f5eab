"""Read what `--train` and its kin name: a file of any known format, a folder, a glob, a URL."""

from __future__ import annotations

import glob
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bertkit.data.reading.arrow_files import read_arrow
from bertkit.data.reading.brat import ANNOTATIONS, is_brat, partner_of, read_brat
from bertkit.data.reading.conll import read_conll
from bertkit.data.reading.file_access import DataFile, Head, is_folder, read_head
from bertkit.data.reading.folders import check_together, files_of, join_tables
from bertkit.data.reading.formats import FORMATS, TEXT_SUFFIX, format_of, suffix_of
from bertkit.data.reading.json_files import read_json, read_jsonl
from bertkit.data.reading.parquet_files import read_parquet
from bertkit.data.reading.remote import fetched, is_url
from bertkit.data.reading.span_layouts import convert_layout
from bertkit.data.reading.text_files import read_delimited
from bertkit.data.rows import Rows
from bertkit.errors import DataError

_READERS: Mapping[str, Callable[[DataFile, Head], Rows]] = {
    "csv": lambda file, _: read_delimited(file),
    "tsv": lambda file, _: read_delimited(file, delimiter="\t"),
    "json": lambda file, _: convert_layout(read_json(file)),
    "jsonl": lambda file, _: convert_layout(read_jsonl(file)),
    "parquet": lambda file, _: read_parquet(file),
    "arrow": lambda file, _: read_arrow(file),
    "conll": read_conll,
}


def read_location(name: str) -> Rows:
    """Read whatever a person names: a file, a folder, a glob in quotes, or a URL that fsspec knows.

    Raises:
        DataError: the message starts with `file:line: ` where there is a line.
        MissingPackageError: the package that speaks the URL's protocol is not installed.
    """
    if is_url(name):
        with fetched(name) as files:
            return _read_data_files(files, origin=name)
    path = Path(name).expanduser()
    if not is_glob(name) or path.exists():
        return read_path(path)
    matches = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207  # Path.glob wants a folder
    found = map(Path, matches)
    files = [DataFile.at(match) for match in found if not is_folder(match)]
    if not files:
        raise DataError(f"{name}: no file matches", hint=f"see what is there: ls {_fixed_part(path)}")
    if any(is_brat(file) for file in files):
        return read_brat(files, origin=name)
    check_together(files, place=name)
    return _read_data_files(files, origin=name)


def read_path(path: Path) -> Rows:
    """Read a file, or all data files of a folder.

    Raises:
        DataError: the message starts with `file:line: ` where there is a line.
    """
    return read_folder(path) if is_folder(path) else read_file(path)


def read_file(path: Path) -> Rows:
    """Read one file; the suffix says the format, the content does where the suffix says nothing.

    Values of CSV and TSV stay text ("NA" and "" too); those of JSON and Parquet keep their types, and
    a key that a JSON object does not have is None. What is packed with gzip or zstd is unpacked.

    Raises:
        DataError: the message starts with `file:line: ` where there is a line.
    """
    return _read_data_file(DataFile.at(path))


def read_folder(path: Path) -> Rows:
    """Read all data files directly in a folder as one table, in the order of their names.

    Files with other suffixes and hidden files are passed over.

    Raises:
        DataError: there is none, they have different formats or columns, or their names say that they
            are different splits (train and test read as one would spoil every score).
    """
    files = files_of(path)
    if any(file.suffix == ANNOTATIONS for file in files):
        texts = sorted(path.glob(f"*{TEXT_SUFFIX}"))
        return read_brat([*files, *map(DataFile.at, texts)], origin=str(path))
    return _read_data_files(files, origin=str(path))


def read_files(files: Sequence[Path], *, origin: str) -> Rows:
    """Read several files as one table, one after the other.

    Args:
        files: at least one.
        origin: what to call the whole.

    Raises:
        DataError: one cannot be read, or they have different columns or class names.
    """
    return _read_data_files([DataFile.at(file) for file in files], origin=origin)


def is_glob(name: str) -> bool:
    """True for `data/*.jsonl` and `part-[0-3].csv`, not for `train[:10%]`, which is a part of a split."""
    return not is_url(name) and (
        any(character in name for character in "*?") or ("[" in name and suffix_of(name) in FORMATS)
    )


def _read_data_files(files: Sequence[DataFile], *, origin: str) -> Rows:
    if any(is_brat(file) for file in files):
        return read_brat(files, origin=origin)
    return join_tables([_read_data_file(file) for file in files], origin=origin)


def _read_data_file(file: DataFile) -> Rows:
    if is_brat(file) and file.path.is_file():  # else `read_head` says what is wrong
        return read_brat([file, partner_of(file)], origin=file.name)
    head = read_head(file)
    rows = _READERS[format_of(file, head)](file, head)
    return replace(rows, format=f"{rows.format}, {head.compression}") if head.compression else rows


def _fixed_part(path: Path) -> Path:
    """The folders of a glob before its first star."""
    fixed = Path(path.anchor)
    for part in path.relative_to(path.anchor).parts[:-1]:
        if any(character in part for character in "*?["):
            break
        fixed /= part
    return fixed
