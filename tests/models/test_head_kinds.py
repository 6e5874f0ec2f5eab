"""Each problem has a head of transformers' own; what is saved is loaded by transformers alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from bertkit.config.names import PROBLEMS
from bertkit.data.labels import LabelSet
from bertkit.models.contract import ModelContract, read_contract
from bertkit.models.head_kinds import HEAD_KINDS, architectures_of, has_head, model_class
from bertkit.models.heads import choose_head, reorder_outputs
from bertkit.models.loading import load_model, save_model, trained_labels
from bertkit.models.sources import find_model

FAMILIES = ("bert", "roberta", "distilbert", "electra", "albert", "deberta-v2", "xlnet", "modernbert")
TAGS = LabelSet("tags", ("O", "B-P", "I-P", "B-L", "I-L"))
FRAMES = LabelSet("frames", ("O", "B-P", "I-P"), ("play", "stop"))
ANSWERS = LabelSet("answers")
CASES = {
    "tags": (TAGS, {"task": "ner", "text": ("tokens",)}),
    "frames": (FRAMES, {"task": "intent_slots", "text": ("tokens",), "intents": ("play", "stop")}),
    "answers": (ANSWERS, {"task": "qa", "text": ("question", "context")}),
}


def load(folder: Path, labels: LabelSet, **options: Any) -> Any:
    return load_model(
        find_model(str(folder)), problem=labels.problem, labels=labels.output_names,
        **({"new_head": False} | options),
    )  # fmt: skip


def outputs_of(model: Any, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    with torch.inference_mode():
        outputs = model.eval()(**inputs)
    if "logits" in outputs:
        return outputs.logits
    return torch.stack([outputs.start_logits, outputs.end_logits], dim=-1)


def inputs_of(tokenizer: Any) -> dict[str, torch.Tensor]:
    batch = tokenizer("the film is good", "a dull scene", return_tensors="pt")
    return {name: batch[name] for name in ("input_ids", "attention_mask")}


def test_each_problem_has_a_kind() -> None:
    assert set(HEAD_KINDS) == set(PROBLEMS)
    for problem, kind in HEAD_KINDS.items():
        assert model_class(problem) is getattr(transformers, f"AutoModelFor{kind.name}")


@pytest.mark.parametrize(
    ("architecture", "problems"),
    [
        ("BertForTokenClassification", {"tags", "frames"}),
        ("BertForQuestionAnswering", {"answers"}),
        ("XLNetForQuestionAnsweringSimple", {"answers"}),
        ("RobertaForSequenceClassification", {"single_label", "multi_label", "regression"}),
        ("BertModel", set()),
        ("BertForMaskedLM", set()),
    ],
)
def test_what_a_checkpoint_was_saved_with(architecture: str, problems: set[str]) -> None:
    config = {"architectures": [architecture]}
    assert {problem for problem in PROBLEMS if has_head(config, problem)} == problems
    assert architectures_of(config) == [architecture]


@pytest.mark.parametrize("config", [{}, {"architectures": None}, {"architectures": []}])
def test_a_config_without_architectures(config: dict[str, Any]) -> None:
    assert architectures_of(config) == []
    assert not any(has_head(config, problem) for problem in PROBLEMS)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", CASES)
def test_saved_heads_are_loaded_by_plain_transformers(make_model, tmp_path: Path, family, name: str) -> None:
    labels, fields = CASES[name]
    torch.manual_seed(1)
    loaded = load(make_model(family), labels, new_head=True)
    assert loaded.new_head
    contract = ModelContract(problem=labels.problem, labels=labels.names, **fields)
    save_model(loaded, tmp_path / "saved", contract)
    inputs = inputs_of(loaded.tokenizer)
    expected = outputs_of(loaded.model, inputs)
    assert expected.shape == (*inputs["input_ids"].shape, labels.outputs)

    plain, report = model_class(labels.problem).from_pretrained(tmp_path / "saved", output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"]
    torch.testing.assert_close(outputs_of(plain, inputs), expected, rtol=0, atol=1e-6)
    assert tuple(plain.config.id2label.values()) == labels.output_names
    assert plain.config.architectures[0].startswith(type(loaded.model).__name__)

    source = find_model(str(tmp_path / "saved"))
    assert trained_labels(source, labels.problem) == labels.output_names
    assert read_contract(tmp_path / "saved", source.config) == contract
    again = load(tmp_path / "saved", labels, require_head=True)
    assert not again.new_head
    torch.testing.assert_close(outputs_of(again.model, inputs), expected, rtol=0, atol=1e-6)


@pytest.fixture
def trained(make_model, tmp_path: Path) -> Any:
    """`trained("bert", TAGS)` gives a model folder with such a head."""

    def make(family: str, labels: LabelSet, names: tuple[str, ...] | None = None) -> Path:
        model = model_class(labels.problem)
        config = transformers.AutoConfig.from_pretrained(make_model(family))
        names = names or labels.output_names
        config.id2label, config.label2id = dict(enumerate(names)), {name: n for n, name in enumerate(names)}
        torch.manual_seed(3)
        model.from_config(config).save_pretrained(tmp_path / "checkpoint")
        return tmp_path / "checkpoint"

    return make


def choose(folder: Path, labels: LabelSet, *, setting: str = "auto") -> Any:
    return choose_head(find_model(str(folder)), labels, aliases={}, setting=setting, refuse_others=False)


@pytest.mark.parametrize("family", FAMILIES)
def test_tags_are_matched_by_name_and_put_in_the_order_of_the_data(trained, family: str) -> None:
    elsewhere = ("B-L", "I-P", "O", "I-L", "B-P")
    folder = trained(family, TAGS, elsewhere)
    choice = choose(folder, TAGS)
    assert (choice.new, choice.order) == (False, elsewhere)
    loaded = load(folder, LabelSet("tags", choice.order))
    inputs = inputs_of(loaded.tokenizer)
    before = outputs_of(loaded.model, inputs)
    reorder_outputs(loaded.model, choice.order, TAGS.names)
    after = outputs_of(loaded.model, inputs)
    torch.testing.assert_close(
        after, before[..., [elsewhere.index(name) for name in TAGS.names]], rtol=0, atol=1e-6
    )
    assert loaded.model.config.id2label == dict(enumerate(TAGS.names))


def test_heads_that_do_not_fit_are_replaced(trained, tiny_encoder: Path) -> None:
    folder = trained("bert", TAGS)
    assert not choose(folder, TAGS).new
    assert choose(folder, TAGS, setting="new").new
    assert choose(folder, LabelSet("tags", ("O", "B-X", "I-X"))).new
    assert choose(folder, FRAMES).new
    assert choose(folder, ANSWERS).new
    assert choose(folder, LabelSet("single_label", TAGS.names)).new
    assert choose(tiny_encoder, TAGS).new


def test_frames_and_answers_go_on(trained) -> None:
    folder = trained("bert", FRAMES, ("intent: stop", "O", "I-P", "B-P", "intent: play"))
    choice = choose(folder, FRAMES)
    assert not choice.new
    assert choice.order == ("intent: stop", "O", "I-P", "B-P", "intent: play")
    folder = trained("bert", ANSWERS, ("LABEL_0", "LABEL_1"))  # as transformers' own models have them
    choice = choose(folder, ANSWERS)
    assert (choice.new, choice.order) == (False, ("start", "end"))


def test_a_new_head_is_fresh_where_the_checkpoint_has_one(trained) -> None:
    folder = trained("bert", TAGS)
    kept = load(folder, TAGS).model.classifier.weight
    torch.manual_seed(9)
    assert not torch.equal(load(folder, TAGS, new_head=True).model.classifier.weight, kept)
    other = load(folder, FRAMES, new_head=True).model.classifier
    assert other.out_features == 5
