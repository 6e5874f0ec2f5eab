"""JSON, strictly: one object a line, or a list of objects in one file."""

from __future__ import annotations

import json
from array import array
from typing import Any

from bertkit.data.reading.file_access import UTF8_BOM, DataFile, not_utf8, nul_byte, open_file
from bertkit.data.reading.json_text import JsonFaultError, decode_at, kind_of, parse_json, skip_space
from bertkit.data.reading.line_source import MAX_LINE_BYTES, LineSource, LineTooLongError
from bertkit.data.reading.places import CountPlace, LinePlace, PickedPlace
from bertkit.data.reading.text_files import too_long
from bertkit.data.rows import Place, Rows
from bertkit.errors import DataError

_ROW_HINT = 'each line has to be one object, as {"text": "..."}; a file that is one list is named .json'
_LIST_HINT = 'write a list of objects, as [{"text": "..."}], or one object a line in a .jsonl file'


class JsonTable:
    """Collects objects as rows with the same columns."""

    def __init__(self, file: DataFile) -> None:
        self._file = file
        self._names: dict[str, str] = {}  # a key as written -> its column
        self._rows: list[dict[str, Any]] = []
        self.lines = array("Q")

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, value: object, line: int, *, what: str, hint: str) -> None:
        """Add an object.

        Raises:
            DataError: it is none, or its keys name no columns.
        """
        place = f"{self._file}:{line}"
        if not isinstance(value, dict):
            raise DataError(f"{place}: {what} is {kind_of(value)}, not an object", hint=hint)
        new: list[str] = []
        try:
            row = {self._names[key]: item for key, item in value.items()}
        except KeyError:
            new = [key for key in value if key not in self._names]
            self._names |= {key: key.strip() for key in new}
            row = {self._names[key]: item for key, item in value.items()}
        if "" in row or len(row) != len(value):
            for key in new:  # a row that is set aside brings no columns
                del self._names[key]
            raise _faulty_keys(value, place)
        self._rows.append(row)
        self.lines.append(line)

    def add_line(self, line: bytes, number: int) -> None:
        """Add the object on a line; a blank line holds none.

        Raises:
            DataError: with the line.
        """
        text = _decode_text(line, self._file, number)
        if not text.strip():
            return None
        try:
            value = parse_json(text)
        except JsonFaultError as error:
            if text.startswith("\ufeff"):  # of a file that was put after another
                return self.add_line(line.removeprefix(UTF8_BOM), number)
            raise DataError(f"{self._file}:{number}: {error}", hint=error.hint or _ROW_HINT) from None
        return self.add(value, number, what="the line", hint=_ROW_HINT)

    def rows(self, place: Place, *, form: str) -> Rows:
        """All that was added.

        Raises:
            DataError: that is nothing.
        """
        columns = tuple(dict.fromkeys(self._names.values()))
        if not self._rows:
            raise DataError(f"{self._file}: the file holds no rows", hint="check how it was written")
        if not columns:
            raise DataError(f"{self._file}: every object is empty", hint="check how the file was written")
        rows = (row if len(row) == len(columns) else dict.fromkeys(columns) | row for row in self._rows)
        return Rows(list(rows), columns, self._file.name, place, format=form)


def _faulty_keys(row: dict[str, Any], place: str) -> DataError:
    keys = [key.strip() for key in row]
    if "" in keys:
        return DataError(f"{place}: a key is empty", hint="name it, or remove it")
    twice = next(key for key in keys if keys.count(key) > 1)
    return DataError(
        f"{place}: the key {twice!r} is given twice (white space around keys does not count)",
        hint="rename or remove one of them",
    )


def read_jsonl(file: DataFile) -> Rows:
    """Read one object a line; blank lines are passed over, a key that a row does not have is None.

    Raises:
        DataError: with the line.
    """
    table = JsonTable(file)
    number, line = 0, b""
    with open_file(file) as stream:
        # A lone carriage return, as old Macintosh files end their lines, is in no JSON text.
        lines = LineSource(stream, max_bytes=MAX_LINE_BYTES, split_at_cr=True)
        while True:
            try:
                for line in lines:
                    number += 1
                    table.add_line(line, number)
                break
            except LineTooLongError as error:
                number += 1
                file.rejected.add(f"{file}:{number}", too_long(file, number, error))
            except DataError as error:
                file.rejected.add(f"{file}:{number}", error, line)
    return table.rows(LinePlace(file.name, table.lines), form="JSON lines")


