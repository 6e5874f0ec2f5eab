"""Rows as tables of any columns: JSON, JSON lines, CSV, TSV, Parquet and Arrow."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bertkit.data.rows import Record
from bertkit.data.writing.written_files import CannotHoldError, unclosed, whole_file, whole_text
from bertkit.runs.atomic import json_text

# A field with one of these is put in quotes: any of them may be taken for the delimiter of the file.
_NEEDS_QUOTES = re.compile('[",;\t|\r\n]')
_NOT_IN_TSV = re.compile("[\t\r\n]")
BLOCK_ROWS = 10_000


def write_jsonl(path: Path, items: Iterable[Mapping[str, Any]]) -> None:
    """One object a line; NaN and infinities, which JSON does not have, become null.

    Raises:
        CannotHoldError: a value that JSON does not know, as a date.
    """
    with whole_text(path) as stream:
        stream.writelines(f"{line}\n" for line in _json_lines(items))


def write_json(path: Path, items: Iterable[Mapping[str, Any]]) -> None:
    """A list of objects, one a line.

    Raises:
        CannotHoldError: as `write_jsonl`.
    """
    with whole_text(path) as stream:
        before = "[\n"
        for line in _json_lines(items):
            stream.write(before + line)
            before = ",\n"
        stream.write("\n]\n")


def _json_lines(items: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for position, item in enumerate(items):
        try:
            yield json_text(dict(item))
        except TypeError:
            column, value = next(pair for pair in item.items() if not _is_json(pair[1]))
            raise CannotHoldError(
                f"the column {column!r} holds a {type(value).__name__}, which JSON cannot",
                position,
                instead="parquet",
            ) from None


def _is_json(value: object) -> bool:
    try:
        json.dumps(value)
    except TypeError:
        return False
    return True


def write_delimited(path: Path, records: Iterable[Record], columns: Sequence[str], delimiter: str) -> None:
    """CSV or TSV with a header; fields in quotes only where they have to be. None is an empty field.

    Raises:
        CannotHoldError: a list or an object; in TSV a tab or a line end too, for those who read it
            without looking at quotes.
    """
    with whole_text(path) as stream:
        stream.write(delimiter.join(map(_quoted, columns)) + "\n")
        for position, record in enumerate(records):
            fields = [_field(record[column], column, position, delimiter) for column in columns]
            stream.write((delimiter.join(fields) or '""') + "\n")


def _field(value: object, column: str, position: int, delimiter: str) -> str:
    kind = "TSV" if delimiter == "\t" else "CSV"
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | float):
        what = "a list" if isinstance(value, list) else "an object" if isinstance(value, dict) else "no text"
        raise CannotHoldError(
            f"the column {column!r} holds {what}, which {kind} cannot",
            position,
            instead="jsonl" if _is_json(value) else "parquet",
        )
    text = str(value)
    if delimiter == "\t" and _NOT_IN_TSV.search(text):
        raise CannotHoldError(
            f"the column {column!r} holds a tab or a line end, which TSV cannot", position, instead="csv"
        )
    if "\0" in text:
        raise CannotHoldError(
            f"the column {column!r} holds a NUL character, which {kind} cannot", position, instead="jsonl"
        )
    return _quoted(text)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if _NEEDS_QUOTES.search(text) else text


def write_parquet(
    path: Path, columns: Mapping[str, Sequence[Any]], names: Mapping[str, Sequence[str]]
) -> None:
    """Parquet; columns whose numbers have names keep these as `datasets` does.

    Raises:
        CannotHoldError: a column holds values of different types.
    """
    import pyarrow.parquet

    table = _arrow_table(columns, names, "Parquet")
    with whole_file(path) as stream:
        try:
            pyarrow.parquet.write_table(table, unclosed(stream), compression="zstd")
        except pyarrow.ArrowNotImplementedError as error:  # objects without any key
            reason = str(error).split(".", 1)[0]
            raise CannotHoldError(f"Parquet says: {reason}", 0, instead="jsonl") from None


def write_arrow(path: Path, columns: Mapping[str, Sequence[Any]], names: Mapping[str, Sequence[str]]) -> None:
    """An Arrow stream, as `datasets` writes it.

    Raises:
        CannotHoldError: as `write_parquet`.
    """
    import pyarrow

    table = _arrow_table(columns, names, "Arrow")
    with whole_file(path) as stream, pyarrow.ipc.new_stream(unclosed(stream), table.schema) as writer:
        writer.write_table(table, max_chunksize=BLOCK_ROWS)


def _arrow_table(columns: Mapping[str, Sequence[Any]], names: Mapping[str, Sequence[str]], kind: str) -> Any:
    import pyarrow

    arrays = []
    for column, values in columns.items():
        try:
            array = pyarrow.array(values)
        except (pyarrow.ArrowException, OverflowError, TypeError, ValueError) as error:
            reason = str(error).split("\n", 1)[0]
            raise CannotHoldError(
                f"the values of the column {column!r} are not of one type, as {kind} needs it: {reason}",
                _first_of_other_type(values),
                instead="jsonl",
            ) from None
        # Arrow gives all objects of a column the same keys, and numbers one type: rows would change.
        for position, (value, held) in enumerate(zip(values, _values_of(array), strict=True)):
            if value != held and not _same(value, held):
                raise CannotHoldError(
                    f"the column {column!r} holds objects with other keys than those before, "
                    f"or other numbers, which {kind} would change",
                    position,
                    instead="jsonl",
                )
        arrays.append(array)
    table = pyarrow.Table.from_arrays(arrays, names=list(columns))
    features = {
        column: _feature(names[column], table.schema.field(column).type)
        for column in columns
        if column in names
    }
    if features:
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    return table


def _values_of(array: Any) -> Iterator[Any]:
    for start in range(0, len(array), BLOCK_ROWS):
        yield from array.slice(start, BLOCK_ROWS).to_pylist()


def _feature(names: Sequence[str], kind: Any) -> dict[str, Any]:
    import pyarrow

    feature: dict[str, Any] = {"names": list(names), "_type": "ClassLabel"}
    return {"feature": feature, "_type": "List"} if pyarrow.types.is_list(kind) else feature


def _first_of_other_type(values: Sequence[object]) -> int:
    """The first row whose value is not of the type of the first one; the first row where none differs."""
    first = next((type(value) for value in values if value is not None), None)
    others = (position for position, value in enumerate(values) if value is not None)
    return next((position for position in others if type(values[position]) is not first), 0)


def _same(value: Any, held: Any) -> bool:
    """Equal, with NaN equal to itself and a tuple to the list it becomes."""
    if isinstance(value, float) and isinstance(held, float):
        return value == held or (value != value and held != held)
    if isinstance(value, list | tuple) and isinstance(held, list):
        return len(value) == len(held) and all(map(_same, value, held))
    if isinstance(value, dict) and isinstance(held, dict):
        return value.keys() == held.keys() and all(_same(value[key], held[key]) for key in value)
    return bool(value == held)
