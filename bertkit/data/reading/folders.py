"""Several files that make one table: which of a folder they are, and whether they belong together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from bertkit.data.reading.file_access import DataFile, is_folder, missing
from bertkit.data.reading.formats import FORMATS, LISTED_SUFFIXES, TEXT_SUFFIX, suffix_of
from bertkit.data.reading.places import JoinedPlace
from bertkit.data.rows import Record, Rows
from bertkit.errors import DataError

_SPLIT_WORD = re.compile(r"(?:^|[^a-z])(train|test|dev|val|valid|validation)(?:ing)?(?:[^a-z]|$)")


def files_of(path: Path) -> list[DataFile]:
    """The data files directly in a folder, by name.

    Raises:
        DataError: the folder cannot be listed, has none, or has some that do not belong together.
    """
    try:
        entries = sorted(path.iterdir(), key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        if path.is_file():
            raise DataError(f"{path}: this is a file, a folder is needed", hint="name its folder") from None
        raise missing(path) from None
    except PermissionError:
        raise DataError(f"{path}: no permission to list it", hint=f"chmod u+rx {path}") from None
    files = [DataFile.at(entry) for entry in entries if not is_folder(entry)]
    return choose_files(files, place=str(path))


def choose_files(files: Sequence[DataFile], *, place: str) -> list[DataFile]:
    """Those of the files that hold data, in their order.

    `.txt` files count where no other suffix speaks of data: most of them are notes.

    Args:
        files: what a folder holds.
        place: the folder, for messages.

    Raises:
        DataError: there is none, they have different formats, or their names say that they are different
            splits (train and test read as one would spoil every score).
    """
    seen = [file for file in files if not file.path.name.startswith(".")]
    chosen = [file for file in seen if file.suffix in FORMATS]
    chosen = chosen or [file for file in seen if file.suffix == TEXT_SUFFIX]
    if not chosen:
        raise DataError(
            f"{place}: no data file stands in this folder",
            hint=f"put files there that end in {LISTED_SUFFIXES}, or name another folder",
        )
    check_together(chosen, place=place)
    return chosen


def check_together(files: Sequence[DataFile], *, place: str) -> None:
    """That the names of the files do not speak against reading them as one table.

    Raises:
        DataError: they have different formats, or are different splits.
    """
    by_format: dict[str, str] = {}
    by_split: dict[str, str] = {}
    for file in files:
        name = file.path.name
        by_format.setdefault(FORMATS.get(suffix_of(name), ""), name)
        if word := _SPLIT_WORD.search(name.split(".")[0].lower()):
            by_split.setdefault("validation" if word[1][0] in "dv" else word[1], name)
    for kinds, what in ((by_format, "formats"), (by_split, "splits")):
        if len(kinds) > 1:
            raise DataError(
                f"{place} holds different {what}: {', '.join(kinds.values())}",
                hint=f"name one file, as {files[0].name}, or put them in folders of their own",
            )


def join_tables(tables: Sequence[Rows], *, origin: str) -> Rows:
    """Several tables as one, one after the other; each note says of which file it speaks.

    Raises:
        DataError: they have different columns or class names.
    """
    first = tables[0]
    records: list[Record] = []
    starts: list[int] = []
    for table in tables:
        _check_same(first, table)
        starts.append(len(records))
        records.extend(table.records)
    several = len(tables) > 1
    notes = (
        (f"{Path(table.origin).name}: {note}" if several else note for note in table.notes)
        for table in tables
    )
    return Rows(
        records=records,
        columns=first.columns,
        origin=origin,
        place=JoinedPlace(starts, [table.place for table in tables]),
        class_names=first.class_names,
        format=first.format,
        notes=tuple(chain.from_iterable(notes)),
    )


def _check_same(first: Rows, rows: Rows) -> None:
    differing = sorted(set(first.columns) ^ set(rows.columns))
    if differing:
        owners = {column: first if column in first.columns else rows for column in differing}
        lacks = ", ".join(
            f"{column!r} is only in {Path(owner.origin).name}" for column, owner in owners.items()
        )
        raise DataError(
            f"{first.origin} and {rows.origin} have different columns: {lacks}",
            hint="give the files the same columns, or name one of them",
        )
    if first.class_names != rows.class_names:
        raise DataError(
            f"{first.origin} and {rows.origin} name their classes differently",
            hint="write them with the same ClassLabel features, or name one of them",
        )
