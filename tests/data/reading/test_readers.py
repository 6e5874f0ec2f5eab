from __future__ import annotations

import csv
import io
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bertkit.data.reading.readers import is_glob, read_file, read_folder, read_location, read_path
from bertkit.data.rows import Rows
from bertkit.errors import DataError


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def read(folder: Path, name: str, content: str | bytes) -> Rows:
    return read_file(write(folder, name, content))


def fault(folder: Path, name: str, content: str | bytes) -> DataError:
    path = write(folder, name, content)
    with pytest.raises(DataError) as caught:
        read_file(path)
    caught.value.message = caught.value.message.replace(f"{folder}/", "")
    return caught.value


def table(rows: Rows) -> list[list[Any]]:
    return [[record[column] for column in rows.columns] for record in rows.records]


def write_parquet(folder: Path, name: str, data: dict[str, list[Any]], features: object = None) -> Path:
    made = pa.table(data)
    if features is not None:
        made = made.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(made, folder / name)
    return folder / name


# --- what is read, and where it stood ---


def test_csv_values_stay_text(tmp_path: Path) -> None:
    rows = read(tmp_path, "a.csv", " text , label\nNA,1\nnull,\n 3e5 ,-0\n")
    assert rows.columns == ("text", "label")
    assert table(rows) == [["NA", "1"], ["null", ""], [" 3e5 ", "-0"]]
    assert rows.origin == str(tmp_path / "a.csv")
    assert len(rows) == 3


def test_csv_place_counts_quoted_line_feeds_and_blank_lines(tmp_path: Path) -> None:
    rows = read(tmp_path, "reviews.csv", 'text,label\n"one\ntwo",1\n\nthree,2\n')
    assert table(rows) == [["one\ntwo", "1"], ["three", "2"]]
    assert [rows.place(index) for index in range(2)] == [f"{tmp_path}/reviews.csv:{line}" for line in (2, 5)]


def test_file_is_named_as_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "reviews.csv", "text\nx\n")
    monkeypatch.chdir(tmp_path)
    assert read_file(Path("reviews.csv")).place(0) == "reviews.csv:2"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_delimiter_is_found_outside_quotes(tmp_path: Path, delimiter: str) -> None:
    quoted = "".join(other * 3 for other in ",;|\t" if other != delimiter)
    header = delimiter.join([f'"{quoted}"', "b", "c"])
    rows = read(tmp_path, "a.csv", f"{header}\n1{delimiter}2{delimiter}3\n")
    assert table(rows) == [["1", "2", "3"]]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_csv_line_ends(tmp_path: Path, end: str) -> None:
    rows = read(tmp_path, "a.csv", end.join(["text,label", "one,1", '"t""w""o",2', ""]))
    assert table(rows) == [["one", "1"], ['t"w"o', "2"]]
    assert rows.place(1).endswith("a.csv:3")


def test_csv_field_over_the_limit_of_the_csv_module(tmp_path: Path) -> None:
    long = "x" * 300_000
    assert table(read(tmp_path, "a.csv", f"text,label\n{long},1\n")) == [[long, "1"]]


def test_csv_first_column_without_a_name(tmp_path: Path) -> None:
    assert read(tmp_path, "a.csv", ",text\n0,x\n").columns == ("column 1", "text")


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.json", "a.jsonl", "a"])
def test_utf8_byte_order_mark_is_removed(tmp_path: Path, name: str) -> None:
    text = {"a.csv": "text\nx\n", "a.tsv": "text\nx\n", "a.json": '[{"text": "x"}]'}.get(
        name, '{"text": "x"}\n'
    )
    rows = read(tmp_path, name, b"\xef\xbb\xbf" + text.encode())
    assert rows.columns == ("text",)
    assert table(rows) == [["x"]]


def test_tsv_reads_quotes(tmp_path: Path) -> None:
    content = 'label\ttext\n1\t"one\nline ""two"""\n2\t"a\tb"\n'
    assert table(read(tmp_path, "a.tsv", content)) == [["1", 'one\nline "two"'], ["2", "a\tb"]]


