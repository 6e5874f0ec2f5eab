"""Read what `--train` and its kin name: a file of any known format, a folder, a glob, a URL."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterable, Mapping, Sequence
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
from bertkit.data.rejection import NONE_ALLOWED, RejectedRows
from bertkit.data.rows import Rows
from bertkit.errors import DataError
from bertkit.redaction import redacted

_READERS: Mapping[str, Callable[[DataFile, Head], Rows]] = {
    "csv": lambda file, _: read_delimited(file),
    "tsv": lambda file, _: read_delimited(file, delimiter="\t"),
    "json": lambda file, _: convert_layout(read_json(file), file.rejected),
    "jsonl": lambda file, _: convert_layout(read_jsonl(file), file.rejected),
    "parquet": lambda file, _: read_parquet(file),
    "arrow": lambda file, _: read_arrow(file),
    "conll": read_conll,
}


def read_location(name: str, rejected: RejectedRows = NONE_ALLOWED) -> Rows:
    """Read whatever a person names: a file, a folder, a glob in quotes, or a URL that fsspec knows.

    Args:
        name: what to read.
        rejected: where rows go that cannot be read, and later those that cannot be used.

    Raises:
        DataError: the message starts with `file:line: ` where there is a line.
        MissingPackageError: the package that speaks the URL's protocol is not installed.
    """
    if is_url(name):
        with fetched(name) as files:
            return _read_data_files(files, origin=redacted(name), rejected=rejected)
    path = Path(name).expanduser()
    if not is_glob(name) or path.exists():
        return read_path(path, rejected)
    matches = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207  # Path.glob wants a folder
    found = map(Path, matches)
    files = [DataFile.at(match) for match in found if not is_folder(match)]
    if not files:
        raise DataError(f"{name}: no file matches", hint=f"see what is there: ls {_fixed_part(path)}")
    if not any(is_brat(file) for file in files):
        check_together(files, place=name)
    return _read_data_files(files, origin=name, rejected=rejected)


def read_path(path: Path, rejected: RejectedRows = NONE_ALLOWED) -> Rows:
    """Read a file, or all data files of a folder.

    Raises:
        DataError: the message starts with `file:line: ` where there is a line.
    """
    return read_folder(path, rejected) if is_folder(path) else read_file(path, rejected)


def read_file(path: Path, rejected: RejectedRows = NONE_ALLOWED) -> Rows:
    """Read one file; the suffix says the format, the content does where the suffix says nothing.

    Values of CSV and TSV stay text ("NA" and "" too); those of JSON and Parquet keep their types, and
    a key that a JSON object does not have is None. What is packed with gzip or zstd is unpacked.

    Raises:
        DataError: the message starts with `file:line: ` where there is a line.
    """
    return replace(_read_data_file(DataFile.at(path, rejected)), rejected=rejected)


def read_folder(path: Path, rejected: RejectedRows = NONE_ALLOWED) -> Rows:
    """Read all data files directly in a folder as one table, in the order of their names.

    Files with other suffixes and hidden files are passed over.

    Raises:
        DataError: there is none, they have different formats or columns, or their names say that they
            are different splits (train and test read as one would spoil every score).
    """
    files = files_of(path)
    if any(file.suffix == ANNOTATIONS for file in files):
        files += [DataFile.at(text) for text in sorted(path.glob(f"*{TEXT_SUFFIX}"))]
    return _read_data_files(files, origin=str(path), rejected=rejected)


def read_files(files: Sequence[Path], *, origin: str, rejected: RejectedRows = NONE_ALLOWED) -> Rows:
    """Read several files as one table, one after the other.

    Args:
        files: at least one.
        origin: what to call the whole.
        rejected: where rows go that cannot be read or used.

    Raises:
        DataError: one cannot be read, or they have different columns or class names.
    """
    return _read_data_files(map(DataFile.at, files), origin=origin, rejected=rejected)


def is_glob(name: str) -> bool:
    """True for `data/*.jsonl` and `part-[0-3].csv`, not for `train[:10%]`, which is a part of a split."""
    return not is_url(name) and (
        any(character in name for character in "*?") or ("[" in name and suffix_of(name) in FORMATS)
    )


def _read_data_files(files: Iterable[DataFile], *, origin: str, rejected: RejectedRows) -> Rows:
    named = [replace(file, rejected=rejected) for file in files]
    if any(is_brat(file) for file in named):
        rows = read_brat(named, origin=origin)
    else:
        rows = join_tables([_read_data_file(file) for file in named], origin=origin)
    return replace(rows, rejected=rejected)


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
