"""Read a data file or a folder of them: CSV, TSV, JSON, JSON lines, Parquet."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from bertkit.data.delimited import DELIMITERS
from bertkit.data.file_access import is_folder, missing, read_head
from bertkit.data.json_files import read_json, read_jsonl
from bertkit.data.json_text import JsonFaultError, parse_json
from bertkit.data.parquet_files import read_parquet
from bertkit.data.places import JoinedPlace
from bertkit.data.rows import Place, Record, Rows
from bertkit.data.text_files import read_delimited
from bertkit.errors import DataError

FORMATS: Mapping[str, str] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
_READERS: Mapping[str, Callable[[Path], Rows]] = {
    "csv": read_delimited,
    "tsv": partial(read_delimited, delimiter="\t"),
    "json": read_json,
    "jsonl": read_jsonl,
    "parquet": read_parquet,
}
_PARQUET_MAGIC = b"PAR1"
_SPLIT_WORD = re.compile(r"(?:^|[^a-z])(train|test|dev|val|valid|validation)(?:ing)?(?:[^a-z]|$)")


def read_path(path: Path) -> Rows:
    """Read a file, or all data files of a folder.

    Raises:
        DataError: the message starts with `file:line: ` where there is a line.
    """
    return read_folder(path) if is_folder(path) else read_file(path)


def read_file(path: Path) -> Rows:
    """Read one file; the suffix says the format, the content does where the suffix says nothing.

    Values of CSV and TSV stay text ("NA" and "" too); those of JSON and Parquet keep their types, and
    a key that a JSON object does not have is None.

    Raises:
        DataError: the message starts with `file:line: ` where there is a line.
    """
    head = read_head(path)
    return _READERS[_format_of(path, head)](path)


def read_folder(path: Path) -> Rows:
    """Read all data files directly in a folder as one table, in the order of their names.

    Files with other suffixes and hidden files are passed over.

    Raises:
        DataError: there is none, they have different formats or columns, or their names say that they
            are different splits (train and test read as one would spoil every score).
    """
    return read_files(_data_files(path), origin=str(path))


def read_files(files: Sequence[Path], *, origin: str) -> Rows:
    """Read several files as one table, one after the other.

    Args:
        files: at least one.
        origin: what to call the whole.

    Raises:
        DataError: one cannot be read, or they have different columns or class names.
    """
    tables = [read_file(file) for file in files]
    first = tables[0]
    for file, table in zip(files, tables, strict=True):
        _check_same(files[0], first, file, table)
    records: list[Record] = []
    starts: list[int] = []
    for table in tables:
        starts.append(len(records))
        records.extend(table.records)
    places: list[Place] = [table.place for table in tables]
    return Rows(
        records=records,
        columns=first.columns,
        origin=origin,
        place=JoinedPlace(starts, places),
        class_names=first.class_names,
    )


def _data_files(path: Path) -> list[Path]:
    try:
        entries = sorted(path.iterdir(), key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        if path.is_file():
            raise DataError(f"{path}: this is a file, a folder is needed", hint="name its folder") from None
        raise missing(path) from None
    except PermissionError:
        raise DataError(f"{path}: no permission to list it", hint=f"chmod u+rx {path}") from None
    files = [
        entry
        for entry in entries
        if not entry.name.startswith(".") and entry.suffix.lower() in FORMATS and not is_folder(entry)
    ]
    if not files:
        raise DataError(
            f"{path}: no data file stands in this folder",
            hint=f"put files there that end in {', '.join(FORMATS)}, or name another folder",
        )
    by_format: dict[str, str] = {}
    by_split: dict[str, str] = {}
    for file in files:
        by_format.setdefault(FORMATS[file.suffix.lower()], file.name)
        if word := _SPLIT_WORD.search(file.stem.lower()):
            by_split.setdefault("validation" if word[1][0] in "dv" else word[1], file.name)
    for kinds, what in ((by_format, "formats"), (by_split, "splits")):
        if len(kinds) > 1:
            raise DataError(
                f"{path}: the folder holds different {what}: {', '.join(kinds.values())}",
                hint=f"name one file, as {path / files[0].name}, or put them in folders of their own",
            )
    return files


def _check_same(first_file: Path, first: Rows, file: Path, rows: Rows) -> None:
    differing = sorted(set(first.columns) ^ set(rows.columns))
    if differing:
        lacks = ", ".join(
            f"{column!r} is only in {_owner(column, first, first_file, file)}" for column in differing
        )
        raise DataError(
            f"{first_file} and {file} have different columns: {lacks}",
            hint="give the files the same columns, or name one of them",
        )
    if first.class_names != rows.class_names:
        raise DataError(
            f"{first_file} and {file} name their classes differently",
            hint="write them with the same ClassLabel features, or name one of them",
        )


def _owner(column: str, first: Rows, first_file: Path, file: Path) -> str:
    return first_file.name if column in first.columns else file.name


def _format_of(path: Path, head: bytes) -> str:
    """The format by suffix, by content where the suffix says nothing or does not fit."""
    by_suffix = FORMATS.get(path.suffix.lower())
    is_parquet = head.startswith(_PARQUET_MAGIC)
    if by_suffix == "parquet" and not is_parquet:
        raise DataError(
            f"{path}: this is no Parquet file",
            hint="rename it by what it holds (.csv, .tsv, .json, .jsonl), or fetch it again",
        )
    if by_suffix not in (None, "parquet") and is_parquet:
        raise DataError(
            f"{path}: this is a Parquet file", hint=f"rename it: mv {path} {path.with_suffix('.parquet')}"
        )
    if by_suffix == "json":
        # Many write JSON lines under this suffix, and `datasets` reads them.
        return "jsonl" if _starts_with_object_line(head, more=True) else "json"
    found = by_suffix or ("parquet" if is_parquet else _format_of_text(head))
    if found is None:
        raise DataError(
            f"{path}: the format cannot be told from the name or the content",
            hint=f"give it a name that ends in {', '.join(FORMATS)}",
        )
    return found


def _format_of_text(head: bytes) -> str | None:
    start = head.lstrip()
    if start.startswith(b"["):
        return "json"
    if start.startswith(b"{"):
        return "jsonl" if _starts_with_object_line(head, more=False) else "json"
    lines = head.splitlines()[:2]
    if len(lines) < 2 or any(b"\0" in line for line in lines):
        return None
    for delimiter in DELIMITERS:
        first, second = (line.count(delimiter.encode()) for line in lines)
        if first == second > 0:
            return "tsv" if delimiter == "\t" else "csv"
    return None


def _starts_with_object_line(head: bytes, *, more: bool) -> bool:
    """Whether the first line is a whole JSON object (and, where `more` is asked, text follows it)."""
    line, _, rest = head.lstrip().partition(b"\n")
    if not line.startswith(b"{") or (more and not rest.strip()):
        return False
    try:
        return isinstance(parse_json(line.decode("utf-8")), dict)
    except (UnicodeDecodeError, JsonFaultError):
        return False