@pytest.mark.parametrize(
    "lines",
    [
        ['1\t"Yes," he said', "2\tno"],  # text after a closing quote
        ["1\tone", '2\t"never closed', "3\tthree"],
        ['1\t"opens here', '2\tcloses here"', "3\tthree"],  # one row by the quotes, two by the tabs
        ['1\t"opens', "2\tno quote", '3\t"closes" not', "4\tx"],
    ],
)
def test_tsv_quotes_are_text_where_they_make_no_rows(tmp_path: Path, lines: list[str]) -> None:
    rows = read(tmp_path, "a.tsv", "\n".join(["label\ttext", *lines]))
    assert table(rows) == [line.split("\t") for line in lines]
    assert rows.place(1).endswith("a.tsv:3")


def test_jsonl_keeps_types_and_fills_missing_keys(tmp_path: Path) -> None:
    content = '{"a": 1, " b ": [true, null]}\r\n\n{"c": {"d": 1.5}, "a": "x"}'
    rows = read(tmp_path, "a.jsonl", content)
    assert rows.columns == ("a", "b", "c")
    assert table(rows) == [[1, [True, None], None], ["x", None, {"d": 1.5}]]
    assert [rows.place(index) for index in range(2)] == [f"{tmp_path}/a.jsonl:{line}" for line in (1, 3)]


def test_json_list_by_line(tmp_path: Path) -> None:
    rows = read(tmp_path, "a.json", '[\n  {"a": 1},\n  {\n    "a": 2\n  }, \n\n {"a": 3}\n]\n')
    assert table(rows) == [[1], [2], [3]]
    assert [rows.place(index)[-2:] for index in range(3)] == [":2", ":3", ":7"]


def test_json_on_one_line_is_counted(tmp_path: Path) -> None:
    rows = read(tmp_path, "reviews.json", '[{"a": 1}, {"a": 2}, {"a": 3}]')
    assert rows.place(2) == f"{tmp_path}/reviews.json: element 3"


@pytest.mark.parametrize(
    "content",
    [
        '{"data": [{"a": 1}]}',
        '{"version": 1, "tags": ["x", {"k": 2}], "data":\n[{"a": 1}], "none": [], "info": {"r": [{"z": 1}]}}',
        '{"a": 1}\n\n',
        '{"data": [{"a": 1}]}\n',
    ],
)
def test_json_object_with_one_list_of_objects(tmp_path: Path, content: str) -> None:
    name = "a.ndjson" if content.startswith('{"a"') else "a.json"
    assert table(read(tmp_path, name, content)) == [[1]]


def test_json_suffix_over_json_lines(tmp_path: Path) -> None:
    rows = read(tmp_path, "a.json", '{"a": 1}\n{"a": 2}\n')
    assert table(rows) == [[1], [2]]
    assert rows.place(1).endswith("a.json:2")


def test_parquet_with_class_names(tmp_path: Path) -> None:
    features = {
        "label": {"names": ["bad", "good"], "_type": "ClassLabel"},
        "text": {"dtype": "string", "names": ["x"], "_type": "Value"},
        "tags": {"feature": {"names": ["O"], "_type": "ClassLabel"}, "_type": "List"},
        "gone": {"names": ["x"], "_type": "ClassLabel"},
    }
    data = {" text": ["x", "y"], "label": [1, 0], "tags": [[0], []]}
    rows = read_file(write_parquet(tmp_path, "a.parquet", data, features))
    assert rows.columns == ("text", "label", "tags")
    assert table(rows) == [["x", 1, [0]], ["y", 0, []]]
    assert rows.class_names == {"label": ("bad", "good"), "tags": ("O",)}
    assert rows.place(1) == f"{tmp_path}/a.parquet: row 2"


