"""Trained heads go on where their labels fit by name, in whatever order and family."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bertkit.data.labels import LabelSet
from bertkit.errors import ModelError
from bertkit.models.heads import choose_head, reorder_outputs, required_order
from bertkit.models.loading import load_model
from bertkit.models.sources import find_model
from bertkit.tasks.nli import NliTask

FAMILIES = ("bert", "roberta", "distilbert", "electra", "albert", "deberta-v2", "xlnet", "modernbert")
NLI = LabelSet("single_label", ("entailment", "neutral", "contradiction"))
ELSEWHERE = ["CONTRADICTION", "entail", "Neutral"]


def choose(folder: Path, labels: LabelSet = NLI, *, setting: str = "auto", refuse: bool = True):
    source = find_model(str(folder))
    return choose_head(source, labels, aliases=NliTask.label_aliases, setting=setting, refuse_others=refuse)


@pytest.mark.parametrize("family", FAMILIES)
def test_outputs_mean_the_same_names_after_reordering(make_model, family: str) -> None:
    folder = make_model(family, labels=ELSEWHERE)
    choice = choose(folder)
    assert (choice.new, choice.order) == (False, ("contradiction", "entailment", "neutral"))
    loaded = load_model(find_model(str(folder)), problem="single_label", labels=choice.order, new_head=False)
    assert not loaded.new_head
    batch = loaded.tokenizer("the film is good", "a dull scene", return_tensors="pt")
    inputs = {name: batch[name] for name in ("input_ids", "attention_mask")}
    with torch.inference_mode():
        before = dict(zip(choice.order, loaded.model(**inputs).logits[0].tolist(), strict=True))
        reorder_outputs(loaded.model, choice.order, NLI.names)
        after = dict(zip(NLI.names, loaded.model(**inputs).logits[0].tolist(), strict=True))
    assert after == pytest.approx(before, abs=1e-6)
    assert len(set(before.values())) == 3
    assert loaded.model.config.id2label == dict(enumerate(NLI.names))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_bare_encoder_gets_a_new_head_that_the_seed_decides(make_model, family: str) -> None:
    folder = make_model(family)
    assert choose(folder).new

    def head(seed: int) -> dict[str, torch.Tensor]:
        torch.manual_seed(seed)
        loaded = load_model(find_model(str(folder)), problem="single_label", labels=NLI.names, new_head=True)
        assert loaded.new_head
        encoder = {id(parameter) for parameter in loaded.model.base_model.parameters()}
        return {n: p.detach() for n, p in loaded.model.named_parameters() if id(p) not in encoder}

    first, again, other = head(1), head(1), head(2)
    assert first.keys() == again.keys() and first
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_a_new_head_is_fresh_also_where_the_checkpoint_has_one(make_model) -> None:
    folder = make_model("bert", labels=["a", "b", "c"])
    loaded = load_model(find_model(str(folder)), problem="single_label", labels=NLI.names, new_head=False)
    trained = loaded.model.classifier.weight.detach().clone()
    torch.manual_seed(7)
    fresh = load_model(find_model(str(folder)), problem="single_label", labels=NLI.names, new_head=True)
    assert fresh.new_head
    assert not torch.equal(fresh.model.classifier.weight, trained)
    other_size = load_model(find_model(str(folder)), problem="single_label", labels=("x", "y"), new_head=True)
    assert other_size.model.classifier.out_features == 2


def test_labels_that_do_not_fit(make_model) -> None:
    folder = make_model("bert", labels=["red", "green", "blue"])
    with pytest.raises(ModelError, match=r"red, green, blue.*entailment, neutral, contradiction") as caught:
        choose(folder)
    assert "model.head=new" in caught.value.hint
    assert choose(folder, refuse=False).new
    assert "red, green, blue" in choose(folder, refuse=False).note
    assert choose(folder, setting="new").new
    assert choose(folder, LabelSet("single_label", ("entailment", "not_entailment"))).new
    assert choose(folder, LabelSet("regression")).new


def test_scoring_a_model_needs_its_labels(make_model) -> None:
    source = find_model(str(make_model("bert", labels=["LABEL_0", "LABEL_1", "LABEL_2"])))
    with pytest.raises(ModelError, match="LABEL_0") as caught:
        required_order(source, ("LABEL_0", "LABEL_1", "LABEL_2"), NLI.names, aliases={})
    assert "id2label" in caught.value.hint
