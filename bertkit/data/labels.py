"""Labels as they are written in data: what kind they are, what they are called, which number each has."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bertkit.data.columns import nearest
from bertkit.errors import DataError

Target = int | float | tuple[int, ...]

# A hidden or undecided label: GLUE and SNLI write -1, MultiNLI's and SNLI's own files write "-".
_UNLABELLED = frozenset({"", "-", "-1"})
# More different labels than this, nearly one a row, are hardly a set of labels.
MANY_LABELS = 50
MANY_LABELS_SHARE = 0.9
_WHOLE = re.compile(r"-?[0-9]{1,18}(\.0+)?")


@dataclass(frozen=True)
class LabelSet:
    """What can be predicted.

    Attributes:
        problem: `single_label`, `multi_label` or `regression`.
        names: label names in the order of their numbers; empty for a regression.
    """

    problem: str
    names: tuple[str, ...] = ()

    @property
    def outputs(self) -> int:
        """How many numbers the head gives: one a label, or one."""
        return len(self.names) or 1


@dataclass(frozen=True)
class LabelColumn:
    """The raw labels of one split, as read.

    Attributes:
        values: one a row: ClassLabel numbers, whole numbers, text, booleans, numbers, lists of these, None.
        class_names: names of ClassLabel numbers; empty where the source gives none.
    """

    values: Sequence[Any]
    class_names: tuple[str, ...] = ()

    def written(self) -> Iterator[str | float | list[str] | None]:
        """Each label in one form: a name, a number with a fraction, a list of names, None."""
        return (as_written(value, self.class_names) for value in self.values)


def as_written(value: Any, class_names: Sequence[str] = ()) -> str | float | list[str] | None:
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


def _written_list(values: Sequence[Any], class_names: Sequence[str]) -> list[str]:
    names = [str(name) for value in values if (name := as_written(value, class_names)) is not None]
    if not class_names and len(names) > len(set(names)) and set(names) <= {"0", "1"}:
        raise DataError(
            f"the label {list(values)} marks each label with 0 or 1",
            hint="write the names or numbers of the labels that a row has, as [0, 3]",
        )
    return names


def learn_labels(columns: Sequence[LabelColumn], *, problem: str, names: Sequence[str] | None) -> LabelSet:
    """What the label columns of all splits hold, where the recipe leaves it open.

    Args:
        columns: the label column of each split, training rows first.
        problem: as in the recipe; `auto` looks at the values.
        names: the recipe's label names, or None to collect them.

    Raises:
        DataError: if there is nothing to learn from: no label, only one, or hardly two rows with the same.
    """
    written = [label for column in columns for label in column.written() if label is not None]
    if problem == "auto":
        problem = _guess_problem(written, names)
    if problem == "regression":
        return LabelSet("regression")
    if names is None:
        names = next((column.class_names for column in columns if column.class_names), ())
    if not names:
        names = _collect(written, problem, keep_minus_one=_is_scale(columns[0] if columns else None))
        if problem == "single_label" and len(names) > max(MANY_LABELS, MANY_LABELS_SHARE * len(written)):
            raise DataError(
                f"the label column holds {len(names):,} different labels in {len(written):,} rows",
                hint="is it the right column? --label COLUMN; for numbers: --set task.problem=regression",
            )
    if len(names) < 2:
        only = f"only one label, {names[0]!r}" if names else "no label"
        raise DataError(
            f"the label column holds {only}", hint="at least two labels are needed: check --label"
        )
    return LabelSet(problem, tuple(names))


def _guess_problem(written: Sequence[str | float | list[str]], names: Sequence[str] | None) -> str:
    if any(isinstance(label, list) for label in written):
        return "multi_label"
    texts = {label for label in written if isinstance(label, str)}
    joined = [text for text in texts if "," in text]
    if names is not None:
        known = {name.casefold() for name in names}
        parts = {part.casefold() for text in joined for part in split_names(text)}
        lists = joined and parts <= known and not any(text.casefold() in known for text in joined)
        return "multi_label" if lists else "single_label"
    numbers = [number for label in written if (number := _number(label)) is not None]
    if len(numbers) == len(written) and any(not number.is_integer() for number in numbers):
        return "regression"
    parts = {part for text in texts for part in split_names(text)}
    # "sci-fi,drama" beside "drama" and "comedy,drama": lists, if cutting at commas leaves fewer names.
    return "multi_label" if joined and len(parts) < len(texts) else "single_label"


def _is_scale(column: LabelColumn | None) -> bool:
    """True if -1 is one of the labels (-1 and 1; -1, 0 and 1; -2 to 2) and not the mark of a hidden one."""
    written = [] if column is None else [label for label in column.written() if label is not None]
    numbers = {
        number for label in written if label not in ("", "-") and (number := _number(label)) is not None
    }
    return min(numbers, default=0) < -1 or (-1 in numbers and max(numbers) == 1)


def _number(label: str | float | list[str]) -> float | None:
    try:
        number = float(label) if not isinstance(label, list) else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def split_names(text: str) -> list[str]:
    """The names in `a,b`."""
    return [part.strip() for part in text.split(",") if part.strip()]


def _collect(
    written: Iterable[str | float | list[str]], problem: str, *, keep_minus_one: bool
) -> tuple[str, ...]:
    names: set[str] = set()
    hidden = _UNLABELLED - {"-1"} if keep_minus_one else _UNLABELLED
    for label in written:
        if isinstance(label, list):
            names.update(label)
        elif ("-1" if _whole(str(label)) == -1 else str(label)) not in hidden:
            names.update(split_names(str(label)) if problem == "multi_label" else [str(label)])
    whole = [_whole(name) for name in names]
    if None in whole:
        return tuple(sorted(names))
    # Tools that know no missing whole number write 1.0 for 1.
    return tuple(sorted({name.partition(".")[0] for name in names}, key=int))


def _whole(name: str) -> int | None:
    """The number that `7`, `-1` or `7.0` is; None for any other text."""
    return int(name.partition(".")[0]) if _WHOLE.fullmatch(name) else None


class LabelReader:
    """Turns raw labels into targets: a class number, a tuple of 0 and 1, or a number."""

    def __init__(
        self, labels: LabelSet, *, class_names: Sequence[str] = (), aliases: Mapping[str, str] | None = None
    ) -> None:
        self.labels = labels
        self._class_names = tuple(class_names)
        self._aliases = dict(aliases or {})
        self._numbers: dict[str, int] = {name.casefold(): n for n, name in enumerate(labels.names)}
        self._numbers |= {name: n for n, name in enumerate(labels.names)}
        # Whole numbers stand for the labels that are called so, in any spelling; for positions only
        # where no label is itself called by a number, and the source does not say what they mean.
        self._wholes = {
            number: n for n, name in enumerate(labels.names) if (number := _whole(name)) is not None
        }
        if not self._wholes and not class_names:
            self._wholes = {n: n for n in range(len(labels.names))}

    def read(self, value: Any) -> Target | None:
        """The target of one raw label; None if the row has no label.

        Raises:
            DataError: if it is none of the labels; the caller knows the row.
        """
        written = as_written(value, self._class_names)
        if self.labels.problem == "regression":
            return self._read_number(written)
        if self.labels.problem == "multi_label":
            return self._read_several(written)
        if written is None or (isinstance(written, str) and self._is_hidden(written)):
            return None
        if isinstance(written, list):
            raise DataError(
                f"the label {written} is a list", hint="several labels a row: --set task.problem=multi_label"
            )
        return self._read_name(str(written))

    def _is_hidden(self, written: str) -> bool:
        # "-1.0" comes from tools that know no missing whole number.
        mark = "-1" if _whole(written) == -1 else written
        return mark in _UNLABELLED and mark not in self._numbers and -1 not in self._wholes

    def _read_number(self, written: str | float | list[str] | None) -> float | None:
        if written is None or written == "-":
            return None
        number = _number(written)
        if number is None:
            raise DataError(f"the label {written!r} is not a number", hint="a regression needs numbers")
        return number

    def _read_several(self, written: str | float | list[str] | None) -> tuple[int, ...] | None:
        if written is None or (isinstance(written, str) and self._is_hidden(written)):
            return None
        names = written if isinstance(written, list) else split_names(str(written))
        chosen = {self._read_name(name) for name in names}
        return tuple(int(n in chosen) for n in range(len(self.labels.names)))

    def _read_name(self, name: str) -> int:
        for candidate in (name, name.casefold(), self._aliases.get(name.casefold(), "")):
            if candidate in self._numbers:
                return self._numbers[candidate]
        whole = _whole(name)
        if whole is not None and whole in self._wholes:
            return self._wholes[whole]
        known = ", ".join(self.labels.names[:20]) + (", ..." if len(self.labels.names) > 20 else "")
        near = nearest(name, self.labels.names)
        raise DataError(
            f"the label {name!r} is not among the labels: {known}",
            hint=f"did you mean {near!r}? mend the row"
            if near
            else "mend the row, or name all: --set task.labels=[...]",
        )