@pytest.mark.parametrize("features", [None, [], {"label": {"names": 3, "_type": "ClassLabel"}}, {"label": 1}])
def test_parquet_with_other_metadata(tmp_path: Path, features: object) -> None:
    path = write_parquet(tmp_path, "a.parquet", {"label": [1]}, features)
    assert read_file(path).class_names == {}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('[{"a": "1", "b": "2"}]', [["1", "2"]]),
        ('{"a": "1", "b": "2"}\n', [["1", "2"]]),
        ('{"data":\n [{"a": "1", "b": "2"}]}', [["1", "2"]]),
        ("a\tb\n1\t2, 3\n", [["1", "2, 3"]]),
        ("a;b\n1;2\n", [["1", "2"]]),
    ],
)
@pytest.mark.parametrize("name", ["data", "data.txt", "data.2024"])
def test_content_says_the_format(tmp_path: Path, name: str, content: str, expected: list[list[str]]) -> None:
    assert table(read(tmp_path, name, content)) == expected


def test_content_says_parquet(tmp_path: Path) -> None:
    assert table(read_file(write_parquet(tmp_path, "data", {"a": [1]}))) == [[1]]


def test_upper_case_suffix(tmp_path: Path) -> None:
    assert table(read(tmp_path, "A.CSV", "text\nx\n")) == [["x"]]


# --- faults: (file, content, message, a part of the hint) ---

