"""Layers, their depth, and fresh weights for one part that leave all others as they are."""

from __future__ import annotations

import pytest
import torch

from bertkit.models.layers import encoder_layers, layer_depths, restart_head, restart_weights
from bertkit.models.loading import load_model
from bertkit.models.sources import find_model

FAMILIES = ("bert", "roberta", "distilbert", "electra", "albert", "deberta-v2", "xlnet", "modernbert")


def load(make_model, family: str, *, labels: list[str] | None = None):
    source = find_model(str(make_model(family, labels=labels)))
    return load_model(source, problem="single_label", labels=("a", "b"), new_head=labels is None).model


def weights_of(model) -> dict[str, torch.Tensor]:
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


def changed(model, before: dict[str, torch.Tensor]) -> set[str]:
    return {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}


def inside(model, part) -> set[str]:
    ids = {id(parameter) for parameter in part.parameters()}
    return {name for name, parameter in model.named_parameters() if id(parameter) in ids}


@pytest.mark.parametrize("family", FAMILIES)
def test_restarting_the_head_changes_the_head_alone(make_model, family: str) -> None:
    model = load(make_model, family, labels=["a", "b"])
    before = weights_of(model)
    torch.manual_seed(11)
    restart_head(model)
    moved = changed(model, before)
    assert moved
    assert not moved & inside(model, model.base_model)
    matrices = {name for name, p in model.named_parameters() if p.dim() == 2}
    assert moved >= matrices - inside(model, model.base_model)


@pytest.mark.parametrize("family", [family for family in FAMILIES if family != "albert"])
def test_restarting_a_layer_changes_that_layer_alone(make_model, family: str) -> None:
    model = load(make_model, family, labels=["a", "b"])
    before = weights_of(model)
    top = encoder_layers(model)[-1]
    torch.manual_seed(11)
    restart_weights(model, top)
    matrices = {name for name in inside(model, top) if before[name].dim() == 2}
    assert matrices <= changed(model, before) <= inside(model, top)


def test_a_family_that_initialises_from_the_parent_does_so_here_too(make_model) -> None:
    """ModernBERT gives its classifier another spread than other matrices."""
    model = load(make_model, "modernbert", labels=["a", "b"])
    model.config.initializer_range = 1e-4
    restart_head(model)
    assert float(model.classifier.weight.detach().std()) == pytest.approx(32**-0.5, rel=0.5)


@pytest.mark.parametrize("family", FAMILIES)
def test_embeddings_are_at_the_bottom_and_the_head_on_top(make_model, family: str) -> None:
    model = load(make_model, family)
    depths = layer_depths(model)
    top = len(encoder_layers(model)) + 1
    for name, depth in depths.items():
        if ".layer." in name or ".layers." in name:  # XLNet has segment embeddings in each layer
            assert 0 < depth < top, name
        elif "emb" in name:
            assert depth == 0, name
        elif not name.startswith(f"{model.base_model_prefix}."):
            assert depth == top, name
        else:
            assert depth > 0, name
    assert set(depths.values()) == ({0, 1} if family == "albert" else {0, 1, 2, 3})


def test_a_layer_spread_over_several_lists_is_no_stack() -> None:
    """XLM keeps the attentions, norms and feed-forward nets of its layers in lists of their own."""
    from transformers import AutoConfig, AutoModelForSequenceClassification

    config = AutoConfig.for_model("xlm", vocab_size=60, emb_dim=16, n_layers=2, n_heads=2)
    assert encoder_layers(AutoModelForSequenceClassification.from_config(config)) == []
