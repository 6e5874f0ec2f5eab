"""URLs, through the two protocols of fsspec that need no network."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from bertkit.data.reading.readers import read_location
from bertkit.data.reading.remote import is_url
from bertkit.errors import DataError, MissingPackageError


@pytest.fixture(autouse=True)
def _empty_memory() -> Iterator[None]:
    yield
    fsspec.filesystem("memory").rm("/", recursive=True)


def put(files: dict[str, str | bytes]) -> None:
    for name, content in files.items():
        fsspec.filesystem("memory").pipe(
            f"/{name}", content if isinstance(content, bytes) else content.encode()
        )


def fault(url: str) -> DataError:
    with pytest.raises(DataError) as caught:
        read_location(url)
    assert caught.value.hint
    return caught.value


def test_one_file(tmp_path: Path) -> None:
    put({"data/a.csv": "text,label\nx,1\n", "data/b.jsonl.gz": gzip.compress(b'{"text": "y"}\n')})
    rows = read_location("memory://data/a.csv")
    assert rows.records == [{"text": "x", "label": "1"}]
    assert rows.place(0) == "memory://data/a.csv:2"
    assert rows.origin == "memory://data/a.csv"
    assert read_location("memory://data/b.jsonl.gz").format == "JSON lines, gzip"
    (tmp_path / "a.csv").write_text("text\nz\n")
    assert read_location(f"file://{tmp_path}/a.csv").column("text") == ["z"]


def test_faults_name_the_url() -> None:
    put({"data/a.csv": "text,label\nx,1\ny\n"})
    assert (
        fault("memory://data/a.csv").message == "memory://data/a.csv:3: the row has 1 field, the header has 2"
    )
    assert fault("memory://data/gone.csv").message == "memory://data/gone.csv: no such file"


def test_glob_and_folder(tmp_path: Path) -> None:
    put(
        {
            "data/b.csv": "text\ny\n",
            "data/a.csv": "text\nx\n",
            "data/README.md": "#",
            "data/sub/c.csv": "text\nz\n",
        }
    )
    for url in ("memory://data/*.csv", "memory://data", "memory://data/"):
        rows = read_location(url)
        assert rows.column("text") == ["x", "y"]
        assert rows.origin == url
        assert rows.place(1) == "memory://data/b.csv:2"
    assert read_location("memory://data/**/*.csv").column("text") == ["x", "y", "z"]
    assert fault("memory://data/*.tsv").message == "memory://data/*.tsv: no file matches"
    (tmp_path / "a.csv").write_text("text\nz\n")
    assert read_location(f"file://{tmp_path}").column("text") == ["z"]


def test_files_of_one_name_in_two_folders() -> None:
    put({"a/x.csv": "text\n1\n", "b/x.csv": "text\n2\n"})
    rows = read_location("memory://*/x.csv")
    assert rows.column("text") == ["1", "2"]
    assert [rows.place(index) for index in range(2)] == ["memory://a/x.csv:2", "memory://b/x.csv:2"]


def test_splits_are_not_read_as_one() -> None:
    put({"data/train.csv": "text\nx\n", "data/test.csv": "text\ny\n"})
    for url in ("memory://data", "memory://data/*.csv"):
        assert "holds different splits" in fault(url).message


@pytest.mark.parametrize("url", ["memory://b/a.ann", "memory://b/a.txt", "memory://b", "memory://b/*"])
def test_brat(url: str) -> None:
    put({"b/a.ann": "T1\tPER 0 3\tAnn\n", "b/a.txt": "Ann\r\n"})
    rows = read_location(url)
    assert rows.records == [{"id": "a", "text": "Ann\r\n", "spans": [{"start": 0, "end": 3, "label": "PER"}]}]
    assert rows.place(0) == "memory://b/a.txt"


def test_unknown_protocol() -> None:
    error = fault("s33://bucket/a.csv")
    assert error.message == "s33://bucket/a.csv: the protocol 's33' is not known"


@pytest.mark.parametrize(("protocol", "package"), [("s3", "s3fs"), ("gs", "gcsfs"), ("abfs", "adlfs")])
def test_missing_package(monkeypatch: pytest.MonkeyPatch, protocol: str, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)  # as if it were not installed
    with pytest.raises(MissingPackageError) as caught:
        read_location(f"{protocol}://bucket/a.csv")
    assert caught.value.hint == f"pip install '{package}'"


def test_no_answer() -> None:
    error = fault("http://127.0.0.1:9/a.csv")
    assert error.message.startswith("http://127.0.0.1:9/a.csv: ")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("s3://b/a.csv", True), ("https://x.org/a.csv?download=1", True), ("zip://a.csv::s3://b/a.zip", True),
     ("a.csv", False), ("C:/a.csv", False), ("package:corpus", False), ("train[:10%]", False)],
)  # fmt: skip
def test_is_url(name: str, expected: bool) -> None:
    assert is_url(name) is expected