LONG = "x" * 200
FAULTS: list[tuple[str, str | bytes, str, str]] = [
    ("a.csv", "", "a.csv: the file is empty", "check how"),
    ("a.jsonl", b"\xef\xbb\xbf \n\n", "a.jsonl: the file is empty", "check how"),
    ("a.csv", "text,label\n", "a.csv:1: no row follows the header", "check how"),
    ("a.csv", "a,b\n1,2\n1,2,3\n", "a.csv:3: the row has 3 fields, the header has 2", "quotes"),
    ("a.csv", 'a,b\n"1\n1",2\n1\n', "a.csv:4: the row has 1 field, the header has 2", "a comma"),
    ("a.csv", 'a,b\n1,2\n3,"x\ny\n', "a.csv:3: a quote is opened and never closed (lines 3 to 4)", '""'),
    ("a.csv", 'a;b\n1;"2"x\n', "a.csv:2: text follows a closing quote", "';'"),
    ("a.tsv", "a\tb\n1 2\n", "a.tsv:2: the row has 1 field, the header has 2", "a tab"),
    ("a.tsv", 'a\n1\n"2\n\t', "a.tsv:4: the row has 2 fields, the header has 1", "a tab"),
    (
        "a.csv",
        '"a,b\n1,2\n',
        "a.csv:1: a quote is opened and never closed (lines 1 to 2)",
        "names of the columns",
    ),
    ("a.csv", "a,b, a\n1,2,3\n", "a.csv:1: columns 1 and 3 are both named 'a'", "rename"),
    ("a.csv", ",column 1\n1,2\n", "a.csv:1: columns 1 and 2 are both named 'column 1'", "rename"),
    ("a.csv", "\na,,b\n1,2,3\n", "a.csv:2: column 2 has no name", "name it"),
    (
        "a.csv",
        b"a,b\n1,2\ncaf\xe9,3\n",
        "a.csv:3: byte 0xe9 (number 4 of the line) is not UTF-8",
        "iconv -f latin1",
    ),
    ("a.csv", b'a\n"1\r2\r\xff"\n', "a.csv:4: byte 0xff (number 1 of the line) is not UTF-8", "iconv"),
    (
        "a.jsonl",
        b'{"a": 1}\n{"a": "\xe9"}\n',
        "a.jsonl:2: byte 0xe9 (number 8 of the line) is not UTF-8",
        "iconv",
    ),
    ("a.json", b'[\n{"a": "\xc3"}]\n', "a.json:2: byte 0xc3 (number 8 of the line) is not UTF-8", "iconv"),
    ("a.csv", b"a,b\n1,2\n\0,3\n", "a.csv:3: the line holds a NUL byte", "damaged"),
    ("a.jsonl", b'{"a": 1}\n{"a": "\0"}\n', "a.jsonl:2: the line holds a NUL byte", "damaged"),
    ("a.json", b'[\n\n{"a": "\0"}]', "a.json:3: the line holds a NUL byte", "damaged"),
    ("a.csv", "a,b\n1,2\n".encode("utf-16"), "a.csv: the file is UTF-16, not UTF-8", "iconv -f UTF-16"),
    ("a.csv", "a,b\n1,2\n".encode("utf-32"), "a.csv: the file is UTF-32, not UTF-8", "iconv -f UTF-32"),
    ("a.csv", "a,b\n1,2\n".encode("utf-16-le"), "a.csv:1: the line holds a NUL byte", "UTF-16LE"),
    (
        "a.parquet",
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
        "a.parquet: a git-LFS pointer stands in place of the data",
        "git lfs pull",
    ),
    ("a.csv", "\n <!DOCTYPE html><p>", "a.csv: a web page (HTML) stands in place of the data", "raw file"),
    ("a.jsonl", "<html><body>", "a.jsonl: a web page (HTML) stands in place of the data", "raw file"),
    ("a.csv.gz", b"\x1f\x8b\x08\0", "a.csv.gz: the gzip archive is broken: ", "gzip -t"),
    ("a.csv.bz2", b"BZh9", "a.csv.bz2: the file is compressed (bzip2)", "bzip2 -dk"),
    ("a.xlsx", b"PK\x03\x04\0", "a.xlsx: the file is a zip archive or a spreadsheet", "as CSV"),
    (
        "notes.txt",
        "Dear all,\nhello\n",
        "notes.txt: the format cannot be told from the name or the content",
        ".jsonl",
    ),
    ("a.bin", b"\x80\x04,\0\n,\0\n", "a.bin: the format cannot be told from the name or the content", ".csv"),
    ("a.jsonl", '{"a": 1}\n{"a": 1,}\n', "a.jsonl:2: not JSON: ", "one object"),
    ("a.jsonl", '{"a": 1} x\n', "a.jsonl:1: not JSON: more text after the value (column 10)", "one object"),
    ("a.jsonl", '\n[{"a": 1}]\n', "a.jsonl:2: the line is a list, not an object", "named .json"),
    ("a.jsonl", "null\n", "a.jsonl:1: the line is null, not an object", "one object"),
    ("a.jsonl", '{"a": 1, "b": 2, "a": 3}\n', "a.jsonl:1: the key 'a' is given twice", "rename"),
    ("a.jsonl", '{"b": {"a": 1, "a": 1}}\n', "a.jsonl:1: the key 'a' is given twice", "rename"),
    ("a.jsonl", '{"a": 1, "a ": 3}\n', "a.jsonl:1: the key 'a' is given twice (white space", "rename"),
    ("a.jsonl", '{"a": 1, " ": 3}\n', "a.jsonl:1: a key is empty", "name it"),
    ("a.jsonl", "{}\n", "a.jsonl: every object is empty", "check"),
    ("a.jsonl", '\n{"a": NaN}\n', "a.jsonl:2: NaN is not JSON", "null"),
    ("a.jsonl", '{"a": -Infinity}\n', "a.jsonl:1: -Infinity is not JSON", "null"),
    ("a.jsonl", '{"a": 1e999}\n', "a.jsonl:1: the number 1e999 is out of range", "one object"),
    ("a.jsonl", '{"a": ' + "9" * 5_000 + "}\n", "a.jsonl:1: a number is too long", "one object"),
    ("a.jsonl", '{"a": "x\\ud800"}\n', "a.jsonl:1: a text holds half of a surrogate pair", "\\ud"),
    ("a.jsonl", '{"a": ' + "[" * 100 + "]" * 100 + "}", "a.jsonl:1: the value has more than 100 levels", ""),
    (
        "a.jsonl",
        '{"a": ' + "[" * 9_999 + "]" * 9_999 + "}",
        "a.jsonl:1: the value has more than 100 levels",
        "",
    ),
    ("a.json", '[\n{"a": 1},\n{"a": 1]\n]', "a.json:3: not JSON: ", "list of objects"),
    ("a.json", '[\n{\n"a": 1,\n"b": }\n]', "a.json:4: not JSON: ", "list of objects"),
    ("a.json", '[\n{"a": 1},\n]', "a.json:3: not JSON: ", "list of objects"),
    ("a.json", '[\n{"a": 1}\n{"a": 1}]', "a.json:3: not JSON: , or ] should stand here", "list of objects"),
    ("a.json", '[{"a": 1},\n', "a.json:2: not JSON: ", "list of objects"),
    ("a.json", '[{"a": 1}]\n]', "a.json:2: more text follows the end of the JSON value", "list"),
    ("a.json", '[{"a": 1},\n{"a": 2},\n\n7]', "a.json:4: element 3 is a number, not an object", "list"),
    ("a.json", '[{"a": 1},\n{"a": NaN}]', "a.json:2: NaN is not JSON", "null"),
    ("a.json", '[{"a": 1},\n{"a": 1, "a": 2}]', "a.json:2: the key 'a' is given twice", "rename"),
    ("a.json", '{"a": [],\n"a": []}', "a.json:2: the key 'a' is given twice", "rename"),
    ("a.json", '{"a": [{}],\n}', "a.json:2: not JSON: a key in double quotes", "list"),
    ("a.json", "[]", "a.json: the file holds no rows", "check"),
    ("a.json", "{}", "a.json: the object holds no list of objects", "list"),
    ("a.json", '"x"', "a.json: the file holds no list of objects", "list"),
    ("a.json", '{"text": {"0": "x"}}', "a.json: the object holds no list of objects", "records"),
    ("a.json", '{"a": ["x"], "b": [1]}', "a.json: the object holds no list of objects", "records"),
    (
        "a.json",
        '{"a": [{"x": 1}], "b": [{"x": 1}]}',
        "a.json: the object holds 2 lists of objects (a, b)",
        "leave",
    ),
    ("a.parquet", "text,label\n1,2\n", "a.parquet: this is no Parquet file", "rename"),
    ("a.parquet", b"PAR1" + b"\0" * 50 + b"PAR1", "a.parquet: the Parquet file cannot be read: ", "fetch"),
    ("a.csv", b"PAR1\0\0PAR1", "a.csv: this is a Parquet file", "a.parquet"),
]


