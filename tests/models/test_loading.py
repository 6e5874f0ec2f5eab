"""Loading refuses what does not belong together; saving and loading gives the same model."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from bertkit.errors import ModelError
from bertkit.models.contract import ModelContract, read_contract
from bertkit.models.layers import encoder_layers
from bertkit.models.loading import load_model, load_tokenizer, position_limit, save_model
from bertkit.models.sources import find_model

LABELS = ("negative", "positive")
CONTRACT = ModelContract(
    task="classification", text=("review",), problem="single_label", labels=LABELS, max_length=48
)
FAMILIES = ("bert", "roberta", "distilbert", "electra", "deberta-v2", "xlnet", "modernbert")


def load(folder: Path, **options):
    return load_model(
        find_model(str(folder)), problem="single_label", labels=LABELS, **{"new_head": False} | options
    )


@pytest.mark.parametrize("family", [*FAMILIES, "albert"])
def test_saved_and_loaded_gives_the_same_logits(make_model, tmp_path: Path, family: str) -> None:
    loaded = load(make_model(family), new_head=True)
    save_model(loaded, tmp_path / "saved", CONTRACT)
    again = load(tmp_path / "saved", require_head=True)
    batch = loaded.tokenizer("the film is good", return_tensors="pt")
    inputs = {name: batch[name] for name in ("input_ids", "attention_mask")}
    with torch.inference_mode():
        torch.testing.assert_close(
            again.model(**inputs).logits, loaded.model(**inputs).logits, rtol=0, atol=1e-6
        )
    for name, parameter in loaded.model.named_parameters():
        assert torch.equal(again.model.get_parameter(name), parameter), name
    assert not again.new_head
    assert read_contract(tmp_path / "saved", find_model(str(tmp_path / "saved")).config) == CONTRACT


def test_saved_files_follow_the_umask_and_hold_no_pickle(tiny_encoder: Path, tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        save_model(load(tiny_encoder, new_head=True), tmp_path / "saved", CONTRACT)
    finally:
        os.umask(before)
    names = {path.name for path in (tmp_path / "saved").iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "bertkit.json"} <= names
    assert not any(name.endswith((".bin", ".pt", ".pkl")) for name in names)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "saved").iterdir()}
    assert modes == {0o640}


def test_a_decoder_is_refused(tmp_path: Path, write_tokenizer) -> None:
    from transformers import GPT2Config, GPT2Model

    size = write_tokenizer(tmp_path)
    GPT2Model(GPT2Config(vocab_size=size, n_embd=32, n_layer=1, n_head=2)).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="decoder"):
        load(tmp_path, new_head=True)


def test_a_head_that_is_not_there(tiny_encoder: Path) -> None:
    with pytest.raises(ModelError, match="no trained head") as caught:
        load(tiny_encoder, require_head=True)
    assert "finetune" in caught.value.hint
    with pytest.raises(ModelError, match="no trained head"):
        read_contract(tiny_encoder, find_model(str(tiny_encoder)).config)


def test_a_tokenizer_larger_than_the_embedding(make_model) -> None:
    folder = make_model("bert", labels=list(LABELS))
    tokenizer = load_tokenizer(find_model(str(folder)))
    tokenizer.add_tokens(["neverseen", "neitherthis"])
    tokenizer.save_pretrained(folder)
    with pytest.raises(ModelError, match=r"tokenizer knows .* tokens, the embedding has"):
        load(folder)


def test_encoder_weights_that_are_missing(make_model) -> None:
    folder = make_model("bert", labels=list(LABELS))
    tensors = load_file(folder / "model.safetensors")
    lost = [name for name in tensors if "layer.1.attention" in name]
    save_file(
        {name: t for name, t in tensors.items() if name not in lost},
        folder / "model.safetensors",
        {"format": "pt"},
    )
    with pytest.raises(ModelError, match="weights of the encoder are missing"):
        load(folder)


def drop_weights(folder: Path, part: str) -> None:
    tensors = load_file(folder / "model.safetensors")
    kept = {name: tensor for name, tensor in tensors.items() if part not in name}
    assert len(kept) < len(tensors)
    save_file(kept, folder / "model.safetensors", {"format": "pt"})


@pytest.mark.parametrize("family", ["bert", "albert", "deberta-v2"])
def test_a_pooler_that_is_missing_is_made_for_training_and_refused_for_predicting(
    make_model, family: str
) -> None:
    folder = make_model(family, labels=list(LABELS))
    drop_weights(folder, "pooler")
    assert load(folder).new_head
    assert load(folder, new_head=True).new_head
    with pytest.raises(ModelError, match=r"no trained head: .*pooler.* is missing"):
        load(folder, require_head=True)


@pytest.mark.parametrize("labels", [["a", "b"], ["a", "b", "c"]])
def test_no_layer_of_an_old_head_is_left_in_a_new_one(make_model, labels: list[str]) -> None:
    """ELECTRA's head has two layers, of which only the last one depends on the number of labels."""
    folder = make_model("electra", labels=labels)
    old = load_file(folder / "model.safetensors")["classifier.dense.weight"]
    torch.manual_seed(5)
    assert not torch.equal(load(folder, new_head=True).model.classifier.dense.weight, old)


