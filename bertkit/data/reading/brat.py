"""brat standoff: a text file, and beside it an `.ann` file that says where the entities stand."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from bertkit.data.reading.file_access import DataFile, not_utf8, open_file
from bertkit.data.reading.places import NamedPlace
from bertkit.data.reading.spans import keep_contradictions
from bertkit.data.rows import Rows, counted
from bertkit.errors import DataError

ANNOTATIONS, TEXT = ".ann", ".txt"
_LABEL_AND_OFFSETS = re.compile(r"(\S+) ([0-9]+ [0-9]+(?:;[0-9]+ [0-9]+)*)")
# First letter of a line -> what it is; all of these are passed over.
_OTHER = {"R": "relation{s}", "E": "event{s}", "A": "attribute{s}", "M": "attribute{s}", "#": "comment{s}",
          "N": "normalization{s}", "*": "equivalence{s}"}  # fmt: skip
_HINT = "an entity is T1, a tab, LABEL START END, a tab, and its text"


def partner_of(file: DataFile) -> DataFile:
    """The text of an `.ann` file, the `.ann` file of a text."""
    suffix = TEXT if file.path.suffix.lower() == ANNOTATIONS else ANNOTATIONS
    name = file.name[: len(file.name) - len(file.path.suffix)]
    return replace(file, path=file.path.with_suffix(suffix), name=name + suffix)


def is_brat(file: DataFile) -> bool:
    """Whether a file is one of a pair (or an `.ann` file whose text is missing)."""
    suffix = file.path.suffix.lower()
    return suffix == ANNOTATIONS or (suffix == TEXT and partner_of(file).path.is_file())


def read_brat(files: Sequence[DataFile], *, origin: str) -> Rows:
    """Read documents: `id` (the name), `text` exactly as it is, `spans` of the entities (lines with `T`).

    Args:
        files: texts or `.ann` files, one or both of a pair; a text without an `.ann` file is passed over.
        origin: what to call the whole.

    Raises:
        DataError: a text is missing, or a line cannot be read, with that line.
    """
    texts = {file.name: file for file in (_text_file(file) for file in files)}
    passed: Counter[str] = Counter()
    records: list[dict[str, Any]] = []
    names: list[str] = []
    for text in texts.values():
        annotations = partner_of(text)
        if not annotations.path.is_file():
            passed["text{s} without an .ann file"] += 1
            continue
        if not text.path.is_file():
            raise DataError(
                f"{annotations}: the text {PurePath(text.name).name} is missing beside it",
                hint=f"put it there: {text}",
            )
        try:
            content = _read_text(text)
            spans = keep_contradictions(content, _read_spans(annotations, passed))
        except DataError as error:
            text.rejected.add(text.name, error)
            continue
        records.append({"id": PurePath(text.name).stem, "text": content, "spans": spans})
        names.append(text.name)
    if not records:
        raise DataError(f"{origin}: no text has an .ann file beside it", hint="name the folder that has both")
    columns = ("id", "text", "spans")
    return Rows(records, columns, origin, NamedPlace(names), format="brat standoff", notes=counted(passed))


def _text_file(file: DataFile) -> DataFile:
    return partner_of(file) if file.path.suffix.lower() == ANNOTATIONS else file


def _read_text(file: DataFile) -> str:
    """The text with its line ends and everything else: the offsets count each character."""
    with open_file(file) as stream:
        data = stream.read()
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        start = data.rfind(b"\n", 0, error.start) + 1
        line = data.count(b"\n", 0, error.start) + 1
        raise not_utf8(file, line, data[start : error.end], error.start - start) from None


def _read_spans(file: DataFile, passed: Counter[str]) -> list[dict[str, Any]]:
    spans: list[dict[str, Any]] = []
    for number, line in enumerate(_read_text(file).split("\n"), start=1):
        line = line.removeprefix("\ufeff").rstrip("\r")
        if not line.strip():
            continue
        if line[0] in _OTHER:
            passed[_OTHER[line[0]]] += 1
            continue
        fields = line.split("\t")
        match = _LABEL_AND_OFFSETS.fullmatch(fields[1].strip()) if len(fields) > 1 else None
        if line[0] != "T" or match is None:
            what = "an entity" if line[0] == "T" else "an annotation"
            raise DataError(f"{file}:{number}: the line is not {what} of brat: {line[:60]!r}", hint=_HINT)
        label, offsets = match.groups()
        if ";" in offsets:
            passed["span{s} in several parts"] += 1
            continue
        start, end = offsets.split(" ")
        span: dict[str, Any] = {"start": int(start), "end": int(end), "label": label}
        spans.append(span | ({"text": fields[2]} if len(fields) > 2 else {}))
    return spans