@pytest.mark.parametrize(("name", "content", "message", "hint"), FAULTS, ids=range(len(FAULTS)))
def test_fault(tmp_path: Path, name: str, content: str | bytes, message: str, hint: str) -> None:
    error = fault(tmp_path, name, content)
    assert error.message.startswith(message)
    assert hint in error.hint
    assert "\n" not in error.message + error.hint
    assert error.hint


def test_deep_but_allowed(tmp_path: Path) -> None:
    assert len(read(tmp_path, "a.jsonl", '{"a": ' + "[" * 99 + "]" * 99 + "}")) == 1
    assert len(read(tmp_path, "b.jsonl", json.dumps({"a": [[1]] * 200}))) == 1


def test_surrogate_pair_is_a_character(tmp_path: Path) -> None:
    assert table(read(tmp_path, "a.jsonl", '{"a": "\\ud83d\\ude00"}')) == [["\U0001f600"]]


def test_broken_parquet_tail(tmp_path: Path) -> None:
    whole = write_parquet(tmp_path, "a.parquet", {"a": list(range(1_000))}).read_bytes()
    assert "cannot be read" in fault(tmp_path, "a.parquet", whole[:-20]).message
    assert "cannot be read" in fault(tmp_path, "a.parquet", whole[:40] + b"\xff" * 400 + whole[440:]).message


