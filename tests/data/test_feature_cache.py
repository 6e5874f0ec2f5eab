from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from bertkit.data import feature_cache
from bertkit.data.feature_cache import ABANDONED, MIN_FEATURES, cache_folder, cached_features
from bertkit.data.features import Features

FILES = ["content.json", "input_ids.npy", "token_type_ids.npy", "offsets.npy", "examples.npy", "cut.npy"]


def make(count: int = MIN_FEATURES, *, segments: bool = True, first: int = 0) -> Features:
    tokens = np.arange(first, first + 2 * count, dtype=np.int32)
    return Features(
        input_ids=tokens,
        token_type_ids=(tokens % 2).astype(np.int8) if segments else None,
        offsets=np.arange(0, 2 * count + 1, 2, dtype=np.int64),
        examples=np.arange(count, dtype=np.int32),
        cut=7,
        alignment={"words": tokens - 2},
    )


def other() -> Features:
    return make(first=5)


def never() -> Features:
    raise AssertionError("made again")


def assert_equal(found: Features, made: Features) -> None:
    for name in ("input_ids", "offsets", "examples"):
        np.testing.assert_array_equal(getattr(found, name), getattr(made, name), strict=True)
    assert (found.token_type_ids is None) == (made.token_type_ids is None)
    if found.token_type_ids is not None:
        np.testing.assert_array_equal(found.token_type_ids, made.token_type_ids, strict=True)
    assert found.alignment.keys() == made.alignment.keys()
    for name, values in made.alignment.items():
        np.testing.assert_array_equal(found.alignment[name], values, strict=True)
    assert (found.cut, type(found.cut)) == (made.cut, int)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BERTKIT_CACHE", str(tmp_path))
    return tmp_path / "features"


def test_nothing_of_features_is_forgotten() -> None:
    """A field that is added is stored, too: then it belongs into `assert_equal`."""
    names = {"input_ids", "token_type_ids", "offsets", "examples", "cut", "alignment"}
    assert {field.name for field in fields(Features)} == names


@pytest.mark.parametrize("segments", [True, False])
def test_found_again_as_it_was(segments: bool) -> None:
    made = cached_features("key", lambda: make(segments=segments))
    assert_equal(cached_features("key", never), made)


def test_what_is_found_is_mapped_and_never_written_to(folder: Path) -> None:
    cached_features("key", make)
    found = cached_features("key", never)
    assert type(found.input_ids) is np.ndarray
    assert isinstance(found.input_ids.base, np.memmap)
    found.input_ids[:] = -1  # no fault, as torch.from_numpy warns of arrays that are read-only
    assert_equal(cached_features("key", never), make())


def test_another_key_is_made() -> None:
    cached_features("one", make)
    assert cached_features("two", other).input_ids[0] == 5
    assert cached_features("one", never).input_ids[0] == 0


