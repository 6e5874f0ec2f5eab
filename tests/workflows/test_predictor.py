"""Whatever computes a model, it says the same of the same lines."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from bertkit.errors import MissingPackageError, ModelError
from bertkit.models import onnx_model
from bertkit.workflows import predictor as workflow
from bertkit.workflows.predict import predict
from bertkit.workflows.predictor import load_predictor
from bertkit.workflows.trained import find_trained


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    words = ["good", "bad", "the film is", "a very dull plot and the end", "superb", "awful . poor"]
    path = tmp_path_factory.mktemp("lines") / "lines.jsonl"
    texts = [" ".join(words[(n + k) % 6] for k in range(n % 5 + 1)) for n in range(60)]
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    return path


@pytest.fixture
def model(trained_run: Path, tmp_path: Path) -> Path:
    """A copy of the trained model."""
    return Path(shutil.copytree(trained_run / "runs" / "latest" / "model", tmp_path / "model"))


def answers(lines: Path, model: Path, **settings: Any) -> tuple[str, list[dict[str, Any]]]:
    found = predict(lines, model=str(model), scores=True, **settings)
    return found.computed_by, list(found.predictions)


def compare(ours: list[dict[str, Any]], theirs: list[dict[str, Any]], error: float) -> None:
    assert [a["text"] for a in ours] == [a["text"] for a in theirs]
    for one, other in zip(ours, theirs, strict=True):
        assert one["score"] == pytest.approx(other["score"], abs=error)
        assert one["prediction"] == other["prediction"] or one["score"] < 0.5 + error


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_light_and_transformers(
    lines: Path, model: Path, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bertkit.workflows.engine.choose_precision", lambda setting: precision)
    by, ours = answers(lines, model)
    assert by == f"torch without transformers, {precision}"
    monkeypatch.setattr(workflow, "shape_of", lambda config, problem: None)
    by, theirs = answers(lines, model)
    assert by == f"torch, transformers, {precision}"
    compare(ours, theirs, 2e-6 if precision == "fp32" else 0.02)
    assert {answer["prediction"] for answer in ours} == {"negative", "positive"}


def test_unknown_weights_fall_back(lines: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bertkit.workflows.engine.choose_precision", lambda setting: "fp32")
    _, ours = answers(lines, model)
    (model / "model.safetensors").rename(model / "model-00001-of-00001.safetensors")
    names = {}
    from safetensors import safe_open

    with safe_open(model / "model-00001-of-00001.safetensors", "pt") as file:
        names = dict.fromkeys(list(file.keys()), "model-00001-of-00001.safetensors")
    index = {"metadata": {}, "weight_map": names}
    (model / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    by, theirs = answers(lines, model)
    assert by == "torch, transformers, fp32"
    compare(ours, theirs, 2e-6)


def test_a_tokenizer_of_another_model_is_refused(model: Path) -> None:
    """The light model does not know it, and transformers says why."""
    file = model / "tokenizer.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    content["model"]["vocab"]["more"] = 5000
    file.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ModelError, match=r"the tokenizer knows 5,001 tokens"):
        load_predictor(find_trained(str(model)))


def test_labels_in_an_order_of_their_own(lines: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The outputs of bertkit.json are named; those of thresholds and scores follow by name."""
    monkeypatch.setattr("bertkit.workflows.engine.choose_precision", lambda setting: "fp32")
    _, before = answers(lines, model)
    file = model / "bertkit.json"
    contract = json.loads(file.read_text(encoding="utf-8"))
    contract["labels"].reverse()
    file.write_text(json.dumps(contract), encoding="utf-8")
    _, after = answers(lines, model)
    turned = {"negative": "positive", "positive": "negative"}
    assert [a["prediction"] for a in after] == [turned[a["prediction"]] for a in before]


def test_onnx_says_the_same_and_is_exported_once(
    lines: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    monkeypatch.setenv("BERTKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("bertkit.workflows.engine.choose_precision", lambda setting: "fp32")
    by, ours = answers(lines, model, engine="onnx")
    assert by == "onnxruntime, fp32"
    _, theirs = answers(lines, model)
    compare(ours, theirs, 2e-6)

    monkeypatch.delattr(workflow, "export_model")
    assert answers(lines, model, engine="onnx")[1] == ours
    (tmp_path / "one.jsonl").write_text('{"text": "a dull end"}\n', encoding="utf-8")
    assert len(answers(tmp_path / "one.jsonl", model, engine="onnx")[1]) == 1  # other sizes than exported
    (file,) = (tmp_path / "cache" / "onnx").iterdir()
    file.write_bytes(b"")
    with pytest.raises(ModelError, match="cannot be read"):
        answers(lines, model, engine="onnx")


def test_other_weights_are_another_export(model: Path) -> None:
    before = onnx_model.exported_file(model, ["a", "b"], segments=True)
    assert onnx_model.exported_file(model, ["a", "b"], segments=True) == before
    assert onnx_model.exported_file(model, ["b", "a"], segments=True) != before
    assert onnx_model.exported_file(model, ["a", "b"], segments=False) != before
    weights = bytearray((model / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (model / "model.safetensors").write_bytes(weights)
    assert onnx_model.exported_file(model, ["a", "b"], segments=True) != before


def test_onnx_that_is_not_installed(lines: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = onnx_model.find_spec
    monkeypatch.setattr(onnx_model, "find_spec", lambda name: None if name == "onnxruntime" else find(name))
    with pytest.raises(MissingPackageError, match="the engine onnx needs onnxruntime") as caught:
        answers(lines, model, engine="onnx")
    assert caught.value.hint == "pip install 'bertkit[onnx]'"
