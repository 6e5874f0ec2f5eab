"""No file of a model folder leads to a pickle; code that a model carries is not run."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bertkit.errors import ModelError
from bertkit.models.families import load_config
from bertkit.models.loading import load_model
from bertkit.models.sources import find_model

ROOT = Path(__file__).parents[2]
LABELS = ("negative", "positive")


@pytest.fixture
def folder(tiny_encoder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_encoder, tmp_path / "model"))


def change_json(file: Path, **values: Any) -> None:
    content = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    file.write_text(json.dumps(content | values), encoding="utf-8")


def load(folder: Path) -> Any:
    return load_model(find_model(str(folder)), problem="single_label", labels=LABELS, new_head=True).model


@pytest.fixture
def no_torch_load(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Calls of torch.load, which none may be: a restricted unpickler opens pickles as well."""
    import torch

    calls: list[str] = []
    monkeypatch.setattr(torch, "load", lambda file, *args, **kwargs: calls.append(str(file)))
    return calls


def refusal(folder: Path, calls: list[str]) -> str:
    with pytest.raises(ModelError) as caught:
        load(folder)
    assert calls == []
    return caught.value.message


def test_index_that_names_a_pickle(folder: Path, no_torch_load: list[str]) -> None:
    weights = (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    outside = Path(shutil.copyfile(weights, folder.parent / "model.safetensors"))
    for name in ("pytorch_model.bin", "7"):
        (folder / name).write_bytes(b"x")
    for part in ("pytorch_model.bin", "../model.safetensors", str(outside), 7):
        index = {"metadata": {}, "weight_map": {"a": weights.name, "b": part}}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
        assert "for weights, which is no safetensors file" in refusal(folder, no_torch_load)
    (folder / "model.safetensors.index.json").write_text("[]", encoding="utf-8")
    assert "index.json is broken" in refusal(folder, no_torch_load)


def test_config_that_names_a_pickle(folder: Path, no_torch_load: list[str]) -> None:
    (folder / "adapter_model.bin").write_bytes(b"x")
    change_json(folder / "config.json", transformers_weights="adapter_model.bin")
    assert "config.json names 'adapter_model.bin'" in refusal(folder, no_torch_load)


def test_adapter(folder: Path, no_torch_load: list[str]) -> None:
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "a/b"}', encoding="utf-8")
    assert "is an adapter to another model" in refusal(folder, no_torch_load)


def test_safe_weights_beside_pickled_ones_are_taken(folder: Path, no_torch_load: list[str]) -> None:
    for name in ("pytorch_model.bin", "optimizer.pt", "training_args.bin"):
        (folder / name).write_bytes(b"x")
    assert load(folder).config.hidden_size == 32
    assert no_torch_load == []


def test_kernels_of_the_hub_are_not_fetched(folder: Path) -> None:
    for named in ("kernels-community/flash-attn", "flash_attention_2", "somebody/attention:run"):
        change_json(folder / "config.json", attn_implementation=named)
        assert load_config(find_model(str(folder)))._attn_implementation is None
        assert load(folder).config._attn_implementation in ("eager", "sdpa", "bertkit_packed")


def test_code_beside_a_built_in_architecture_is_not_run(folder: Path, tmp_path: Path) -> None:
    for file in ("config.json", "tokenizer_config.json"):
        change_json(
            folder / file,
            auto_map={
                name: "hostile.Hostile"
                for name in ("AutoConfig", "AutoModel", "AutoModelForSequenceClassification", "AutoTokenizer")
            },
        )
    (folder / "hostile.py").write_text(f"open({str(tmp_path / 'owned')!r}, 'w')\n", encoding="utf-8")
    assert load(folder).config.hidden_size == 32
    assert not (tmp_path / "owned").exists()


def test_nested_json_is_refused(folder: Path) -> None:
    for file in ("config.json", "model.safetensors.index.json"):
        before = (folder / file).read_bytes() if (folder / file).is_file() else None
        (folder / file).write_text("[" * 200_000, encoding="utf-8")
        with pytest.raises(ModelError, match="is broken"):
            find_model(str(folder))
        if before is not None:
            (folder / file).write_bytes(before)


def documented_script() -> str:
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    found = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_documented_way_to_convert(
    folder: Path, tmp_path: Path, hostile: Callable[..., bytes], marker: Path
) -> None:
    """The script of docs/security.md, which a container runs: tensors come through, code does not."""
    import torch
    from safetensors.torch import load_file

    state = load_file(folder / "model.safetensors")
    name = next(iter(state))
    state["tied"] = state[name]  # as embeddings are
    torch.save(state, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    (folder / "training_args.bin").write_bytes(hostile())
    with pytest.raises(ModelError) as caught:
        find_model(str(folder))
    assert "docs/security.md" in caught.value.hint
    (tmp_path / "convert.py").write_text(documented_script(), encoding="utf-8")
    (tmp_path / "converted").mkdir()
    command = [sys.executable, tmp_path / "convert.py", folder, tmp_path / "converted"]
    subprocess.run(command, check=True)
    assert load(tmp_path / "converted").config.hidden_size == 32
    torch.testing.assert_close(load_file(tmp_path / "converted" / "model.safetensors")[name], state[name])
    (folder / "pytorch_model.bin").write_bytes(hostile())
    assert subprocess.run(command, check=False, capture_output=True).returncode != 0
    assert not marker.exists()
