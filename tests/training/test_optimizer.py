"""Parameter groups, schedules, freezing and fresh layers, over families that name things differently."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from bertkit.config.schema import TrainSection
from bertkit.errors import RecipeError
from bertkit.training.optimizer import (
    build_optimizer,
    clip_gradients,
    learning_rate_at,
    prepare_layers,
    set_learning_rate,
)


def make(family: str, **sizes):
    from transformers import AutoConfig, AutoModelForSequenceClassification

    return AutoModelForSequenceClassification.from_config(
        AutoConfig.for_model(family, vocab_size=40, **sizes)
    )


USUAL = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 32}
FAMILIES = {
    "bert": USUAL,
    "roberta": USUAL | {"pad_token_id": 0},
    "distilbert": {"dim": 16, "n_layers": 3, "n_heads": 2, "hidden_dim": 32},
    "modernbert": USUAL
    | {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3, "cls_token_id": 2, "sep_token_id": 3},
}


def group_of(model, optimizer) -> dict[str, dict]:
    by_id = {id(p): group for group in optimizer.param_groups for p in group["params"]}
    return {name: by_id[id(p)] for name, p in model.named_parameters()}


@pytest.mark.parametrize("family", FAMILIES)
def test_biases_and_norms_are_not_decayed(family: str) -> None:
    model = make(family, **FAMILIES[family])
    groups = group_of(model, build_optimizer(model, TrainSection(weight_decay=0.1)))
    assert len(groups) == len(list(model.named_parameters()))
    for name, group in groups.items():
        plain = name.endswith("bias") or "norm" in name.lower()
        assert group["weight_decay"] == (0.0 if plain else 0.1), name


@pytest.mark.parametrize("family", FAMILIES)
def test_layer_decay_by_depth(family: str) -> None:
    model = make(family, **FAMILIES[family])
    optimizer = build_optimizer(model, TrainSection(layer_decay=0.5))
    set_learning_rate(optimizer, 1e-3)
    rates = {name: group["lr"] for name, group in group_of(model, optimizer).items()}
    head = [rate for name, rate in rates.items() if not name.startswith(model.base_model_prefix + ".")]
    words = next(
        rate for name, rate in rates.items() if "word_embeddings" in name or "tok_embeddings" in name
    )
    assert set(head) == {1e-3}
    assert words == pytest.approx(1e-3 * 0.5**4)
    for number in range(3):
        layer = [
            rate
            for name, rate in rates.items()
            if f".layer.{number}." in name or f".layers.{number}." in name
        ]
        assert layer and layer == pytest.approx([1e-3 * 0.5 ** (3 - number)] * len(layer))


def test_freezing_and_fresh_layers(tiny_encoder: Path) -> None:
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(tiny_encoder, num_labels=2)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    prepare_layers(model, TrainSection(freeze_layers=1, reinit_layers=1))
    for name, parameter in model.named_parameters():
        frozen = "embeddings" in name or "layer.0." in name
        assert parameter.requires_grad is not frozen, name
        fresh = "layer.1." in name and name.endswith("dense.weight")
        assert torch.equal(parameter, before[name]) is not fresh or "layer.1." in name, name
        if fresh:
            assert not torch.equal(parameter, before[name]), name
            assert float(parameter.detach().std()) == pytest.approx(model.config.initializer_range, rel=0.3)
    assert all(
        p.requires_grad
        for group in build_optimizer(model, TrainSection()).param_groups
        for p in group["params"]
    )


def test_without_settings_nothing_changes(tiny_encoder: Path) -> None:
    from transformers import AutoModel

    model = AutoModel.from_pretrained(tiny_encoder)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    prepare_layers(model, TrainSection())
    assert all(torch.equal(p, before[name]) and p.requires_grad for name, p in model.named_parameters())


@pytest.mark.parametrize("setting", ["freeze_layers", "reinit_layers"])
def test_more_layers_than_there_are(tiny_encoder: Path, setting: str) -> None:
    from transformers import AutoModel

    with pytest.raises(RecipeError, match=f"{setting}: 3 is more than the 2 layers"):
        prepare_layers(AutoModel.from_pretrained(tiny_encoder), TrainSection(**{setting: 3}))


def test_schedules_by_hand() -> None:
    def rates(schedule: str) -> list[float]:
        settings = TrainSection(learning_rate=0.1, warmup_ratio=0.2, schedule=schedule)
        return [learning_rate_at(step, 10, settings) for step in range(10)]

    # Two steps of warm-up on the way from 0 to the peak, then eight steps.
    assert rates("constant") == pytest.approx([0.1 / 3, 0.2 / 3] + [0.1] * 8)
    assert rates("linear") == pytest.approx([0.1 / 3, 0.2 / 3] + [0.1 * (1 - k / 8) for k in range(8)])
    assert rates("cosine")[2:] == pytest.approx([0.05 * (1 + math.cos(math.pi * k / 8)) for k in range(8)])
    assert learning_rate_at(0, 10, TrainSection(learning_rate=0.1, warmup_ratio=0.0)) == 0.1


def test_clipping() -> None:
    model = torch.nn.Linear(2, 1, bias=False)

    def clipped(limit: float | None) -> tuple[float, list[float]]:
        model.weight.grad = torch.tensor([[3.0, 4.0]])
        return clip_gradients(model, limit), model.weight.grad[0].tolist()

    assert clipped(None) == (5.0, [3.0, 4.0])
    assert clipped(6.0) == (5.0, [3.0, 4.0])
    assert clipped(1.0) == (5.0, pytest.approx([0.6, 0.8], abs=1e-5))
