"""One label as it is written, in one of few forms; and labels that count as others."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bertkit.data.columns import nearest
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
    """

    values: Sequence[Any]
    class_names: tuple[str, ...] = ()
    rename: Mapping[str, str] = field(default_factory=dict)

    def written(self) -> Iterator[Written]:
        """Each label in one form: a name, a number with a fraction, a list of names, None."""
        return (renamed(as_written(value, self.class_names), self.rename) for value in self.values)

    def names(self) -> Iterator[str]:
        """The names of all labels as written, again and again; of `a,b` the whole and its parts."""
        for value in self.values:
            label = as_written(value, self.class_names)
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
    return str(value).strip() or None


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
