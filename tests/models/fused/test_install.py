"""The fused layers give what the model's own give: outputs and every gradient."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
import transformers

from bertkit.models.execution import speed_up
from bertkit.models.fused import stack
from bertkit.models.fused.stack import FusedStack
from bertkit.models.grouped import attention
from bertkit.models.grouped.dropout import DropoutMasks

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
        # As large as that no part is next to nothing: biases and norms begin as 0 and 1, and with the usual
        # weights all keys are so alike that queries hardly have a gradient.
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
    own = make_model(family, head).double().train(mode != "eval")
    fast = copy.deepcopy(own)
    assert speed_up(fast).fused
    if mode == "checkpointing":
        fast.activation_checkpointing_enable({"use_reentrant": False})
    batch = make_batch(own)
    (wanted, gradients), (found, found_gradients) = computed(own, batch), computed(fast, batch)
    torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-12)
    for name, gradient in gradients.items():
        if not name.endswith("key.bias") and not name.endswith("k_lin.bias"):  # 0 but for rounding
            assert gradient.abs().max() == 0 or name in found_gradients, name
        if name in found_gradients:
            torch.testing.assert_close(found_gradients[name], gradient, rtol=1e-7, atol=1e-11, msg=name)


def test_long_and_short_sequences_are_computed_in_their_own_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    """In bf16 attention is float32 for short ones alone; both are near to what float32 gives."""
    model = make_model("bert", "TokenClassification").train()
    batch = make_batch(model)
    wanted, gradients = computed(model, batch)
    speed_up(model)
    for length in (0, 9, 60):
        monkeypatch.setattr(attention, "WIDE_LENGTH", length)
        with torch.autocast("cpu", torch.bfloat16):
            found, found_gradients = computed(model, batch)
        assert (found.float() - wanted).norm() < 0.02 * wanted.norm()
        name = "bert.encoder.layer.0.attention.self.query.weight"
        assert (found_gradients[name] - gradients[name]).norm() < 0.05 * gradients[name].norm()


def test_bf16_is_close_to_fp32() -> None:
    own = make_model("bert", "SequenceClassification").train()
    fast = copy.deepcopy(own)
    speed_up(fast)
    batch = make_batch(own)
    wanted, gradients = computed(own, batch)
    with torch.autocast("cpu", torch.bfloat16):
        found, found_gradients = computed(fast, batch)
    assert (found.float() - wanted).norm() < 0.02 * wanted.norm()
    whole = torch.stack([gradient.norm() for gradient in gradients.values()]).norm()
    for name, gradient in gradients.items():
        assert (found_gradients[name] - gradient).norm() < 0.05 * gradient.norm() + 0.001 * whole, name


def with_dropout(model: Any) -> Any:
    for part in model.base_model.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.3
    speed_up(model)
    return model.train()


@pytest.mark.parametrize("head", HEADS[:2])
@pytest.mark.parametrize("family", ["bert", "electra", "distilbert"])
def test_each_dropout_has_its_place_and_its_rate(
    family: str, head: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a mask keeps all, dropout at p is a factor: here 1 + p, in either model."""

    def scaled(values: torch.Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
        return values * (1 + p) if training else values

    def all_kept(self: Any, shape: tuple[int, ...], probability: float, dtype: torch.dtype) -> Any:
        return torch.ones(shape, dtype=dtype), 1 + probability

    monkeypatch.setattr(torch.nn.functional, "dropout", scaled)
    monkeypatch.setattr(DropoutMasks, "draw", all_kept)
    own = make_model(family, head).double().train()
    own.set_attn_implementation("sdpa")
    dropouts = [part for part in own.base_model.modules() if isinstance(part, torch.nn.Dropout)]
    names = [name for name, part in own.base_model.named_modules() if part in dropouts]
    rates = {name.split(".", 3)[-1]: (number + 1) / 16 for number, name in enumerate(names)}
    for part, name in zip(dropouts, names, strict=True):
        part.p = rates[name.split(".", 3)[-1]]
    assert len(set(rates.values())) == len(rates) >= 3
    fast = copy.deepcopy(own)
    assert speed_up(fast).fused
    own.set_attn_implementation("eager")
    batch = make_batch(own)
    (wanted, gradients), (found, found_gradients) = computed(own, batch), computed(fast, batch)
    torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-12)
    for name, gradient in found_gradients.items():
        torch.testing.assert_close(gradient, gradients[name], rtol=1e-7, atol=1e-11, msg=name)


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


