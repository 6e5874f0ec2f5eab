"""Examples as the model reads them: what is cut, windows, words with tags, the answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from bertkit.config.flags import settings_from_flags
from bertkit.errors import UsageError
from bertkit.workflows.data_recipe import load_data_recipe
from bertkit.workflows.preview_data import Preview, preview_data
from bertkit.workflows.preview_windows import Window

Show = Callable[..., Preview]


@pytest.fixture
def show(tmp_path: Path, tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch) -> Show:
    monkeypatch.chdir(tmp_path)

    def run(
        rows: list[dict[str, Any]], *, settings: Sequence[str] = (), count: int = 1, **flags: Any
    ) -> Preview:
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / "rows.jsonl").write_text(lines, encoding="utf-8")
        given = settings_from_flags(model=str(tiny_encoder), **flags)
        if not any("max_length" in setting for setting in settings):
            settings = [*settings, "train.max_length=32"]
        loaded = load_data_recipe("rows.jsonl", flags=given, assignments=settings).loaded
        return preview_data(loaded, count=count)

    return run


def texts(window: Window, state: str) -> str:
    return " ".join(piece.text for piece in window.pieces if piece.state == state)


def test_a_short_text(show: Show) -> None:
    preview = show([{"text": "good film", "label": "a"}, {"text": "bad plot", "label": "b"}], count=5)
    first, second = preview.examples
    assert (first.place, first.id, first.target, second.target) == ("rows.jsonl:1", "0", "a", "b")
    assert [(piece.text, piece.state) for piece in first.windows[0].pieces] == [
        ("[CLS]", "special"), ("good", "read"), ("film", "read"), ("[SEP]", "special"),
    ]  # fmt: skip


def test_what_is_cut_stands_where_it_would_be(show: Show) -> None:
    words = "the film plot actor scene is was a and very music end".split()  # noqa: SIM905
    rows = [{"text": " ".join(words), "label": "a"}, {"text": "bad", "label": "b"}]
    (window,) = show(rows, settings=["train.max_length=8"]).examples[0].windows
    assert texts(window, "read").split() == words[:6]
    assert texts(window, "cut").split() == words[6:]
    assert [piece.text for piece in window.pieces][-1] == "[SEP]"


def test_both_texts_of_a_pair_are_cut(show: Show) -> None:
    rows = [
        {"text": "the the the the the the the", "other": "film film film film film film film", "label": label}
        for label in "ab"
    ]
    example = show(rows, text_pair="other", settings=["train.max_length=11"]).examples[0]
    (window,) = example.windows
    states = [(piece.text, piece.state) for piece in window.pieces]
    assert states == [
        ("[CLS]", "special"), *[("the", "read")] * 4, *[("the", "cut")] * 3, ("[SEP]", "special"),
        *[("film", "read")] * 4, *[("film", "cut")] * 3, ("[SEP]", "special"),
    ]  # fmt: skip
    assert set(example.texts) == {"text", "other"}


def test_windows_say_which_tokens_they_hold(show: Show) -> None:
    letters = "a b c d e f g h i j k l m n o p q r s t u v w x y z"
    rows = [{"text": letters, "label": "a"}, {"text": "bad", "label": "b"}]
    windows = show(rows, window=16, stride=4).examples[0].windows
    assert [(window.first, window.last) for window in windows] == [(0, 13), (10, 23), (20, 25)]
    for window in windows:
        assert texts(window, "read").split() == letters.split()[window.first : window.last + 1]
        assert texts(window, "cut") == ""


def test_windows_over_a_text_that_repeats_itself(show: Show) -> None:
    rows = [{"text": "film " * 30, "label": "a"}, {"text": "bad", "label": "b"}]
    windows = show(rows, window=16, stride=4).examples[0].windows
    assert [(window.first, window.last) for window in windows] == [(0, 13), (10, 23), (20, 29)]


def test_words_and_tags_stand_beside_the_first_piece(show: Show) -> None:
    rows = [{"tokens": ["the", "qqq", "film"], "tags": ["O", "B-X", "O"]}] * 3
    (window,) = show(rows).examples[0].windows
    assert [(piece.text, piece.word, piece.tag) for piece in window.pieces] == [
        ("[CLS]", None, None), ("the", "the", "O"), ("q", "qqq", "B-X"), ("##q", "qqq", None),
        ("##q", "qqq", None), ("film", "film", "O"), ("[SEP]", None, None),
    ]  # fmt: skip
    (window,) = show(rows, settings=["task.label_subwords=all"]).examples[0].windows
    assert [piece.tag for piece in window.pieces][2:5] == ["B-X"] * 3


def test_a_tag_is_shown_in_the_window_that_decides_it(show: Show) -> None:
    rows = [{"tokens": list("abcdefghijklmnopqrstuvwxyz"), "tags": ["B-X"] * 26}] * 2
    windows = show(rows, window=16, stride=4).examples[0].windows
    assert len(windows) == 3
    assert [(window.first, window.last) for window in windows] == [(0, 13), (10, 23), (20, 25)]
    tagged = [piece.word for window in windows for piece in window.pieces if piece.tag]
    assert tagged == list("abcdefghijklmnopqrstuvwxyz")


def test_intent_and_slots(show: Show) -> None:
    rows = [{"tokens": ["the", "end"], "tags": ["O", "B-s"], "intent": intent} for intent in ("go", "stop")]
    example = show(rows).examples[0]
    assert example.target["intent"] == "go"
    assert [piece.tag for piece in example.windows[0].pieces] == [None, "O", "B-s", None]


def test_the_answer_in_the_windows_that_hold_it(show: Show) -> None:
    context = "a b c d e f g h i j k l m n o p q r s t u v w x y z"
    answer = {"text": ["t u"], "answer_start": [context.index("t u")]}
    rows = [{"question": "was a", "context": context, "answers": answer}] * 2
    settings = ["task.max_question_length=8", "task.stride=6", "train.max_length=20"]
    windows = show(rows, settings=settings).examples[0].windows
    assert [(window.first, window.last) for window in windows] == [(0, 14), (9, 23), (18, 25)]
    answers = [[piece.text for piece in window.pieces if piece.answer] for window in windows]
    assert answers == [[], ["t", "u"], ["t", "u"]]


@pytest.mark.parametrize(
    "answer", [{"text": [], "answer_start": []}, {"text": ["no such"], "answer_start": [3]}]
)
def test_no_answer_is_marked_where_there_is_none(answer: dict[str, Any], show: Show) -> None:
    rows = [{"question": "was a", "context": "the film was good", "answers": answer}]
    rows += [rows[0] | {"answers": {"text": ["film"], "answer_start": [4]}}]
    settings = ["task.max_question_length=8", "task.stride=6"]
    first, second = show(rows, settings=settings, count=2).examples
    assert not any(piece.answer for piece in first.windows[0].pieces)
    assert [piece.text for piece in second.windows[0].pieces if piece.answer] == ["film"]


def test_a_question_that_is_cut(show: Show) -> None:
    rows = [{"question": "a b c d e f g h i j", "context": "the film", "answers": {"text": ["film"]}}] * 2
    settings = ["task.max_question_length=8", "task.stride=6"]
    (window,) = show(rows, settings=settings).examples[0].windows
    assert texts(window, "cut") == "i j"


def test_rows_that_cannot_be_used_are_passed_over(show: Show) -> None:
    rows = [{"text": "good", "label": None}] * 50
    rows += [{"text": "film", "label": "a"}, {"text": "bad", "label": "b"}]
    assert [one.place for one in show(rows, count=2).examples] == ["rows.jsonl:51", "rows.jsonl:52"]


def test_an_unknown_split(show: Show, tmp_path: Path) -> None:
    show([{"text": "good", "label": "a"}, {"text": "bad", "label": "b"}])
    with pytest.raises(UsageError, match="no split 'dev'; there are train"):
        preview_data(load_data_recipe("rows.jsonl").loaded, split="dev")
