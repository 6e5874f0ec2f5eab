"""Texts with spans in the formats of annotation tools: doccano, Label Studio, Prodigy and brat.

All of them count characters (code points), from 0, the end exclusive.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from bertkit.data.writing.document_views import Document, Span, span_values
from bertkit.data.writing.table_writers import write_json, write_jsonl
from bertkit.data.writing.written_files import CannotHoldError
from bertkit.runs.atomic import replacing_folder

# A name of a file on any system, that does not hide it and cannot be taken for an option.
_FILE_NAME = re.compile(r"\w[\w.+-]{0,99}")
_BRAT_LABEL = re.compile(r"[^\s;|]+")
# What a folder of brat may hold: only such files are replaced.
BRAT_SUFFIXES = (".txt", ".ann", ".conf")


def write_doccano(path: Path, documents: Iterable[Document]) -> None:
    """Doccano's JSONL of sequence labelling: `{"text": "...", "label": [[0, 5, "PER"]]}`.

    https://doccano.github.io/doccano/tutorial/#import-a-dataset
    """
    write_jsonl(path, (_object(document, label=list(map(list, document.spans))) for document in documents))


def write_prodigy(path: Path, documents: Iterable[Document]) -> None:
    """Prodigy's JSONL of named entities. https://prodi.gy/docs/api-interfaces#ner."""
    write_jsonl(
        path,
        (_object(document, spans=span_values(document.spans), answer="accept") for document in documents),
    )


def write_label_studio(path: Path, documents: Iterable[Document]) -> None:
    """Label Studio's JSON: a list of tasks, each with one annotation; its labels are named `label`.

    https://labelstud.io/guide/export#Label-Studio-JSON-format-of-annotated-tasks
    """
    write_json(path, map(_task, documents))


def _object(document: Document, **parts: Any) -> dict[str, Any]:
    identity = {} if document.id is None else {"id": document.id}
    return {**identity, "text": document.text, **parts}


def _task(document: Document) -> dict[str, Any]:
    results = [_region(number, span, document.text) for number, span in enumerate(document.spans, start=1)]
    identity = {} if document.id is None else {"id": document.id}
    return {**identity, "data": {"text": document.text}, "annotations": [{"result": results}]}


def _region(number: int, span: Span, text: str) -> dict[str, Any]:
    return {
        "id": str(number),
        "from_name": "label",
        "to_name": "text",
        "type": "labels",
        "value": {
            "start": span.start,
            "end": span.end,
            "text": text[span.start : span.end],
            "labels": [span.label],
        },
    }


def write_brat(folder: Path, documents: Iterable[Document]) -> bool:
    """A folder with a `.txt` and an `.ann` for each document, and the labels in `annotation.conf`.

    The files are named by the ids of the documents where these can name files and keep their order, else
    they are numbered. https://brat.nlplab.org/standoff.html

    Returns:
        Whether the ids were kept.

    Raises:
        CannotHoldError: a label with white space.
    """
    documents = list(documents)
    for position, document in enumerate(documents):
        for span in document.spans:
            if not _BRAT_LABEL.fullmatch(span.label):
                raise CannotHoldError(
                    f"the label {span.label!r} has white space or one of ; and |, which brat does not allow",
                    position,
                    instead="doccano",
                )
    names = _names(documents)
    numbered = [f"{number:0{len(str(len(documents)))}}" for number in range(1, len(documents) + 1)]
    labels = sorted({span.label for document in documents for span in document.spans})
    with replacing_folder(folder) as made:
        for name, document in zip(names or numbered, documents, strict=True):
            # Bytes, so that line ends stay what they are and the offsets hold.
            (made / f"{name}.txt").write_bytes(document.text.encode("utf-8"))
            (made / f"{name}.ann").write_bytes("".join(_brat_lines(document)).encode("utf-8"))
        sections = ["[entities]", *labels, "", "[relations]", "", "[events]", "", "[attributes]", ""]
        (made / "annotation.conf").write_bytes("\n".join(sections).encode("utf-8"))
    return names is not None


def _names(documents: Sequence[Document]) -> list[str] | None:
    """The ids, where each names a file and they are in the order in which a folder is read."""
    names = [document.id for document in documents]
    if not all(isinstance(name, str) and _FILE_NAME.fullmatch(name) for name in names):
        return None
    # Some file systems take `A` and `a` for one.
    distinct = len({name.casefold() for name in names}) == len(names)
    return names if distinct and all(first < second for first, second in pairwise(names)) else None


def _brat_lines(document: Document) -> Iterator[str]:
    for number, span in enumerate(document.spans, start=1):
        # The text is only for the eye: the offsets say what is meant, and it has to stay on its line.
        covered = re.sub(r"\s", " ", document.text[span.start : span.end])
        yield f"T{number}\t{span.label} {span.start} {span.end}\t{covered}\n"
