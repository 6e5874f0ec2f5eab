"""A folder with a manifest: any change of any file shows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bertkit.runs.sealed import FORMAT, MANIFEST, NotWhole, _seal_of, check_sealed, seal

FILES = {"weights.safetensors": b"\x00\x01" * 500, "state.json": b'{"step": 3}', "empty": b""}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "step-3"
    path.mkdir()
    for name, content in FILES.items():
        (path / name).write_bytes(content)
    seal(path, {"step": 3})
    return path


def test_what_was_written_is_whole(folder: Path) -> None:
    manifest = check_sealed(folder)
    assert manifest["step"] == 3 and manifest["format"] == FORMAT
    assert {name: entry["size"] for name, entry in manifest["files"].items()} == {
        name: len(content) for name, content in FILES.items()
    }


def reason_of(folder: Path) -> str:
    with pytest.raises(NotWhole) as caught:
        check_sealed(folder)
    return str(caught.value)


@pytest.mark.parametrize("name", [name for name, content in FILES.items() if content])
@pytest.mark.parametrize("place", [0, -1])
def test_one_byte_flipped(folder: Path, name: str, place: int) -> None:
    content = bytearray((folder / name).read_bytes())
    content[place] ^= 1
    (folder / name).write_bytes(content)
    assert reason_of(folder) == f"{name} has changed since it was written"


@pytest.mark.parametrize("name", [name for name, content in FILES.items() if content])
def test_a_file_cut_short(folder: Path, name: str) -> None:
    (folder / name).write_bytes(FILES[name][:-1])
    assert f"{name} has {len(FILES[name]) - 1:,} bytes of {len(FILES[name]):,}" == reason_of(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_gone(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert reason_of(folder) == f"{name} is missing"


def test_a_manifest_that_is_missing_broken_or_newer(folder: Path) -> None:
    file = folder / MANIFEST
    manifest = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(manifest | {"format": FORMAT + 1}), encoding="utf-8")
    assert "newer bertkit" in reason_of(folder)
    for broken in ("[]", "{}"):
        file.write_text(broken, encoding="utf-8")
        assert reason_of(folder) == f"{MANIFEST} is damaged"
    for changed in (manifest | {"step": 4}, manifest | {"files": 3}, {"format": FORMAT}):
        file.write_text(json.dumps(changed), encoding="utf-8")
        assert reason_of(folder) == f"{MANIFEST} has changed since it was written"
    file.write_text(json.dumps(manifest)[:-20], encoding="utf-8")
    assert reason_of(folder) == f"{MANIFEST} cannot be read"
    file.unlink()
    assert reason_of(folder) == f"{MANIFEST} is missing"


def test_an_empty_folder(tmp_path: Path) -> None:
    assert reason_of(tmp_path) == "it is empty"


def test_a_manifest_cannot_point_out_of_its_folder(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").write_bytes(FILES["state.json"])
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    manifest["files"]["../outside"] = manifest["files"]["state.json"]
    manifest["seal"] = _seal_of(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    assert reason_of(folder) == "outside is missing"
