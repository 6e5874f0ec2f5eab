from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from bertkit.data import feature_cache
from bertkit.data.feature_cache import MIN_FEATURES, cache_folder, cached_features
from bertkit.data.features import Features


def make(count: int = MIN_FEATURES, *, segments: bool = True, first: int = 0) -> Features:
    tokens = np.arange(first, first + 2 * count, dtype=np.int32)
    return Features(
        input_ids=tokens,
        token_type_ids=(tokens % 2).astype(np.int8) if segments else None,
        offsets=np.arange(0, 2 * count + 1, 2, dtype=np.int64),
        examples=np.arange(count, dtype=np.int32),
        cut=7,
    )


def never() -> Features:
    raise AssertionError("made again")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BERTKIT_CACHE", str(tmp_path))
    return tmp_path / "features"


@pytest.mark.parametrize("segments", [True, False])
def test_found_again_as_it_was(segments: bool) -> None:
    made = cached_features("key", lambda: make(segments=segments))
    found = cached_features("key", never)
    for name in ("input_ids", "offsets", "examples"):
        np.testing.assert_array_equal(getattr(found, name), getattr(made, name), strict=True)
    assert found.cut == 7
    if made.token_type_ids is None:
        assert found.token_type_ids is None
    else:
        np.testing.assert_array_equal(found.token_type_ids, made.token_type_ids, strict=True)


def test_another_key_is_made() -> None:
    cached_features("one", make)
    assert cached_features("two", lambda: make(first=5)).input_ids[0] == 5
    assert cached_features("one", never).input_ids[0] == 0


def test_few_features_are_not_kept(folder: Path) -> None:
    cached_features("key", lambda: make(MIN_FEATURES - 1))
    assert not folder.exists()


@pytest.mark.parametrize("damage", [b"", b"rubbish", b"PK\x03\x04rubbish"])
def test_a_broken_file_is_made_anew(folder: Path, damage: bytes) -> None:
    cached_features("key", make)
    (folder / "key.npz").write_bytes(damage)
    assert len(cached_features("key", make)) == MIN_FEATURES
    assert len(cached_features("key", never)) == MIN_FEATURES


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_file_cut_short_is_made_anew(folder: Path, share: float) -> None:
    cached_features("key", make)
    content = (folder / "key.npz").read_bytes()
    (folder / "key.npz").write_bytes(content[: int(len(content) * share)])
    assert cached_features("key", lambda: make(first=5)).input_ids[0] == 5


def test_a_flipped_byte_is_noticed(folder: Path) -> None:
    cached_features("key", make)
    content = bytearray((folder / "key.npz").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "key.npz").write_bytes(content)
    assert cached_features("key", lambda: make(first=5)).input_ids[0] == 5


def test_nothing_half_written_stays(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full_disk)
    assert len(cached_features("key", make)) == MIN_FEATURES
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_no_reason_to_stop(folder: Path) -> None:
    folder.write_text("a file stands here")
    assert len(cached_features("key", make)) == MIN_FEATURES


def test_those_used_longest_ago_go(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for age, key in enumerate(["old", "new"]):
        cached_features(key, make)
        os.utime(folder / f"{key}.npz", (1_000 + age, 1_000 + age))
    cached_features("old", never)  # use counts, not age
    monkeypatch.setattr(feature_cache, "MAX_BYTES", 2.5 * (folder / "old.npz").stat().st_size)
    cached_features("newest", make)
    assert sorted(path.stem for path in folder.iterdir()) == ["newest", "old"]


def test_folder_without_the_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("BERTKIT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "bertkit"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "bertkit"