def test_parquet_faults(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.parquet: columns 1 and 2 are both named 'a'"):
        read_file(write_parquet(tmp_path, "a.parquet", {"a": [1], " a": [2]}))
    with pytest.raises(DataError, match=r"b\.parquet: the file holds no rows"):
        read_file(write_parquet(tmp_path, "b.parquet", {"a": []}))


# --- files that cannot be opened ---


def opening(path: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        read_file(path)
    return caught.value


def test_missing_file_names_the_nearest(tmp_path: Path) -> None:
    write(tmp_path, "reviews.csv", "text\nx\n")
    error = opening(tmp_path / "review.csv")
    assert error.message == f"{tmp_path}/review.csv: no such file"
    assert error.hint == f"did you mean {tmp_path}/reviews.csv?"
    assert opening(tmp_path / "zzz").hint == f"see what is there: ls {tmp_path}"


def test_missing_folder(tmp_path: Path) -> None:
    assert opening(tmp_path / "no" / "a.csv").message.endswith(f"there is no folder {tmp_path}/no")
    write(tmp_path, "file", "x")
    assert opening(tmp_path / "file" / "a.csv").message.endswith(f"there is no folder {tmp_path}/file")


def test_link_to_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.csv").symlink_to(tmp_path / "gone.csv")
    assert opening(tmp_path / "a.csv").message.endswith("a.csv: the link points to nothing")


def test_folder_and_pipe(tmp_path: Path) -> None:
    assert opening(tmp_path).message == f"{tmp_path}: this is a folder, a file is needed"
    os.mkfifo(tmp_path / "pipe.csv")
    assert "pipe or a device" in opening(tmp_path / "pipe.csv").message


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, "a.csv", "text\nx\n")

    def refuse(*_: object) -> None:  # root may read everything: chmod would prove nothing
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    error = opening(path)
    assert error.message == f"{path}: no permission to read it"
    assert error.hint == f"chmod u+r {path}"


def test_reading_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, "a.csv", "text\nx\n")

    class Broken(io.BytesIO):
        def read(self, _: int | None = -1, /) -> bytes:
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "open", lambda *_: Broken())
    assert opening(path).message == f"{path}: cannot be read: Input/output error"


@pytest.mark.parametrize("name", ["x" * 300, "a\0b"])
def test_impossible_names(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=r"cannot be read|NUL"):
        read_path(tmp_path / name)


# --- folders ---


def test_folder_in_order_of_names(tmp_path: Path) -> None:
    write(tmp_path, "part-2.csv", "label,text\n2,b\n3,c\n")
    write(tmp_path, "part-1.csv", "text,label\na,1\n")
    write(tmp_path, ".hidden.json", "{")
    write(tmp_path, "README.md", "x")
    (tmp_path / "more.csv").mkdir()
    rows = read_path(tmp_path)
    assert rows.columns == ("text", "label")
    assert table(rows) == [["a", "1"], ["b", "2"], ["c", "3"]]
    expected = ["part-1.csv:2", "part-2.csv:2", "part-2.csv:3"]
    assert [rows.place(index) for index in range(3)] == [f"{tmp_path}/{place}" for place in expected]
    assert rows.origin == str(tmp_path)


def test_folder_with_two_words_for_one_split(tmp_path: Path) -> None:
    write(tmp_path, "dev.csv", "t\n1\n")
    write(tmp_path, "more-validation.csv", "t\n2\n")
    assert table(read_folder(tmp_path)) == [["1"], ["2"]]


def test_path_to_a_file(tmp_path: Path) -> None:
    assert table(read_path(write(tmp_path, "a.csv", "text\nx\n"))) == [["x"]]


def test_folder_of_parquet_keeps_class_names(tmp_path: Path) -> None:
    names = {"label": {"names": ["a", "b"], "_type": "ClassLabel"}}
    write_parquet(tmp_path, "train-0.parquet", {"label": [0]}, names)
    write_parquet(tmp_path, "train-1.parquet", {"label": [1]}, names)
    rows = read_folder(tmp_path)
    assert rows.class_names == {"label": ("a", "b")}
    assert rows.place(1) == f"{tmp_path}/train-1.parquet: row 1"
    write_parquet(tmp_path, "train-2.parquet", {"label": [1]})
    with pytest.raises(DataError, match="name their classes differently"):
        read_folder(tmp_path)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "no data file stands in this folder"),
        ({"a.csv": "t\n1\n", "b.jsonl": '{"t": 1}'}, "holds different formats: a.csv, b.jsonl"),
        ({"test.csv": "t\n1\n", "train.csv": "t\n1\n"}, "holds different splits: test.csv, train.csv"),
        (
            {"x_dev.csv": "t\n1\n", "x_val.csv": "t\n1\n", "x_test.csv": "t\n"},
            "splits: x_dev.csv, x_test.csv",
        ),
        ({"a.csv": "t\n1\n", "b.csv": "t,u\n1,2\n"}, r"b.csv have different columns: 'u' is only in b.csv"),
        ({"a.csv": "t\n1\n", "b.csv": "u\n1\n"}, r"'t' is only in a.csv, 'u' is only in b.csv"),
        ({"a.csv": "t\n1\n", "b.csv": "t\n1,2\n"}, r"b.csv:2: the row has 2 fields"),
    ],
)
def test_folder_faults(tmp_path: Path, files: dict[str, str], message: str) -> None:
    for name, content in files.items():
        write(tmp_path, name, content)
    with pytest.raises(DataError) as caught:
        read_path(tmp_path)
    assert message in caught.value.message


