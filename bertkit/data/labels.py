"""Labels as they are written in data: what kind they are, what they are called, which number each has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bertkit.data.columns import nearest
from bertkit.data.label_values import LabelColumn, Written, as_number, as_written, renamed, split_names
from bertkit.errors import DataError

Target = Any  # what is right, in the form of the task: a class number, numbers of tags, answers ...

# Outputs of a head for extractive answers, as transformers' models split them.
ANSWER_OUTPUTS = ("start", "end")
# Marks the outputs of a joint head that are read once a sentence.
INTENT = "intent: "

# A hidden or undecided label: GLUE and SNLI write -1, MultiNLI's and SNLI's own files write "-".
_UNLABELLED = frozenset({"", "-", "-1"})
# More different labels than this, nearly one a row, are hardly a set of labels.
MANY_LABELS = 50
MANY_LABELS_SHARE = 0.9
# If so many labels are numbers, and some of them have fractions, the others are faults.
NUMBERS_SHARE = 0.9
_WHOLE = re.compile(r"-?[0-9]{1,18}(\.0+)?")


@dataclass(frozen=True)
class LabelSet:
    """What can be predicted.

    Attributes:
        problem: one of `bertkit.config.names.PROBLEMS`.
        names: label names in the order of their numbers; empty for a regression and for answers.
        intents: names of the intents of `frames`, whose `names` are the tags.
    """

    problem: str
    names: tuple[str, ...] = ()
    intents: tuple[str, ...] = ()

    @property
    def outputs(self) -> int:
        """How many numbers the head gives, for each text or for each token."""
        return len(self.output_names)

    @property
    def output_names(self) -> tuple[str, ...]:
        """What the outputs of the head are called, in their order."""
        if self.problem == "regression":
            return ("LABEL_0",)
        if self.problem == "answers":
            return ANSWER_OUTPUTS
        return (*self.names, *(f"{INTENT}{name}" for name in self.intents))


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
        if problem == "single_label" and names is None and _are_nearly_numbers(written):
            for column in columns:
                column.refuse_all_but_numbers()
            problem = "regression"
    if problem == "regression":
        return LabelSet("regression")
    if names is None:
        names = next((_named_classes(column) for column in columns if column.class_names), ())
    if not names:
        names = _collect(written, problem, keep_minus_one=_is_scale(columns[0] if columns else None))
        if problem == "single_label" and len(names) > max(MANY_LABELS, MANY_LABELS_SHARE * len(written)):
            raise DataError(
                f"{_origin(columns)}the label column holds {len(names):,} different labels "
                f"in {len(written):,} rows",
                hint="is it the right column? --label COLUMN; for numbers: --set task.problem=regression",
            )
    if len(names) < 2:
        only = f"only one label, {names[0]!r}" if names else "no label"
        raise DataError(
            f"{_origin(columns)}the label column holds {only}",
            hint="at least two labels are needed: check --label",
        )
    return LabelSet(problem, tuple(names))


def _origin(columns: Sequence[LabelColumn]) -> str:
    """What the training rows are called, before a message about them."""
    rows = columns[0].rows if columns else None
    return f"{rows.origin}: " if rows is not None else ""


def _named_classes(column: LabelColumn) -> tuple[str, ...]:
    """The names of the classes in the order of their numbers; of two that count as one, the first place."""
    return tuple(dict.fromkeys(column.rename.get(name, name) for name in column.class_names))


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
    numbers = [number for label in written if (number := as_number(label)) is not None]
    if len(numbers) == len(written) and any(not number.is_integer() for number in numbers):
        return "regression"
    parts = {part for text in texts for part in split_names(text)}
    # "sci-fi,drama" beside "drama" and "comedy,drama": lists, if cutting at commas leaves fewer names.
    return "multi_label" if joined and len(parts) < len(texts) else "single_label"


def _are_nearly_numbers(written: Sequence[str | float | list[str]]) -> bool:
    """Numbers with fractions, and a few texts among them, which nobody means as classes."""
    numbers = [number for label in written if (number := as_number(label)) is not None]
    return len(numbers) >= NUMBERS_SHARE * len(written) and any(not each.is_integer() for each in numbers)


def _is_scale(column: LabelColumn | None) -> bool:
    """True if -1 is one of the labels (-1 and 1; -1, 0 and 1; -2 to 2) and not the mark of a hidden one."""
    written = [] if column is None else [label for label in column.written() if label is not None]
    numbers = {
        number for label in written if label not in ("", "-") and (number := as_number(label)) is not None
    }
    return min(numbers, default=0) < -1 or (-1 in numbers and max(numbers) == 1)


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
        self,
        labels: LabelSet,
        *,
        class_names: Sequence[str] = (),
        aliases: Mapping[str, str] | None = None,
        rename: Mapping[str, str] | None = None,
    ) -> None:
        self.labels = labels
        self._rename = dict(rename or {})
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
        written = renamed(as_written(value, self._class_names), self._rename)
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

    def _read_number(self, written: Written) -> float | None:
        if written is None or written == "-":
            return None
        number = as_number(written)
        if number is None:
            raise DataError(f"the label {written!r} is not a number", hint="a regression needs numbers")
        return number

    def _read_several(self, written: Written) -> tuple[int, ...] | None:
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
