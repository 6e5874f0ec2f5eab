"""Predictions that somebody else may have made: read by id, matched with the examples of a data set."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertkit.data.labels import LabelReader, LabelSet
from bertkit.data.tag_schemes import entities_of, to_iob2
from bertkit.errors import DataError
from bertkit.evaluation.stored import duplicate_of, json_lines
from bertkit.evaluation.stored_values import answer_text
from bertkit.tasks.base import Example, Prediction, TagsWords, Task
from bertkit.workflows.eval_data import EvalSplit
from bertkit.workflows.events import Listener, Note

# Stands for an answer that was not given: it is none of the references, not even the empty one.
_NO_PREDICTION = "\0"


@dataclass(frozen=True)
class GivenPredictions:
    """The content of a file.

    Attributes:
        path: the file.
        pairs: id and value, in their order.
        lines: True if they stood in lines, one a row; False for one object from ids to predictions.
        numbered: no line has an id: each stands for the row at its place.
    """

    path: Path
    pairs: Sequence[tuple[str, Any]]
    lines: bool
    numbered: bool = False

    @property
    def values(self) -> list[Any]:
        """What is predicted, in the order of the file."""
        return [value for _, value in self.pairs]

    def in_order_of(self, chosen: EvalSplit) -> list[Any] | None:
        """The values of the examples if each line has the id of its row; None if they differ anywhere."""
        examples = chosen.examples
        if not self.lines:
            return None
        for places in (range(len(examples)), [example.row for example in examples]):
            # Lines stand for the examples, or for all rows, of which those that cannot be used are left out.
            count = len(examples) if isinstance(places, range) else len(chosen.rows)
            if count == len(self.pairs) and (
                self.numbered
                or all(
                    self.pairs[place][0] == example.id
                    for place, example in zip(places, examples, strict=True)
                )
            ):
                return [self.pairs[place][1] for place in places]
        return None


def read_given(path: Path) -> GivenPredictions:
    """Read a JSON object from ids to predictions, or JSON lines with `prediction` and `id`.

    Lines without an id are called by their number, from 0.

    Raises:
        DataError: with the place, for what is neither.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read", hint="it has to be JSON in UTF-8") from error
    pairs: list[tuple[str, Any]] = []

    def keep(found: list[tuple[str, Any]]) -> dict[str, Any]:
        pairs[:] = found  # the outermost object comes last
        return dict(found)

    try:
        whole = json.loads(text, object_pairs_hook=keep)
    except ValueError:
        whole = None
    if isinstance(whole, dict) and "prediction" not in whole:
        return GivenPredictions(path, pairs, lines=False)
    return _read_lines(path)


def _read_lines(path: Path) -> GivenPredictions:
    """Lines with ids, or all without.

    Raises:
        DataError: some lines have an id and others none.
    """
    pairs: list[tuple[str, Any]] = []
    with_id = 0
    for place, record in json_lines(path, hint="one object a line"):
        if not isinstance(record, dict) or "prediction" not in record:
            raise DataError(f"{place}: no prediction", hint="each line needs id and prediction")
        # `predict --tags` and predictions files have the tags beside the entities.
        value = {**record, "prediction": record["prediction"]} if "tags" in record else record["prediction"]
        with_id += "id" in record
        pairs.append((str(record.get("id", len(pairs))), value))
    if 0 < with_id < len(pairs):
        missing = f"{len(pairs) - with_id:,} of {len(pairs):,}"
        raise DataError(f"{path}: {missing} lines have no id", hint="give each line an id, or none of them")
    return GivenPredictions(path, pairs, lines=True, numbered=not with_id)


def match_given(
    task: Task, name: str, chosen: EvalSplit, given: GivenPredictions, listen: Listener
) -> tuple[list[Prediction], list[str]]:
    """One prediction an example, and what is missing or too much.

    Raises:
        DataError: rows without a prediction, of a task that has no rule for them; ids that occur twice; a
            prediction of another kind.
    """
    read = _Reader(task)
    ordered = given.in_order_of(chosen)
    if ordered is not None:
        pairs = zip(chosen.examples, ordered, strict=True)
        return [read.prediction(example, value) for example, value in pairs], []
    ids = [str(example.row) if given.numbered else example.id for example in chosen.examples]
    answers = task.labels.problem == "answers"
    _refuse_repeated(name, given, () if answers else ids)
    by_id, asked = dict(given.pairs), set(ids)
    missing = [identity for identity in ids if identity not in by_id]
    extra = [identity for identity in by_id if identity not in asked]
    if missing and not answers:
        raise DataError(
            f"{name}: {len(missing):,} of {len(ids):,} rows have no prediction, as id {missing[0]!r}",
            hint=f"the ids of the predictions are such as {next(iter(by_id), 'none')!r}; each row needs one",
        )
    notes = []
    if missing:
        notes.append(
            f"{name}: {len(missing):,} of {len(ids):,} questions have no prediction and count as wrong"
        )
    if extra:
        notes.append(f"{name}: {len(extra):,} predictions have ids that are not in the data and are ignored")
    for note in notes:
        listen(Note(note, warning=True))
    pairs = zip(chosen.examples, ids, strict=True)
    return [read.prediction(each, by_id.get(identity, _NO_PREDICTION)) for each, identity in pairs], notes