def test_folder_missing_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "reviews").mkdir()
    with pytest.raises(DataError) as caught:
        read_folder(tmp_path / "revews")
    assert caught.value.hint == f"did you mean {tmp_path}/reviews?"
    path = write(tmp_path, "a.csv", "t\n1\n")
    with pytest.raises(DataError, match="this is a file, a folder is needed"):
        read_folder(path)


def test_folder_of_texts_only(tmp_path: Path) -> None:
    write(tmp_path, "a.txt", "Ann B-PER\nsings O\n\nBo B-PER\nsleeps O\n")
    write(tmp_path, "b.txt", "-DOCSTART- O\n\nCy B-PER\nsings O\n")
    rows = read_folder(tmp_path)
    assert [record["tokens"][0] for record in rows.records] == ["Ann", "Bo", "Cy"]
    assert rows.notes == ("b.txt: 1 -DOCSTART- line",)
    write(tmp_path, "c.csv", "text\nx\n")
    assert read_folder(tmp_path).columns == ("text",)


# --- whatever a person names ---


def test_location_is_a_file_a_folder_or_a_glob(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        write(tmp_path, f"part-{number}.csv", f"text\n{number}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in (".", "*.csv", "part-?.csv", "part-[0-2].csv", "~/part-*", str(tmp_path / "**" / "*.csv")):
        assert read_location(name).column("text") == ["0", "1", "2"]
    assert read_location("part-[12].csv").column("text") == ["1", "2"]
    rows = read_location("part-*.csv")
    assert rows.origin == "part-*.csv"
    assert rows.place(2) == "part-2.csv:2"
    assert read_location("part-1.csv").origin == "part-1.csv"


def test_name_that_looks_like_a_glob_but_exists(tmp_path: Path) -> None:
    write(tmp_path, "a1.csv", "text\nother\n")
    assert read_location(str(write(tmp_path, "a[1].csv", "text\nx\n"))).column("text") == ["x"]


def test_glob_faults(tmp_path: Path) -> None:
    for name in ("train.csv", "test.csv"):
        write(tmp_path, name, "text\nx\n")
    for name, message in (
        ("*.jsonl", "no file matches"),
        ("no/*/a.csv", "no file matches"),
        ("*.csv", "holds different splits: test.csv, train.csv"),
    ):
        with pytest.raises(DataError) as caught:
            read_location(f"{tmp_path}/{name}")
        assert message in caught.value.message
    with pytest.raises(DataError) as caught:
        read_location(f"{tmp_path}/no/x*/a.csv")
    assert caught.value.hint == f"see what is there: ls {tmp_path}/no"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a*.csv", True), ("a?.csv", True), ("a[0-9].csv.gz", True), ("train[:10%]", False), ("train", False),
     ("https://x.org/a.csv?b=*", False)],
)  # fmt: skip
def test_is_glob(name: str, expected: bool) -> None:
    assert is_glob(name) is expected


