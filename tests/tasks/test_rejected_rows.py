"""Rows that were read but cannot be used: refused with their place, or set aside, task by task."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from bertkit.config.schema import TaskSection
from bertkit.data.rejection import RejectedRows, TooManyRejectedError
from bertkit.data.rows import Rows
from bertkit.errors import DataError
from bertkit.tasks.base import ExampleSet, Task
from bertkit.tasks.table import TASKS

NAN = float("nan")


@dataclass(frozen=True)
class Case:
    """Rows of which some cannot be used.

    Attributes:
        section: of the recipe.
        good: rows that can.
        bad: rows that cannot, each with a part of the reason.
        left_out: by default these are left out and counted, and no error.
        changes: by default these are used as they are, or warned of.
    """

    section: dict[str, Any]
    good: list[dict[str, Any]]
    bad: list[tuple[dict[str, Any], str]]
    left_out: list[tuple[dict[str, Any], str]] = field(default_factory=list)
    used: list[tuple[dict[str, Any], str]] = field(default_factory=list)


NER = {"type": "ner", "text": ["tokens"], "label": "tags"}
SPANS = {"type": "ner", "text": ["text"], "label": "spans"}
QA = {"type": "qa", "text": ["question", "context"], "label": "answers"}
NO_TEXT, NO_LABEL = "text is missing", "label is missing"
CASES = {
    "classification": Case(
        {"type": "classification", "labels": ["good", "bad"], "problem": "single_label"},
        [{"text": "a", "label": "good"}, {"text": 5, "label": "bad"}, {"text": "b", "label": "-1"}],
        [
            ({"text": "c", "label": "odd"}, "'odd' is not among the labels"),
            ({"text": "d", "label": {"a": 1}}, "is an object"),
            ({"text": "e", "label": ["good"]}, "is a list"),
            ({"text": ["f"], "label": "good"}, "not a text"),
            ({"text": {"g": 1}, "label": "good"}, "not a text"),
        ],
        [
            ({"text": None, "label": "good"}, NO_TEXT),
            ({"text": "h", "label": None}, NO_LABEL),
            ({"text": "i", "label": " "}, NO_LABEL),
            ({"text": "j", "label": NAN}, NO_LABEL),
        ],
        [({"text": " \n", "label": "good"}, NO_TEXT), ({"text": "", "label": "bad"}, NO_TEXT)],
    ),
    "labels from the rows": Case(
        {"type": "classification"},
        [{"text": "a", "label": "good"}, {"text": "b", "label": "bad"}],
        [({"text": "d", "label": {"a": 1}}, "is an object")],
    ),
    "regression": Case(
        {"type": "classification", "problem": "regression"},
        [{"text": "a", "label": 0.5}, {"text": "b", "label": "3"}],
        [({"text": "c", "label": "high"}, "not a number"), ({"text": "d", "label": [1.0]}, "not a number")],
        [({"text": "e", "label": None}, NO_LABEL)],
    ),
    "several labels": Case(
        {"type": "classification", "problem": "multi_label", "labels": ["x", "y"]},
        [{"text": "a", "label": ["x"]}, {"text": "b", "label": []}, {"text": "c", "label": '["x", "y"]'},
         {"text": "d", "label": "x,y"}, {"text": "e", "label": "[]"}],
        [({"text": "f", "label": ["z"]}, "'z' is not"), ({"text": "g", "label": [0, 1, 1, 0]}, "0 or 1")],
        [({"text": "h", "label": ""}, NO_LABEL)],
    ),
    "pairs": Case(
        {"type": "nli", "text": ["premise", "hypothesis"], "labels": ["entailment", "neutral"]},
        [{"premise": "a", "hypothesis": "b", "label": "neutral"}],
        [({"premise": "a", "hypothesis": "b", "label": "maybe"}, "'maybe'")],
        [({"premise": "a", "hypothesis": None, "label": "neutral"}, NO_TEXT)],
        [({"premise": "", "hypothesis": "b", "label": "neutral"}, NO_TEXT)],
    ),
    "tags": Case(
        NER,
        [{"tokens": ["a", "b"], "tags": ["B-X", "I-X"]}, {"tokens": "c d", "tags": "O B-Y"}],
        [
            ({"tokens": ["e"], "tags": ["X"]}, "'X' is of no tag scheme"),
            ({"tokens": ["f", ["g"]], "tags": ["O", "O"]}, "hold a list"),
        ],
        [
            ({"tokens": None, "tags": ["O"]}, NO_TEXT),
            ({"tokens": ["h"], "tags": None}, NO_LABEL),
            ({"tokens": ["i", "j"], "tags": ["O"]}, "another number of tags"),
        ],
        [({"tokens": [], "tags": []}, NO_TEXT)],
    ),
    "tags of a list": Case(
        NER | {"labels": ["X", "Z"]},
        [{"tokens": ["a", "b"], "tags": ["B-X", "O"]}],
        [({"tokens": ["e"], "tags": ["B-Y"]}, "'Y'")],
    ),
    "spans": Case(
        SPANS,
        [{"text": "Anna", "spans": [{"start": 0, "end": 4, "label": "PER"}]}, {"text": "b", "spans": []}],
        [
            ({"text": "c", "spans": [{"start": 0, "end": 1}]}, "not understood"),
            ({"text": {"d": 1}, "spans": [{"start": 0, "end": 1, "label": "PER"}]}, "not a text"),
        ],
        [
            ({"text": "e", "spans": [{"start": 0, "end": 9, "label": "PER"}]}, "outside the text"),
            ({"text": "ef", "spans": [{"start": 1, "end": 1, "label": "PER"}]}, "ends before it starts"),
            ({"text": "g", "spans": [{"start": 0, "end": 1, "label": "PER", "text": "h"}]}, "another text"),
        ],
    ),
    "questions": Case(
        QA,
        [
            {"question": "q", "context": "a b", "answers": [{"text": "b", "answer_start": 2}]},
            {"question": "r", "context": "a b", "answers": []},
        ],
        [
            (
                {"question": "s", "context": "a b", "answers": [{"text": "b", "answer_start": "two"}]},
                "not a whole number",
            ),
            ({"question": ["t"], "context": "a b", "answers": []}, "not a text"),
        ],
        [
            ({"question": None, "context": "a", "answers": []}, NO_TEXT),
            ({"question": "u", "context": "a", "answers": None}, NO_LABEL),
        ],
        [
            ({"question": "v", "context": "a", "answers": [{"text": "z", "answer_start": 0}]}, "not stand"),
            ({"question": "w", "context": " ", "answers": []}, NO_TEXT),
        ],
    ),
    "intent and slots": Case(
        {"type": "intent_slots", "text": ["tokens"], "label": "tags", "intent": "intent"},
        [
            {"tokens": ["a", "b"], "tags": ["B-X", "O"], "intent": "go"},
            {"tokens": ["a"], "tags": ["O"], "intent": "stop"},
        ],
        [
            ({"tokens": ["c"], "tags": ["O"], "intent": {"a": 1}}, "is an object"),
            ({"tokens": ["c", []], "tags": ["O", "O"], "intent": "go"}, "hold a list"),
        ],
        [
            ({"tokens": ["d"], "tags": ["O"], "intent": None}, "intent is missing"),
            ({"tokens": None, "tags": ["O"], "intent": "go"}, NO_TEXT),
        ],
    ),
}  # fmt: skip
EACH = [
    pytest.param(case, number, id=f"{name} {number}")
    for name, case in CASES.items()
    for number in range(len(case.bad))
]


def examples_of(case: Case, rows: Rows) -> tuple[Task, ExampleSet]:
    section = TaskSection(**case.section)
    task = TASKS[section.type].learn(section, [rows])
    return task, task.examples(rows)


@pytest.mark.parametrize(("case", "number"), EACH)
def test_the_first_one_is_an_error_with_its_place(
    case: Case, number: int, make_rows: Callable[..., Rows]
) -> None:
    row, reason = case.bad[number]
    with pytest.raises(DataError) as caught:
        examples_of(case, make_rows([*case.good, row]))
    place = f"rows.jsonl:{len(case.good) + 1}: "
    assert caught.value.message.startswith(place)
    assert caught.value.message.count("rows.jsonl") == 1
    assert reason in caught.value.message


@pytest.mark.parametrize("name", CASES)
def test_what_is_left_out_anyway_is_counted(name: str, make_rows: Callable[..., Rows]) -> None:
    case = CASES[name]
    rows = [row for row, _ in (*case.left_out, *case.used)]
    _, found = examples_of(case, make_rows([*case.good, *rows]))
    faults = sum(fault.left_out for fault in found.faults)
    hidden = sum(row.get("label") == "-1" for row in case.good)
    assert found.without_label + found.without_text + faults == len(case.left_out) + hidden
    assert len(found.examples) == len(case.good) - hidden + len(case.used)


@pytest.mark.parametrize("name", CASES)
def test_all_of_them_are_set_aside(name: str, make_rows: Callable[..., Rows]) -> None:
    case = CASES[name]
    bad = [*case.bad, *case.left_out, *case.used]
    mixed = [*(row for row, _ in bad[::2]), *case.good, *(row for row, _ in bad[1::2])]
    rejected = RejectedRows(len(bad))
    task, found = examples_of(case, make_rows(mixed, rejected=rejected))
    hidden = sum(row.get("label") == "-1" for row in case.good)  # marked so, which is no fault
    assert len(found.examples) == len(case.good) - hidden
    assert (found.without_label, found.without_text, list(found.faults)) == (hidden, 0, [])
    reasons = {row.place: row.reason for row in rejected}
    assert len(reasons) == len(bad)
    for row, reason in bad:
        assert reason in reasons[f"rows.jsonl:{mixed.index(row) + 1}"]
    # The same as if they had never been there.
    alone, expected = examples_of(case, make_rows(case.good))
    assert task.labels == alone.labels
    assert [example.target for example in found.examples] == [one.target for one in expected.examples]
    with pytest.raises(TooManyRejectedError if len(bad) > 1 else DataError):
        examples_of(case, make_rows(mixed, rejected=RejectedRows(len(bad) - 1)))


def test_rows_to_be_predicted_need_no_label(make_rows: Callable[..., Rows]) -> None:
    case = CASES["classification"]
    task = TASKS["classification"].learn(TaskSection(**case.section), [make_rows(case.good)])
    rejected = RejectedRows(1)
    rows = make_rows([{"text": "a", "label": None}, {"text": None, "label": "good"}], rejected=rejected)
    assert len(task.examples(rows, keep_unlabelled=True).examples) == 1
    assert [row.place for row in rejected] == ["rows.jsonl:2"]
