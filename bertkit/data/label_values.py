"""One label as it is written, in one of few forms; and labels that count as others."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bertkit.data.cell_lists import is_cell_list
from bertkit.data.columns import nearest
from bertkit.data.rows import Rows
from bertkit.errors import DataError

# A label in one form: a name, a number with a fraction, a list of names, or none.
Written = str | float | list[str] | None


@dataclass(frozen=True)
class LabelColumn:
    """The raw labels of one split, as read.

    Attributes:
        values: one a row: ClassLabel numbers, whole numbers, text, booleans, numbers, lists of these, None.
        class_names: names of ClassLabel numbers; empty where the source gives none.
        rename: labels as written, and what they count as.
        rows: where they stand; None where nobody knows.
    """

    values: Sequence[Any]
    class_names: tuple[str, ...] = ()
    rename: Mapping[str, str] = field(default_factory=dict)
    rows: Rows | None = None

    @classmethod
    def of(cls, rows: Rows, column: str, rename: Mapping[str, str]) -> LabelColumn:
        """A column of a table."""
        return cls(rows.column(column), rows.class_names.get(column, ()), rename, rows)

    def written(self) -> Iterator[Written]:
        """Each label in one form: a name, a number with a fraction, a list of names, None.

        Raises:
            DataError: with the place, for a label that is none, where its row may not be set aside.
        """
        return (renamed(label, self.rename) for _, label in self._numbered())

    def _numbered(self) -> Iterator[tuple[int, Written]]:
        for number, value in enumerate(self.values):
            try:
                label = as_written(value, self.class_names)
            except DataError as error:
                if self.rows is None:
                    raise
                self.rows.refuse(number, error)
                continue
            yield number, label

    def refuse_all_but_numbers(self) -> None:
        """Refuse the labels of a regression that are no numbers.

        Raises:
            DataError: with the place of the first, where its row may not be set aside.
        """
        for number, label in self._numbered():
            if self.rows is None or label is None or label == "-":
                continue
            if as_number(label) is None:
                error = DataError(
                    f"the label {label!r} is not a number, as nearly all others are",
                    hint="mend it; if these are classes: --set task.problem=single_label",
                )
                self.rows.refuse(number, error)

    def names(self) -> Iterator[str]:
        """The names of all labels as written, again and again; of `a,b` the whole and its parts."""
        for _, label in self._numbered():
            for name in label if isinstance(label, list) else [str(label)]:
                yield name
                yield from split_names(name)


def as_written(value: Any, class_names: Sequence[str] = ()) -> Written:
    """One raw label as a name, a list of names, or a number if it has a fraction; None if there is none.

    Raises:
        DataError: it is an object, or a list that marks each label with 0 or 1.
    """
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return _written_list(value, class_names)
    if isinstance(value, Mapping):
        raise DataError(f"the label {dict(value)} is an object", hint="name another column: --label COLUMN")
    if isinstance(value, int):
        if class_names and value == -1:
            return None
        return class_names[value] if 0 <= value < len(class_names) else str(value)
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return str(int(value)) if value.is_integer() else value
    text = str(value).strip()
    return _cell_list(text) if text[-1:] == "]" and is_cell_list(text) else text or None


def as_number(label: str | float | list[str]) -> float | None:
    """A label as the number that it is; None for text, lists and what is not finite."""
    try:
        number = float(label) if not isinstance(label, list) else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def is_missing(value: Any) -> bool:
    """Whether a value says nothing: null, not a number, blank. `-1` and `-` say that it is hidden."""
    return value is None or value != value or (isinstance(value, str) and not value.strip())


def _cell_list(text: str) -> str | list[str]:
    """The labels of a list in a cell, `["a", "b"]` or `[]`; a label that only looks so is itself."""
    try:
        listed = json.loads(text)
    except ValueError:
        return text
    return [str(name) for name in listed] if all(type(name) in (str, int) for name in listed) else text


def renamed(written: Written, rename: Mapping[str, str]) -> Written:
    """A label, or each of several, as what it counts as; `a,b` is two where one of them is renamed."""
    if not rename or written is None:
        return written
    if isinstance(written, list):
        return [rename.get(name, name) for name in written]
    text = str(written)
    if text not in rename and any(part in rename for part in split_names(text)):
        return ",".join(rename.get(part, part) for part in split_names(text))
    return rename.get(text, written)


def check_rename(rename: Mapping[str, str], known: Iterable[str], *, origin: str) -> None:
    """Refuse to rename what is not there: it was mistyped.

    Args:
        rename: labels as written, and what they count as.
        known: labels as written.
        origin: of the data, for the message.

    Raises:
        DataError: with the nearest label.
    """
    known = sorted(set(known))
    for name in rename:
        if name not in known:
            near = nearest(name, known)
            shown = ", ".join(known[:20]) + (", ..." if len(known) > 20 else "")
            raise DataError(
                f"{origin} has no label {name!r} to rename; its labels are {shown}",
                hint=f"did you mean {near!r}?" if near else "check --labels FROM=TO",
            )


def _written_list(values: Sequence[Any], class_names: Sequence[str]) -> list[str]:
    names = [str(name) for value in values if (name := as_written(value, class_names)) is not None]
    if not class_names and len(names) > len(set(names)) and set(names) <= {"0", "1"}:
        raise DataError(
            f"the label {list(values)} marks each label with 0 or 1",
            hint="write the names or numbers of the labels that a row has, as [0, 3]",
        )
    return names


def split_names(text: str) -> list[str]:
    """The names in `a,b`."""
    return [part.strip() for part in text.split(",") if part.strip()]