def test_few_features_are_not_kept(folder: Path) -> None:
    cached_features("key", lambda: make(MIN_FEATURES - 1))
    assert not folder.exists()


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", [b"", b"rubbish", b"[]", b"{}", b"\x93NUMPY\x01\x00v\x00{'descr'", None])
def test_a_broken_or_missing_file_is_made_anew(folder: Path, name: str, damage: bytes | None) -> None:
    cached_features("key", make)
    (folder / "key" / name).unlink()
    if damage is not None:
        (folder / "key" / name).write_bytes(damage)
    assert_equal(cached_features("key", other), other())
    assert_equal(cached_features("key", never), other())


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_file_cut_short_is_made_anew(folder: Path, name: str, share: float) -> None:
    cached_features("key", make)
    content = (folder / "key" / name).read_bytes()
    (folder / "key" / name).write_bytes(content[: int(len(content) * share)])
    assert_equal(cached_features("key", other), other())


@pytest.mark.parametrize("name", FILES[1:])
@pytest.mark.parametrize("place", [200, -1])
def test_a_flipped_byte_is_noticed(folder: Path, name: str, place: int) -> None:
    cached_features("key", make)
    content = bytearray((folder / "key" / name).read_bytes())
    content[min(place, len(content) - 1)] ^= 1
    (folder / "key" / name).write_bytes(content)
    assert_equal(cached_features("key", other), other())


def rename(folder: Path) -> None:
    (folder / "key").rename(folder / "elsewhere")
    (folder / "elsewhere").rename(folder / "other")


def newer_form(folder: Path) -> None:
    content = json.loads((folder / "key" / "content.json").read_text())
    (folder / "key" / "content.json").write_text(json.dumps(content | {"format": 999}))
    (folder / "key").rename(folder / "other")


def mixed_up(folder: Path) -> None:
    """Two arrays of one kind and length that changed places."""
    for name in ("input_ids.npy", "alignment.words.npy"):
        (folder / "key" / name).rename(folder / "key" / f"was-{name}")
    (folder / "key" / "was-input_ids.npy").rename(folder / "key" / "alignment.words.npy")
    (folder / "key" / "was-alignment.words.npy").rename(folder / "key" / "input_ids.npy")
    content = (folder / "key" / "content.json").read_text().replace('"key": "key"', '"key": "other"')
    (folder / "key" / "content.json").write_text(content)
    (folder / "key").rename(folder / "other")


def a_file(folder: Path) -> None:
    (folder / "other").write_text("a file stands here")


@pytest.mark.parametrize("spoil", [rename, newer_form, mixed_up, a_file])
def test_what_is_not_of_this_key_and_form_is_made_anew(folder: Path, spoil: Callable[[Path], None]) -> None:
    cached_features("key", make)
    spoil(folder)
    assert_equal(cached_features("other", other), other())
    assert_equal(cached_features("other", never), other())


def test_nothing_half_written_stays(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full_disk)
    assert len(cached_features("key", make)) == MIN_FEATURES
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_no_reason_to_stop(folder: Path) -> None:
    folder.write_text("a file stands here")
    assert len(cached_features("key", make)) == MIN_FEATURES


def test_another_process_that_was_faster_does_no_harm(folder: Path) -> None:
    def make_late() -> Features:
        cached_features("key", other)
        return make()

    assert_equal(cached_features("key", make_late), make())
    assert len(cached_features("key", never)) == MIN_FEATURES
    assert [path.name for path in folder.iterdir()] == ["key"]


WRITE_AND_READ = """
import sys
import numpy as np
from bertkit.data import feature_cache
from bertkit.data.feature_cache import MIN_FEATURES, cached_features
from bertkit.data.features import Features

feature_cache.MAX_BYTES = 3 * 100_000  # entries are removed all the time
for turn in range(60):
    value = turn % 5
    whole = np.full(MIN_FEATURES, value, dtype=np.int32)
    offsets = np.arange(MIN_FEATURES + 1)
    found = cached_features(f"key{value}", lambda: Features(whole, None, offsets, whole, value))
    assert found.cut == value and (found.input_ids == value).all() and (found.examples == value).all()
"""


def test_processes_that_write_and_remove_at_once_get_what_they_asked_for(folder: Path) -> None:
    children = [subprocess.Popen([sys.executable, "-c", WRITE_AND_READ]) for _ in range(3)]
    assert [child.wait() for child in children] == [0, 0, 0]
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_those_used_longest_ago_go(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for age, key in enumerate(["old", "new"]):
        cached_features(key, make)
        os.utime(folder / key, (1_000 + age, 1_000 + age))
    used = cached_features("old", never)  # use counts, not age
    size = sum(file.stat().st_size for file in (folder / "old").iterdir())
    monkeypatch.setattr(feature_cache, "MAX_BYTES", 2.5 * size)
    cached_features("newest", make)
    assert sorted(path.name for path in folder.iterdir()) == ["newest", "old"]
    monkeypatch.setattr(feature_cache, "MAX_BYTES", 1.5 * size)
    os.utime(folder / "newest", (1_000, 1_000))
    cached_features("last", make)
    assert [path.name for path in folder.iterdir()] == ["last"]
    assert_equal(used, make())  # mapped files stay as long as they are used


def test_what_earlier_versions_and_killed_processes_left_goes(folder: Path) -> None:
    folder.mkdir()
    (folder / "old.npz").write_bytes(b"PK")
    for name, age in [(".dead.0123.tmp", ABANDONED + 60), (".busy.4567.tmp", 60)]:
        (folder / name).mkdir()
        (folder / name / "input_ids.npy").write_bytes(b"")
        used = folder.stat().st_mtime - age
        os.utime(folder / name, (used, used))
    cached_features("key", make)
    assert sorted(path.name for path in folder.iterdir()) == [".busy.4567.tmp", "key"]


def test_somebody_elses_entry_is_as_good(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = cached_features("a", make)

    def refused(path: Path) -> None:
        raise PermissionError(path)

    monkeypatch.setattr(os, "utime", refused)
    assert_equal(cached_features("a", never), made)


def test_what_is_larger_than_the_cache_pushes_nothing_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("a", "b"):
        cached_features(key, make)
    monkeypatch.setattr(
        feature_cache, "MAX_BYTES", 3 * sum(file.stat().st_size for file in (folder / "a").iterdir())
    )
    cached_features("large", lambda: make(10 * MIN_FEATURES))
    assert sorted(path.name for path in folder.iterdir()) == ["a", "b"]
    cached_features("c", make)
    assert sorted(path.name for path in folder.iterdir()) == ["a", "b", "c"]


def test_folder_without_the_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("BERTKIT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "bertkit"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "bertkit"


@pytest.mark.parametrize("name", FILES)
def test_pickles_are_not_opened(name: str, folder: Path, hostile: Callable[[], bytes], marker: Path) -> None:
    cached_features("key", make)
    if name.endswith(".npy"):  # numpy keeps objects as a pickle behind its header
        with (folder / "key" / name).open("wb") as stream:
            np.lib.format.write_array_header_1_0(
                stream, {"descr": "|O", "fortran_order": False, "shape": (1,)}
            )
            stream.write(hostile())
    else:
        (folder / "key" / name).write_bytes(hostile())
    assert_equal(cached_features("key", other), other())
    assert not marker.exists()
