"""Predictions in files: with their references, or matched with a data set by id."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bertkit import evaluate
from bertkit.config.loader import LoadedRecipe, load_recipe
from bertkit.errors import DataError, UsageError
from bertkit.runs.atomic import finite
from bertkit.workflows.evaluate_file import evaluate_file
from bertkit.workflows.events import Note


def write_lines(path: Path, *records: Any) -> Path:
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
    return path


CONTEXT = "Ada wrote it in 1843."
QUESTIONS = [
    {"id": "q1", "question": "Who?", "context": CONTEXT, "answers": [{"text": "Ada", "start": 0}]},
    {"id": "q2", "question": "When?", "context": CONTEXT,
     "answers": [{"text": "1843", "start": 16}, {"text": "in 1843", "start": 13}]},
    {"id": "q3", "question": "What?", "context": CONTEXT, "answers": [{"text": "it", "start": 10}]},
]  # fmt: skip


@pytest.fixture
def questions(tmp_path: Path) -> tuple[str, Path]:
    """A recipe of the task, and a file with three questions."""
    rows = [
        row | {"answers": {"text": [a["text"] for a in row["answers"]],
                           "answer_start": [a["start"] for a in row["answers"]]}}  # type: ignore[index, attr-defined]
        for row in QUESTIONS
    ]  # fmt: skip
    return "qa", write_lines(tmp_path / "dev.jsonl", *rows)


def test_the_predictions_of_a_run_score_what_the_run_scores(trained_run: Path) -> None:
    run = (trained_run / "runs" / "latest").resolve()
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    stored = evaluate_file(run / "predictions" / "validation.jsonl")
    again = evaluate(str(run))
    assert stored.scores == again.scores == metrics["scores"]
    ends = {name: [score.low, score.high] for name, score in stored.splits["validation"].scores.items()}
    assert finite(ends) == metrics["intervals"]["validation"]


def test_official_squad_predictions_by_id(questions: tuple[str, Path], tmp_path: Path) -> None:
    recipe, data = questions
    file = tmp_path / "predictions.json"
    file.write_text(json.dumps({"q2": "in 1843", "q1": "wrote", "other": "x"}), encoding="utf-8")
    notes: list[str] = []
    found = evaluate_file(
        file, recipe=recipe, data=data, listen=lambda e: notes.append(e.text) if isinstance(e, Note) else None
    )
    assert found.scores == {
        "dev.jsonl": {"answer_f1": pytest.approx(1 / 3), "exact_match": pytest.approx(1 / 3)}
    }
    assert "dev.jsonl: 1 of 3 questions have no prediction and count as wrong" in notes
    assert "dev.jsonl: 1 predictions have ids that are not in the data and are ignored" in notes
    assert list(found.notes) == notes[-2:]


def test_a_missing_answer_is_wrong_even_where_none_is_right(tmp_path: Path) -> None:
    row = {
        "id": "q4",
        "question": "Why?",
        "context": "Nobody knows.",
        "answers": {"text": [], "answer_start": []},
    }
    data = write_lines(tmp_path / "dev.jsonl", row, row | {"id": "q5"})
    found = evaluate_file(write_lines(tmp_path / "p", {"id": "q5", "prediction": ""}), recipe="qa", data=data)
    assert found.scores["dev.jsonl"]["exact_match"] == 0.5


def test_lines_of_predict_are_matched_by_their_number(tmp_path: Path) -> None:
    data = write_lines(
        tmp_path / "d.jsonl",
        {"text": "a", "label": "no"},
        {"text": "b", "label": "yes"},
        {"text": "c", "label": "no"},
    )
    predictions = [
        {"text": text, "prediction": label} for text, label in (("a", "no"), ("b", "yes"), ("c", "yes"))
    ]
    found = evaluate_file(write_lines(tmp_path / "p.jsonl", *predictions), recipe="classification", data=data)
    assert found.scores["d.jsonl"]["accuracy"] == pytest.approx(2 / 3)
    with pytest.raises(DataError, match="1 of 3 rows have no prediction, as id '2'"):
        evaluate_file(write_lines(tmp_path / "p.jsonl", *predictions[:2]), recipe="classification", data=data)
    with pytest.raises(DataError, match="None is no prediction of a single_label problem"):
        bad = [*predictions[:2], {"prediction": None}]
        evaluate_file(write_lines(tmp_path / "p.jsonl", *bad), recipe="classification", data=data)


def test_constant_predictions_are_undefined_with_a_reason(tmp_path: Path) -> None:
    lines = [{"prediction": 2.5, "reference": float(number)} for number in range(5)]
    found = evaluate_file(write_lines(tmp_path / "p.jsonl", *lines))
    assert math.isnan(found.scores["p"]["pearson"])
    assert found.notes[0].startswith("p: pearson is not defined: all 5 predictions are 2.5")


def test_what_cannot_be_matched(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "p.jsonl", {"id": "1", "prediction": "a"})
    with pytest.raises(UsageError, match="holds no references"):
        evaluate_file(path)
    with pytest.raises(UsageError, match="what do the predictions"):
        evaluate_file(path, data=path)
    twice = write_lines(tmp_path / "q.jsonl", {"id": "1", "prediction": "a"}, {"id": "1", "prediction": "b"})
    data = write_lines(tmp_path / "d.jsonl", {"text": "a", "label": "no"}, {"text": "b", "label": "yes"})
    with pytest.raises(DataError, match="id '1' occurs twice"):
        evaluate_file(twice, recipe="classification", data=data)
    (tmp_path / "x").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match="cannot be read"):
        evaluate_file(tmp_path / "x", recipe=load_recipe("classification"), data=data)


def own_recipe(tmp_path: Path, train: list[dict[str, Any]], dev: list[dict[str, Any]]) -> LoadedRecipe:
    flags = {
        "data.train": str(write_lines(tmp_path / "train.jsonl", *train)),
        "data.eval": {"dev": str(write_lines(tmp_path / "dev.jsonl", *dev))},
    }
    return load_recipe("classification", flags=flags)


def rows_of(*labels: Any) -> list[dict[str, Any]]:
    return [{"text": f"text {number}", "label": label} for number, label in enumerate(labels)]


def values(tmp_path: Path, *predicted: Any) -> Path:
    return write_lines(tmp_path / "p.jsonl", *({"prediction": value} for value in predicted))


def test_labels_are_those_that_a_training_knows(tmp_path: Path) -> None:
    recipe = own_recipe(tmp_path, rows_of("x", "y", "z"), rows_of("x", "y", "x"))
    found = evaluate_file(values(tmp_path, "x", "y", "z"), recipe=recipe)
    assert found.scores["dev"]["accuracy"] == pytest.approx(2 / 3)
    with pytest.raises(DataError, match="w is no prediction of a single_label problem"):
        evaluate_file(values(tmp_path, "x", "y", "w"), recipe=recipe)
    # An own file is scored with the same labels.
    other = write_lines(tmp_path / "other.jsonl", *rows_of("x", "y"))
    assert evaluate_file(values(tmp_path, "z", "y"), recipe=recipe, data=other).scores["other.jsonl"]


def test_the_mean_over_labels_is_over_all_that_a_training_knows(tmp_path: Path) -> None:
    recipe = own_recipe(tmp_path, rows_of(["a"], ["b", "c"]), rows_of(["a"], ["b"]))
    found = evaluate_file(values(tmp_path, ["a"], ["b"]), recipe=recipe)
    assert found.scores["dev"]["f1_macro"] == pytest.approx(2 / 3)


def test_a_file_in_a_run_has_the_labels_of_the_run(trained_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree((trained_run / "runs" / "latest").resolve(), run)
    labels = json.loads((run / "model" / "bertkit.json").read_text(encoding="utf-8"))["labels"]
    data = write_lines(tmp_path / "d.jsonl", *rows_of(labels[0], labels[0]))
    file = write_lines(run / "predictions" / "d.jsonl", {"prediction": labels[0]}, {"prediction": labels[1]})
    assert evaluate_file(file, data=data).scores["d.jsonl"]["accuracy"] == 0.5
    write_lines(file, {"prediction": labels[0]}, {"prediction": "no such label"})
    with pytest.raises(DataError, match="no such label is no prediction"):
        evaluate_file(file, data=data)


def test_labels_that_only_the_predictions_hold(tmp_path: Path) -> None:
    data = write_lines(tmp_path / "d.jsonl", *rows_of("x", "y", "x"))
    file = values(tmp_path, "x", "y", "z")
    found = evaluate_file(file, recipe="classification", data=data)
    assert found.scores["d.jsonl"]["accuracy"] == pytest.approx(2 / 3)
    alone = write_lines(tmp_path / "d.jsonl", *rows_of("x", "x", "x"))
    assert evaluate_file(file, recipe="classification", data=alone).scores["d.jsonl"]["accuracy"] < 0.5


def test_whole_numbers_are_positions_only_where_no_label_is_a_number(tmp_path: Path) -> None:
    numbers = own_recipe(tmp_path, rows_of(3, 4, 5), rows_of(3, 4, 5))
    with pytest.raises(DataError, match="0 is no prediction"):
        evaluate_file(values(tmp_path, 0, 4, 5), recipe=numbers)
    assert evaluate_file(values(tmp_path, 3, 4.0, "3"), recipe=numbers).scores["dev"]["accuracy"] > 0.6
    names = own_recipe(tmp_path, rows_of("x", "y"), rows_of("x", "y"))
    assert evaluate_file(values(tmp_path, 0, 1), recipe=names).scores["dev"]["accuracy"] == 1


def test_ids_that_repeat(tmp_path: Path) -> None:
    rows = [row | {"id": name} for row, name in zip(rows_of("x", "y", "x"), "112", strict=True)]
    data = write_lines(tmp_path / "d.jsonl", *rows)
    lines = [{"id": name, "prediction": label} for name, label in zip("112", "xyx", strict=True)]
    file = write_lines(tmp_path / "p.jsonl", *lines)
    assert evaluate_file(file, recipe="classification", data=data).scores["d.jsonl"]["accuracy"] == 1
    with pytest.raises(DataError, match=r"p\.jsonl: id '1' occurs twice"):
        evaluate_file(write_lines(file, *lines[::-1]), recipe="classification", data=data)
    file.write_text('{"1": "x", "2": "x"}', encoding="utf-8")
    with pytest.raises(DataError, match=r"d\.jsonl: id '1' occurs twice in the data"):
        evaluate_file(file, recipe="classification", data=data)
    file.write_text('{"1": "x", "2": "x", "1": "y"}', encoding="utf-8")
    with pytest.raises(DataError, match=r"p\.jsonl: id '1' occurs twice"):
        evaluate_file(file, recipe="classification", data=data)


def test_a_question_asked_twice_counts_twice(tmp_path: Path) -> None:
    row = {
        "id": "q",
        "question": "Who?",
        "context": "Ada did.",
        "answers": {"text": ["Ada"], "answer_start": [0]},
    }
    data = write_lines(tmp_path / "d.jsonl", row, row, row | {"id": "r"})
    (tmp_path / "p.json").write_text('{"q": "Ada", "r": "did"}', encoding="utf-8")
    found = evaluate_file(tmp_path / "p.json", recipe="qa", data=data)
    assert found.scores["d.jsonl"]["exact_match"] == pytest.approx(2 / 3)


def test_lines_of_all_rows_serve_those_that_can_be_used(tmp_path: Path) -> None:
    rows = [row | {"id": "same"} for row in rows_of("x", None, "y")]
    data = write_lines(tmp_path / "d.jsonl", *rows)
    lines = [{"id": "same", "prediction": label} for label in "xxy"]
    found = evaluate_file(write_lines(tmp_path / "p.jsonl", *lines), recipe="classification", data=data)
    assert found.scores["d.jsonl"]["accuracy"] == 1


def test_lines_end_at_line_feeds_alone(tmp_path: Path) -> None:
    data = write_lines(tmp_path / "d.jsonl", *rows_of("x", "y"))
    text = '{"text": "a\u2028b\x85c", "prediction": "x"}\n{"prediction": "y"}\n'
    (tmp_path / "p.jsonl").write_text(text, encoding="utf-8")
    found = evaluate_file(tmp_path / "p.jsonl", recipe="classification", data=data)
    assert found.scores["d.jsonl"]["accuracy"] == 1


def test_one_line_is_a_line(tmp_path: Path) -> None:
    recipe = own_recipe(tmp_path, rows_of("x", "y"), rows_of("x"))
    assert evaluate_file(values(tmp_path, "x"), recipe=recipe).scores["dev"]["accuracy"] == 1


def test_columns_and_slices_of_an_own_file(tmp_path: Path) -> None:
    rows = [
        {"body": "good film", "stars": "pos", "land": "de"},
        {"body": "bad film", "stars": "neg", "land": "fr"},
    ] * 30  # fmt: skip
    data = write_lines(tmp_path / "d.jsonl", *rows)
    recipe = own_recipe(tmp_path, rows_of("positive", "negative"), rows_of("positive"))
    for chosen, predicted in ((recipe, ["positive", "positive"]), ("classification", ["positive"] * 2)):
        found = evaluate_file(
            values(tmp_path, *predicted * 30), recipe=chosen, data=data, text=["body"], label="stars",
            rename={"pos": "positive", "neg": "negative"}, slices=["land"],
        )  # fmt: skip
        assert found.scores["d.jsonl"]["accuracy"] == 0.5
        (grouping,) = found.splits["d.jsonl"].slices
        assert {each.group: each.scores["accuracy"].value for each in grouping.groups} == {"de": 1, "fr": 0}
    with pytest.raises(UsageError, match="a file of predictions holds none"):
        evaluate_file(values(tmp_path, "x"), slices=["land"])


def test_the_command_names_what_it_refuses_as_it_was_typed(
    bertkit: Callable[..., Any], tmp_path: Path
) -> None:
    data = write_lines(tmp_path / "d.jsonl", {"body": "a", "stars": "x"}, {"body": "b", "stars": "y"})
    file = values(tmp_path, "x", "x")
    done = bertkit("eval", file, "--recipe", "classification", "--data", data, "--text", "body", "--label",
                   "stars",
               "--json", cwd=tmp_path)  # fmt: skip
    assert json.loads(done.stdout)["scores"]["d.jsonl"]["accuracy"] == 0.5
    for option, value in (("--label", "stars"), ("--text-pair", "b")):
        refused = bertkit("eval", file, option, value, cwd=tmp_path)
        assert (refused.returncode, f"{option} needs the model and its data" in refused.stderr) == (2, True)
    assert (
        "--report needs" in bertkit("eval", file, "--data", data, "--report", "x.html", cwd=tmp_path).stderr
    )


@pytest.mark.parametrize(
    "tags", [["I-PER", "O", "O", "O", "I-LOC", "B-LOC"], ["S-PER", "O", "O", "O", "S-LOC", "S-LOC"]]
)
def test_tags_are_compared_in_one_scheme(tags: list[str], tmp_path: Path) -> None:
    words = ["Ada", "ran", "he", "saw", "Rome", "Paris"]
    data = write_lines(tmp_path / "d.jsonl", {"id": "1", "tokens": words, "tags": tags})
    given = write_lines(tmp_path / "p.jsonl", {"id": "1", "prediction": [], "tags": tags})
    scores = evaluate_file(given, recipe="ner", data=data).scores["d.jsonl"]
    assert (scores["entity_f1"], scores["tag_accuracy"]) == (1.0, 1.0)


def test_tags_of_another_number_than_words_are_refused(tmp_path: Path) -> None:
    row = {"id": "1", "tokens": ["Ada", "ran"], "tags": ["B-PER", "O"]}
    data = write_lines(tmp_path / "d.jsonl", row)
    for tags in (["B-PER"], ["PER", "O"]):
        given = write_lines(tmp_path / "p.jsonl", {"id": "1", "prediction": [], "tags": tags})
        with pytest.raises(DataError, match="is no prediction of a tags problem"):
            evaluate_file(given, recipe="ner", data=data)


def test_lines_without_ids_stand_for_the_rows_whatever_ids_these_have(tmp_path: Path) -> None:
    labels = ["no", "yes", "yes", "no"]
    rows = [{"id": str(3 - n), "text": f"t{n}", "label": label} for n, label in enumerate(labels)]
    data = write_lines(tmp_path / "d.jsonl", *rows)
    lines = [{"prediction": label} for label in labels]
    found = evaluate_file(write_lines(tmp_path / "p.jsonl", *lines), recipe="classification", data=data)
    assert found.scores["d.jsonl"]["accuracy"] == 1.0
    some = write_lines(tmp_path / "q.jsonl", {"id": "0", "prediction": "no"}, *lines[1:])
    with pytest.raises(DataError, match="3 of 4 lines have no id"):
        evaluate_file(some, recipe="classification", data=data)
