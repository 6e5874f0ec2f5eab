"""Models are found, and what is unsafe or broken is refused without being opened."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

from bertkit.data.reading import packages
from bertkit.errors import MissingPackageError, ModelError
from bertkit.models import sources
from bertkit.models.sources import EMBEDDED_PACKAGE, find_model


class Hostile:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_a_model_folder(tiny_encoder: Path) -> None:
    source = find_model(str(tiny_encoder))
    assert (source.folder, source.commit) == (tiny_encoder, None)
    assert source.config["model_type"] == "bert"


def test_pickled_weights_are_refused_and_not_opened(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "bert"}), encoding="utf-8")
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Hostile(tmp_path / "owned")))
    with pytest.raises(ModelError, match=r"pickled weights only \(pytorch_model.bin\)") as caught:
        find_model(str(folder))
    assert "safetensors" in caught.value.hint
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (None, "no config.json"),
        ("{", "config.json is broken"),
        ("[]", "no model_type"),
        ("{}", "no model_type"),
        ('{"model_type": "bert"}', "no weights"),
    ],
)
def test_folders_that_are_no_model(tmp_path: Path, config: str | None, message: str) -> None:
    if config is not None:
        (tmp_path / "config.json").write_text(config, encoding="utf-8")
    with pytest.raises(ModelError, match=message):
        find_model(str(tmp_path))


def test_code_of_its_own_is_not_run(tiny_encoder: Path, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes((tiny_encoder / "model.safetensors").read_bytes())
    config = {"model_type": "homemade", "auto_map": {"AutoModel": "modeling_homemade.Homemade"}}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (tmp_path / "modeling_homemade.py").write_text(
        f"open({str(tmp_path / 'owned')!r}, 'w')", encoding="utf-8"
    )
    with pytest.raises(ModelError, match="code of its own"):
        find_model(str(tmp_path))
    assert not (tmp_path / "owned").exists()


def test_names_that_are_nothing(tmp_path: Path) -> None:
    file = tmp_path / "weights.safetensors"
    file.touch()
    for name, message in (
        (str(file), "is a file"),
        ("./nowhere", "no model folder"),
        ("a/b/c", "no model folder"),
    ):
        with pytest.raises(ModelError, match=message):
            find_model(name)


def test_embedded_model_is_checked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sources, "package_folder", lambda package: tmp_path)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.safetensors").write_bytes(b"changed")
    with pytest.raises(ModelError, match="have changed") as caught:
        find_model("minilm")
    assert "reinstall" in caught.value.hint


def test_embedded_model_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match="not installed") as caught:
        find_model("minilm")
    assert "bertkit[demo]" in caught.value.hint


def test_embedded_model_as_installed() -> None:
    pytest.importorskip(EMBEDDED_PACKAGE, reason="the extra bertkit[demo] is not installed")
    source = find_model("minilm")
    assert source.config["hidden_size"] == 384
