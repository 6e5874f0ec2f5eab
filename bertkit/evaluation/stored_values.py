"""Predictions and references as they stand in lines, collected as the metrics of each problem take them."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Any

import numpy as np

from bertkit.data.labels import LabelSet
from bertkit.errors import DataError

# Stands for the labels that a file of predictions does not tell, where it tells fewer than a task has.
ANOTHER = "(another)"


class FractionFound(ValueError):
    """A number that is written with a fraction stands where whole numbers were taken for classes."""


class _Classes:
    """Names of classes, kept as numbers in the order in which they first occur."""

    def __init__(self, labels: LabelSet | None) -> None:
        self.given = labels
        self._numbers: dict[Any, int] = {}
        self._order: tuple[str, ...] = labels.names if labels is not None else ()
        for name in self._order:
            self._numbers[name] = len(self._numbers)
        # As first written, by number; stays empty where the labels are given.
        self._values: list[Any] = []
        self._sides = (array("i"), array("i"))

    def add(self, record: dict[str, Any]) -> None:
        """Take one line.

        Raises:
            FractionFound: the lines are of numbers, and not of classes; see `as_numbers`.
        """
        numbers = self._numbers
        prediction, reference = record["prediction"], record["reference"]
        # Before anything is kept of the line. 1.0 equals 1, so only its type tells it from a class.
        if (type(prediction) is float or type(reference) is float) and self._holds_numbers(record):
            raise FractionFound("a number with a fraction stands among whole numbers")
        for side, value in zip(self._sides, (prediction, reference), strict=True):
            number = numbers.get(value)
            if number is None:
                number = self._new(value, record)
            side.append(number)

    def _holds_numbers(self, record: dict[str, Any]) -> bool:
        kinds = {type(record["prediction"]), type(record["reference"])}
        return self.given is None and kinds <= {int, float}

    def as_numbers(self) -> _Numbers:
        """The lines until now as numbers.

        Raises:
            ValueError: one of them holds a name.
        """
        names = [value for value in self._values if type(value) is not int]
        if names:
            raise ValueError(f"a number with a fraction, where a line before holds {names[0]!r}")
        values = np.asarray(self._values, dtype=np.float64)
        numbers = _Numbers(None)
        for mine, side in zip(self._sides, numbers.kept, strict=True):
            if len(mine):
                side.frombytes(values[np.frombuffer(mine, dtype=np.int32)].tobytes())
        return numbers

    def _new(self, value: Any, record: dict[str, Any]) -> int:
        if isinstance(value, list | dict) or value is None:
            raise ValueError(f"{str(value)[:60]} is no label")
        name = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
        if name in self._numbers:
            number = self._numbers[name]
        elif self.given is not None:
            raise ValueError(f"{value!r} is none of the labels {', '.join(self.given.names[:20])}")
        else:
            if not self._order and isinstance(record.get("scores"), dict):
                self._order = tuple(map(str, record["scores"]))
            # By count of values: a whole number stands in the mapping under its name too.
            number = self._numbers[name] = len(self._values)
            self._values.append(value)
        self._numbers[value] = number
        return number

    @property
    def labels(self) -> LabelSet:
        if self.given is not None:
            return self.given
        seen = {name for name in self._numbers if isinstance(name, str)}
        # Without any order in the file, names stand as people sort them; there are two at least.
        names = self._order if seen <= set(self._order) else tuple(sorted(seen))
        return LabelSet("single_label", names if len(names) > 1 else (*names, ANOTHER))

    def sides(self) -> tuple[Any, Any]:
        names = self.labels.names
        order = np.zeros(max(self._numbers.values(), default=0) + 1, dtype=np.int32)
        for name, number in self._numbers.items():
            if isinstance(name, str):  # each class has its name there, and may have a number too
                order[number] = names.index(name)
        left, right = (order[np.frombuffer(side, dtype=np.int32)] if len(side) else np.empty(0, np.int64)
                       for side in self._sides)  # fmt: skip
        return left, right


class _LabelLists:
    def __init__(self, labels: LabelSet | None) -> None:
        self.given = labels
        self._sides: tuple[list[list[str]], list[list[str]]] = ([], [])
        self._shown: tuple[str, ...] = ()

    def add(self, record: dict[str, Any]) -> None:
        self._shown = self._shown or tuple(record.get("scores") or ())
        for side, key in zip(self._sides, ("prediction", "reference"), strict=True):
            if not isinstance(record[key], list):
                raise ValueError(f"{key} is no list of labels")
            side.append([str(name) for name in record[key]])

    @property
    def labels(self) -> LabelSet:
        if self.given is not None:
            return self.given
        seen = {name for side in self._sides for row in side for name in row}
        names = self._shown if seen <= set(self._shown) else tuple(sorted(seen))
        # Where nobody has any label, nothing agrees with nothing: there is a label that nobody has.
        return LabelSet("multi_label", names or (ANOTHER,))

    def sides(self) -> tuple[Any, Any]:
        names = self.labels.names
        place = {name: number for number, name in enumerate(names)}
        matrices = []
        for side in self._sides:
            matrix = np.zeros((len(side), len(names)), dtype=np.int64)
            for row, chosen in zip(matrix, side, strict=True):
                unknown = set(chosen) - place.keys()
                if unknown:
                    raise DataError(f"{min(unknown)!r} is none of the labels {', '.join(names[:20])}",
                                    hint="score it with the recipe it was made for")  # fmt: skip
                row[[place[name] for name in chosen]] = 1
            matrices.append(matrix)
        return matrices[0], matrices[1]


class _Numbers:
    def __init__(self, labels: LabelSet | None) -> None:
        self.labels = labels or LabelSet("regression")
        self.kept = (array("d"), array("d"))

    def add(self, record: dict[str, Any]) -> None:
        for side, key in zip(self.kept, ("prediction", "reference"), strict=True):
            # What is no finite number has no place in JSON and is written as null.
            side.append(float("nan") if record[key] is None else float(record[key]))

    def sides(self) -> tuple[Any, Any]:
        left, right = (np.asarray(side) for side in self.kept)
        return left, right


class _Lists:
    """Values that metrics take as lists: tags, frames, answers."""

    def __init__(self, labels: LabelSet | None) -> None:
        self.given = labels
        self._sides: tuple[list[Any], list[Any]] = ([], [])

    def sides(self) -> tuple[Any, Any]:
        return self._sides


class _Tags(_Lists):
    def add(self, record: dict[str, Any]) -> None:
        left, right = record["tags"], record["reference_tags"]
        if len(left) != len(right):
            raise ValueError(f"{len(left)} tags for {len(right)}")
        self._sides[0].append(left)
        self._sides[1].append(right)

    @property
    def labels(self) -> LabelSet:
        names = {tag for side in self._sides for row in side for tag in row}
        return self.given or LabelSet("tags", tuple(sorted(names)))


class _Frames(_Lists):
    def add(self, record: dict[str, Any]) -> None:
        self._sides[0].append((record["prediction"]["intent"], record["tags"]))
        self._sides[1].append((record["reference"]["intent"], record["reference_tags"]))

    @property
    def labels(self) -> LabelSet:
        frames = [frame for side in self._sides for frame in side]
        tags = tuple(sorted({tag for _, row in frames for tag in row}))
        return self.given or LabelSet("frames", tags, tuple(sorted({intent for intent, _ in frames})))


class _Answers(_Lists):
    labels = LabelSet("answers")

    def add(self, record: dict[str, Any]) -> None:
        self._sides[0].append(answer_text(record["prediction"]))
        self._sides[1].append([answer_text(answer) for answer in record["reference"]])


def answer_text(answer: Any) -> str:
    """The text of an answer that is written as a text, as an object with a text, or as null for none."""
    if answer is None:
        return ""
    text = answer["text"] if isinstance(answer, dict) else answer
    if not isinstance(text, str):
        raise ValueError(f"{str(answer)[:60]} is no answer")
    return text


COLLECTORS: dict[str, Callable[[LabelSet | None], Any]] = {
    "single_label": _Classes,
    "multi_label": _LabelLists,
    "regression": _Numbers,
    "tags": _Tags,
    "frames": _Frames,
    "answers": _Answers,
}
