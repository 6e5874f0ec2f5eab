from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from bertkit.data.reading.compression import without_compression
from bertkit.data.reading.file_access import open_file
from bertkit.data.reading.readers import read_file, read_folder, read_location
from bertkit.errors import DataError

CSV = "text,label\n" + "".join(f"row {number},{number % 2}\n" for number in range(20_000))
JSON_LINES = "".join(json.dumps({"n": number}) + "\n" for number in range(20))


def pack(data: bytes, kind: str) -> bytes:
    if kind == "gzip":
        return gzip.compress(data)
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as packed:
        packed.write(data)
    return sink.getvalue().to_pybytes()


def write(folder: Path, name: str, data: bytes) -> Path:
    (folder / name).write_bytes(data)
    return folder / name


KINDS = [("gzip", ".gz"), ("zstd", ".zst")]


@pytest.mark.parametrize(("kind", "suffix"), KINDS)
def test_every_format(tmp_path: Path, kind: str, suffix: str) -> None:
    parquet = io.BytesIO()
    pyarrow.parquet.write_table(pa.table({"n": [1, 2]}), parquet)
    arrow = io.BytesIO()
    with pa.ipc.new_file(arrow, pa.schema({"n": pa.int64()})) as writer:
        writer.write_table(pa.table({"n": [1, 2]}))
    contents = {
        "a.csv": (CSV.encode(), "CSV", 20_000),
        "a.tsv": (b"a\tb\n1\t2\n", "TSV", 1),
        "a.jsonl": (JSON_LINES.encode(), "JSON lines", 20),
        "a.json": (b'[{"n": 1}, {"n": 2}]', "JSON", 2),
        "a.conll": (b"Ann B-PER\n\nBo B-PER\n", "CoNLL columns (2, separated by spaces)", 2),
        "a.txt": (b"-DOCSTART- O\n\nAnn B-PER\n\nBo B-PER\n", "CoNLL columns (2, separated by spaces)", 2),
        "a.parquet": (parquet.getvalue(), "Parquet", 2),
        "a.arrow": (arrow.getvalue(), "Arrow", 2),
        "a": (JSON_LINES.encode(), "JSON lines", 20),
    }
    for name, (content, form, count) in contents.items():
        rows = read_file(write(tmp_path, name + suffix, pack(content, kind)))
        assert rows.format == f"{form}, {kind}"
        assert len(rows) == count
        assert rows.origin == f"{tmp_path}/{name}{suffix}"


@pytest.mark.parametrize(("kind", "suffix"), KINDS)
def test_lines_are_still_right(tmp_path: Path, kind: str, suffix: str) -> None:
    path = write(tmp_path, f"a.csv{suffix}", pack(CSV.encode(), kind))
    assert read_file(path).place(19_999) == f"{path}:20001"
    path.write_bytes(pack(CSV.encode() + b"a,b,c\n", kind))
    with pytest.raises(DataError) as caught:
        read_file(path)
    assert caught.value.message == f"{path}:20002: the row has 3 fields, the header has 2"


def test_opening_by_path_unpacks_too(tmp_path: Path) -> None:
    with open_file(write(tmp_path, "a.jsonl.gz", gzip.compress(b"one\ntwo\n"))) as stream:
        assert list(stream) == [b"one\n", b"two\n"]


def test_content_tells_not_the_suffix(tmp_path: Path) -> None:
    assert (
        read_file(write(tmp_path, "a.jsonl", gzip.compress(JSON_LINES.encode()))).format == "JSON lines, gzip"
    )
    assert read_file(write(tmp_path, "b.jsonl.gz", JSON_LINES.encode())).format == "JSON lines"


def test_archives_one_after_the_other(tmp_path: Path) -> None:
    for kind, suffix in KINDS:
        data = b"".join(pack(part, kind) for part in (b'{"n": 1}\n', b'{"n": 2}\n'))
        assert read_file(write(tmp_path, f"a.jsonl{suffix}", data)).column("n") == [1, 2]


@pytest.mark.parametrize(("kind", "suffix"), KINDS)
@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
def test_broken_archive(tmp_path: Path, kind: str, suffix: str, name: str) -> None:
    whole = pack(CSV.encode(), kind)
    for broken in (whole[:-100], whole[:3_000], whole[:8] + b"\xff" * 500 + whole[508:], whole[:6]):
        path = write(tmp_path, name + suffix, broken)
        with pytest.raises(DataError) as caught:
            read_file(path)
        if name == "a.csv":
            assert caught.value.message.startswith(f"{path}: the {kind} archive is broken: ")
            assert f"{kind} -t {path}" in caught.value.hint
        assert "\n" not in caught.value.message


@pytest.mark.parametrize(("kind", "suffix"), KINDS)
def test_nothing_in_it(tmp_path: Path, kind: str, suffix: str) -> None:
    with pytest.raises(DataError, match="the file is empty"):
        read_file(write(tmp_path, f"a.csv{suffix}", pack(b"", kind)))
    with pytest.raises(DataError, match="the file is UTF-16"):
        read_file(write(tmp_path, f"a.csv{suffix}", pack("a,b\n".encode("utf-16"), kind)))


@pytest.mark.parametrize(("kind", "suffix"), KINDS)
@pytest.mark.parametrize("line", [b" " * 1_000_000, b'{"n": 1}\n' * 100_000], ids=["one line", "rows"])
@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.parquet", "a.csv"])
def test_an_archive_that_would_fill_the_memory(
    tmp_path: Path, kind: str, suffix: str, line: bytes, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bertkit.data.reading.compression.HARMLESS_BYTES", 4_000_000)
    start = b"PAR1" if name == "a.parquet" else b""
    path = write(tmp_path, name + suffix, pack(start + line * 5, kind))
    with pytest.raises(DataError) as caught:
        read_file(path)
    assert caught.value.message.startswith(f"{path}: the {kind} archive unpacks to more than 100 times")
    assert path.name in caught.value.hint


@pytest.mark.parametrize(("kind", "suffix"), KINDS)
def test_rows_that_pack_well_are_read(tmp_path: Path, kind: str, suffix: str) -> None:
    path = write(tmp_path, f"a.jsonl{suffix}", pack(b'{"n": 1}\n' * 200_000, kind))
    assert path.stat().st_size * 100 < 1_800_000
    assert len(read_file(path)) == 200_000


def test_folder_and_glob(tmp_path: Path) -> None:
    write(tmp_path, "part-1.csv.gz", gzip.compress(b"text\nx\n"))
    write(tmp_path, "part-2.csv", b"text\ny\n")
    assert read_folder(tmp_path).column("text") == ["x", "y"]
    assert read_location(f"{tmp_path}/*.csv.gz").column("text") == ["x"]


@pytest.mark.parametrize(
    ("name", "bare"),
    [("a.csv.gz", "a.csv"), ("a.CSV.ZST", "a.CSV"), ("a.gz", "a"), ("gz", "gz"), ("a.csv", "a.csv")],
)
def test_name_without_compression(name: str, bare: str) -> None:
    assert without_compression(name) == bare
