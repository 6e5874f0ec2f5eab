from __future__ import annotations

from pathlib import Path

import pytest

from bertkit.data.reading.readers import read_location, read_path
from bertkit.errors import DataError

TEXT = "Ann lives\r\nin Oslo. \u00e9\n"
MARKS = "T1\tPER 0 3\tAnn\nT2\tLOC 14 18\tOslo\n"
SPANS = [{"start": 0, "end": 3, "label": "PER"}, {"start": 14, "end": 18, "label": "LOC"}]


def write(folder: Path, name: str, marks: str | None = MARKS, text: str | None = TEXT) -> Path:
    for suffix, content in ((".ann", marks), (".txt", text)):
        if content is not None:
            (folder / f"{name}{suffix}").write_bytes(content.encode("utf-8"))
    return folder / f"{name}.ann"


def test_folder(tmp_path: Path) -> None:
    write(tmp_path, "b", "")
    write(tmp_path, "a.1")
    write(tmp_path, "README", None, "notes")
    write(tmp_path, "TODO", None, "")
    rows = read_path(tmp_path)
    assert rows.columns == ("id", "text", "spans")
    assert rows.records == [
        {"id": "a.1", "text": TEXT, "spans": SPANS},
        {"id": "b", "text": TEXT, "spans": []},
    ]
    assert TEXT[14:18] == "Oslo"
    assert rows.place(1) == f"{tmp_path}/b.txt"
    assert rows.origin == str(tmp_path)
    assert rows.format == "brat standoff"
    assert rows.notes == ("2 texts without an .ann file",)


@pytest.mark.parametrize("suffix", [".ann", ".txt"])
def test_one_of_a_pair(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path, "a").with_suffix(suffix)
    assert read_path(path).records == [{"id": "a", "text": TEXT, "spans": SPANS}]


@pytest.mark.parametrize("pattern", ["*", "*.ann", "*.txt"])
def test_glob(tmp_path: Path, pattern: str) -> None:
    write(tmp_path, "a")
    write(tmp_path, "b")
    assert read_location(f"{tmp_path}/{pattern}").column("id") == ["a", "b"]


def test_other_lines_are_counted(tmp_path: Path) -> None:
    other = [
        "R1\tlives Arg1:T1 Arg2:T2", "E1\tLive:T1", "A1\tNegated T1", "A2\tSure T1",
        "#1\tAnnotatorNotes T1\thm",
        "N1\tReference T1 Wiki:1\tAnn", "*\tEquiv T1 T2", "T3\tPER 0 3;5 9\tAnn live", "", "T4\tPER 0 3",
    ]  # fmt: skip
    rows = read_path(write(tmp_path, "a", "\r\n".join(other)))
    assert rows.records[0]["spans"] == [SPANS[0]]
    assert rows.notes == (
        "1 relation",
        "1 event",
        "2 attributes",
        "1 comment",
        "1 normalization",
        "1 equivalence",
        "1 span in several parts",
    )


@pytest.mark.parametrize(
    "line",
    [
        "T3 PER 0 3 Ann",
        "T3\tPER 0\tAnn",
        "T3\tPER x 3\tAnn",
        "T3\tPER 0 3; 5 6\tA",
        "T3",
        "? what\tPER 0 3",
        "T3\t0 3\tAnn",
    ],
)
def test_broken_lines(tmp_path: Path, line: str) -> None:
    path = write(tmp_path, "a", MARKS + line + "\n")
    with pytest.raises(DataError) as caught:
        read_path(path)
    assert caught.value.message.startswith(f"{path}:3: the line is not an")
    assert caught.value.hint


def test_missing_text(tmp_path: Path) -> None:
    write(tmp_path, "a")
    path = write(tmp_path, "b", text=None)
    for place in (tmp_path, path):
        with pytest.raises(DataError) as caught:
            read_path(place)
        assert caught.value.message == f"{path}: the text b.txt is missing beside it"


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.ann: no such file"):
        read_path(tmp_path / "gone.ann")


def test_text_that_is_not_utf8(tmp_path: Path) -> None:
    path = write(tmp_path, "a")
    path.with_suffix(".txt").write_bytes(b"one\ncaf\xe9\n")
    with pytest.raises(DataError, match=r"a\.txt:2: byte 0xe9 \(number 4 of the line\)"):
        read_path(path)


def test_folder_with_tables_beside(tmp_path: Path) -> None:
    write(tmp_path, "a")
    (tmp_path / "b.csv").write_text("text\nx\n")
    with pytest.raises(DataError, match=r"holds different formats: a\.ann, b\.csv"):
        read_path(tmp_path)
