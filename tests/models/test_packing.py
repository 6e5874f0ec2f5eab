"""A packed batch gives what each of its sequences gives alone, for each family, head and mode."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from bertkit.models.packing import (
    PACKABLE,
    disable_packing,
    enable_packing,
    packing_obstacle,
    reads_first_token_only,
)

DOCS = Path(__file__).parents[2] / "docs/decisions/0015-padding-free.md"
SIZES: dict[str, Any] = {
    "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 40,
    "max_position_embeddings": 64,
}  # fmt: skip
# RoBERTa's padding is number 1 and its positions begin at 2.
ROBERTA = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "type_vocab_size": 1}
OWN: dict[str, dict[str, Any]] = {
    "albert": {"embedding_size": 12, "inner_group_num": 1},
    "bert": {},
    "camembert": ROBERTA,
    "data2vec-text": ROBERTA,
    "distilbert": {"dim": 24, "n_layers": 2, "n_heads": 2, "hidden_dim": 40},
    "electra": {"embedding_size": 12},
    "ernie": {},
    # Every third layer sees all, the others four tokens to each side.
    "modernbert": {
        "num_hidden_layers": 3, "global_attn_every_n_layers": 3, "local_attention": 8, "pad_token_id": 0,
        "bos_token_id": 2, "eos_token_id": 3, "cls_token_id": 2, "sep_token_id": 3,
    },
    "roberta": ROBERTA,
    "roberta-prelayernorm": ROBERTA,
    "xlm-roberta": ROBERTA,
}  # fmt: skip
PADDED = {
    "deberta-v2": {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "type_vocab_size": 0},
    "mpnet": {"pad_token_id": 1},
    "xlnet": {"d_model": 24, "n_layer": 2, "n_head": 2, "d_inner": 40},
}
HEADS = ("SequenceClassification", "TokenClassification", "QuestionAnswering")
BATCHES = {
    "one sequence": (9,),
    "equal lengths": (11, 11, 11),
    "single tokens": (1, 1),
    "various": (5, 40, 1, 12, 12, 39, 7),
}
VARIOUS = BATCHES["various"]
VOCABULARY = 50


def make(family: str, head: str = HEADS[0], *, dropout: float = 0.0, **sizes: Any) -> Any:
    import transformers

    labels = 2 if head == "QuestionAnswering" else 3
    shared = {} if family == "xlnet" else SIZES
    config = transformers.AutoConfig.for_model(
        family, vocab_size=VOCABULARY, num_labels=labels, **(shared | (OWN | PADDED)[family] | sizes)
    )
    for name in vars(config):
        if "dropout" in name and isinstance(getattr(config, name), float):
            setattr(config, name, dropout)
    torch.manual_seed(0)
    return getattr(transformers, f"AutoModelFor{head}").from_config(config).eval()


def make_batch(model: Any, lengths: tuple[int, ...], *, pad: str = "right") -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    shape = (len(lengths), max(lengths))
    place = torch.arange(shape[1]).expand(shape)
    if pad == "left":
        place = place.flip(1)
    mask = (place < torch.tensor(lengths)[:, None]).long()
    padding = model.config.pad_token_id or 0
    ids = torch.where(mask == 1, torch.randint(5, VOCABULARY, shape), padding)
    batch = {"input_ids": ids, "attention_mask": mask}
    if getattr(model.config, "type_vocab_size", 0) > 1:
        batch["token_type_ids"] = torch.randint(0, 2, shape) * mask
    return batch


def outputs_of(model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """(batch, labels), or (batch, sequence, labels)."""
    found = model(**batch)
    if "start_logits" in found:
        return torch.stack([found.start_logits, found.end_logits], dim=-1)
    return found.logits


def rows_of(model: Any, batch: dict[str, torch.Tensor]) -> list[torch.Tensor]:
    """The outputs of a batch, a tensor a row, without padded places."""
    found = outputs_of(model, batch)
    lengths = batch["attention_mask"].sum(1).tolist()
    assert found.isfinite().all()
    return [row if found.dim() == 2 else row[:length] for row, length in zip(found, lengths, strict=True)]


def alone(model: Any, batch: dict[str, torch.Tensor]) -> list[torch.Tensor]:
    """As `rows_of`, each sequence computed for itself without any padding."""
    lengths = batch["attention_mask"].sum(1).tolist()
    return [
        outputs_of(model, {name: one[row : row + 1, :length] for name, one in batch.items()})[0]
        for row, length in enumerate(lengths)
    ]


def loss_of(rows: list[torch.Tensor], head: str) -> torch.Tensor:
    """A loss in which every output counts, with targets that differ from row to row."""
    losses = []
    for number, row in enumerate(rows):
        if head == "QuestionAnswering":
            target = torch.tensor([number % len(row), (number + 1) % len(row)])
            losses.append(nn.functional.cross_entropy(row.T, target))
        else:
            row = row if row.dim() == 2 else row[None]
            losses.append(nn.functional.cross_entropy(row, (torch.arange(len(row)) + number) % 3))
    return torch.stack(losses).mean()


def gradients(model: Any, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    named = dict(model.named_parameters())
    found = torch.autograd.grad(loss, list(named.values()), allow_unused=True)
    return {name: one for name, one in zip(named, found, strict=True) if one is not None}


def assert_same(found: Any, expected: Any, tolerance: float = 1e-5) -> None:
    torch.testing.assert_close(found, expected, atol=tolerance, rtol=tolerance)


def assert_packs(model: Any, batch: dict[str, torch.Tensor]) -> None:
    """Fails if the layers see a padded batch."""
    seen = []
    base = model.base_model
    hook = base.get_input_embeddings().register_forward_hook(lambda m, a, found: seen.append(found.shape[:2]))
    try:
        model(**batch)
    finally:
        hook.remove()
    assert seen == [(1, int(batch["attention_mask"].sum()))]


@pytest.mark.parametrize("mode", ["train", "eval"])
@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("family", sorted(PACKABLE))
def test_a_packed_batch_is_each_sequence_alone(family: str, head: str, mode: str) -> None:
    model = make(family, head).train(mode == "train")
    batch = make_batch(model, VARIOUS)
    expected = alone(model, batch)
    expected_loss = loss_of(expected, head)
    expected_gradients = gradients(model, expected_loss)
    assert enable_packing(model) is None
    assert_packs(model, batch)
    found = rows_of(model, batch)
    found_loss = loss_of(found, head)
    assert_same(found, expected)
    assert_same(found_loss, expected_loss)
    assert_same(gradients(model, found_loss), expected_gradients)


@pytest.mark.parametrize("lengths", BATCHES.values(), ids=BATCHES)
@pytest.mark.parametrize("family", sorted(PACKABLE))
def test_any_lengths(family: str, lengths: tuple[int, ...]) -> None:
    model = make(family, "TokenClassification")
    batch = make_batch(model, lengths)
    with torch.inference_mode():
        expected = alone(model, batch)
        enable_packing(model)
        assert_packs(model, batch)
        assert_same(rows_of(model, batch), expected)


@pytest.mark.parametrize("family", sorted(PACKABLE))
def test_the_models_own_loss(family: str) -> None:
    for head in HEADS[:2]:
        model = make(family, head)
        batch = make_batch(model, VARIOUS)
        labels = torch.arange(len(VARIOUS)) % 3
        if head == "TokenClassification":
            labels = torch.where(batch["attention_mask"] == 1, labels[:, None], -100)
        expected = model(**batch, labels=labels).loss
        enable_packing(model)
        assert_same(model(**batch, labels=labels).loss, expected)


@pytest.mark.parametrize("family", sorted(PACKABLE))
def test_only_the_first_token_comes_back(family: str) -> None:
    model = make(family, **({"classifier_pooling": "cls"} if family == "modernbert" else {}))
    assert reads_first_token_only(model)
    batch = make_batch(model, VARIOUS)
    expected = alone(model, batch)
    expected_gradients = gradients(model, loss_of(expected, HEADS[0]))
    enable_packing(model, first_token_only=True)
    assert model.base_model(**batch).last_hidden_state.shape[:2] == (len(VARIOUS), 1)
    found = rows_of(model, batch)
    assert_same(found, expected)
    assert_same(gradients(model, loss_of(found, HEADS[0])), expected_gradients)


@pytest.mark.parametrize(
    ("family", "head", "pooling"),
    [(family, head, "cls") for family in sorted(PACKABLE) for head in HEADS]
    + [("modernbert", HEADS[0], "mean")],
)
def test_what_a_head_reads_is_known(family: str, head: str, pooling: str) -> None:
    model = make(family, head, **({"classifier_pooling": pooling} if family == "modernbert" else {}))
    batch = make_batch(model, VARIOUS)
    whole = outputs_of(model, batch)

    def without_the_rest(module: Any, args: Any, output: Any) -> Any:
        output.last_hidden_state = output.last_hidden_state.clone()
        output.last_hidden_state[:, 1:] = 0
        return output

    model.base_model.get_submodule(PACKABLE[family]).register_forward_hook(without_the_rest)
    assert torch.equal(outputs_of(model, batch), whole) is reads_first_token_only(model)


@pytest.mark.parametrize("family", sorted(set(PACKABLE) - {"modernbert"}))
def test_positions_are_those_of_each_sequence(family: str) -> None:
    model = make(family)
    batch = make_batch(model, (4, 7, 2))
    seen: list[torch.Tensor] = []
    table = next(part for name, part in model.named_modules() if name.endswith("position_embeddings"))
    table.register_forward_hook(lambda m, args, found: seen.append(args[0].flatten()))
    for row, length in enumerate((4, 7, 2)):
        model(**{name: one[row : row + 1, :length] for name, one in batch.items()})
    one_by_one = [seen[1], seen[0], seen[2]]
    enable_packing(model)
    model(**batch)
    assert seen[3].tolist() == torch.cat(one_by_one).tolist()
    first = 2 if OWN[family] is ROBERTA else 0
    assert seen[3][:7].tolist() == list(range(first, first + 7))


@pytest.mark.parametrize("family", sorted(PACKABLE))
def test_positions_that_are_given_are_kept(family: str) -> None:
    model = make(family)
    batch = make_batch(model, VARIOUS)
    batch["position_ids"] = torch.arange(max(VARIOUS)).expand(len(VARIOUS), -1).flip(1) + 2
    expected = alone(model, batch)
    enable_packing(model)
    assert_packs(model, batch)
    assert_same(rows_of(model, batch), expected)


@pytest.mark.parametrize("family", sorted(PADDED))
@pytest.mark.parametrize("pad", ["left", "right"])
def test_other_families_say_why_and_stay_as_they_are(family: str, pad: str) -> None:
    model = make(family)
    batch = make_batch(model, (5, 20, 12), pad=pad)
    with torch.inference_mode():
        expected = outputs_of(model, batch)
        reason = enable_packing(model)
        assert reason is not None
        assert family in reason
        assert torch.equal(outputs_of(model, batch), expected)
    disable_packing(model)


@pytest.mark.parametrize("family", ["bert", "roberta", "modernbert"])
def test_a_batch_that_cannot_be_packed_stays_padded(family: str) -> None:
    model = make(family)
    left = make_batch(model, VARIOUS, pad="left")
    hole = make_batch(model, VARIOUS)
    hole["attention_mask"][1, 3] = 0
    empty = make_batch(model, VARIOUS)
    empty["attention_mask"][2] = 0
    batches = (left, hole, empty)
    with torch.inference_mode():
        expected = [outputs_of(model, batch) for batch in batches]
        enable_packing(model)
        for batch, before in zip(batches, expected, strict=True):
            assert_same(outputs_of(model, batch), before)


def test_more_than_plain_outputs_stay_padded() -> None:
    model = make("bert")
    batch = make_batch(model, VARIOUS)
    with torch.inference_mode():
        expected = model(**batch, output_hidden_states=True)
        embedded = model.get_input_embeddings()(batch["input_ids"])
        enable_packing(model)
        found = model(**batch, output_hidden_states=True)
        assert_same(found.hidden_states, expected.hidden_states)
        rest = {name: one for name, one in batch.items() if name != "input_ids"}
        assert_same(model(inputs_embeds=embedded, **rest).logits, expected.logits)


def test_without_a_mask_everything_is_a_token() -> None:
    model = make("distilbert", "TokenClassification")
    ids = make_batch(model, (7, 7))["input_ids"]
    expected = model(ids).logits
    enable_packing(model)
    assert_same(model(ids).logits, expected)
    assert_same(model(ids, return_dict=False)[0], expected)


# transformers has none for ALBERT.
@pytest.mark.parametrize("family", sorted(set(PACKABLE) - {"albert"}))
def test_gradient_checkpointing_changes_nothing(family: str) -> None:
    found = []
    for checkpointing in (False, True):
        model = make(family, dropout=0.2).train()
        enable_packing(model)
        if checkpointing:
            # Its name changed within transformers 5.
            enable = getattr(model, "activation_checkpointing_enable", model.gradient_checkpointing_enable)
            enable({"use_reentrant": False})
        torch.manual_seed(3)
        # Both forward passes come first: what is computed twice must not take the packing of the other.
        losses = [
            loss_of(rows_of(model, make_batch(model, lengths)), HEADS[0]) for lengths in (VARIOUS, (3, 9, 9))
        ]
        found.append(gradients(model, sum(losses)))
    assert_same(found[1], found[0])


@pytest.mark.parametrize("family", sorted(PACKABLE))
def test_autocast(family: str) -> None:
    model = make(family).train()
    batch = make_batch(model, VARIOUS)
    expected = alone(model, batch)
    expected_gradients = gradients(model, loss_of(expected, HEADS[0]))
    enable_packing(model)
    with torch.autocast("cpu", torch.bfloat16):
        found = [row.float() for row in rows_of(model, batch)]
        loss = loss_of(found, HEADS[0])
    assert_same(found, expected, 2e-2)
    assert_same(gradients(model, loss), expected_gradients, 2e-2)


def test_dropout_drops_shares_of_the_attention() -> None:
    model = make("bert", "TokenClassification", attention_probs_dropout_prob=0.5).train()
    model.config.attention_probs_dropout_prob = 0.5
    for layer in model.bert.encoder.layer:
        layer.attention.self.dropout.p = 0.5
    enable_packing(model)
    batch = make_batch(model, VARIOUS)
    with torch.no_grad():
        torch.manual_seed(5)
        first, other = outputs_of(model, batch), outputs_of(model, batch)
        torch.manual_seed(5)
        again = outputs_of(model, batch)
        model.eval()
        certain, same = outputs_of(model, batch), outputs_of(model, batch)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(certain, same)


def test_weights_and_config_are_saved_as_before(tmp_path: Path) -> None:
    model = make("roberta")
    before = model.state_dict()
    model.save_pretrained(tmp_path / "before")
    enable_packing(model)
    model.save_pretrained(tmp_path / "packed")
    assert list(model.state_dict()) == list(before)
    configs = [json.loads((tmp_path / name / "config.json").read_text()) for name in ("before", "packed")]
    assert configs[0] == configs[1]


def test_it_can_be_taken_back() -> None:
    model = make("electra")
    batch = make_batch(model, VARIOUS)
    with torch.inference_mode():
        expected = outputs_of(model, batch)
        implementation = model.config._attn_implementation
        enable_packing(model)
        enable_packing(model, first_token_only=True)
        disable_packing(model)
        assert model.config._attn_implementation == implementation
        assert torch.equal(outputs_of(model, batch), expected)
    assert not model.base_model._forward_hooks
    assert not model.base_model._forward_pre_hooks
    assert not model.base_model.encoder._forward_hooks


def test_the_packing_can_be_seen_while_a_batch_is_computed() -> None:
    model = make("bert")
    enable_packing(model)
    seen: list[Any] = []
    model.bert.encoder.register_forward_pre_hook(
        lambda m, args, given: seen.append(given["packing"]), with_kwargs=True
    )
    model(**make_batch(model, (4, 9, 2)))
    (packing,) = seen
    assert packing.lengths.tolist() == [9, 4, 2]
    assert packing.order.tolist() == [1, 0, 2]
    assert packing.offsets.tolist() == [0, 9, 13, 15]


def test_layers_may_give_the_first_tokens_themselves() -> None:
    model = make("bert")
    batch = make_batch(model, VARIOUS)
    expected = outputs_of(model, batch)
    enable_packing(model, first_token_only=True)
    whole = model.bert.encoder.forward

    def first_tokens(hidden: torch.Tensor, **others: Any) -> Any:
        found = whole(hidden, **others)
        starts = others["packing"].offsets[:-1].long()
        found.last_hidden_state = found.last_hidden_state[:, starts]
        return found

    model.bert.encoder.forward = first_tokens
    assert_same(outputs_of(model, batch), expected)


def test_packed_under_distributed_data_parallel(tmp_path: Path) -> None:
    model = make("bert")
    batch = make_batch(model, VARIOUS)
    expected = gradients(model, loss_of(alone(model, batch), HEADS[0]))
    enable_packing(model)
    torch.distributed.init_process_group(
        "gloo", init_method=(tmp_path / "meeting").as_uri(), rank=0, world_size=1
    )
    try:
        wrapped = nn.parallel.DistributedDataParallel(model)
        loss_of(rows_of(wrapped, batch), HEADS[0]).backward()
    finally:
        torch.distributed.destroy_process_group()
    assert_same({name: one.grad for name, one in model.named_parameters()}, expected)


def test_settings_that_need_the_padding() -> None:
    assert packing_obstacle(make("bert").config) is None
    assert "decoder" in str(packing_obstacle(make("bert", is_decoder=True).config))
    assert "chunk_size" in str(packing_obstacle(make("bert", chunk_size_feed_forward=4).config))


def test_every_family_is_tested_and_documented() -> None:
    assert set(OWN) == set(PACKABLE)
    line = re.search(r"^Packed: (.*?)\.$", DOCS.read_text(), re.MULTILINE | re.DOTALL)
    assert line is not None
    assert re.findall(r"`([^`]+)`", line[1]) == sorted(PACKABLE)
