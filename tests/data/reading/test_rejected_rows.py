"""Rows that cannot be read: set aside one by one, the good ones around them untouched."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bertkit.config.schema import DataSection
from bertkit.data.reading import line_source
from bertkit.data.reading.readers import read_location, read_path
from bertkit.data.reading.sources import load_splits
from bertkit.data.rejection import RejectedRows, TooManyRejectedError
from bertkit.data.rows import Rows
from bertkit.errors import DataError


@dataclass(frozen=True)
class Case:
    """A file with rows that cannot be read.

    Attributes:
        name: of the file.
        content: of it.
        kept: the values of the column `text` (or `tokens`) that are read.
        rejected: the end of the place, and a part of the reason, of each row that is not.
    """

    name: str
    content: bytes
    kept: list[Any]
    rejected: list[tuple[str, str]]


SQUAD = {
    "data": [
        {
            "title": "t",
            "paragraphs": [
                {
                    "context": "The sky is blue.",
                    "qas": [
                        {"id": "1", "question": "What?", "answers": [{"text": "sky", "answer_start": 4}]},
                        {"id": "2", "question": None, "answers": []},
                        {"id": "3", "question": "Why?", "answers": [{"text": "blue", "answer_start": "x"}]},
                        {"id": "4", "question": "What?", "answers": []},
                    ],
                },
                {"context": 5, "qas": []},
            ],
        },
        {"title": "u", "paragraphs": "none"},
    ]
}  # fmt: skip
DOCCANO = [
    {"text": "Anna sings", "label": [[0, 4, "PER"]]},
    {"text": "Bert", "label": [[0, 4]]},
    {"text": "Cid", "label": [[0, "3", "PER"]]},
    {"text": "nobody", "label": []},
]
LABEL_STUDIO = [
    {"id": 1, "data": {"text": "Anna"}, "annotations": [{"result": []}]},
    {"id": 2, "data": "Bert", "annotations": [{"result": []}]},
    {"id": 3, "data": {"text": "Cid"}, "annotations": []},
    {"id": 4, "data": {"text": "Dora"}, "annotations": [{"result": [7]}]},
]


def lines(*objects: object) -> bytes:
    return "".join(json.dumps(each) + "\n" for each in objects).encode()


CASES = {
    "jsonl": Case(
        "a.jsonl",
        b'{"text": "a"}\n{"text": "b",}\n{"text": "\xe9"}\n[1]\n{"text": "c"}\n{"text": "\0"}\n'
        b'{"text": NaN}\n'
        b'{"text": 1, "text": 2}\n{"text": "\\ud800"}\n{"text": "x", " ": 1}\n{"text": "d"}',
        ["a", "c", "d"],
        [(":2", "not JSON"), (":3", "0xe9"), (":4", "a list"), (":6", "NUL"), (":7", "NaN"), (":8", "twice"),
         (":9", "surrogate"), (":10", "a key is empty")],
    ),
    "csv": Case(
        "a.csv",
        b'text,n\na,1\nb\nc,2,3\ncaf\xe9,4\n"d\ne",5\n"f\nf\xe9",6\n\0,7\n"g"x,8\nh,9\n',
        ["a", "d\ne", "h"],
        [(":3", "1 field"), (":4", "3 fields"), (":5", "0xe9"), (":9", "0xe9"), (":10", "NUL"),
         (":11", "closing quote")],
    ),
    "csv, a quote that never closes": Case(
        "a.csv", b'text,n\na,1\n"b,2\nc,3\nd,4\n', ["a", "c", "d"], [(":3", "never closed")]
    ),
    "csv, a quote that a later one closes": Case(
        "a.csv", b'text,n\na,1\n"b,2\nc,3\nd,"4"\ne,5\n', ["a", "c", "d", "e"], [(":3", "closing quote")]
    ),
    "tsv": Case("a.tsv", b"text\tn\na\t1\nb\nc\t2\n", ["a", "c"], [(":3", "1 field")]),
    "json": Case(
        "a.json",
        b'[{"text": "a"},\n7,\n{"text": "b"},\n{"text": NaN},\n{"text": "c", "text": "d"},\n{"text": "e"}]',
        ["a", "b", "e"],
        [(":2", "a number"), (":4", "NaN"), (":5", "twice")],
    ),
    "json on one line": Case(
        "a.json", b'[{"text": "a"}, 7, {"text": "b"}, null]', ["a", "b"],
        [(": element 2", "a number"), (": element 4", "null")],
    ),
    "conll": Case(
        "a.conll",
        b"Anna B-PER\nsings O\n\nBert\nsings O\n\nCid B-PER\nis O\nhere O O\nnow O\n\n"
        b"Dora B-PER\n\nEm\xe9 O\n\nF O\n",
        [["Anna", "sings"], ["Dora"], ["F"]],
        [(":4", "1 column"), (":9", "3 columns"), (":14", "0xe9")],
    ),
    "conllu": Case(
        "a.conllu",
        b"".join(b"%s\t%s\t_\tX\t_\t_\t0\t_\t_\t_\n%s" % each for each in (
            (b"1", b"a", b""), (b"2", b"b", b"\n"), (b"one", b"c", b"\n"), (b"1", b"d", b"\n"))),
        [["a", "b"], ["d"]],
        [(":4", "token number")],
    ),
    "squad": Case(
        "a.json", json.dumps(SQUAD).encode(), ["What?", "What?"],
        [("element 1: paragraph 2", "context"), ("element 2", "paragraphs"), ("question 2", "question"),
         ("question 3", "answer_start")],
    ),
    "doccano": Case(
        "a.jsonl", lines(*DOCCANO), ["Anna sings", "nobody"], [(":2", "2 values"), (":3", "whole number")]
    ),
    "label studio": Case(
        "a.jsonl", lines(*LABEL_STUDIO), ["Anna"], [(":2", "not an object"), (":4", "not an object")]
    ),
}  # fmt: skip


def texts(rows: Rows) -> list[Any]:
    name = next(name for name in ("tokens", "question", "text") if name in rows.columns)
    return list(rows.column(name))


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)

    def write(case: Case) -> Path:
        path = Path(case.name)
        path.write_bytes(case.content)
        return path

    return write


@pytest.mark.parametrize("name", CASES)
def test_bad_rows_are_set_aside(name: str, write) -> None:
    case = CASES[name]
    rejected = RejectedRows(len(case.rejected))
    rows = read_path(write(case), rejected)
    assert texts(rows) == case.kept
    assert rows.rejected is rejected
    found = {row.place: row for row in rejected}
    assert len(found) == len(case.rejected), list(found)
    for (end, reason), (place, row) in zip(sorted(case.rejected), sorted(found.items()), strict=True):
        assert place.startswith(case.name) and place.endswith(end)
        assert reason in row.reason
        assert not row.reason.startswith(case.name)


@pytest.mark.parametrize("name", CASES)
def test_one_more_ends_it_and_none_ends_it_at_the_first(name: str, write) -> None:
    case = CASES[name]
    path = write(case)
    if len(case.rejected) > 1:
        with pytest.raises(TooManyRejectedError, match=f"{len(case.rejected)} rows"):
            read_path(path, RejectedRows(len(case.rejected) - 1))
    with pytest.raises(DataError) as plain:
        read_path(path)
    assert not isinstance(plain.value, TooManyRejectedError)
    assert plain.value.message.startswith(f"{path}:")


@pytest.mark.parametrize("name", CASES)
def test_places_of_the_good_rows_stay_right(name: str, write) -> None:
    case = CASES[name]
    rows = read_path(write(case), RejectedRows(100))
    places = [rows.place(index) for index in range(len(rows))]
    assert len(set(places)) == len(places)
    if ".json" not in case.name or case.name.endswith("l"):
        content = case.content.decode("utf-8", errors="replace").split("\n")
        for place, text in zip(places, case.kept, strict=True):
            line = content[int(place.rpartition(":")[2]) - 1]
            first = text[0] if isinstance(text, list) else text.split("\n")[0]
            assert first in line


def test_rows_as_they_are_written_are_kept(write) -> None:
    rejected = RejectedRows(10)
    read_path(write(CASES["csv"]), rejected)
    rows = {row.place: row.row for row in rejected}
    assert rows["a.csv:3"] == "b\n" and rows["a.csv:9"].startswith('"f\n')
    rejected = RejectedRows(10)
    read_path(write(CASES["conll"]), rejected)
    rows = {row.place: row.row for row in rejected}
    assert rows["a.conll:9"] == "Cid B-PER\nis O\nhere O O\nnow O"


def test_a_file_as_a_whole_is_never_passed_over(tmp_path: Path) -> None:
    for name, content in {
        "header.csv": b"text,\xe9\na,1\n", "twice.csv": b"text,text\na,1\n", "cut.json": b'[{"text": "a"},',
        "broken.csv.gz": b"\x1f\x8b\x08\0", "empty.jsonl": b"", "utf16.csv": "text\na\n".encode("utf-16"),
        "syntax.json": b'[{"text": "a"},\n{"text": "b" "c": 1}]',
    }.items():  # fmt: skip
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError) as caught:
            read_path(tmp_path / name, RejectedRows(1_000))
        assert name in caught.value.message


def test_a_broken_document_of_several(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Anna")
    (tmp_path / "a.ann").write_text("T1\tPER 0 4\tAnna\n")
    (tmp_path / "b.txt").write_text("Bert")
    (tmp_path / "b.ann").write_text("T1 PER 0 4 Bert\n")
    rejected = RejectedRows(1)
    rows = read_location(str(tmp_path), rejected)
    assert rows.column("text") == ["Anna"]
    (row,) = rejected
    assert row.place.endswith("b.txt") and "b.ann:1" in row.reason


def test_the_number_is_of_all_splits_together(tmp_path: Path) -> None:
    for name in ("train", "dev"):
        (tmp_path / f"{name}.csv").write_text("text,n\na,1\nb\nc,2\n")
    data = {"train": str(tmp_path / "train.csv"), "eval": {"dev": str(tmp_path / "dev.csv")}}
    splits = load_splits(DataSection(**data, skip_bad_rows=2))
    assert len(splits.rejected) == 2
    assert splits.train is not None and splits.train.rejected is splits.evals["dev"].rejected
    with pytest.raises(TooManyRejectedError):
        load_splits(DataSection(**data, skip_bad_rows=1))
    with pytest.raises(DataError, match=r"train\.csv:3") as caught:
        load_splits(DataSection(**data))
    assert "--skip-bad-rows" in caught.value.hint


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.conll"])
def test_a_line_that_is_longer_than_any_row(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, long = {
        "a.jsonl": ('{"text": "a"}\n', '{"text": "' + "x" * 500 + '"}\n'),
        "a.csv": ("a,1\n", "x" * 500 + ",1\n"),
        "a.conll": ("a B-PER\nb O\n\n", "x" * 500 + " B-PER\ny O\n\n"),
    }[name]
    for module in ("text_files", "json_files"):
        monkeypatch.setattr(f"bertkit.data.reading.{module}.MAX_LINE_BYTES", 100)
    path = tmp_path / name
    path.write_text(("text,n\n" if name == "a.csv" else "") + good + long + good)
    with pytest.raises(DataError, match=r":\d+: the line is 5\d\d bytes long; the limit is 100"):
        read_path(path)
    rejected = RejectedRows(1)
    assert len(read_path(path, rejected)) == 2
    assert len(rejected) == 1


def test_memory_is_bounded_where_a_line_never_ends(tmp_path: Path) -> None:
    import resource

    path = tmp_path / "a.jsonl"
    with path.open("wb") as stream:
        stream.write(b'{"text": "')
        os.truncate(path, 300_000_000)  # of NUL bytes, which take no room on the disk
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DataError, match="bytes long; the limit is 10,000,000"):
        read_path(path)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert (after - before) * 1024 < 10 * line_source.MAX_LINE_BYTES
