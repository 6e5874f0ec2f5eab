"""Which format a file has: its suffix says it, the content does where the suffix says nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePath

from bertkit.data.reading.arrow_files import FILE_MAGIC, STREAM_MAGIC
from bertkit.data.reading.brat import is_brat
from bertkit.data.reading.compression import without_compression
from bertkit.data.reading.conll_layout import is_conll
from bertkit.data.reading.delimited import DELIMITERS
from bertkit.data.reading.file_access import DataFile, Head
from bertkit.data.reading.json_text import JsonFaultError, parse_json
from bertkit.errors import DataError

FORMATS: Mapping[str, str] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".conll": "conll",
    ".conllu": "conll",
    ".conll2003": "conll",
    ".bio": "conll",
    ".bioes": "conll",
    ".iob": "conll",
    ".iob2": "conll",
    ".ann": "brat",
}
# Only what lies inside tells what it is: nothing to look for where a folder may hold notes as well.
TEXT_SUFFIX = ".txt"
_PARQUET_MAGIC = b"PAR1"
_BINARY = {"parquet": "Parquet", "arrow": "Arrow"}
_WITH_ARTICLE = {"parquet": "a Parquet", "arrow": "an Arrow"}
_OWN_SUFFIX = {"parquet": ".parquet", "arrow": ".arrow"}
LISTED_SUFFIXES = ", ".join(FORMATS)


def suffix_of(name: str) -> str:
    """The suffix that tells the format, in lower case: `.csv` for `Reviews.CSV.gz`."""
    return DataFile(Path(name), name).suffix


def format_of(file: DataFile, head: Head) -> str:
    """The format of a file that has been opened: one of the values of `FORMATS`.

    Raises:
        DataError: name and content contradict each other, or neither tells.
    """
    if is_brat(file):
        return "brat"
    by_suffix = FORMATS.get(file.suffix)
    binary = _binary_format(head.data)
    if by_suffix in _BINARY and binary is None:
        raise DataError(
            f"{file}: this is no {_BINARY[by_suffix]} file",
            hint="rename it by what it holds (.csv, .tsv, .json, .jsonl), or fetch it again",
        )
    if binary is not None:
        if by_suffix not in (None, binary):
            right = PurePath(without_compression(file.name)).with_suffix(_OWN_SUFFIX[binary])
            raise DataError(
                f"{file}: this is {_WITH_ARTICLE[binary]} file", hint=f"rename it: mv {file} {right}"
            )
        return binary
    if by_suffix == "json":
        # Many write JSON lines under this suffix, and `datasets` reads them.
        return "jsonl" if _starts_with_object_line(head.data, more=True) else "json"
    if by_suffix == "tsv" and is_conll(head, tabs_only=True):
        return "conll"
    found = by_suffix or _format_of_text(head)
    if found is None:
        raise DataError(
            f"{file}: the format cannot be told from the name or the content",
            hint=f"give it a name that ends in {LISTED_SUFFIXES}",
        )
    return found


def _binary_format(data: bytes) -> str | None:
    if data.startswith(_PARQUET_MAGIC):
        return "parquet"
    return "arrow" if data.startswith((FILE_MAGIC, STREAM_MAGIC, b"FEA1")) else None


def _format_of_text(head: Head) -> str | None:
    start = head.data.lstrip()
    if start.startswith(b"["):
        return "json"
    if start.startswith(b"{"):
        return "jsonl" if _starts_with_object_line(head.data, more=False) else "json"
    lines = head.data.splitlines()[:2]
    if len(lines) < 2 or any(b"\0" in line for line in lines):
        return None
    if is_conll(head):
        return "conll"
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
