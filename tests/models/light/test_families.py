"""Two rooms know where a layer keeps its weights: the fused layers and the light model. They say the same."""

from __future__ import annotations

import pytest

from bertkit.models.fused import shapes
from bertkit.models.light.families import ACTIVATIONS, FAMILIES


@pytest.mark.parametrize("family", sorted(shapes._BERT_LIKE | {"distilbert"}))
def test_weights_have_the_same_names(family: str) -> None:
    names = FAMILIES[family].names
    parts = shapes._DISTILBERT if family == "distilbert" else shapes._BERT
    assert parts.weights == (
        names.query, names.key, names.value, names.output, names.attention_norm, names.widen, names.narrow,
        names.norm,
    )  # fmt: skip


def test_activations_have_the_same_meaning() -> None:
    meaning = {"none": "gelu", "tanh": "gelu_tanh"}
    assert {name: meaning[kind] for name, kind in shapes._APPROXIMATIONS.items()} == {
        name: kind for name, kind in ACTIVATIONS.items() if kind != "relu"
    }