def read_json(file: DataFile) -> Rows:
    """Read a list of objects, or an object with one list of objects in it, as `{"data": [...]}`.

    Raises:
        DataError: with the line at which the fault or the object that has it stands.
    """
    with open_file(file) as stream:
        data = stream.read().removeprefix(UTF8_BOM)
    lists = _Cursor(_decode_text(data, file, 1), file).lists()
    del data
    table = JsonTable(file)
    elements = _choose(lists, file)
    # A file on one line is better counted in elements.
    by_line = len({line for line, _ in elements}) == len(elements)
    place: Place = CountPlace(file.name, "element")
    place = LinePlace(file.name, [line for line, _ in elements]) if by_line else place
    kept = array("Q")
    for number, (line, value) in enumerate(elements):
        try:
            if isinstance(value, DataError):
                raise value
            table.add(value, line, what=f"element {number + 1}", hint=_LIST_HINT)
            kept.append(number)
        except DataError as error:
            if not file.rejected.allows_some:
                file.rejected.add(f"{file}:{line}", error)  # which raises it
            reason = error.message.removeprefix(f"{file}:{line}: ")
            row = "" if isinstance(value, DataError) else value
            file.rejected.add(place(number), DataError(reason, hint=error.hint), row)
    return table.rows(place if len(kept) == len(elements) else PickedPlace(place, kept), form="JSON")


_Elements = list[tuple[int, Any]]  # (line at which it starts, value)


def _choose(lists: dict[str | None, _Elements], file: DataFile) -> _Elements:
    """The list that holds the rows: the only one (key None: the file itself), or the only one of objects."""
    if len(lists) == 1:
        return next(iter(lists.values()))
    tables = {key: items for key, items in lists.items() if items and isinstance(items[0][1], dict)}
    if len(tables) == 1:
        return next(iter(tables.values()))
    found = (
        f"{len(tables)} lists of objects ({', '.join(map(str, tables))})" if tables else "no list of objects"
    )
    hint = "leave one list of objects in the file" if tables else _LIST_HINT + '; pandas: orient="records"'
    raise DataError(f"{file}: the object holds {found}", hint=hint)


class _Cursor:
    """Walks through a JSON file and knows the line; values inside the lists are parsed one by one."""

    def __init__(self, text: str, file: DataFile) -> None:
        self._text = text
        self._file = file
        self._at = 0
        self._line, self._counted = 1, 0

    def lists(self) -> dict[str | None, _Elements]:
        """The lists in the outermost object by key, or the outermost list itself under None."""
        found: dict[str | None, _Elements] = {}
        if self._peek() == "[":
            found[None] = self._elements()
        elif self._peek() == "{":
            seen: set[str] = set()
            self._take("{")
            more = self._peek() != "}" or self._take("}") != "}"
            while more:
                key = self._key(seen)
                if self._peek() == "[":
                    found[key] = self._elements()
                else:
                    self._value()
                more = self._take(",}") == ","
        else:
            self._value()  # a fault, or a lone text or number
            raise DataError(f"{self._file}: the file holds no list of objects", hint=_LIST_HINT)
        if self._peek():
            raise self._fault("more text follows the end of the JSON value")
        return found

    def _key(self, seen: set[str]) -> str:
        if self._peek() != '"':
            raise self._fault("not JSON: a key in double quotes should stand here")
        key = str(self._value())
        if key in seen:
            raise self._fault(f"the key {key!r} is given twice", hint="rename or remove one of them")
        seen.add(key)
        self._take(":")
        return key

    def _elements(self) -> _Elements:
        items: _Elements = []
        self._take("[")
        if self._peek() == "]":
            self._take("]")
            return items
        while True:
            self._peek()
            line, start = self._line_here(), self._at
            try:
                value = self._value()
            except DataError as error:
                if not self._pass_over(start):
                    raise
                value = error
            items.append((line, value))
            if self._take(",]") == "]":
                return items

    def _value(self) -> Any:
        self._peek()
        try:
            value, self._at = decode_at(self._text, self._at)
        except JsonFaultError as error:
            if isinstance(error.__cause__, json.JSONDecodeError):
                self._at = error.__cause__.pos
            raise self._fault(str(error), hint=error.hint) from None
        return value

    def _pass_over(self, start: int) -> bool:
        """Go to the end of an element that is JSON, if of a kind that is not taken; False if it is none."""
        if not self._file.rejected.allows_some:
            return False
        try:
            self._at = json.JSONDecoder().raw_decode(self._text, start)[1]
        except (ValueError, RecursionError):
            return False
        return True

    def _peek(self) -> str:
        """The next character that is no white space; empty at the end."""
        self._at = skip_space(self._text, self._at)
        return self._text[self._at : self._at + 1]

    def _take(self, allowed: str) -> str:
        character = self._peek()
        if not character or character not in allowed:
            raise self._fault(f"not JSON: {' or '.join(allowed)} should stand here")
        self._at += 1
        return character

    def _line_here(self) -> int:
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def _fault(self, message: str, *, hint: str | None = None) -> DataError:
        return DataError(f"{self._file}:{self._line_here()}: {message}", hint=hint or _LIST_HINT)


def _decode_text(data: bytes, file: DataFile, first_line: int) -> str:
    if b"\0" in data:
        raise nul_byte(file, first_line + data.count(b"\n", 0, data.index(b"\0")))
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        start = data.rfind(b"\n", 0, error.start) + 1
        line = first_line + data.count(b"\n", 0, error.start)
        raise not_utf8(file, line, data[start : error.end], error.start - start) from None
