"""What `bertkit data check` finds in whole data sets, and that a training is told the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from bertkit.config.flags import settings_from_flags
from bertkit.data.checking.checks import Finding
from bertkit.data.reading.sources import load_splits
from bertkit.errors import BertkitError, RecipeError, UsageError
from bertkit.workflows.check_data import DataReport, check_data
from bertkit.workflows.data_recipe import load_data_recipe
from bertkit.workflows.events import Note, silent
from bertkit.workflows.preparation import NEARLY_UP_TO, prepare, report_data, settle_task

Check = Callable[..., DataReport]


def write(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def reviews(count: int = 60) -> list[dict[str, Any]]:
    words = ["a", "good", "film", "and", "the", "plot", "was", "very", "fine", "indeed"]
    return [
        {"text": f"{words[n % 10]} {words[n % 7]} film number {n}", "label": "ab"[n % 2]}
        for n in range(count)
    ]


@pytest.fixture
def check(tmp_path: Path, tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    monkeypatch.chdir(tmp_path)

    def run(
        name: str,
        *,
        task: str | None = None,
        assignments: Sequence[str] = (),
        max_length: int | None = 32,
        **flags: Any,
    ) -> DataReport:
        given = settings_from_flags(**{"model": str(tiny_encoder)} | flags)
        settings = [*assignments, *([f"train.max_length={max_length}"] if max_length else [])]
        return check_data(load_data_recipe(name, task=task, flags=given, assignments=settings).loaded)

    return run


def odd(report: DataReport) -> dict[tuple[str, str], Finding]:
    return {(one.split, one.check): one for one in report.findings if one.severity != "good"}


def test_good_data_has_no_warning_and_an_eval_split_cut_off(check: Check, tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl", reviews())
    report = check("rows.jsonl")
    assert odd(report) == {}
    assert report.can_train
    assert report.columns == {"text": "text", "label": "label"}
    assert report.labels == ("a", "b")
    assert [(split.name, split.rows, split.used) for split in report.splits] == [
        ("train", 60, 54), ("validation", 6, 6),
    ]  # fmt: skip
    assert report.tables[0].counts == {"train": {"a": 27, "b": 27}, "validation": {"a": 3, "b": 3}}
    assert report.splits[0].format == "JSON lines"


def test_rows_without_text_or_label_are_told_apart_with_their_places(check: Check, tmp_path: Path) -> None:
    rows = reviews()
    rows[3]["text"] = None
    rows[5]["label"] = rows[7]["label"] = None
    write(tmp_path / "rows.jsonl", rows)
    found = odd(check("rows.jsonl"))
    assert found["train", "no_text"].places == ("rows.jsonl:4",)
    assert found["train", "no_label"].places == ("rows.jsonl:6", "rows.jsonl:8")
    assert found["train", "no_label"].text == "2 of 60 rows have no label and are left out"


def test_places_of_rows_after_one_that_is_left_out(check: Check, tmp_path: Path) -> None:
    rows = reviews()
    rows[1]["label"] = None
    rows[9]["text"] = rows[4]["text"] = "the same"
    rows[9]["label"] = rows[4]["label"]
    write(tmp_path / "rows.jsonl", rows)
    write(tmp_path / "dev.jsonl", [*reviews()[20:22], {"text": "new", "label": "c"}])
    found = odd(check("rows.jsonl", evals=["dev.jsonl"]))
    assert found["train", "repeated"].places == ("rows.jsonl:10",)
    assert found["validation", "leaked"].places == (
        "dev.jsonl:1 = rows.jsonl:21", "dev.jsonl:2 = rows.jsonl:22",
    )  # fmt: skip
    assert found["validation", "unseen_label"].places == ("dev.jsonl:3",)


def test_what_makes_training_impossible_is_a_fault_and_the_rest_goes_on(check: Check, tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl", reviews())
    (tmp_path / "dev.csv").write_bytes("text,label\nfine,a\ncafé,b\n".encode("latin-1"))
    report = check("rows.jsonl", evals=["dev.csv"])
    fault = odd(report)["validation", "unusable"]
    assert fault.severity == "fault"
    assert fault.text.startswith("dev.csv:3: ")
    assert "iconv" in fault.advice
    assert not report.can_train
    assert report.tables[0].counts["train"] == {"a": 30, "b": 30}


@pytest.mark.parametrize("first", ["one label", "label outside", "unreadable", "no label"])
def test_other_faults(first: str, check: Check, tmp_path: Path) -> None:
    rows = reviews()
    if first == "one label":
        rows = [row | {"label": "a"} for row in rows]
    if first == "no label":
        rows = [row | {"label": None} for row in rows]
    write(tmp_path / "rows.jsonl", rows)
    if first == "unreadable":
        (tmp_path / "rows.jsonl").write_text('{"text": ', encoding="utf-8")
    more = ["task.labels=[a,c]"] if first == "label outside" else []
    report = check("rows.jsonl", task="classification", assignments=more)
    assert not report.can_train
    assert [one.severity for one in odd(report).values()].count("fault") == 1


def test_imbalance_names_settings_that_the_recipe_takes(check: Check, tmp_path: Path) -> None:
    rows = [row | {"label": "a" if n % 12 else "b"} for n, row in enumerate(reviews(240))]
    write(tmp_path / "rows.jsonl", rows)
    for settings in ([], ["metrics.report=[accuracy]"]):
        advice = odd(check("rows.jsonl", assignments=settings))["train", "imbalance"].advice
        typed = [part for part in advice.split() if part != "--set"]
        assert typed[0] == "train.class_weights=auto"
        kept = [] if any(part.startswith("metrics.report") for part in typed) else settings
        treated = check("rows.jsonl", assignments=[*kept, *typed])
        assert "--set" not in odd(treated)["train", "imbalance"].advice


def test_lengths_are_those_of_the_tokenizer_with_its_special_tokens(check: Check, tmp_path: Path) -> None:
    rows = reviews()
    rows[0]["text"] = "film " * 40
    write(tmp_path / "rows.jsonl", rows)
    write(tmp_path / "dev.jsonl", [{"text": "good film", "label": "a"}, {"text": "plot", "label": "b"}])
    report = check("rows.jsonl", evals=["dev.jsonl"], max_length=20)
    train, dev = report.lengths
    assert (train.longest, train.over, train.unit) == (42, 1, "tokens")
    assert (dev.median, dev.longest) == (3, 4)
    assert "--window" in odd(report)["train", "length"].advice


def test_without_a_tokenizer_lengths_are_in_words(check: Check, tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl", reviews())
    report = check("rows.jsonl", model="./nowhere")
    assert report.can_train
    assert report.lengths[0].unit == "words"
    assert report.lengths[0].median == 5
    assert "no model folder ./nowhere" in odd(report)["", "tokenizer"].text


def test_a_limit_over_the_positions_of_the_encoder_is_a_fault(check: Check, tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl", reviews())
    (tmp_path / "long.yaml").write_text(
        "version: 1\ntask: {type: classification}\ntrain: {max_length: 100}\n", encoding="utf-8"
    )
    report = check("long.yaml", train="rows.jsonl", max_length=None)
    fault = odd(report)["", "max_length"]
    assert (fault.severity, fault.advice) == ("fault", "--set train.max_length=64")


def conll(path: Path, *, faulty: bool = False) -> Path:
    sentences = [
        f"Ann{n} B-PER\nlives O\nin O\nOslo{n} {'I-LOC' if faulty and n in (3, 7) else 'B-LOC'}\n"
        for n in range(30)
    ]
    path.write_text("\n".join(sentences), encoding="utf-8")
    return path


def test_tags_and_entities(check: Check, tmp_path: Path) -> None:
    conll(tmp_path / "train.conll", faulty=True)
    report = check("train.conll")
    assert (report.task, report.tag_scheme) == ("ner", "IOB2")
    assert report.tables[0].kind == "entity label"
    assert report.tables[0].counts["train"] == {"LOC": 27, "PER": 27}
    found = odd(report)["train", "tag_scheme"]
    assert found.count == 2
    assert found.places[0].startswith("train.conll:16, word 4: I-LOC")


def test_spans_have_no_scheme_but_faults_of_their_own(check: Check, tmp_path: Path) -> None:
    rows = [
        {"text": f"Ann {n} lives here", "spans": [{"start": 0, "end": 3, "label": "PER"}]} for n in range(30)
    ]
    rows[4]["spans"] = [{"start": 3, "end": 90, "label": "PER"}]
    rows[6]["spans"] = [{"start": 5, "end": 2, "label": "PER"}]
    rows[8]["spans"] = [{"start": 0, "end": 3, "label": "PER"}, {"start": 0, "end": 5, "label": "PER"}]
    rows[10]["text"] = None
    write(tmp_path / "rows.jsonl", rows)
    report = check("rows.jsonl")
    assert (report.task, report.tag_scheme) == ("ner", "")
    faults = {one.text.partition(":")[0]: one.places for one in report.findings if one.check == "row_fault"}
    assert faults["a span reaches outside the text"] == ("rows.jsonl:5",)
    assert faults["a span ends before it starts, or where it starts"] == ("rows.jsonl:7",)
    assert faults["spans overlap"] == ("rows.jsonl:9",)
    assert odd(report)["train", "no_text"].places == ("rows.jsonl:11",)


def test_intents_and_slots_are_counted_apart(check: Check, tmp_path: Path) -> None:
    rows = [
        {"tokens": ["play", f"song{n}"], "tags": ["O", "B-song"], "intent": ["play", "stop"][n % 2]}
        for n in range(40)
    ]
    write(tmp_path / "rows.jsonl", rows)
    report = check("rows.jsonl")
    assert report.task == "intent_slots"
    assert [(table.kind, set(table.counts["train"])) for table in report.tables] == [
        ("intent", {"play", "stop"}), ("slot", {"song"}),
    ]  # fmt: skip


def test_answers_that_are_not_at_their_offset(check: Check, tmp_path: Path) -> None:
    rows = [
        {
            "question": f"who {n}?",
            "context": f"it was Ann {n}",
            "answers": {"text": ["Ann"], "answer_start": [7]},
        }
        for n in range(30)
    ]
    rows[2]["answers"] = {"text": ["Bob"], "answer_start": [7]}
    rows[3]["answers"] = {"text": [], "answer_start": []}
    write(tmp_path / "rows.jsonl", rows)
    settings = ["task.max_question_length=8", "task.stride=8"]
    report = check("rows.jsonl", assignments=settings)
    assert report.task == "qa"
    (fault,) = [one for one in report.findings if one.check == "row_fault"]
    assert fault.places == ("rows.jsonl:3",)
    counts = report.tables[0].counts
    assert sum(split["unanswerable"] for split in counts.values()) == 1


def test_several_labels_a_row_and_numbers(check: Check, tmp_path: Path) -> None:
    rows = [row | {"label": ["a", "b"] if n % 30 == 0 else ["a"]} for n, row in enumerate(reviews(240))]
    write(tmp_path / "rows.jsonl", rows)
    advice = odd(check("rows.jsonl"))["train", "imbalance"].advice
    assert advice == "--set metrics.select=f1_macro"  # class weights are refused there
    write(tmp_path / "rows.jsonl", [row | {"label": n / 7} for n, row in enumerate(reviews())])
    report = check("rows.jsonl")
    assert (report.problem, report.tables, odd(report)) == ("regression", (), {})


def test_parts_of_speech_are_tags_and_not_entities(check: Check, tmp_path: Path) -> None:
    rows = [{"tokens": ["the", f"film{n}"], "tags": ["DET", "NOUN"]} for n in range(30)]
    write(tmp_path / "rows.jsonl", rows)
    report = check("rows.jsonl")
    assert (report.tag_scheme, report.tables[0].kind) == ("plain", "tag")
    assert odd(report) == {}


def test_a_training_does_not_wait_for_near_duplicates_in_many_rows(
    tmp_path: Path, tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    long = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
    many = [{"text": f"film {n}", "label": "ab"[n % 2]} for n in range(NEARLY_UP_TO)]
    write(tmp_path / "dev.jsonl", [{"text": f"{long} sixteen", "label": "a"}])
    for rows, wanted in ((many[:100], True), (many, False)):
        write(tmp_path / "rows.jsonl", [*rows, {"text": long, "label": "a"}])
        flags = settings_from_flags(model=str(tiny_encoder), train="rows.jsonl", evals=["dev.jsonl"])
        recipe = load_data_recipe("classification", flags=flags).loaded.recipe
        told: list[Any] = []
        splits = load_splits(recipe.data)
        task, train, evals, _ = settle_task(recipe, splits, silent)
        report_data(recipe, task, splits, train, evals, told.append)
        assert any("nearly the same" in note.text for note in told) is wanted


def test_long_questions_are_cut_and_the_context_counts_whole(check: Check, tmp_path: Path) -> None:
    rows = [
        {"question": "was a film " * 4, "context": "the film was good", "answers": {"text": ["film"]}}
        for _ in range(4)
    ]
    write(tmp_path / "rows.jsonl", rows)
    write(tmp_path / "dev.jsonl", [rows[0] | {"question": "was a film"}])
    settings = ["task.max_question_length=8", "task.stride=8"]
    report = check("rows.jsonl", evals=["dev.jsonl"], assignments=settings)
    assert [one.longest for one in report.lengths] == [8 + 4 + 3, 3 + 4 + 3]
    assert odd(report)["train", "length"].text == "4 questions are cut"
    assert ("validation", "length") not in odd(report)


def test_a_test_split_with_hidden_labels_is_no_fault(check: Check, tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl", reviews())
    write(tmp_path / "test.jsonl", [{"text": "a new film", "label": None}])
    report = check("rows.jsonl", test="test.jsonl")
    assert odd(report) == {}
    assert any("labels are hidden" in one.text for one in report.findings if one.split == "test")


def test_the_report_is_json(check: Check, tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl", reviews())
    written = json.loads(json.dumps(check("rows.jsonl").as_dict()))
    assert written["can_train"] is True
    assert {"columns", "splits", "tables", "lengths", "findings"} <= set(written)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("ner", {"task": "ner"}, "is a recipe"),
        ("rows.jsonl", {"task": "nerr"}, "there is no such task"),
        ("rows.jsonl", {"train": "rows.jsonl"}, "two files to train on"),
        ("ner", {}, "nothing to check"),
        ("nerr", {}, "no recipe is called"),
    ],
)
def test_options_that_do_not_go_together(
    name: str, options: dict[str, str], message: str, check: Check, tmp_path: Path
) -> None:
    write(tmp_path / "rows.jsonl", reviews())
    with pytest.raises(BertkitError, match=message) as caught:
        check(name, **options)
    assert isinstance(caught.value, UsageError | RecipeError)


def test_a_training_is_told_the_same_warnings(tmp_path: Path, tiny_encoder: Path, check: Check) -> None:
    rows = reviews()
    rows[9]["text"] = rows[7]["text"]
    write(tmp_path / "rows.jsonl", rows)
    write(tmp_path / "dev.jsonl", reviews()[20:22])
    flags = settings_from_flags(model=str(tiny_encoder), train="rows.jsonl", evals=["dev.jsonl"])
    loaded = load_data_recipe("classification", flags=flags, assignments=["train.max_length=32"]).loaded
    told: list[Note] = []
    prepare(loaded.recipe, lambda event: told.append(event) if isinstance(event, Note) else None)
    warnings = [note.text for note in told if note.warning]
    assert warnings == [
        one.sentence for one in check_data(loaded).findings if one.severity != "good"
    ]  # fmt: skip
    assert warnings[0] == "train: 1 row repeating another (rows.jsonl:10)"
    assert warnings[1].startswith(
        "validation: 2 rows also among the training rows (dev.jsonl:1 = rows.jsonl:21"
    )
