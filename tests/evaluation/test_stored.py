"""Predictions files read back: every problem, order of labels, and what is wrong in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bertkit.data.labels import LabelSet
from bertkit.errors import DataError
from bertkit.evaluation.stored import duplicate_of, has_references, json_lines, read_stored


def write(path: Path, *records: Any) -> Path:
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
    return path


def line(prediction: Any, reference: Any, **more: Any) -> dict[str, Any]:
    return {"prediction": prediction, "reference": reference, **more}


def test_classes_stand_in_the_order_of_the_scores(tmp_path: Path) -> None:
    scores = {"positive": 0.3, "negative": 0.7}
    stored = read_stored(
        write(
            tmp_path / "p", line("negative", "positive", id="x", scores=scores), line("positive", "positive")
        )
    )
    assert stored.labels == LabelSet("single_label", ("positive", "negative"))
    assert (list(stored.predicted), list(stored.expected), stored.ids) == ([1, 0], [0, 0], ["x", "1"])


def test_classes_without_scores_stand_in_the_order_of_their_names(tmp_path: Path) -> None:
    stored = read_stored(write(tmp_path / "p", line("b", "c"), line("a", "a")))
    assert stored.labels.names == ("a", "b", "c")
    assert (list(stored.predicted), list(stored.expected)) == ([1, 0], [2, 0])


def test_numbers_as_classes_and_given_labels(tmp_path: Path) -> None:
    path = write(tmp_path / "p", line(1, 0), line("1", 1))
    assert read_stored(path).labels.names == ("0", "1")
    given = LabelSet("single_label", ("1", "0", "2"))
    stored = read_stored(path, given)
    assert stored.labels is given
    assert (list(stored.predicted), list(stored.expected)) == ([0, 0], [1, 0])
    with pytest.raises(DataError, match=r"p:1: 1 is none of the labels no, yes"):
        read_stored(path, LabelSet("single_label", ("no", "yes")))


def test_one_class_alone_is_still_a_choice(tmp_path: Path) -> None:
    assert len(read_stored(write(tmp_path / "p", line("a", "a"))).labels.names) == 2


def test_rows_without_a_reference_are_counted_and_not_scored(tmp_path: Path) -> None:
    stored = read_stored(write(tmp_path / "p", line("a", None), line("a", "b"), line("b", None)))
    assert (stored.rows, len(stored.expected), stored.ids) == (3, 1, ["1"])
    with pytest.raises(DataError, match="no line with a reference"):
        read_stored(write(tmp_path / "q", line("a", None)))


def test_lists_of_labels(tmp_path: Path) -> None:
    stored = read_stored(write(tmp_path / "p", line([], ["b"]), line(["a", "b"], ["a"])))
    assert stored.labels == LabelSet("multi_label", ("a", "b"))
    np.testing.assert_array_equal(stored.predicted, [[0, 0], [1, 1]])
    np.testing.assert_array_equal(stored.expected, [[0, 1], [1, 0]])


def test_numbers(tmp_path: Path) -> None:
    stored = read_stored(write(tmp_path / "p", line(1.5, 2.0), line(None, 3)))
    assert stored.labels.problem == "regression"
    assert stored.predicted[0] == 1.5
    assert np.isnan(stored.predicted[1])


@pytest.mark.parametrize(
    "sides",
    [[(2.3, 3), (3, 4)], [(3.0, 3.5)], [(3, 3), (4, 3), (3.0, 3.5)], [(3, 3), (2.5, 4)], [(1, 2), (2.0, 2)]],
)
def test_a_fraction_on_either_side_of_any_line_makes_numbers(
    tmp_path: Path, sides: list[tuple[float, float]]
) -> None:
    stored = read_stored(write(tmp_path / "p", *(line(*each) for each in sides)))
    assert stored.labels.problem == "regression"
    assert list(zip(stored.predicted, stored.expected, strict=True)) == sides


def test_a_fraction_among_names_or_given_labels(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="p:2: a number with a fraction, where a line before holds 'a'"):
        read_stored(write(tmp_path / "p", line("a", "a"), line(1.5, 2)))
    given = LabelSet("single_label", ("1", "2"))
    assert list(read_stored(write(tmp_path / "p", line(1, 2), line(2.0, 2)), given).predicted) == [0, 1]
    with pytest.raises(DataError, match=r"1\.5 is none of the labels"):
        read_stored(write(tmp_path / "p", line(1.5, 2)), given)


def test_lines_end_at_line_feeds_alone(tmp_path: Path) -> None:
    (tmp_path / "p").write_text('{"a": "b\u2028c"}\n\n{"a": 1}', encoding="utf-8")
    found = list(json_lines(tmp_path / "p"))
    assert found == [(f"{tmp_path / 'p'}:1", {"a": "b\u2028c"}), (f"{tmp_path / 'p'}:3", {"a": 1})]


def test_tags_and_frames(tmp_path: Path) -> None:
    stored = read_stored(write(tmp_path / "p", line([], [], tags=["O", "B-X"], reference_tags=["B-X", "O"])))
    assert stored.labels == LabelSet("tags", ("B-X", "O"))
    assert (stored.predicted, stored.expected) == ([["O", "B-X"]], [["B-X", "O"]])
    frame = line(
        {"intent": "go", "slots": []}, {"intent": "stop", "slots": []}, tags=["O"], reference_tags=["O"]
    )
    stored = read_stored(write(tmp_path / "q", frame))
    assert stored.labels.intents == ("go", "stop")
    assert (stored.predicted, stored.expected) == ([("go", ["O"])], [("stop", ["O"])])
    with pytest.raises(DataError, match="p:1: 1 tags for 2"):
        read_stored(write(tmp_path / "p", line([], [], tags=["O"], reference_tags=["O", "O"])))


def test_answers(tmp_path: Path) -> None:
    stored = read_stored(
        write(tmp_path / "p", line({"text": "1990"}, [{"text": "in 1990", "start": 3}]), line("", []))
    )
    assert stored.labels.problem == "answers"
    assert (stored.predicted, stored.expected) == (["1990", ""], [["in 1990"], []])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"prediction": "a", "reference": "a"}\n\n{broken', "p:3: no JSON"),
        ('{"prediction": "a"}', "p:1: no prediction with a reference"),
        ('{"prediction": "a", "reference": "a"}\n{"prediction": ["a"], "reference": "a"}', "p:2: "),
        ('{"prediction": "a", "reference": {"x": 1}}', "cannot tell what"),
        ("", "no line with a reference"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "p").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_stored(tmp_path / "p")


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "p").write_bytes(b'{"prediction": "\xff", "reference": "a"}\n')
    with pytest.raises(DataError, match="not UTF-8"):
        read_stored(tmp_path / "p")


def test_which_files_have_references(tmp_path: Path) -> None:
    assert has_references(write(tmp_path / "p", line("a", None)))
    assert not has_references(write(tmp_path / "q", {"id": "text"}))
    (tmp_path / "r").write_text('{\n "x": "y"\n}', encoding="utf-8")
    assert not has_references(tmp_path / "r")
    assert duplicate_of(["a", "b", "a"]) == "a"
    assert duplicate_of("abc") is None


def test_lines_whose_probabilities_are_passed_over_say_the_same(tmp_path: Path) -> None:
    scores = {"b": 0.7, 'a, "scores": {': 0.3}
    names = list(scores)
    lines = [line(names[n % 2], names[n % 3 % 2], id=f"{n}", score=0.7, scores=scores) for n in range(9)]
    stored = read_stored(write(tmp_path / "p", *lines))
    assert stored.labels.names == tuple(names)
    assert list(stored.predicted) == [n % 2 for n in range(9)]
    assert list(stored.expected) == [n % 3 % 2 for n in range(9)]
    # What stands behind the probabilities is read, and a line that is broken off is told.
    late = {"id": "9", "scores": scores, "prediction": "b", "reference": "b"}
    assert read_stored(write(tmp_path / "q", *lines, late)).rows == 10
    text = (tmp_path / "p").read_text(encoding="utf-8")
    (tmp_path / "p").write_text(text.rstrip()[:-1], encoding="utf-8")
    with pytest.raises(DataError, match="p:9: no JSON"):
        read_stored(tmp_path / "p")
