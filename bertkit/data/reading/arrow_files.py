"""Arrow IPC files (`.arrow`, `.feather`), and what Parquet has in common with them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO

from bertkit.data.reading.file_access import DataFile, open_file
from bertkit.data.reading.places import CountPlace
from bertkit.data.reading.text_files import check_names
from bertkit.data.rows import Rows
from bertkit.errors import DataError

FILE_MAGIC = b"ARROW1"
STREAM_MAGIC = b"\xff\xff\xff\xff"
_FEATHER_1_MAGIC = b"FEA1"


def read_arrow(file: DataFile) -> Rows:
    """Read an Arrow file, in the file form (Feather 2 too) or in the stream form, as `datasets` caches it.

    Raises:
        DataError: the file is broken, or has no rows or two columns of one name.
    """
    import pyarrow.ipc

    with open_seekable(file) as stream, told_faults(file, "Arrow"):
        start = stream.read(len(FILE_MAGIC))
        stream.seek(0)
        if start.startswith(_FEATHER_1_MAGIC):
            raise DataError(
                f"{file}: this is a Feather file of version 1, which is no longer read",
                hint="write it again with pandas: DataFrame.to_feather(NEW-FILE)",
            )
        if start == FILE_MAGIC:
            reader = pyarrow.ipc.open_file(stream)
            batches = (reader.get_batch(number) for number in range(reader.num_record_batches))
        else:
            reader = pyarrow.ipc.open_stream(stream)
            batches = iter(reader)
        return rows_of_batches(file, reader.schema, batches, form="Arrow")


@contextmanager
def open_seekable(file: DataFile) -> Iterator[BinaryIO]:
    """Open a file for reading here and there; one that is packed is unpacked into memory.

    Raises:
        DataError: as `open_file`.
    """
    with open_file(file) as stream:
        plain = isinstance(getattr(stream, "raw", None), io.FileIO)
        yield stream if plain else io.BytesIO(stream.read())


@contextmanager
def told_faults(file: DataFile, form: str) -> Iterator[None]:
    """Turn what pyarrow raises into one sentence and a hint."""
    import pyarrow

    try:
        yield
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        reason = str(error).strip().split("\n")[0]
        raise DataError(
            f"{file}: the {form} file cannot be read: {reason}",
            hint="it may be cut short or of another format: fetch or write it again",
        ) from None


def rows_of_batches(file: DataFile, schema: Any, batches: Iterable[Any], *, form: str) -> Rows:
    """The rows of record batches as plain Python values, with the names of their classes.

    Raises:
        DataError: there are no rows, or two columns of one name.
    """
    columns = check_names((name.strip() for name in schema.names), file.name)
    records: list[dict[str, Any]] = []
    for batch in batches:
        records.extend(batch.rename_columns(list(columns)).to_pylist())
    if not records:
        raise DataError(f"{file}: the file holds no rows", hint="check how it was written")
    names = _class_names(schema.metadata or {})
    return Rows(
        records=records,
        columns=columns,
        origin=file.name,
        place=CountPlace(file.name),
        class_names={column: names[column] for column in columns if column in names},
        format=form,
    )


def _class_names(metadata: Mapping[bytes, bytes]) -> dict[str, tuple[str, ...]]:
    """Names of ClassLabel columns as `datasets` wrote them; metadata in another form is passed over."""
    try:
        features = json.loads(metadata.get(b"huggingface", b"{}"))["info"]["features"]
        found = {column.strip(): _names_of(feature) for column, feature in features.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}
    return {column: names for column, names in found.items() if names}


def _names_of(feature: object) -> tuple[str, ...]:
    """The names of a ClassLabel, or of one inside lists: `Sequence`, `List`, once plain `[...]`."""
    if isinstance(feature, list) and len(feature) == 1:
        return _names_of(feature[0])
    if not isinstance(feature, dict):
        return ()
    if feature.get("_type") in ("Sequence", "List", "LargeList"):
        return _names_of(feature.get("feature"))
    names = feature.get("names")
    if feature.get("_type") != "ClassLabel" or not isinstance(names, list):
        return ()
    return tuple(names) if all(isinstance(name, str) for name in names) else ()
