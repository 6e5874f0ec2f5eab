"""Words with a tag each as CoNLL columns."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from bertkit.data.writing.document_views import Sentence
from bertkit.data.writing.written_files import CannotHoldError, whole_text

# What ends a field or a line, and what no reader of text takes.
_ENDS_FIELD = re.compile("[\t\r\n\0]")
_DOCUMENT_START = "-DOCSTART-"


def write_conll(path: Path, sentences: Iterable[Sentence]) -> None:
    """A word, a tab and its tag on a line, and a blank line after each sentence.

    A sentence of the one word -DOCSTART-, which some data sets have, is what it says: a mark, not a sentence.

    Raises:
        CannotHoldError: a word or a tag that is empty, has a blank around it or a tab or line end in it,
            or means something else.
    """
    with whole_text(path) as stream:
        for position, sentence in enumerate(sentences):
            mark = sentence.tokens == (_DOCUMENT_START,)
            for token, tag in zip(sentence.tokens, sentence.tags, strict=True):
                if fault := (None if mark else _fault(token, "word")) or _fault(tag, "tag"):
                    raise CannotHoldError(
                        f"{fault}, which CoNLL columns cannot hold", position, instead="jsonl"
                    )
                stream.write(f"{token}\t{tag}\n")
            stream.write("\n")


def _fault(value: str, what: str) -> str | None:
    if not value.strip():
        return f"a {what} is empty"
    if value != value.strip(" "):
        return f"the {what} {value!r} begins or ends with a blank"
    if _ENDS_FIELD.search(value):
        return f"the {what} {value!r} has a tab, a line end or a NUL character in it"
    if value.startswith(_DOCUMENT_START):
        return f"the {what} {value!r} would be taken for the start of a document"
    return None
