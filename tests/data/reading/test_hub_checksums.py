"""Files of a cache folder, as `huggingface_hub` lays them out, against their names."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from filelock import FileLock

from bertkit.data.reading.hub_checksums import broken_files, checked_folder, discard, leftovers, repair
from bertkit.errors import HubError


@pytest.fixture(autouse=True)
def _own_notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BERTKIT_CACHE", str(tmp_path / "bertkit"))


class Repository:
    """A repository in the Hub's cache."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.snapshot = folder / "snapshots" / ("0" * 40)
        self.blobs = folder / "blobs"
        self.snapshot.mkdir(parents=True)
        self.blobs.mkdir()

    def add(self, name: str, content: bytes, blob: str) -> Path:
        (self.blobs / blob).write_bytes(content)
        link = self.snapshot / name
        if not link.is_symlink():
            link.symlink_to(Path("../../blobs") / blob)
        return link

    def large(self, name: str, content: bytes = b"weights", *, real: bytes | None = None) -> Path:
        return self.add(name, content, hashlib.sha256(real or content).hexdigest())

    def small(self, name: str, content: bytes = b"{}", *, real: bytes | None = None) -> Path:
        wanted = content if real is None else real
        return self.add(name, content, hashlib.sha1(b"blob %d\0" % len(wanted) + wanted).hexdigest())


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "hub" / "models--tiny--bert")


def test_names_of_blobs_are_checksums(repository: Repository) -> None:
    repository.large("model.safetensors")
    repository.small("config.json")
    repository.small("empty.txt", b"")
    repository.add("mirrored.txt", b"of a server that names files otherwise", "W-12345")
    (repository.snapshot / "own.txt").write_bytes(b"where links are not to be had files lie here")
    (repository.snapshot / "missing.txt").symlink_to("../../blobs/" + "0" * 64)
    assert broken_files(repository.folder / "snapshots") == []
    broken = [
        repository.large("other.safetensors", b"changed", real=b"another"),
        repository.small("vocab.txt", b"ab", real=b"abc"),
    ]
    assert broken_files(repository.folder / "snapshots") == broken
    assert broken_files(repository.snapshot) == broken
    assert broken_files(repository.folder / "nothing") == []


def test_only_what_was_found_whole_is_noted(repository: Repository) -> None:
    repository.large("model.safetensors")
    repository.small("vocab.txt", b"ab", real=b"abc")
    for _ in range(2):
        assert len(broken_files(repository.snapshot)) == 1
        assert len(list(checked_folder().iterdir())) == 1


def test_notes_that_cannot_be_kept_are_no_hindrance(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "bertkit").write_text("a file in place of the folder")
    repository.large("model.safetensors")
    assert broken_files(repository.snapshot) == []


def test_a_broken_file_goes_with_all_that_leads_to_it(repository: Repository, tmp_path: Path) -> None:
    link = repository.large("model.safetensors", b"weightz", real=b"weights")
    stored = tmp_path / "hub" / "blobs" / "ab" / "abcdef"  # the store that all repositories share
    stored.parent.mkdir(parents=True)
    blob = link.resolve()
    blob.rename(stored)
    blob.symlink_to(stored)
    discard(link)
    assert not any(os.path.lexists(path) for path in (link, blob, stored))


def test_a_whole_file_and_one_that_is_being_fetched_stay(repository: Repository) -> None:
    whole = repository.large("model.safetensors")
    discard(whole)
    assert whole.read_bytes() == b"weights"
    broken = repository.large("other.safetensors", b"weightz", real=b"weights")
    locks = repository.folder.parent / ".locks" / repository.folder.name
    with FileLock(locks / f"{broken.resolve().name}.lock"):
        discard(broken)
    assert broken.exists()
    discard(broken)
    assert not broken.exists()
    discard(repository.snapshot / "gone.txt")


def test_what_was_made_of_a_broken_file_goes_before_it_does(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("bertkit.data.reading.hub_checksums.check_reachable", lambda: None)
    made = tmp_path / "made"
    made.mkdir()
    assert repair(repository.snapshot, "it", lambda: "fetched", made_of=[made]) is None
    assert made.is_dir()
    link = repository.large("model.safetensors", b"weightz", real=b"weights")

    def fetch() -> str:
        assert not made.exists() and not os.path.lexists(link)
        repository.large("model.safetensors", b"weights")
        return "fetched"

    assert repair(repository.snapshot, "it", fetch, made_of=[made]) == "fetched"


def test_a_file_that_cannot_be_fetched_now_stays(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    link = repository.large("model.safetensors", b"weightz", real=b"weights")
    with pytest.raises(HubError, match=r"model.safetensors of it is broken in the cache"):
        repair(repository.snapshot, "it", lambda: "fetched")
    assert link.exists()


def test_leftovers_are_parts_that_nobody_writes_to(repository: Repository) -> None:
    names = ["a" * 64, "b" * 64]
    paths = [repository.blobs / f"{name}.12345678.incomplete" for name in names]
    for path in paths:
        path.write_bytes(b"half")
    os.utime(paths[0], (0, 0))
    cache = repository.folder.parent
    assert leftovers(cache) == paths
    assert leftovers(repository.folder) == paths
    assert leftovers(cache, older_than=600) == paths[:1]
    with FileLock(cache / ".locks" / repository.folder.name / f"{names[0]}.lock"):
        assert leftovers(cache) == paths[1:]
