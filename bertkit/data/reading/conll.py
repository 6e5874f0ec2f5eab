"""Columns of tokens and tags, a sentence a block of lines: CoNLL files of any kind."""

from __future__ import annotations

import re
from array import array
from collections import Counter
from typing import Any

from bertkit.data.reading.conll_layout import (
    COMMENT,
    DOCUMENT_START,
    UNIVERSAL_FIELDS,
    ColumnLayout,
    find_layout,
)
from bertkit.data.reading.file_access import DataFile, Head, open_file, read_head
from bertkit.data.reading.line_source import LineTooLongError
from bertkit.data.reading.places import LinePlace
from bertkit.data.reading.text_files import TextLines, too_long
from bertkit.data.rows import Rows, counted
from bertkit.errors import DataError

_WORD_NUMBER = re.compile(r"[0-9]+")
_RANGE = re.compile(r"[0-9]+-[0-9]+")
_EMPTY_NODE = re.compile(r"[0-9]+\.[0-9]+")
_HINT = "write one token a line with the same columns in each, and an empty line after each sentence"


def read_conll(file: DataFile, head: Head | None = None) -> Rows:
    """Read sentences: `tokens` (the first column), `tags` (the last), and each column by its number.

    Of a CoNLL-U file `tokens` are the FORM, `tags` the UPOS, and each column goes by its name. Where the
    first column only counts the tokens of a sentence (1, 2, 3), the second holds them.

    Args:
        file: in UTF-8; an empty line, or one of white space, ends a sentence.
        head: its beginning, where that has been read.

    Raises:
        DataError: with the line that does not have as many columns as the others.
    """
    head = head or read_head(file)
    layout = find_layout(head)
    if layout is None:
        raise DataError(f"{file}: no columns of tokens and tags are found", hint=_HINT)
    sentences, some = _Sentences(file, layout), file.rejected.allows_some
    with open_file(file) as stream:
        lines, text = TextLines.of(stream, file), ""
        while True:
            try:
                for line in lines:
                    text = line.rstrip("\r\n")
                    if some and (wrong := lines.fault_within(lines.number, lines.number)):
                        raise wrong[1]
                    sentences.add(text, lines.number)
                break
            except LineTooLongError as error:
                sentences.spoil(too_long(file, lines.number, error), lines.number, "")
            except DataError as error:
                sentences.spoil(error, lines.number, text)
    sentences.end()
    return sentences.rows()


class _Sentences:
    """Collects lines to sentences, and counts what is passed over."""

    def __init__(self, file: DataFile, layout: ColumnLayout) -> None:
        self._file = file
        self._name = file.name
        self._layout = layout
        self._fault: tuple[str, DataError] | None = None  # its place and what it is, of this sentence
        self._written: list[str] = []  # the lines of a sentence that has one
        self._waiting: list[list[str]] = []
        self._start = 0
        self._header_to_come = layout.header
        self._found: list[list[list[str]]] = []  # sentences, of columns, of values
        self._lines = array("Q")
        self._passed: Counter[str] = Counter()
        self._counted = True  # whether the first column has only counted the tokens so far

    def add(self, text: str, number: int) -> None:
        """Take one line without its line end."""
        if not text.strip():
            return self.end()
        if self._fault is not None and not text.startswith(DOCUMENT_START):
            self._written.append(text)
            return None
        if text.startswith(DOCUMENT_START):
            self._passed[f"{DOCUMENT_START} line{{s}}"] += 1
            return self.end()
        fields = self._layout.split(text)
        if text.startswith(COMMENT) and self._layout.is_comment(fields):
            return None
        if len(fields) != self._layout.width:
            raise self._ragged(len(fields), number)
        if self._header_to_come:
            self._header_to_come = False
            self._passed["header line{s}"] += 1
            return None
        if self._layout.universal and not self._is_word(fields[0], number):
            return None
        if not self._waiting:
            self._start = number
        self._waiting.append(fields)
        return None

    def spoil(self, error: DataError, number: int, text: str) -> None:
        """A line cannot be read: the whole sentence is set aside, up to its end.

        Raises:
            DataError: at once, where no row may be.
        """
        place = f"{self._name}:{number}"
        if not self._file.rejected.allows_some:
            self._file.rejected.add(place, error)
        self._fault = self._fault or (place, error)
        self._written += [*(" ".join(fields) for fields in self._waiting), text]
        self._waiting = []

    def end(self) -> None:
        """The sentence ends here, if one has begun."""
        if self._fault is not None:
            self._file.rejected.add(*self._fault, "\n".join(self._written))
            self._fault, self._written = None, []
        if not self._waiting:
            return
        columns = [list(values) for values in zip(*self._waiting, strict=True)]
        if self._counted:
            self._counted = columns[0] == [str(count) for count in range(1, len(columns[0]) + 1)]
        self._found.append(columns)
        self._lines.append(self._start)
        self._waiting = []

    def rows(self) -> Rows:
        if not self._found:
            raise DataError(f"{self._name}: the file holds no sentence", hint=_HINT)
        names, tokens, tags = self._names()
        records: list[dict[str, Any]] = [
            {"tokens": columns[tokens], "tags": columns[tags], **dict(zip(names, columns, strict=True))}
            for columns in self._found
        ]
        return Rows(
            records=records,
            columns=("tokens", "tags", *names),
            origin=self._name,
            place=LinePlace(self._name, self._lines),
            format=self._layout.description,
            notes=counted(self._passed),
        )

    def _names(self) -> tuple[tuple[str, ...], int, int]:
        """The names of the columns, and which hold tokens and tags."""
        if self._layout.universal:
            return UNIVERSAL_FIELDS, UNIVERSAL_FIELDS.index("FORM"), UNIVERSAL_FIELDS.index("UPOS")
        width = self._layout.width
        names = tuple(f"column {number}" for number in range(1, width + 1))
        longest = max(len(columns[0]) for columns in self._found)
        return names, int(self._counted and width > 2 and longest > 1), width - 1

    def _is_word(self, number: str, line: int) -> bool:
        """Whether a numbered line is a word of its own; multiword tokens and empty nodes are not."""
        if _WORD_NUMBER.fullmatch(number):
            return True
        if _RANGE.fullmatch(number):
            self._passed["multiword range{s}"] += 1
        elif _EMPTY_NODE.fullmatch(number):
            self._passed["empty node{s}"] += 1
        else:
            raise DataError(
                f"{self._name}:{line}: the token number is {number!r}",
                hint="the first column of CoNLL-U counts the tokens, as 1, 1-2 or 8.1",
            )
        return False

    def _ragged(self, width: int, line: int) -> DataError:
        expected = self._layout.width
        found = f"{width} column" + ("" if width == 1 else "s")
        return DataError(
            f"{self._name}:{line}: the line has {found}, the others have {expected}"
            f" (separated by {self._layout.separator_name})",
            hint=_HINT,
        )
