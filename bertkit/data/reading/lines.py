"""Input of `predict`, line by line: a fault is an answer for its line, never the end."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path, PurePath
from typing import Any, BinaryIO

from bertkit.data.reading.compression import without_compression
from bertkit.data.reading.delimited import DelimitedRecords, find_delimiter, too_long_message
from bertkit.data.reading.formats import FORMATS
from bertkit.data.reading.json_text import JsonFaultError, kind_of, parse_json
from bertkit.data.reading.line_source import LineSource, LineTooLongError, without_line_end
from bertkit.data.reading.text_files import check_header
from bertkit.errors import DataError

_KINDS = {".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".txt": "txt"}
# Files that are not one thing to predict a line.
_WHOLE = {suffix for suffix, form in FORMATS.items() if form in ("json", "parquet", "arrow", "conll", "brat")}
_NUL = "the line holds a NUL byte"
_ESCAPED_BYTE = re.compile("[\udc80-\udcff]")  # as errors="surrogateescape" leaves it


@dataclass(frozen=True)
class InputLine:
    """One thing to predict, or why it cannot be.

    Attributes:
        number: the line of the input, from 1, at which it starts (a CSV header is line 1).
        record: keys and values as given.
        error: what is wrong; exactly one of `record` and `error` is set.
    """

    number: int
    record: dict[str, Any] | None = None
    error: str | None = None


def input_kind(path: Path | None) -> str:
    """How to read a file, by its suffix: "jsonl", "csv", "tsv" or "txt".

    Standard input (None) and unknown suffixes are "jsonl".

    Raises:
        DataError: the format cannot be read line by line (.json, .parquet).
    """
    suffix = PurePath(without_compression(path.name)).suffix.lower() if path else ""
    if path and suffix in _WHOLE:
        raise DataError(
            f"{path}: a {suffix} file is not read line by line",
            hint=f"convert it to JSON lines: bertkit data convert {path} {path.stem}.jsonl",
        )
    return _KINDS.get(suffix, "jsonl")


def read_input_lines(
    stream: BinaryIO, *, kind: str, text_column: str = "text", max_bytes: int = 1_000_000
) -> Iterator[InputLine]:
    """Read input as it comes; what is held in memory is a few times `max_bytes`.

    "jsonl" and "txt" give one item for each physical line, "csv" and "tsv" one for each record after
    the header (a record may span lines; blank lines are none).

    Args:
        stream: bytes in UTF-8.
        kind: as `input_kind` says.
        text_column: the key under which a line of "txt" stands.
        max_bytes: a longer line or record is read past in blocks and becomes an error.

    Raises:
        DataError: CSV or TSV without a usable header.
    """
    if kind in ("csv", "tsv"):
        return _delimited(stream, delimiter="\t" if kind == "tsv" else None, max_bytes=max_bytes)
    if kind == "txt":
        return _physical(stream, lambda text: {text_column: text}, max_bytes=max_bytes)
    if kind == "jsonl":
        return _physical(stream, _json_object, max_bytes=max_bytes)
    raise ValueError(f"kind is {kind!r}, not jsonl, csv, tsv or txt")


def _physical(
    stream: BinaryIO, convert: Callable[[str], dict[str, Any]], *, max_bytes: int
) -> Iterator[InputLine]:
    source = LineSource(stream, max_bytes=max_bytes)
    number = 0
    while True:
        number += 1
        try:
            yield InputLine(number, record=convert(_text(without_line_end(next(source)))))
        except StopIteration:
            return
        except LineTooLongError as error:
            yield InputLine(number, error=too_long_message(error.size, max_bytes))
        except JsonFaultError as error:
            yield InputLine(number, error=str(error))


def _text(line: bytes) -> str:
    if b"\0" in line:
        raise JsonFaultError(_NUL)
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise JsonFaultError(_not_utf8(line[error.start])) from None


def _not_utf8(byte: int) -> str:
    return f"byte 0x{byte:02x} is not UTF-8"


def _json_object(text: str) -> dict[str, Any]:
    if not text.strip():
        raise JsonFaultError("the line is empty")
    value = parse_json(text)
    if not isinstance(value, dict):
        raise JsonFaultError(f"the line is {kind_of(value)}, not an object")
    return value


def _delimited(stream: BinaryIO, *, delimiter: str | None, max_bytes: int) -> Iterator[InputLine]:
    """Reads the header at once, so that a bad one is told before anything expensive."""
    name = _name_of(stream)
    lines = map(_escaped_text, LineSource(stream, max_bytes=max_bytes, split_at_cr=True))
    try:
        first = next(lines, "")
    except LineTooLongError as error:
        raise DataError(
            f"{name}:1: {too_long_message(error.size, max_bytes)}",
            hint="the first line has to hold the names of the columns, and end in a line feed",
        ) from None
    delimiter = delimiter or find_delimiter(first)
    # chain and map go on after an exception of what they walk over; a generator would be at its end.
    records = DelimitedRecords(chain([first], lines), delimiter=delimiter, max_bytes=max_bytes)
    header = next(records, None)
    if header is None:
        raise DataError(
            f"{name}: the input is empty", hint="the first line has to hold the names of the columns"
        )
    if fault := header.fault or _fault_in(header.fields):
        raise DataError(
            f"{name}:{header.line}: {fault}",
            hint="the first line has to hold the names of the columns, in UTF-8",
        )
    columns = check_header(header, name)
    records.width = len(columns)
    return _rows(records, columns)


def _rows(records: DelimitedRecords, columns: tuple[str, ...]) -> Iterator[InputLine]:
    for record in records:
        if fault := record.fault or _fault_in(record.fields):
            yield InputLine(record.line, error=fault)
        else:
            yield InputLine(record.line, record=dict(zip(columns, record.fields, strict=True)))


def _escaped_text(line: bytes) -> str:
    """Text in which a byte that is not UTF-8 is a lone surrogate: its row can be told, the next goes on."""
    return line.decode("utf-8", errors="surrogateescape")


def _fault_in(fields: Sequence[str]) -> str | None:
    for field in fields:
        if "\0" in field:
            return _NUL
        if not field.isascii() and (bad := _ESCAPED_BYTE.search(field)):
            return _not_utf8(ord(bad[0]) - 0xDC00)
    return None


def _name_of(stream: BinaryIO) -> str:
    name = getattr(stream, "name", None)
    return name if isinstance(name, str) and name != "<stdin>" else "standard input"