@pytest.mark.parametrize("head", HEADS)
def test_no_more_is_computed_and_kept_than_is_read(head: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_model("bert", head).train()
    speed_up(model)
    model.activation_checkpointing_enable({"use_reentrant": False})
    kept: list[bool] = []
    rows: list[int] = []
    layer, whole = stack.layer_forward, FusedStack.__call__

    def watched(*given: Any, keep: bool, **settings: Any) -> Any:
        kept.append(keep)
        return layer(*given, keep=keep, **settings)

    def counted(*given: Any, **settings: Any) -> torch.Tensor:
        found = whole(*given, **settings)
        rows.append(len(found))
        return found

    monkeypatch.setattr(stack, "layer_forward", watched)
    monkeypatch.setattr(FusedStack, "__call__", counted)
    computed(model, make_batch(model))
    assert kept == [False] * 3 + [True] * 3
    assert rows == [len(LENGTHS) if head == "SequenceClassification" else sum(LENGTHS)]


def test_a_copy_computes_with_its_own_weights() -> None:
    model = make_model("bert", "SequenceClassification").eval()
    speed_up(model)
    batch = make_batch(model)
    before = model(**batch).logits
    twin = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in twin.bert.encoder.parameters():
            parameter.zero_()
    assert not torch.allclose(twin(**batch).logits, before)
    torch.testing.assert_close(model(**batch).logits, before)


def test_parts_that_are_replaced_or_watched_later_are_heeded() -> None:
    model = make_model("bert", "SequenceClassification").eval()
    speed_up(model)
    batch = make_batch(model)
    before = model(**batch).logits
    seen: list[tuple[int, ...]] = []
    inner = model.bert.encoder.layer[1].intermediate.dense
    handle = inner.register_forward_hook(lambda part, given, output: seen.append(tuple(output.shape)))
    torch.testing.assert_close(model(**batch).logits, before, rtol=1e-4, atol=1e-4)
    assert seen == [(1, sum(LENGTHS), 64)]
    handle.remove()
    model.bert.encoder.layer[1].intermediate.dense = torch.nn.Sequential(torch.nn.Linear(32, 64))
    assert not torch.allclose(model(**batch).logits, before)


def test_weights_that_change_without_being_counted() -> None:
    """As the fused step of an optimizer changes them, also between passes without a gradient."""
    model = make_model("bert", "SequenceClassification").eval()
    speed_up(model)
    batch = make_batch(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, fused=True)
    computed(model, batch)
    with torch.no_grad():
        before = model(**batch).logits
        optimizer.step()
        after = model(**batch).logits
        fresh = make_model("bert", "SequenceClassification").eval()
        fresh.load_state_dict(model.state_dict())
        wanted = fresh(**batch).logits
    assert not torch.allclose(before, after)
    torch.testing.assert_close(after, wanted, rtol=1e-4, atol=1e-4)


def test_a_second_gradient_of_the_same_pass_is_refused() -> None:
    model = make_model("bert", "SequenceClassification").train()
    speed_up(model)
    loss = model(**make_batch(model)).logits.sum()
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="was taken already"):
        loss.backward()


def test_passes_of_several_threads_do_not_meet() -> None:
    model = make_model("bert", "SequenceClassification").eval()
    speed_up(model)
    batches = [make_batch(model)]
    for rows in (slice(0, 2), slice(2, 6), slice(3, 4)):
        batches.append({name: values[rows] for name, values in batches[0].items()})
    with torch.no_grad():
        wanted = [model(**batch).logits for batch in batches]

        def again(number: int) -> bool:
            with torch.no_grad():
                found = model(**batches[number % len(batches)]).logits
            return torch.allclose(found, wanted[number % len(batches)], rtol=1e-4, atol=1e-4)

        with ThreadPoolExecutor(4) as pool:
            assert all(pool.map(again, range(200)))


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
