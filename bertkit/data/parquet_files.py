"""Parquet, with the names of the classes where `datasets` wrote them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bertkit.data.file_access import open_file
from bertkit.data.places import CountPlace
from bertkit.data.rows import Rows
from bertkit.data.text_files import check_names
from bertkit.errors import DataError


def read_parquet(path: Path) -> Rows:
    """Read a Parquet file; values become plain Python values.

    Raises:
        DataError: the file is broken, or has no rows or two columns of one name.
    """
    import pyarrow
    import pyarrow.parquet

    with open_file(path) as stream:
        try:
            file = pyarrow.parquet.ParquetFile(stream)
            schema = file.schema_arrow
            columns = check_names((name.strip() for name in schema.names), str(path))
            records: list[dict[str, Any]] = []
            for batch in file.iter_batches():
                records.extend(batch.rename_columns(list(columns)).to_pylist())
        except (pyarrow.ArrowException, OSError, ValueError) as error:
            reason = str(error).strip().split("\n")[0]
            raise DataError(
                f"{path}: the Parquet file cannot be read: {reason}",
                hint="it may be cut short or of another format: fetch or write it again",
            ) from None
    if not records:
        raise DataError(f"{path}: the file holds no rows", hint="check how it was written")
    names = _class_names(schema.metadata or {})
    return Rows(
        records=records,
        columns=columns,
        origin=str(path),
        place=CountPlace(str(path)),
        class_names={column: names[column] for column in columns if column in names},
    )


def _class_names(metadata: Mapping[bytes, bytes]) -> dict[str, tuple[str, ...]]:
    """Names of ClassLabel columns from the schema's metadata; metadata in another form is passed over."""
    try:
        features = json.loads(metadata.get(b"huggingface", b"{}"))["info"]["features"]
        return {
            column.strip(): tuple(feature["names"])
            for column, feature in features.items()
            if isinstance(feature, dict)
            and feature.get("_type") == "ClassLabel"
            and isinstance(feature.get("names"), list)
            and all(isinstance(name, str) for name in feature["names"])
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}
