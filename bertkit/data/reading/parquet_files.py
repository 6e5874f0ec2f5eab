"""Parquet, with the names of the classes where `datasets` wrote them."""

from __future__ import annotations

from bertkit.data.reading.arrow_files import open_seekable, rows_of_batches, told_faults
from bertkit.data.reading.file_access import DataFile
from bertkit.data.rows import Rows


def read_parquet(file: DataFile) -> Rows:
    """Read a Parquet file; values become plain Python values.

    Raises:
        DataError: the file is broken, or has no rows or two columns of one name.
    """
    import pyarrow.parquet

    with open_seekable(file) as stream, told_faults(file, "Parquet"):
        parquet = pyarrow.parquet.ParquetFile(stream)
        return rows_of_batches(file, parquet.schema_arrow, parquet.iter_batches(), form="Parquet")
