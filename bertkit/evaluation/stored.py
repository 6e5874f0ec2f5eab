"""Predictions that were written to a file, read back as metrics take them: a million in seconds.

A line holds an `id`, a `prediction` and a `reference`; see `bertkit.workflows.predictions`. Files of others
serve as well, if their lines have these keys.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertkit.data.labels import LabelSet
from bertkit.errors import DataError
from bertkit.evaluation.stored_values import COLLECTORS, FractionFound

_SCORES = ', "scores": {'
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
    ids: list[str] = []
    problem = ""
    # The scores of the first line tell the order of the labels, those of the others nothing that is scored.
    lines = _records(path, lambda: bool(ids) and problem in ("single_label", "multi_label"))
    head = []
    for place, record in lines:
        head.append((place, record))
        if record["reference"] is not None:
            break
    problem = labels.problem if labels is not None else _problem_of(head[-1][1] if head else {}, path)
    collector = COLLECTORS[problem](labels)
    rows = 0
    for place, record in _chained(head, lines):
        rows += 1
        if record["reference"] is None:
            continue
        try:
            try:
                collector.add(record)
            except FractionFound:
                problem, collector = "regression", collector.as_numbers()
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


def json_lines(
    path: Path, hint: str = KEYS, *, brief: Callable[[], bool] = lambda: False
) -> Iterator[tuple[str, Any]]:
    """What each line holds, with its place; blank lines are passed over.

    Lines end at line feeds alone: texts may hold the other separators of Unicode as they are.

    Args:
        path: JSON lines in UTF-8.
        hint: what to say of a line that is no JSON.
        brief: whether the probabilities at the end of a line may be left out; reading them takes longest.

    Raises:
        DataError: with the place, for what is no JSON or no UTF-8.
    """
    with path.open(encoding="utf-8-sig") as lines:
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
                record = _brief(line) if brief() else None
                record = json.loads(line) if record is None else record
            except ValueError as error:
                raise DataError(f"{path}:{number}: no JSON: {error}", hint=hint) from error
            yield f"{path}:{number}", record


def _brief(line: str) -> dict[str, Any] | None:
    """A line as bertkit writes it, without its `scores`; None if it is another one, or is broken off.

    Inside a text the quotes of what is looked for would be escaped.
    """
    end = line.find(_SCORES)
    if end < 0 or not line.rstrip().endswith("}}") or line.find("{", end + len(_SCORES)) >= 0:
        return None
    try:
        record = json.loads(f"{line[:end]}}}")
    except ValueError:
        return None
    return record if isinstance(record, dict) and {"prediction", "reference"} <= record.keys() else None


def _records(path: Path, brief: Callable[[], bool]) -> Iterator[tuple[str, dict[str, Any]]]:
    for place, record in json_lines(path, brief=brief):
        if not isinstance(record, dict) or "prediction" not in record or "reference" not in record:
            raise DataError(
                f"{place}: no prediction with a reference",
                hint=f"{KEYS}; or name the data that holds the references: --recipe NAME or --data FILE",
            )
        yield place, record


def has_references(path: Path) -> bool:
    """Whether the first line of a JSON lines file holds a prediction and its reference."""
    try:
        with path.open(encoding="utf-8-sig") as lines:
            record = json.loads(next((line for line in lines if not line.isspace()), "null"))
    except ValueError:
        return False
    return isinstance(record, dict) and {"prediction", "reference"} <= record.keys()


def _problem_of(record: dict[str, Any], path: Path) -> str:
    """What kind of prediction a line holds."""
    if "reference_tags" in record:
        return "frames" if isinstance(record.get("prediction"), dict) else "tags"
    reference = record.get("reference")
    if isinstance(reference, float):
        return "regression"
    if isinstance(reference, str | int):  # whole numbers are classes, until a line holds a fraction
        return "single_label"
    if isinstance(reference, list):
        prediction = record.get("prediction")
        return "multi_label" if isinstance(prediction, list) else "answers"
    if reference is None:
        raise DataError(f"{path} holds no line with a reference", hint="there is nothing to compare with")
    raise DataError(f"{path}: cannot tell what {str(reference)[:60]} is", hint="name a run or a recipe")


def duplicate_of(ids: Iterable[str]) -> str | None:
    """The first id that occurs a second time."""
    seen: set[str] = set()
    for each in ids:
        if each in seen:
            return each
        seen.add(each)
    return None
