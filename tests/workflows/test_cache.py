"""What is kept is found with its size, and only what was meant is removed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bertkit.errors import UsageError
from bertkit.workflows.cache import choose_entries, list_cache, remove_entries

DAY = 86_400


@pytest.fixture
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Caches with one of each; all that is the Hub's is 40 days old."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_DATASETS_CACHE", "HF_XET_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BERTKIT_CACHE", str(tmp_path / "bertkit"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))

    def write(path: str, size: int, days: float = 40) -> Path:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x" * size)
        then = time.time() - days * DAY
        for inner in (file, *file.parents[: len(Path(path).parents) - 1]):
            os.utime(inner, (then, then))
        return file

    write("bertkit/features/aaaa/input_ids.npy", 10, days=0)
    write("bertkit/features/bbbb/input_ids.npy", 20)
    write("bertkit/onnx/cccc.onnx", 30)
    write("bertkit/checked/dddd", 0)
    for kind, name, commit in (("models", "tiny--bert", "f" * 40), ("datasets", "tiny--films", "d" * 40)):
        folder = f"hf/hub/{kind}--{name}"
        blob = write(f"{folder}/blobs/{'e' * 40}", 100)
        write(f"{folder}/refs/main", 0).write_text(commit)
        snapshot = tmp_path / folder / "snapshots" / commit
        snapshot.mkdir(parents=True)
        (snapshot / "config.json").symlink_to(blob)
    write(f"hf/hub/models--tiny--bert/blobs/{'9' * 64}.12345678.incomplete", 50)
    write("hf/datasets/tiny___films/default/0.0.0/abc/dataset_info.json", 5)
    write("hf/datasets/tiny___films/default/0.0.0/abc/train.arrow", 200)
    write("hf/xet/chunk", 70)
    write("hf/token", 9)
    return tmp_path


def names(entries) -> list[tuple[str, str, int]]:
    return [(entry.kind, entry.name, entry.bytes) for entry in entries]


OWN = [("onnx", "cccc", 30), ("features", "bbbb", 20), ("features", "aaaa", 10), ("checked", "checked", 0)]
HUB = [
    ("prepared data set", "tiny/films", 205), ("model", "tiny/bert", 100), ("data set", "tiny/films", 100),
    ("chunks", "parts of downloads", 70), ("leftover", "tiny/bert", 50),
]  # fmt: skip


def test_all_that_is_kept_is_listed(caches: Path) -> None:
    entries = list_cache()
    assert names(entries)[:4] == OWN
    assert sorted(names(entries)[4:]) == sorted(HUB)
    ages = {entry.name: (time.time() - entry.used) / DAY for entry in entries if entry.kind != "checked"}
    assert ages["aaaa"] < 1
    assert 39 < ages["bbbb"] < 41
    assert 39 < ages["tiny/films"] < 41
    assert set(entries[0].as_dict()) == {"kind", "name", "path", "bytes", "used"}


def test_nothing_is_kept_where_there_is_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BERTKIT_CACHE", str(tmp_path / "no"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "none"))
    assert list_cache() == []


def test_only_what_was_meant_is_chosen(caches: Path) -> None:
    entries = list_cache()
    assert names(choose_entries(entries)) == OWN
    assert choose_entries(entries, hub=True) == entries
    assert names(choose_entries(entries, leftovers=True)) == [("leftover", "tiny/bert", 50)]
    old = names(choose_entries(entries, hub=True, unused_days=30))
    assert ("features", "aaaa", 10) not in old
    assert ("model", "tiny/bert", 100) in old
    assert choose_entries(entries, hub=True, unused_days=50) == []
    assert {entry.kind for entry in choose_entries(entries, names=["tiny/bert"])} == {"model", "leftover"}
    assert names(choose_entries(entries, names=["features"])) == OWN[1:3]
    with pytest.raises(
        UsageError, match=r"nothing called tiny/bart is in the cache; did you mean tiny/bert\?"
    ):
        choose_entries(entries, names=["tiny/bart"])


@pytest.mark.parametrize(
    ("choose", "left"),
    [
        (lambda entries: choose_entries(entries), sorted(HUB)),
        (lambda entries: choose_entries(entries, hub=True), []),
        (lambda entries: choose_entries(entries, leftovers=True), sorted([*OWN, *HUB[:-1]])),
        (lambda entries: choose_entries(entries, names=["data set"]), sorted([*OWN, *HUB[:2], *HUB[3:]])),
    ],
)
def test_what_is_removed_is_gone_and_the_rest_stays(
    caches: Path, choose: Callable, left: list[tuple[str, str, int]]
) -> None:
    remove_entries(choose(list_cache()))
    assert sorted(names(list_cache())) == left
    assert (caches / "hf" / "token").exists()
