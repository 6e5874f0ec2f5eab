"""What is not exactly a known model is left to transformers, which computes it or says what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from bertkit.models.light.families import shape_of
from bertkit.models.light.loading import load_light


def config_of(folder: Path) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return config


@pytest.mark.parametrize(
    "changes",
    [
        {"model_type": "deberta-v2"},
        {"architectures": ["BertModel"]},
        {"architectures": ["BertForTokenClassification"]},
        {"architectures": ["MyBertForSequenceClassificationAndMore"]},
        {"is_decoder": True},
        {"position_embedding_type": "relative_key"},
        {"quantization_config": {"bits": 8}},
        {"hidden_act": "silu"},
        {"layer_norm_eps": None},
        {"num_attention_heads": 5},
        {"hidden_size": "32"},
        {"pad_token_id": None},
        {"vocab_size": 0},
    ],
)
def test_an_unusual_config(make_light, changes: dict[str, Any]) -> None:
    config = config_of(make_light("bert"))
    assert shape_of(config, "single_label") is not None
    assert shape_of(config | changes, "single_label") is None


def test_what_albert_can_be_besides(make_light) -> None:
    config = config_of(make_light("albert"))
    assert shape_of(config, "single_label") is not None
    assert shape_of(config | {"num_hidden_groups": 2}, "single_label") is None


def with_weights(change: Callable[[dict[str, torch.Tensor]], Any]) -> Callable[[Path], None]:
    def applied(folder: Path) -> None:
        weights = load_file(folder / "model.safetensors")
        change(weights)
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})

    return applied


def cut_short(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1000])


NAME = "bert.encoder.layer.1.output.dense.bias"


@pytest.mark.parametrize(
    "damage",
    [
        with_weights(lambda weights: weights.pop(NAME)),
        with_weights(lambda weights: weights.update({"bert.encoder.adapter": torch.ones(3)})),
        with_weights(lambda weights: weights.update({NAME: torch.ones(33)})),
        with_weights(lambda weights: weights.update({NAME: torch.ones(32, dtype=torch.float64)})),
        cut_short,
        lambda folder: (folder / "model.safetensors").rename(folder / "model-00001-of-00001.safetensors"),
    ],
    ids=["missing", "unknown", "other size", "other numbers", "cut short", "sharded"],
)
def test_other_weights(make_light, damage: Callable[[Path], Any]) -> None:
    folder = make_light("bert")
    shape = shape_of(config_of(folder), "single_label")
    assert shape is not None
    assert load_light(folder, shape, rows=[0, 1, 2], precision="fp32") is not None
    damage(folder)
    assert load_light(folder, shape, rows=[0, 1, 2], precision="fp32") is None


def test_another_number_of_labels(make_light) -> None:
    folder = make_light("bert")
    shape = shape_of(config_of(folder), "single_label")
    assert shape is not None
    assert load_light(folder, shape, rows=[0, 1], precision="fp32") is None


def test_half_precision_in_the_file(make_light) -> None:
    """As transformers does where bertkit loads it: widened, and computed in float32."""
    folder = make_light("bert")
    shape = shape_of(config_of(folder), "single_label")
    assert shape is not None
    with_weights(lambda weights: weights.update({k: v.half() for k, v in weights.items()}))(folder)
    half = load_light(folder, shape, rows=[0, 1, 2], precision="fp32")
    with_weights(lambda weights: weights.update({k: v.float() for k, v in weights.items()}))(folder)
    whole = load_light(folder, shape, rows=[0, 1, 2], precision="fp32")
    assert half is not None and whole is not None
    batch = {"input_ids": torch.tensor([[7, 8, 9]]), "attention_mask": torch.ones(1, 3, dtype=torch.int64)}
    assert torch.equal(half(**batch).logits, whole(**batch).logits)


def test_weights_that_nothing_reads(make_light) -> None:
    folder = make_light("roberta")
    shape = shape_of(config_of(folder), "single_label")
    assert shape is not None
    spare = {
        "roberta.embeddings.position_ids": torch.arange(66)[None],
        "roberta.pooler.dense.weight": torch.ones(32, 32), "roberta.pooler.dense.bias": torch.ones(32),
    }  # fmt: skip
    with_weights(lambda weights: weights.update(spare))(folder)
    assert load_light(folder, shape, rows=[0, 1, 2], precision="fp32") is not None
