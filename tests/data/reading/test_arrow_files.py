"""Arrow files in both forms, and the names of classes in Arrow and Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from bertkit.data.reading.readers import read_file, read_folder
from bertkit.errors import DataError

COLUMNS = {" text": ["x", "y"], "label": [1, None]}


def write(path: Path, table: pa.Table, *, form: str) -> Path:
    if form == "feather":
        pyarrow.feather.write_feather(table, str(path))
        return path
    make = {"file": pa.ipc.new_file, "stream": pa.ipc.new_stream}[form]
    with make(str(path), table.schema) as writer:
        writer.write_table(table, max_chunksize=1)
    return path


@pytest.mark.parametrize("form", ["file", "stream", "feather"])
@pytest.mark.parametrize("name", ["a.arrow", "a.feather", "a"])
def test_both_forms(tmp_path: Path, name: str, form: str) -> None:
    rows = read_file(write(tmp_path / name, pa.table(COLUMNS), form=form))
    assert rows.columns == ("text", "label")
    assert rows.records == [{"text": "x", "label": 1}, {"text": "y", "label": None}]
    assert rows.place(1) == f"{tmp_path}/{name}: row 2"
    assert rows.format == "Arrow"


def test_class_names_as_datasets_writes_them(tmp_path: Path) -> None:
    import datasets

    names = datasets.ClassLabel(names=["O", "B-PER"])
    features = datasets.Features({"label": names, "tags": datasets.List(names), "n": datasets.Value("int64")})
    data = datasets.Dataset.from_dict({"label": [0], "tags": [[0, 1]], "n": [3]}, features=features)
    data.to_parquet(tmp_path / "a.parquet")
    data.save_to_disk(tmp_path / "saved")
    for path in (tmp_path / "a.parquet", next((tmp_path / "saved").glob("*.arrow"))):
        rows = read_file(path)
        assert rows.class_names == {"label": ("O", "B-PER"), "tags": ("O", "B-PER")}
        assert rows.records == [{"label": 0, "tags": [0, 1], "n": 3}]


LABEL = {"names": ["O", "B"], "_type": "ClassLabel"}


@pytest.mark.parametrize(
    ("feature", "expected"),
    [
        ({"feature": LABEL, "_type": "Sequence"}, ("O", "B")),
        ({"feature": LABEL, "_type": "List"}, ("O", "B")),
        ({"feature": LABEL, "length": -1, "_type": "LargeList"}, ("O", "B")),
        ({"feature": {"feature": LABEL, "_type": "List"}, "_type": "List"}, ("O", "B")),
        ([LABEL], ("O", "B")),
        ({"feature": {"dtype": "string", "_type": "Value"}, "_type": "List"}, None),
        ({"feature": LABEL, "_type": "Other"}, None),
        ({"_type": "List"}, None),
        (LABEL | {"names": [1]}, None),
        ([], None),
    ],
)
@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_class_names_in_lists(tmp_path: Path, form: str, feature: Any, expected: Any) -> None:
    import json

    table = pa.table({"tags": [[0, 1]]})
    features = {"tags": feature, "gone": LABEL}
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    path = tmp_path / f"a.{form}"
    if form == "parquet":
        pyarrow.parquet.write_table(table, path)
    else:
        write(path, table, form="file")
    assert read_file(path).class_names == ({"tags": expected} if expected else {})


def test_folder_of_arrow_files(tmp_path: Path) -> None:
    for number in range(2):
        write(tmp_path / f"data-{number:05}-of-00002.arrow", pa.table({"n": [number]}), form="stream")
    assert read_folder(tmp_path).column("n") == [0, 1]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.arrow", b"text,label\n", "a.arrow: this is no Arrow file"),
        ("a.feather", b"ARROW1\0\0" + b"\0" * 40, "a.feather: the Arrow file cannot be read: "),
        ("a.arrow", b"\xff\xff\xff\xff\x10\0\0\0" + b"\1" * 40, "a.arrow: the Arrow file cannot be read: "),
        ("a.feather", b"FEA1" + b"\0" * 40 + b"FEA1", "a.feather: this is a Feather file of version 1"),
        ("a.csv", b"ARROW1\0\0", "a.csv: this is an Arrow file"),
    ],
)
def test_faults(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_file(tmp_path / name)
    assert caught.value.message.startswith(f"{tmp_path}/{message}")
    assert "\n" not in caught.value.message


def test_cut_short(tmp_path: Path) -> None:
    table = pa.table({"n": list(range(1_000))})
    for form in ("file", "stream"):
        path = write(tmp_path / "a.arrow", table, form=form)
        path.write_bytes(path.read_bytes()[:5_000])
        with pytest.raises(DataError, match="the Arrow file cannot be read"):
            read_file(path)


def test_no_rows_and_equal_names(tmp_path: Path) -> None:
    empty = write(tmp_path / "a.arrow", pa.table({"n": pa.array([], pa.int64())}), form="file")
    with pytest.raises(DataError, match="holds no rows"):
        read_file(empty)
    twice = write(tmp_path / "b.arrow", pa.table({"n": [1], "n ": [2]}), form="file")
    with pytest.raises(DataError, match="columns 1 and 2 are both named 'n'"):
        read_file(twice)
