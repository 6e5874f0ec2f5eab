"""What is no weights is called what it is, before anything loads it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bertkit.errors import ModelError
from bertkit.models.weight_files import check_files

POINTER = (
    b"version https://git-lfs.github.com/spec/v1\n"
    b"oid sha256:53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db\nsize 90868376\n"
)


@pytest.fixture
def folder(tiny_encoder: Path, tmp_path: Path) -> Path:
    """A copy of the tiny encoder."""
    shutil.copytree(tiny_encoder, tmp_path / "model")
    return tmp_path / "model"


def test_a_whole_model_passes(folder: Path) -> None:
    check_files(folder, "it")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (POINTER, "model.safetensors is a pointer of Git LFS"),
        (b"  <!DOCTYPE html><html>Sign in</html>", "model.safetensors is a web page"),
        (b"", "model.safetensors is empty"),
        (b"PK\x03\x04" + b"x" * 100, "model.safetensors is no safetensors file"),
        ((9).to_bytes(8, "little") + b"{'no': 1}", "model.safetensors is no safetensors file"),
        ((2).to_bytes(8, "little") + b"[]", "model.safetensors is no safetensors file"),
        ((20).to_bytes(8, "little") + b'{"a": "no dictionary"}', "model.safetensors is no safetensors file"),
    ],
)
def test_something_else_in_place_of_weights(content: bytes, message: str, folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match=f"^it: {message}"):
        check_files(folder, "it")


def test_weights_that_are_cut_short(folder: Path) -> None:
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1])
    with pytest.raises(ModelError, match=f"cut short: {len(whole) - 1:,} of {len(whole):,} bytes"):
        check_files(folder, "it")


def test_a_pointer_in_place_of_the_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_bytes(POINTER)
    with pytest.raises(ModelError, match=r"tokenizer.json is a pointer of Git LFS") as caught:
        check_files(folder, "it")
    assert "git lfs pull" in caught.value.hint


def test_parts_of_weights_that_are_missing(folder: Path) -> None:
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "model.safetensors", "b": "model-2.safetensors"}}))
    with pytest.raises(ModelError, match=r"model-2.safetensors, a part of its weights, is missing"):
        check_files(folder, "it")
    index.write_text(json.dumps({"weight_map": {"a": "model.safetensors"}}))
    check_files(folder, "it")
    index.write_text("[]")
    with pytest.raises(ModelError, match=r"index\.json is broken"):
        check_files(folder, "it")
