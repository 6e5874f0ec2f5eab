"""The fused layers give what the model's own give: outputs and every gradient."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
import transformers

from bertkit.models.execution import speed_up
from bertkit.models.fused.stack import FusedStack

SIZES = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4, "num_hidden_layers": 3}
WIDE = {"vocab_size": 100, "max_position_embeddings": 60}
CONFIGS = {
    "bert": lambda: transformers.BertConfig(**SIZES, **WIDE),
    "bert-tanh": lambda: transformers.BertConfig(**SIZES, **WIDE, hidden_act="gelu_new"),
    "roberta": lambda: transformers.RobertaConfig(**SIZES, **WIDE, pad_token_id=1),
    "xlm-roberta": lambda: transformers.XLMRobertaConfig(**SIZES, **WIDE, pad_token_id=1),
    "camembert": lambda: transformers.CamembertConfig(**SIZES, **WIDE, pad_token_id=1),
    "electra": lambda: transformers.ElectraConfig(**SIZES, **WIDE, embedding_size=16),
    "distilbert": lambda: transformers.DistilBertConfig(
        **WIDE, dim=32, hidden_dim=64, n_heads=4, n_layers=3
    ),
}  # fmt: skip
HEADS = ("SequenceClassification", "TokenClassification", "QuestionAnswering")
LENGTHS = [5, 17, 3, 17, 9, 1]


def make_model(family: str, head: str) -> Any:
    torch.manual_seed(0)
    config = CONFIGS[family]()
    for name in config.to_dict():
        if name.endswith("dropout") or name.endswith("dropout_prob"):
            setattr(config, name, 0.0)
    model = getattr(transformers, f"AutoModelFor{head}").from_config(config)
    for parameter in model.parameters():
        if parameter.ndim == 1:  # biases and norms, which begin as 0 and 1, count too
            torch.nn.init.normal_(parameter, std=0.3)
    return model


def make_batch(model: Any) -> dict[str, torch.Tensor]:
    mask = (torch.arange(max(LENGTHS))[None] < torch.tensor(LENGTHS)[:, None]).long()
    ids = torch.randint(5, 100, mask.shape, generator=torch.Generator().manual_seed(1))
    return {"input_ids": ids.masked_fill(mask == 0, model.config.pad_token_id), "attention_mask": mask}


def computed(model: Any, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """What comes out at real tokens, and the gradients of a sum of it."""
    outputs = model(**batch).to_tuple()
    found = outputs[0] if len(outputs) == 1 else torch.stack(outputs, -1)
    if found.ndim == 3:
        found = found[batch["attention_mask"] > 0]
    model.zero_grad()
    found.float().tanh().square().sum().backward()
    return found.detach(), {
        name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None
    }


@pytest.mark.parametrize("mode", ["train", "eval", "checkpointing"])
@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("family", list(CONFIGS))
def test_outputs_and_gradients_are_those_of_the_model(family: str, head: str, mode: str) -> None:
    own = make_model(family, head).train(mode != "eval")
    fast = copy.deepcopy(own)
    assert speed_up(fast).fused
    if mode == "checkpointing":
        fast.activation_checkpointing_enable({"use_reentrant": False})
    batch = make_batch(own)
    (wanted, gradients), (found, found_gradients) = computed(own, batch), computed(fast, batch)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
    for name, gradient in gradients.items():
        if not name.endswith("key.bias") and not name.endswith("k_lin.bias"):  # 0 but for rounding
            assert gradient.abs().max() == 0 or name in found_gradients, name
        if name in found_gradients:
            torch.testing.assert_close(found_gradients[name], gradient, rtol=1e-4, atol=1e-5, msg=name)


def test_bf16_is_close_to_fp32() -> None:
    own = make_model("bert", "SequenceClassification").train()
    fast = copy.deepcopy(own)
    speed_up(fast)
    batch = make_batch(own)
    wanted, gradients = computed(own, batch)
    with torch.autocast("cpu", torch.bfloat16):
        found, found_gradients = computed(fast, batch)
    assert (found.float() - wanted).abs().max() < 0.05
    for name, gradient in gradients.items():
        if gradient.norm() > 1e-3:
            similarity = torch.cosine_similarity(gradient.flatten(), found_gradients[name].flatten(), dim=0)
            assert float(similarity) > 0.99, name


def with_dropout(model: Any) -> Any:
    model.config.hidden_dropout_prob = model.config.attention_probs_dropout_prob = 0.3
    speed_up(model)
    return model.train()


def test_dropout_falls_with_the_seed_and_its_gradient_is_right() -> None:
    model = with_dropout(make_model("bert", "SequenceClassification").double())
    batch = make_batch(model)
    weight = model.bert.encoder.layer[0].attention.self.value.weight

    def loss() -> torch.Tensor:
        torch.manual_seed(7)
        return model(**batch).logits.square().sum()

    with torch.no_grad():
        first, again = float(loss()), float(loss())
        torch.manual_seed(8)
        other = float(model(**batch).logits.square().sum())
    assert first == again != other
    loss().backward()
    step = torch.zeros_like(weight)
    step[3, 5] = 1e-6
    with torch.no_grad():
        weight += step
        above = float(loss())
        weight -= 2 * step
        below = float(loss())
    assert float(weight.grad[3, 5]) == pytest.approx((above - below) / 2e-6, rel=1e-3)


def test_checkpointing_draws_the_same_masks_twice() -> None:
    plain = with_dropout(make_model("bert", "TokenClassification"))
    saving = with_dropout(make_model("bert", "TokenClassification"))
    saving.activation_checkpointing_enable({"use_reentrant": False})
    batch = make_batch(plain)
    torch.manual_seed(5)
    wanted, gradients = computed(plain, batch)
    torch.manual_seed(5)
    found, found_gradients = computed(saving, batch)
    torch.testing.assert_close(found, wanted, rtol=0, atol=0)
    for name, gradient in gradients.items():
        torch.testing.assert_close(found_gradients[name], gradient, rtol=0, atol=0, msg=name)


def test_frozen_layers_get_no_gradient_and_the_others_theirs() -> None:
    own, fast = (make_model("bert", "SequenceClassification").train() for _ in range(2))
    speed_up(fast)
    for model in (own, fast):
        for part in (model.bert.embeddings, model.bert.encoder.layer[0]):
            part.requires_grad_(False)
        model.bert.encoder.layer[1].attention.self.key.weight.requires_grad_(False)
    batch = make_batch(own)
    _, gradients = computed(own, batch)
    _, found = computed(fast, batch)
    assert found.keys() == gradients.keys()
    for name, gradient in gradients.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-4, atol=1e-5, msg=name)


def test_a_changed_weight_changes_the_scores() -> None:
    model = make_model("bert", "SequenceClassification").eval()
    speed_up(model)
    batch = make_batch(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, fused=True)
    with torch.inference_mode():
        before = model(**batch).logits.clone()
    model.train()
    computed(model, batch)
    optimizer.step()
    model.eval()
    fresh = make_model("bert", "SequenceClassification").eval()
    fresh.load_state_dict(model.state_dict())
    with torch.inference_mode():
        after, wanted = model(**batch).logits, fresh(**batch).logits
    assert not torch.allclose(before, after)
    torch.testing.assert_close(after, wanted, rtol=1e-5, atol=1e-5)


def test_what_is_not_quite_bert_keeps_its_own_layers() -> None:
    relu = transformers.BertForSequenceClassification(
        transformers.BertConfig(**SIZES, **WIDE, hidden_act="relu")
    )
    assert speed_up(relu) == speed_up(relu).__class__(None, fused=False)
    adapted = make_model("bert", "SequenceClassification")
    adapted.bert.encoder.layer[1].attention.self.value = torch.nn.Sequential(torch.nn.Linear(32, 32))
    assert not speed_up(adapted).fused


def test_a_batch_that_stays_padded_takes_the_own_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_model("bert", "SequenceClassification").eval()
    batch = make_batch(model)
    wanted = model(**batch, output_hidden_states=True)
    speed_up(model)
    monkeypatch.setattr(FusedStack, "__call__", lambda *_, **__: pytest.fail("packed"))
    found = model(**batch, output_hidden_states=True)
    torch.testing.assert_close(found.logits, wanted.logits)
    assert len(found.hidden_states) == 4