def test_a_head_of_another_size_is_refused_where_it_shall_go_on(make_model) -> None:
    with pytest.raises(ModelError, match="cannot be loaded"):
        load(make_model("bert", labels=["a", "b", "c"]))


def test_the_saved_tokenizer_neither_cuts_nor_pads(make_model, tmp_path: Path) -> None:
    loaded = load(make_model("bert", labels=list(LABELS)))
    loaded.tokenizer.backend_tokenizer.enable_truncation(16)
    loaded.tokenizer.backend_tokenizer.enable_padding(length=32)
    save_model(loaded, tmp_path / "saved", CONTRACT)
    saved = json.loads((tmp_path / "saved" / "tokenizer.json").read_text(encoding="utf-8"))
    assert (saved["truncation"], saved["padding"]) == (None, None)


def test_a_loaded_tokenizer_neither_cuts_nor_pads(make_model) -> None:
    folder = make_model("bert", labels=list(LABELS))
    file = folder / "tokenizer.json"
    written = json.loads(file.read_text(encoding="utf-8"))
    written["truncation"] = {
        "direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0,
    }  # fmt: skip
    file.write_text(json.dumps(written), encoding="utf-8")
    backend = load_tokenizer(find_model(str(folder))).backend_tokenizer
    assert len(backend.encode("the film is very very good").ids) == 8


def test_broken_weights_and_tokenizers(make_model) -> None:
    folder = make_model("bert", labels=list(LABELS))
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:1000])
    with pytest.raises(ModelError, match="no safetensors file"):
        load(folder)
    weights.write_bytes(whole)
    (folder / "tokenizer.json").write_text("{", encoding="utf-8")
    with pytest.raises(ModelError, match="tokenizer cannot be loaded"):
        load_tokenizer(find_model(str(folder)))


@pytest.mark.parametrize("family", FAMILIES)
def test_layers_are_found(make_model, family: str) -> None:
    assert len(encoder_layers(load(make_model(family), new_head=True).model)) == 2


def test_position_limits(make_model) -> None:
    assert position_limit(find_model(str(make_model("bert", name="bert")))) == 512
    assert position_limit(find_model(str(make_model("roberta", name="roberta")))) == 66 - 1  # pad_token_id 0


def test_contracts_of_models_from_elsewhere(make_model) -> None:
    source = find_model(str(make_model("bert", labels=["neg", "pos"])))
    contract = read_contract(source.folder, source.config)
    assert (contract.problem, contract.labels, contract.text) == ("single_label", ("neg", "pos"), ("text",))
    several = read_contract(source.folder, {**source.config, "problem_type": "multi_label_classification"})
    assert several.problem == "multi_label"
    number = read_contract(source.folder, {**source.config, "id2label": {"0": "LABEL_0"}})
    assert (number.problem, number.labels) == ("regression", ())


def test_a_broken_contract_is_told(make_model) -> None:
    source = find_model(str(make_model("bert", labels=["neg", "pos"])))
    (source.folder / "bertkit.json").write_text(json.dumps({"task": "cooking"}), encoding="utf-8")
    with pytest.raises(ModelError, match=r"bertkit\.json"):
        read_contract(source.folder, source.config)
