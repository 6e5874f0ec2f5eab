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


def test_albert_shares_its_layers() -> None:
    sizes = USUAL | {"embedding_size": 8}
    for settings in (TrainSection(layer_decay=0.9), TrainSection(freeze_layers=1)):
        with pytest.raises(RecipeError, match=r"layers of this encoder \(albert\) share weights"):
            prepare_layers(make("albert", **sizes), settings)
    model = make("albert", **sizes)
    prepare_layers(model, TrainSection(freeze_embeddings=True))
    frozen = {name for name, p in model.named_parameters() if not p.requires_grad}
    assert frozen == {name for name, _ in model.named_parameters() if "emb" in name}


def test_relative_positions_are_embeddings() -> None:
    sizes = {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "type_vocab_size": 0}
    model = make("deberta-v2", **USUAL, **sizes)
    groups = group_of(model, build_optimizer(model, TrainSection(layer_decay=0.5)))
    assert groups["deberta.encoder.rel_embeddings.weight"]["rate_factor"] == 0.5**4
    prepare_layers(model, TrainSection(freeze_layers=3))
    assert not model.deberta.encoder.rel_embeddings.weight.requires_grad
    assert all(p.requires_grad for p in model.classifier.parameters())


def test_gradient_checkpointing_gives_the_same_gradients(tiny_encoder: Path) -> None:
    from transformers import AutoModelForSequenceClassification

    def gradients(settings: TrainSection, *, times_computed: int) -> dict[str, torch.Tensor]:
        calls: list[object] = []
        torch.manual_seed(0)
        model = AutoModelForSequenceClassification.from_pretrained(
            tiny_encoder, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
        )
        prepare_layers(model, settings)
        model.bert.encoder.layer[0].attention.register_forward_hook(lambda *call: calls.append(call))
        model.train()(input_ids=torch.tensor([[2, 7, 8, 3]])).logits[0, 0].backward()
        assert len(calls) == times_computed
        return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}

    plain = gradients(TrainSection(), times_computed=1)
    checkpointed = gradients(TrainSection(gradient_checkpointing=True), times_computed=2)
    assert plain.keys() == checkpointed.keys()
    for name, gradient in plain.items():
        torch.testing.assert_close(checkpointed[name], gradient, msg=lambda text, n=name: f"{n}: {text}")


def test_an_encoder_that_cannot_recompute(tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers import AutoModel

    model = AutoModel.from_pretrained(tiny_encoder)
    monkeypatch.setattr(type(model), "supports_gradient_checkpointing", False)
    with pytest.raises(RecipeError, match="gradient_checkpointing"):
        prepare_layers(model, TrainSection(gradient_checkpointing=True))


def test_schedules_by_hand() -> None:
    def rates(schedule: str) -> list[float]:
        settings = TrainSection(learning_rate=0.1, warmup_ratio=0.2, schedule=schedule)
        return [learning_rate_at(step, 10, settings) for step in range(10)]

    # Two steps of warm-up on the way from 0 to the peak, then eight steps.
    assert rates("constant") == pytest.approx([0.1 / 3, 0.2 / 3] + [0.1] * 8)
    assert rates("linear") == pytest.approx([0.1 / 3, 0.2 / 3] + [0.1 * (1 - k / 8) for k in range(8)])
    assert rates("cosine")[2:] == pytest.approx([0.05 * (1 + math.cos(math.pi * k / 8)) for k in range(8)])
    assert learning_rate_at(0, 10, TrainSection(learning_rate=0.1, warmup_ratio=0.0)) == 0.1