@pytest.mark.parametrize(
    ("name", "content", "form"),
    [
        ("a.csv", "a,b\n1,2\n", "CSV"),
        ("a.csv", "a;b\n1;2\n", "CSV, separated by ';'"),
        ("a.tsv", "a\tb\n1\t2\n", "TSV"),
        ("a.json", '[{"a": 1}]', "JSON"),
        ("a.json", '{"a": 1}\n{"a": 2}\n', "JSON lines"),
    ],
)
def test_format_in_words(tmp_path: Path, name: str, content: str, form: str) -> None:
    assert read(tmp_path, name, content).format == form


# --- round trips ---

NAMES = st.text(st.characters(categories=["L"]), min_size=1, max_size=5)
TEXTS = st.text(
    st.sampled_from('a"\n\r\t,; é\u2028|') | st.characters(exclude_characters="\0", codec="utf-8")
)


@st.composite
def tables(draw: st.DrawFn, values: st.SearchStrategy[Any]) -> tuple[list[str], list[list[Any]]]:
    columns = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    row = st.lists(values, min_size=len(columns), max_size=len(columns))
    return columns, draw(st.lists(row, min_size=1, max_size=5))


def read_back(name: str, content: str) -> Rows:
    with tempfile.TemporaryDirectory() as folder:
        return read(Path(folder), name, content)


@settings(deadline=None)
@given(tables(TEXTS), st.sampled_from(",;|"), st.sampled_from(["\n", "\r\n", "\r"]))
def test_csv_round_trip(made: tuple[list[str], list[list[str]]], delimiter: str, end: str) -> None:
    columns, values = made
    delimiter = "," if len(columns) == 1 else delimiter  # one name shows no delimiter
    stream = io.StringIO(newline="")
    # With another line end than its own, csv leaves a lone carriage return without quotes.
    quoting = csv.QUOTE_MINIMAL if end == "\r\n" else csv.QUOTE_ALL
    writer = csv.writer(stream, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerows([columns, *values])
    rows = read_back("a.csv", stream.getvalue())
    assert rows.columns == tuple(columns)
    assert table(rows) == values


@settings(deadline=None)
@given(tables(TEXTS.map(lambda text: text.replace("\t", " "))))
def test_tsv_round_trip(made: tuple[list[str], list[list[str]]]) -> None:
    columns, values = made
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter="\t").writerows([columns, *values])
    assert table(read_back("a.tsv", stream.getvalue())) == values


@settings(deadline=None)
@given(
    tables(st.text(st.characters(exclude_characters="\t\r\n\0", codec="utf-8") | st.just('"'), min_size=1))
)
def test_tsv_without_quoting_loses_no_row(made: tuple[list[str], list[list[str]]]) -> None:
    columns, values = made
    columns, values = [*columns, "LAST"], [[*row, "x"] for row in values]
    rows = read_back("a.tsv", "\n".join("\t".join(row) for row in [columns, *values]))
    assert [row[-1] for row in table(rows)] == ["x"] * len(values)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(tables(JSON_VALUES), st.booleans(), st.sampled_from(["a.jsonl", "a.json"]), st.sampled_from([None, 1]))
def test_json_round_trip(
    made: tuple[list[str], list[list[Any]]], ascii_only: bool, name: str, indent: int | None
) -> None:
    columns, values = made
    objects = [dict(zip(columns, row, strict=True)) for row in values]
    if name == "a.jsonl":
        content = "".join(json.dumps(item, ensure_ascii=ascii_only) + "\n" for item in objects)
    else:
        content = json.dumps(objects, ensure_ascii=ascii_only, indent=indent)
    rows = read_back(name, content)
    assert rows.columns == tuple(columns)
    assert rows.records == objects


@settings(deadline=None)
@given(st.binary(max_size=200) | st.text('a"\n\r\t,{}[]:1\\').map(str.encode), st.sampled_from(
    ["a", "a.csv", "a.tsv", "a.json", "a.jsonl", "a.parquet", "a.arrow", "a.conll", "a.txt", "a.ann", "a.gz"]
))  # fmt: skip
def test_any_bytes_are_read_or_refused(content: bytes, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), name, content)
        try:
            rows = read_file(path)
        except DataError as error:
            assert error.message.startswith(str(path))
        else:
            assert all(tuple(record) == rows.columns for record in rows.records)
