"""Every family reads what its tokenizer gives, up to its last position; what is no encoder is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bertkit.data.features import Features, Padding, collate
from bertkit.errors import ModelError
from bertkit.models.families import UNLIMITED, load_config, position_limit, reads_segments
from bertkit.models.loading import load_model, load_tokenizer
from bertkit.models.sources import ModelSource, find_model
from bertkit.tasks.base import Limits
from bertkit.tasks.encoding import encode_texts

FAMILIES = ("bert", "roberta", "distilbert", "electra", "albert", "deberta-v2", "xlnet", "modernbert")
SEGMENTS = {"bert": True, "electra": True, "albert": True, "xlnet": True}
SMALL_BART = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2}


def rewrite_config(folder: Path, **changes: Any) -> None:
    file = folder / "config.json"
    config = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(config | changes), encoding="utf-8")


@pytest.mark.parametrize("family", FAMILIES)
def test_pairs_are_read_with_the_segments_the_model_has(make_model, family: str) -> None:
    """The tiny tokenizer numbers segments 0 and 1, which RoBERTa's table of one row does not hold."""
    source = find_model(str(make_model(family)))
    assert reads_segments(load_config(source)) is SEGMENTS.get(family, False)
    loaded = load_model(source, problem="single_label", labels=("a", "b"), new_head=True)
    features = encode_texts([("the film", "a dull end"), ("good", "bad")], loaded.tokenizer, Limits(16))
    assert (features.token_type_ids is not None) is SEGMENTS.get(family, False)
    batch = collate(features, [0, 1], padding=Padding(loaded.tokenizer.pad_token_id), device="cpu")
    with torch.inference_mode():
        assert loaded.model(**batch.inputs).logits.shape == (2, 2)


@pytest.mark.parametrize(
    ("family", "expected"),
    [
        ("bert", 40),
        ("roberta", 39),
        ("distilbert", 40),
        ("electra", 40),
        ("albert", 40),
        ("xlnet", UNLIMITED),
    ],
)
def test_the_longest_text_that_fits(make_model, family: str, expected: int) -> None:
    folder = make_model(family, **({} if family == "xlnet" else {"max_position_embeddings": 40}))
    source = find_model(str(folder))
    limit = position_limit(source)
    assert limit == expected
    loaded = load_model(source, problem="single_label", labels=("a", "b"), new_head=True)

    def read(length: int) -> None:
        ids = np.full(length, 7, dtype=np.int32)
        features = Features(ids, None, np.array([0, length]), np.zeros(1, dtype=np.int32))
        batch = collate(features, [0], padding=Padding(loaded.tokenizer.pad_token_id), device="cpu")
        with torch.inference_mode():
            loaded.model(**batch.inputs)

    read(min(limit, 100))
    if limit != UNLIMITED:
        with pytest.raises((IndexError, RuntimeError)):
            read(limit + 1)


def test_defaults_that_config_json_leaves_out(make_model) -> None:
    """RoBERTa's padding index is 1 also where the file does not say so."""
    folder = make_model("roberta")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    del config["pad_token_id"], config["max_position_embeddings"]
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    assert position_limit(find_model(str(folder))) == 512 - 2


@pytest.mark.parametrize(
    ("family", "sizes", "message"),
    [
        ("gpt2", {"n_embd": 16, "n_layer": 1, "n_head": 2}, "is a decoder"),
        ("bart", SMALL_BART, "has a decoder beside its encoder"),
        ("bert", {"is_decoder": True}, "is a decoder"),
        ("vit", {}, "no encoder for text"),
    ],
)
def test_what_is_no_encoder(
    tmp_path: Path, write_tokenizer, family: str, sizes: dict[str, Any], message: str
) -> None:
    write_tokenizer(tmp_path)
    config = {"model_type": family, **sizes}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    source = ModelSource("theirs", tmp_path, None, config)
    with pytest.raises(ModelError, match=f"theirs .*{message}"):
        load_config(source)
    with pytest.raises(ModelError, match=message):  # before the data is read and encoded
        load_tokenizer(source)


@pytest.mark.parametrize(
    "changes", [{"hidden_size": "large"}, {"num_hidden_layers": None}, {"num_attention_heads": 3}]
)
def test_a_config_that_makes_no_sense(make_model, changes: dict[str, Any]) -> None:
    folder = make_model("bert")
    rewrite_config(folder, **changes)
    with pytest.raises(ModelError) as caught:
        load_model(find_model(str(folder)), problem="single_label", labels=("a", "b"), new_head=True)
    assert "\n" not in caught.value.message
