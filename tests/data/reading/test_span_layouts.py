"""Exports of annotation tools: doccano, Label Studio, Prodigy."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bertkit.data.reading.readers import read_file
from bertkit.data.rows import Rows
from bertkit.errors import DataError

ANN = {"start": 0, "end": 3, "label": "PER"}
OSLO = {"start": 7, "end": 11, "label": "LOC"}


def lines(folder: Path, *objects: dict[str, Any]) -> Rows:
    path = folder / "a.jsonl"
    path.write_text("".join(json.dumps(item) + "\n" for item in objects), encoding="utf-8")
    return read_file(path)


def whole(folder: Path, objects: list[dict[str, Any]]) -> Rows:
    path = folder / "a.json"
    path.write_text(json.dumps(objects, indent=1), encoding="utf-8")
    return read_file(path)


def message(folder: Path, *objects: dict[str, Any]) -> str:
    with pytest.raises(DataError) as caught:
        lines(folder, *objects)
    assert caught.value.hint
    return caught.value.message.replace(f"{folder}/", "")


# --- doccano ---


@pytest.mark.parametrize("key", ["label", "labels", "entities"])
@pytest.mark.parametrize("text", ["text", "data"])
def test_doccano_triples(tmp_path: Path, key: str, text: str) -> None:
    rows = lines(
        tmp_path,
        {"id": 4, text: "Nobody", key: [], "by": "x"},
        {"id": 5, text: "Ann in Oslo", key: [[0, 3, "PER"], [7, 11, "LOC"]], "by": "y"},
    )
    assert rows.columns == ("id", "text", "spans", "by")
    assert rows.records == [
        {"id": 4, "text": "Nobody", "spans": [], "by": "x"},
        {"id": 5, "text": "Ann in Oslo", "spans": [ANN, OSLO], "by": "y"},
    ]
    assert rows.format == "JSON lines as doccano writes them"
    assert rows.place(1) == f"{tmp_path}/a.jsonl:2"


def test_doccano_entities_and_relations(tmp_path: Path) -> None:
    entity = {"id": 9, "label": "PER", "start_offset": 0, "end_offset": 3}
    rows = whole(
        tmp_path,
        [
            {"text": "Ann", "entities": [entity], "relations": [{"id": 1}, {"id": 2}], "Comments": ["hm"]},
            {"text": "Bo", "entities": [], "relations": [], "Comments": []},
        ],
    )
    assert rows.columns == ("text", "spans", "Comments")
    assert rows.column("spans") == [[ANN], []]
    assert rows.format == "JSON as doccano writes it"
    assert rows.notes == ("2 relations",)


def test_doccano_where_nobody_marked_anything(tmp_path: Path) -> None:
    assert lines(tmp_path, {"text": "Bo", "entities": [], "relations": []}).column("spans") == [[]]


@pytest.mark.parametrize(
    "label", [["pos"], ["pos", "short"], [], "pos", 1, [1, 2, 3], [["a", "b", "c"]], None]
)
def test_labels_of_whole_texts_stay(tmp_path: Path, label: object) -> None:
    rows = lines(tmp_path, {"text": "Bo", "label": label})
    assert rows.records == [{"text": "Bo", "label": label}]
    assert rows.format == "JSON lines"


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([["0", 3, "PER"]], "a.jsonl:2: the start of a span is a text ('0'), not a whole number"),
        ([[0, 3.5, "PER"]], "a.jsonl:2: the end of a span is a number (3.5), not a whole number"),
        ([[True, 3, "PER"]], "a.jsonl:2: the start of a span is true or false (True), not a whole number"),
        ([[0, 3, 7]], "a.jsonl:2: the label of a span is a number, not a text"),
        ([[0, 3]], "a.jsonl:2: a span in 'label' has 2 values, not 3"),
        (["PER"], "a.jsonl:2: 'label' holds a text, not an object"),
        ("PER", "a.jsonl:2: 'label' is a text, not a list"),
        (
            [{"start_offset": 0, "label": "PER"}],
            "a.jsonl:2: the end of a span is missing, not a whole number",
        ),
    ],
)
def test_doccano_faults(tmp_path: Path, spans: object, expected: str) -> None:
    assert (
        message(tmp_path, {"text": "Ann", "label": [[0, 3, "PER"]]}, {"text": "Bo", "label": spans})
        == expected
    )


def test_offsets_are_not_judged_here(tmp_path: Path) -> None:
    rows = lines(tmp_path, {"text": "Ann", "label": [[9, -2, "PER"]]})
    assert rows.column("spans") == [[{"start": 9, "end": -2, "label": "PER"}]]


# --- Label Studio ---


def mark(start: Any, end: Any, *labels: str) -> dict[str, Any]:
    value = {"start": start, "end": end, "text": "", "labels": list(labels)}
    return {"value": value, "type": "labels", "from_name": "ner", "to_name": "text"}


def choose(*choices: str, control: str = "mood") -> dict[str, Any]:
    return {"value": {"choices": list(choices)}, "type": "choices", "from_name": control}


def task(number: int, text: str, *annotations: Any, **extra: Any) -> dict[str, Any]:
    done = [item if isinstance(item, dict) else {"id": 1, "result": item} for item in annotations]
    return {"id": number, "data": {"text": text, **extra}, "annotations": done, "predictions": [], "meta": {}}


def test_label_studio_spans(tmp_path: Path) -> None:
    cancelled = {"was_cancelled": True, "result": [mark(0, 1, "X")]}
    rows = whole(
        tmp_path,
        [
            task(1, "Ann in Oslo", [mark(0, 3, "PER"), mark(7, 11, "LOC", "CITY")], topic="a"),
            task(2, "skipped", cancelled),
            task(3, "nothing to mark", []),
            task(4, "never seen"),
            task(5, "Ann", cancelled, [mark(0, 3, "PER")], [mark(0, 2, "LOC")]),
            task(6, "Ann", [mark(0, 3, "PER"), {"type": "relation", "from_id": "a"}]),
        ],
    )
    assert rows.columns == ("id", "text", "topic", "spans")
    assert rows.column("id") == [1, 3, 5, 6]
    assert rows.column("spans") == [[ANN, OSLO, OSLO | {"label": "CITY"}], [], [ANN], [ANN]]
    assert rows.column("topic") == ["a", None, None, None]
    assert rows.format == "JSON as Label Studio writes it"
    assert rows.notes == (
        "1 task with several annotations, of which the first one counts",
        "2 tasks without an annotation, or with a cancelled one",
        "1 result of the type relation",
    )
    content = (tmp_path / "a.json").read_text().split("\n")
    assert '"id": 3,' in content[int(rows.place(1).rsplit(":", 1)[1])]  # the line after the brace


def test_label_studio_choices(tmp_path: Path) -> None:
    rows = whole(
        tmp_path, [task(1, "fine", [choose("pos")]), task(2, "hm", []), task(3, "bad", [choose("neg")])]
    )
    assert rows.columns == ("id", "text", "label")
    assert rows.column("label") == ["pos", None, "neg"]


def test_label_studio_several_choices(tmp_path: Path) -> None:
    rows = whole(tmp_path, [task(1, "fine", [choose("pos", "short")]), task(2, "hm", [])])
    assert rows.column("label") == [["pos", "short"], []]


def test_label_studio_two_controls_beside_spans(tmp_path: Path) -> None:
    marked = [mark(0, 3, "PER"), choose("pos"), choose("film", control="topic")]
    rows = whole(tmp_path, [task(1, "Ann", marked)])
    assert rows.columns == ("id", "text", "spans", "mood", "topic")
    assert rows.records == [{"id": 1, "text": "Ann", "spans": [ANN], "mood": "pos", "topic": "film"}]


def test_label_studio_text_under_another_name(tmp_path: Path) -> None:
    one = {"id": 1, "data": {"review": "Ann", "stars": 3}, "annotations": [{"result": [mark(0, 3, "PER")]}]}
    assert whole(tmp_path, [one]).records == [{"id": 1, "text": "Ann", "stars": 3, "spans": [ANN]}]
    pair = {
        "id": 1,
        "data": {"premise": "a", "hypothesis": "b"},
        "annotations": [{"result": [choose("yes")]}],
    }
    assert whole(tmp_path, [pair]).columns == ("id", "premise", "hypothesis", "label")


def test_label_studio_minimal(tmp_path: Path) -> None:
    rows = whole(
        tmp_path,
        [
            {"text": "Ann in Oslo", "id": 1, "label": [mark(0, 3, "PER")["value"]], "annotator": 2},
            {"text": "nothing", "id": 2, "annotator": 2},
        ],
    )
    assert rows.columns == ("id", "text", "spans", "annotator")
    assert rows.column("spans") == [[ANN], []]
    assert rows.format == "JSON as Label Studio writes it"


def test_label_studio_minimal_choices(tmp_path: Path) -> None:
    own = {"annotator": 1, "annotation_id": 2, "lead_time": 1.5}
    rows = whole(
        tmp_path,
        [{"text": "a", "mood": "pos", **own}, {"text": "b", "mood": {"choices": ["pos", "neg"]}, **own}],
    )
    assert rows.column("label") == [["pos"], ["pos", "neg"]]
    plain = whole(tmp_path, [{"text": "a", "mood": "pos", **own}])
    assert plain.column("mood") == ["pos"]


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ([[mark("0", 3, "PER")]], "the start of a span is a text ('0'), not a whole number"),
        ([[{"type": "labels"}]], "'value' holds null, not an object"),
        ([{"result": {}}], "'result' is an object, not a list"),
        ([["x"]], "'result' holds a text, not an object"),
    ],
)
def test_label_studio_faults(tmp_path: Path, annotations: list[Any], expected: str) -> None:
    assert message(tmp_path, task(1, "Ann", []), task(2, "Ann", *annotations)) == f"a.jsonl:2: {expected}"


def test_label_studio_without_any_annotation(tmp_path: Path) -> None:
    assert message(tmp_path, task(1, "Ann")) == "a.jsonl: none of the 1 tasks is annotated"


# --- Prodigy ---


def test_prodigy_spans(tmp_path: Path) -> None:
    token = {"text": "Ann", "start": 0, "end": 3, "id": 0}
    rows = lines(
        tmp_path,
        {
            "text": "Ann",
            "spans": [ANN | {"token_start": 0}],
            "tokens": [token],
            "answer": "accept",
            "meta": {},
        },
        {"text": "bad", "spans": [OSLO], "tokens": [token], "answer": "reject"},
        {"text": "hm", "spans": [], "tokens": [token], "answer": "ignore"},
        {"text": "nothing", "tokens": [token], "answer": "accept"},
    )
    assert rows.columns == ("text", "spans", "meta")
    assert rows.records == [
        {"text": "Ann", "spans": [ANN], "meta": {}},
        {"text": "nothing", "spans": [], "meta": None},
    ]
    assert rows.notes == ("2 examples that Prodigy's annotator rejected or ignored",)
    assert rows.format == "JSON lines as Prodigy writes them"
    assert rows.place(1) == f"{tmp_path}/a.jsonl:4"


def test_prodigy_choices(tmp_path: Path) -> None:
    options = [{"id": "A", "text": "a"}, {"id": "B", "text": "b"}]
    one = {"text": "x", "options": options, "accept": ["A"], "answer": "accept", "_input_hash": 1}
    none = one | {"accept": []}
    assert lines(tmp_path, one, none).records == [
        {"text": "x", "label": "A", "_input_hash": 1},
        {"text": "x", "label": None, "_input_hash": 1},
    ]
    assert lines(tmp_path, one, one | {"accept": ["A", "B"]}).column("label") == [["A"], ["A", "B"]]
    several = one | {"config": {"choice_style": "multiple"}}
    assert lines(tmp_path, several).column("label") == [["A"]]


def test_prodigy_yes_or_no(tmp_path: Path) -> None:
    rows = lines(
        tmp_path,
        {"text": "x", "label": "A", "answer": "accept"},
        {"text": "y", "label": "A", "answer": "reject"},
    )
    assert rows.records == [{"text": "x", "label": "A"}]
    assert rows.notes == ("1 example that Prodigy's annotator rejected or ignored",)


def test_an_answer_to_a_question_is_no_verdict(tmp_path: Path) -> None:
    record = {"text": "Where?", "label": "place", "answer": "in Oslo"}
    assert lines(tmp_path, record).records == [record]
    marked = record | {"spans": [ANN]}
    rows = lines(tmp_path, marked)
    assert rows.records == [marked]
    assert rows.format == "JSON lines with spans"


def test_prodigy_faults(tmp_path: Path) -> None:
    good = {"text": "Ann", "spans": [ANN], "answer": "accept"}
    bad = good | {"spans": [{"start": 0, "end": 3}]}
    assert message(tmp_path, good, bad) == "a.jsonl:2: the label of a span is missing, not a text"
    refused = good | {"answer": "reject"}
    assert message(tmp_path, refused) == "a.jsonl: the annotator accepted none of the 1 examples"


# --- whatever stands under these keys ---

KEYS = [
    "id", "text", "data", "label", "labels", "entities", "relations", "spans", "tokens", "answer", "accept",
    "options", "config", "annotations", "result", "value", "choices", "start", "end", "start_offset",
    "type", "from_name", "was_cancelled", "paragraphs", "qas", "answers", "context", "annotator", "lead_time",
]  # fmt: skip
LEAVES = st.sampled_from([None, True, 0, 3.5, "x", "accept", "reject", "labels", "choices"])
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=15,
)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.dictionaries(st.sampled_from(KEYS), VALUES, min_size=1), min_size=1, max_size=3))
def test_any_values_are_read_or_refused(objects: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            rows = lines(Path(folder), *objects)
        except DataError as error:
            assert error.message.startswith(f"{folder}/a.jsonl")
        else:
            assert all(record.keys() == set(rows.columns) for record in rows.records)
            assert rows.place(len(rows) - 1).startswith(f"{folder}/a.jsonl")


def test_what_a_span_says_stays_only_where_the_text_says_another(tmp_path: Path) -> None:
    """Offsets that count something else than characters show in this; white space does not count."""

    def task(content: str, **value: object) -> dict[str, object]:
        result = [{"value": {"labels": ["PER"], **value}, "type": "labels"}]
        return {"id": 1, "data": {"text": content}, "annotations": [{"result": result}]}

    path = tmp_path / "export.json"
    path.write_text(
        json.dumps(
            [
                task("Ann\nLee is", start=0, end=7, text="Ann Lee"),
                task("👍 Zoe is", start=3, end=6, text="Zoe"),
            ]
        ),
        encoding="utf-8",
    )
    spans = [record["spans"] for record in read_file(path).records]
    assert spans[0] == [{"start": 0, "end": 7, "label": "PER"}]
    assert spans[1] == [{"start": 3, "end": 6, "label": "PER", "text": "Zoe"}]


def test_null_is_no_list_without_spans(tmp_path: Path) -> None:
    path = tmp_path / "export.jsonl"
    rows = [
        {"text": "Ann is", "label": [[0, 3, "PER"]]},
        {"text": "Bob", "label": None},
        {"text": "x", "label": []},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert [record["spans"] for record in read_file(path).records][1:] == [None, []]
    rows[0]["label"] = [[0, 3]]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with pytest.raises(DataError, match=r"export\.jsonl:1: a span in 'label' has 2 values"):
        read_file(path)