def _refuse_repeated(name: str, given: GivenPredictions, ids: Sequence[str]) -> None:
    """Refuse ids that do not say which prediction is whose.

    Of answers, the data may ask one question twice: SQuAD 1.1's own script counts both.
    """
    twice = duplicate_of(identity for identity, _ in given.pairs)
    if twice is not None:
        raise DataError(f"{given.path}: id {twice!r} occurs twice", hint="one prediction an id")
    twice = duplicate_of(ids)
    if twice is not None:
        raise DataError(
            f"{name}: id {twice!r} occurs twice in the data, so its prediction could be of either row",
            hint="predict in JSON lines, one a row with its id, in the order of the rows; "
            "or give each row an id of its own",
        )


def unknown_labels(labels: LabelSet | None, values: Sequence[Any]) -> list[Any]:
    """Predictions that can be labels and are none of these, each once; numbers only where labels are numbers.

    Args:
        labels: that are known; None where there are hardly any.
        values: predictions: names, numbers or lists of them.
    """
    if labels is not None and labels.problem == "regression":
        return []
    flat = dict.fromkeys(
        each for value in values for each in (value if isinstance(value, list) else [value])
        if isinstance(each, str | int | float) and not isinstance(each, bool)
    )  # fmt: skip
    if labels is None:
        return list(flat)
    numbered = all(_is_number(name) for name in labels.names)
    reader = LabelReader(LabelSet("single_label", labels.names))
    return [value for value in flat if (isinstance(value, str) or numbered) and not _is_known(reader, value)]


def _is_known(reader: LabelReader, value: Any) -> bool:
    try:
        # An empty prediction, or "-", is the mark of none.
        return value in reader.labels.names or reader.read(value) is not None or isinstance(value, str)
    except DataError:
        return False


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True


class _Reader:
    """Makes what a task compares of what a file holds."""

    def __init__(self, task: Task) -> None:
        self.labels = task.labels
        self._scheme = task.scheme if isinstance(task, TagsWords) else "plain"
        self._labels = LabelReader(LabelSet("single_label", task.labels.names), aliases=task.label_aliases)

    def prediction(self, example: Example, value: Any) -> Prediction:
        problem, identity = self.labels.problem, example.id
        try:
            return self._read(example, value)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            words = "words need tags: a line with id, prediction and tags"
            raise DataError(
                f"id {identity!r}: {str(value)[:80]} is no prediction of a {problem} problem",
                hint=words if problem in ("tags", "frames") else _known(self.labels),
            ) from error

    def _read(self, example: Example, value: Any) -> Prediction:
        match self.labels.problem:
            case "answers":
                return Prediction({"text": answer_text(value)})
            case "regression":
                return Prediction(float(value))
            case "tags" | "frames":
                tags = self._tags(example, value["tags"])
                return Prediction(value.get("prediction"), details={"tags": tags})
            case "multi_label":
                if not isinstance(value, list):
                    raise ValueError("no list of labels")
                return Prediction([self._label(each) for each in value])
            case _:
                return Prediction(self._label(value))

    def _tags(self, example: Example, tags: list[str]) -> list[str]:
        """As many tags as words, in the scheme in which references are compared."""
        wanted = example.target[1] if self.labels.problem == "frames" and example.target else example.target
        if wanted is not None and len(tags) != len(wanted):
            raise ValueError(f"{len(tags)} tags for {len(wanted)} words")
        if self._scheme in ("IOB1", "BIOES"):
            return to_iob2(tags, self._scheme)
        if self._scheme == "IOB2":
            entities_of(tags)  # refuses what is no tag
        return list(tags)

    def _label(self, value: Any) -> str:
        """The name of a label; whole numbers are positions only where no label is a number."""
        if isinstance(value, str) and value in self.labels.names:
            return value
        try:
            number = self._labels.read(value)
        except DataError as error:
            raise ValueError(error.message) from error
        if number is None:
            raise ValueError(f"{value!r} is no label")
        return self.labels.names[number]


def _known(labels: LabelSet) -> str:
    if not labels.names:
        return "see bertkit predict for how predictions are written"
    return f"the labels are {', '.join(labels.names[:20])}{', ...' if len(labels.names) > 20 else ''}"
