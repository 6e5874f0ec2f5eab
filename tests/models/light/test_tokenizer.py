"""The light tokenizer gives the tasks what transformers' own gives them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bertkit.data.words import find_words
from bertkit.models.contract import ModelContract, write_contract
from bertkit.models.families import position_limit
from bertkit.models.light.families import shape_of
from bertkit.models.light.tokenizer import load_light_tokenizer
from bertkit.models.loading import load_tokenizer
from bertkit.models.sources import find_model
from bertkit.tasks.base import Example, Limits
from bertkit.tasks.encoding import encode_texts
from bertkit.tasks.template import template_of
from bertkit.tasks.word_windows import encode_words
from bertkit.workflows.engine import padding_of

TEXTS = ["The film is GREAT", "a dull end, naïve?! [MASK] ##ing", "", "\u200b\t\x00", "日本 [PAD] x" * 20]
FAMILY_NAMES = ("bert", "roberta", "xlm-roberta", "camembert", "electra", "distilbert", "albert")


def write_usual_contract(folder: Path) -> None:
    write_contract(folder, ModelContract(task="classification", text=("text",), problem="single_label"))


def both(folder: Path) -> tuple[Any, Any]:
    source = find_model(str(folder))
    shape = shape_of(source.config, "single_label")
    assert shape is not None
    assert shape.position_limit == position_limit(source)
    light = load_light_tokenizer(folder, shape)
    assert light is not None
    return light, load_tokenizer(source)


def assert_same(light: Any, whole: Any) -> None:
    for name in ("pad_token_id", "cls_token_id", "unk_token_id", "mask_token_id"):
        assert getattr(light, name) == getattr(whole, name), name
    assert padding_of(light) == padding_of(whole)
    pairs = [(text, TEXTS[0]) for text in TEXTS]
    for texts in ([(text,) for text in TEXTS], pairs):
        for limits in (Limits(9), Limits(64, window=9, stride=2)):
            ours, theirs = encode_texts(texts, light, limits), encode_texts(texts, whole, limits)
            assert np.array_equal(ours.input_ids, theirs.input_ids)
            assert np.array_equal(ours.offsets, theirs.offsets)
            assert (ours.token_type_ids is None) == (theirs.token_type_ids is None)
            if ours.token_type_ids is not None:
                assert np.array_equal(ours.token_type_ids, theirs.token_type_ids)
    assert template_of(light, pair=True) == template_of(whole, pair=True)
    examples = [Example(text, (text,), None, tuple(find_words(text))) for text in TEXTS]
    ours, theirs = (encode_words(examples, tokenizer, Limits(16, 16, 4)) for tokenizer in (light, whole))
    assert np.array_equal(ours.input_ids, theirs.input_ids)
    assert np.array_equal(ours.alignment["words"], theirs.alignment["words"])


@pytest.mark.parametrize("family", FAMILY_NAMES)
def test_of_each_family(make_light, family: str) -> None:
    folder = make_light(family)
    write_usual_contract(folder)
    assert_same(*both(folder))


def test_as_bert_saves_it(make_light) -> None:
    """A class that rebuilds its tokenizer, and whose files do not say what the model reads."""
    from transformers import BertTokenizer

    folder = make_light("bert")
    vocabulary = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    BertTokenizer(vocab=vocabulary, do_lower_case=True).save_pretrained(folder)
    assert "model_input_names" not in (folder / "tokenizer_config.json").read_text(encoding="utf-8")
    write_usual_contract(folder)
    light, whole = both(folder)
    assert "token_type_ids" in light.model_input_names
    assert_same(light, whole)


def rewrite(folder: Path, **changes: Any) -> None:
    file = folder / "tokenizer_config.json"
    config = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(config | changes), encoding="utf-8")


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "bertkit.json").unlink(),  # elsewhere transformers decides what counts
        lambda folder: (folder / "tokenizer.json").write_text("{"),
        lambda folder: (folder / "tokenizer_config.json").unlink(),
        lambda folder: rewrite(folder, padding_side="left"),
        lambda folder: rewrite(folder, pad_token="no such token"),
        lambda folder: rewrite(folder, model_input_names=None, tokenizer_class="SomeTokenizer"),
    ],
    ids=["not ours", "broken", "no config", "left", "no padding", "unknown inputs"],
)
def test_what_transformers_has_to_read(make_light, damage: Any) -> None:
    folder = make_light("bert")
    write_usual_contract(folder)
    light, _ = both(folder)
    assert light is not None
    damage(folder)
    shape = shape_of(find_model(str(folder)).config, "single_label")
    assert shape is not None
    assert load_light_tokenizer(folder, shape) is None
