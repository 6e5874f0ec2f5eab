"""Predictions that were written to a file, read back as metrics take them: a million in seconds.

A line holds an `id`, a `prediction` and a `reference`; see `bertkit.workflows.predictions`. Files of others
serve as well, if their lines have these keys.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bertkit.data.labels import LabelSet
from bertkit.errors import DataError

KEYS = "each line needs the keys prediction and reference"


@dataclass(frozen=True)
class Stored:
    """The content of a predictions file.

    Attributes:
        labels: of the task; as given, or as the file shows them.
        ids: of the lines that have a reference, in their order.
        predicted: as metrics take them, one a line that has a reference.
        expected: likewise.
        rows: lines, those without a reference included.
    """

    labels: LabelSet
    ids: Sequence[str]
    predicted: Sequence[Any]
    expected: Sequence[Any]
    rows: int


def read_stored(path: Path, labels: LabelSet | None = None) -> Stored:
    """Read a predictions file.

    Args:
        path: JSON lines.
        labels: of the task it was made for; None tells it from the lines.

    Raises:
        DataError: with the place, for what is no JSON, lacks a key or names an unknown label.
    """
    lines = _records(path)
    head = []
    for place, record in lines:
        head.append((place, record))
        if record["reference"] is not None:
            break
    problem = labels.problem if labels is not None else _problem_of(head[-1][1] if head else {}, path)
    collector = _COLLECTORS[problem](labels)
    rows = 0
    ids: list[str] = []
    for place, record in _chained(head, lines):
        rows += 1
        if record["reference"] is None:
            continue
        try:
            collector.add(record)
        except (KeyError, TypeError, ValueError) as error:
            raise _misfit(place, problem, error) from error
        ids.append(str(record.get("id", rows - 1)))
    predicted, expected = collector.sides()
    return Stored(collector.labels, ids, predicted, expected, rows)


def _chained(head: list[Any], lines: Iterator[Any]) -> Iterator[Any]:
    yield from head
    yield from lines


def _misfit(place: str, problem: str, error: Exception) -> DataError:
    if isinstance(error, KeyError) and isinstance(error.args[0], str):
        return DataError(
            f"{place}: the key {error.args[0]!r} is missing",
            hint="scoring the tags of words needs tags and reference_tags on each line"
            if problem in ("tags", "frames") else KEYS,
        )  # fmt: skip
    reason = "prediction or reference is of another kind" if isinstance(error, TypeError) else str(error)
    return DataError(f"{place}: {reason}", hint=f"the lines before are of a {problem} problem")


def _records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each line with its place; blank lines are passed over."""
    with path.open(encoding="utf-8") as lines:
        number = 0
        while True:
            number += 1
            try:
                line = lines.readline()
            except UnicodeDecodeError as error:
                raise DataError(f"{path}:{number}: not UTF-8", hint="write it again as UTF-8") from error
            if not line:
                return
            if line.isspace():
                continue
            try:
                record = json.loads(line)
            except ValueError as error:
                raise DataError(f"{path}:{number}: no JSON: {error}", hint=KEYS) from error
            if not isinstance(record, dict) or "prediction" not in record or "reference" not in record:
                raise DataError(
                    f"{path}:{number}: no prediction with a reference",
                    hint=f"{KEYS}; or name the data that holds the references: --recipe NAME or --data FILE",
                )
            yield f"{path}:{number}", record


def has_references(path: Path) -> bool:
    """Whether the first line of a JSON lines file holds a prediction and its reference."""
    try:
        with path.open(encoding="utf-8") as lines:
            record = json.loads(next((line for line in lines if not line.isspace()), "null"))
    except ValueError:
        return False
    return isinstance(record, dict) and {"prediction", "reference"} <= record.keys()


def _problem_of(record: dict[str, Any], path: Path) -> str:
    """What kind of prediction a line holds."""
    if "reference_tags" in record:
        return "frames" if isinstance(record.get("prediction"), dict) else "tags"
    reference = record.get("reference")
    if isinstance(reference, str | bool):
        return "single_label"
    if isinstance(reference, int):
        return "single_label"
    if isinstance(reference, float):
        return "regression"
    if isinstance(reference, list):
        prediction = record.get("prediction")
        return "multi_label" if isinstance(prediction, list) else "answers"
    if reference is None:
        raise DataError(f"{path} holds no line with a reference", hint="there is nothing to compare with")
    raise DataError(f"{path}: cannot tell what {str(reference)[:60]} is", hint="name a run or a recipe")


class _Classes:
    """Names of classes, kept as numbers in the order in which they first occur."""

    def __init__(self, labels: LabelSet | None) -> None:
        self.given = labels
        self._numbers: dict[Any, int] = {}
        self._order: tuple[str, ...] = labels.names if labels is not None else ()
        for name in self._order:
            self._numbers[name] = len(self._numbers)
        self._sides = (array("i"), array("i"))

    def add(self, record: dict[str, Any]) -> None:
        numbers = self._numbers
        for side, key in zip(self._sides, ("prediction", "reference"), strict=True):
            value = record[key]
            number = numbers.get(value)
            if number is None:
                number = self._new(value, record)
            side.append(number)

    def _new(self, value: Any, record: dict[str, Any]) -> int:
        if isinstance(value, list | dict) or value is None:
            raise ValueError(f"{str(value)[:60]} is no label")
        if str(value) in self._numbers:
            number = self._numbers[str(value)]
        elif self.given is not None:
            raise ValueError(f"{value!r} is none of the labels {', '.join(self.given.names[:20])}")
        else:
            if not self._order and isinstance(record.get("scores"), dict):
                self._order = tuple(map(str, record["scores"]))
            number = self._numbers[str(value)] = len(self._numbers)
        self._numbers[value] = number
        return number

    @property
    def labels(self) -> LabelSet:
        if self.given is not None:
            return self.given
        seen = {name for name in self._numbers if isinstance(name, str)}
        # Without any order in the file, names stand as people sort them; there are two at least.
        names = self._order if seen <= set(self._order) else tuple(sorted(seen))
        return LabelSet("single_label", names if len(names) > 1 else (*names, "(another)"))

    def sides(self) -> tuple[Any, Any]:
        names = self.labels.names
        order = np.zeros(max(self._numbers.values(), default=0) + 1, dtype=np.int32)
        for name, number in self._numbers.items():
            order[number] = names.index(str(name))
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
        return LabelSet("multi_label", self._shown if seen <= set(self._shown) else tuple(sorted(seen)))

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
        self._sides = (array("d"), array("d"))

    def add(self, record: dict[str, Any]) -> None:
        for side, key in zip(self._sides, ("prediction", "reference"), strict=True):
            # What is no finite number has no place in JSON and is written as null.
            side.append(float("nan") if record[key] is None else float(record[key]))

    def sides(self) -> tuple[Any, Any]:
        left, right = (np.asarray(side) for side in self._sides)
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


_COLLECTORS: dict[str, Callable[[LabelSet | None], Any]] = {
    "single_label": _Classes,
    "multi_label": _LabelLists,
    "regression": _Numbers,
    "tags": _Tags,
    "frames": _Frames,
    "answers": _Answers,
}


def duplicate_of(ids: Iterable[str]) -> str | None:
    """The first id that occurs a second time."""
    seen: set[str] = set()
    for each in ids:
        if each in seen:
            return each
        seen.add(each)
    return None
