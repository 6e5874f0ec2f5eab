"""Intent and slots together: one loss worked by hand, windows, and rows that lack one of the two."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from bertkit.config.schema import TaskSection
from bertkit.data.features import Padding, collate
from bertkit.data.labels import LabelSet
from bertkit.errors import DataError
from bertkit.tasks.base import Limits
from bertkit.tasks.intent_slots import IntentSlotsTask
from bertkit.tasks.word_windows import sentence_tokens

NAMES = ("O", "B-P", "I-P")


def task_of(**options: Any) -> IntentSlotsTask:
    labels = LabelSet("frames", NAMES, ("play", "stop"))
    return IntentSlotsTask(intent="intent", text="tokens", label="tags", labels=labels, **options)


def learned(*splits: Any, **changes: Any) -> IntentSlotsTask:
    section = TaskSection(type="intent_slots", text=["tokens"], label="tags", **changes)
    return IntentSlotsTask.learn(section, splits)


def row(tokens: Any, tags: Any, intent: Any) -> dict[str, Any]:
    return {"tokens": tokens, "tags": tags, "intent": intent}


TWO = [row(["film"], ["B-P"], "play"), row(["film", "plot", "zoo"], ["O", "B-P", "I-P"], "stop")]


def encoded(rows: Any, tokenizer: Any, limits: Limits | None = None, **options: Any) -> Any:
    task = task_of(**options)
    examples = task.examples(rows).examples
    return task, examples, task.encode(examples, tokenizer, limits or Limits(16))


def batch_of(features: Any, targets: Any, *, left: bool = False, rows: Any = None) -> Any:
    rows = range(len(features)) if rows is None else rows
    return collate(features, rows, padding=Padding(0, left=left), device="cpu", targets=targets)


def part(task: Any, logits: torch.Tensor, batch: Any, whole: float) -> torch.Tensor:
    """What the training loop adds up for one micro-batch of a batch that weighs `whole`."""
    loss = task.loss(SimpleNamespace(logits=logits), batch.targets, label_smoothing=0.0)
    return (loss * batch.weights).sum() / whole


# --- Rows -----------------------------------------------------------------------------------------------


def test_labels_of_both_kinds_are_those_of_all_splits(make_rows) -> None:
    first = make_rows([row(["a"], ["B-P"], "play"), row(["a"], ["O"], "stop")])
    second = make_rows([row(["a"], ["B-Q"], "ask"), row(["a"], ["O"], None)])
    task = learned(first, second)
    assert task.labels == LabelSet("frames", ("O", "B-P", "I-P", "B-Q", "I-Q"), ("ask", "play", "stop"))
    assert task.labels.output_names[-3:] == ("intent: ask", "intent: play", "intent: stop")
    renamed = learned(first, second, rename={"Q": "P", "ask": "play"})
    assert (renamed.labels.names, renamed.labels.intents) == (NAMES, ("play", "stop"))
    assert [e.target for e in renamed.examples(second).examples] == [(0, (1,))]


def test_columns_by_their_usual_names(make_rows) -> None:
    rows = make_rows([
        {"words": "a b", "slots": "B-P O", "category": "play"},
        {"words": "a", "slots": "O", "category": "stop"},
    ])  # fmt: skip
    task = learned(rows)
    assert (task.text, task.label, task.intent) == (("words",), "slots", "category")
    assert [e.target for e in task.examples(rows).examples] == [(0, (1, 0)), (1, (0,))]


def test_intents_as_class_numbers(make_rows) -> None:
    rows = make_rows([row(["a"], ["B-P"], 1), row(["a"], ["O"], 0)], class_names={"intent": ("stop", "play")})
    task = learned(rows)
    assert task.labels.intents == ("stop", "play")
    assert [e.target[0] for e in task.examples(rows).examples] == [1, 0]


def test_rows_that_lack_one_of_the_two(make_rows) -> None:
    rows = make_rows([
        row(["a"], ["B-P"], "play"), row(["a"], ["B-P"], None), row(["a"], None, "play"),
        row(None, ["O"], "play"), row(["a"], ["O", "O"], "play"), row(["a"], ["O"], "stop"),
    ])  # fmt: skip
    found = task_of().examples(rows)
    assert [(e.row, e.target) for e in found.examples] == [(0, (0, (1,))), (5, (1, (0,)))]
    assert (found.without_label, found.without_text) == (2, 1)
    assert [(fault.place, fault.left_out) for fault in found.faults] == [("rows.jsonl:5", True)]
    kept = task_of().examples(rows, keep_unlabelled=True)
    assert [(e.row, e.target) for e in kept.examples] == [
        (0, (0, (1,))), (1, None), (2, None), (5, (1, (0,))),
    ]  # fmt: skip
    without = make_rows([{"tokens": ["a"], "tags": ["O"]}])
    assert [e.target for e in task_of().examples(without, keep_unlabelled=True).examples] == [None]
    with pytest.raises(DataError, match="no column 'intent'") as caught:
        task_of().examples(without)
    assert "--columns intent=COLUMN" in caught.value.hint


def test_what_the_model_does_not_know(make_rows) -> None:
    with pytest.raises(DataError, match=r"^rows\.jsonl:2: the label 'pause' is not among"):
        task_of().examples(make_rows([TWO[0], row(["a"], ["O"], "pause")]))
    with pytest.raises(DataError, match=r"^rows\.jsonl:2: the label 'Q' is not among"):
        task_of().examples(make_rows([TWO[0], row(["a"], ["B-Q"], "play")]))


def test_what_the_checks_see(make_rows) -> None:
    task = task_of()
    example = task.examples(make_rows(TWO)).examples[1]
    assert task.checked(example).labels == ("stop", "P")
    assert task.stratum(example) == 1
    assert task.shown(example) == {
        "intent": "stop", "slots": [{"label": "P", "text": "plot zoo", "start": 5, "end": 13}],
    }  # fmt: skip


# --- Loss -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["word piece", "byte level", "class token last"])
def test_the_loss_is_the_mean_over_texts_plus_the_mean_over_words(make_rows, tokenizers, kind: str) -> None:
    """Four words and two texts. Tags: 1/2, then three times 1/3; intents: 3/4 and 1/2."""
    tokenizer = tokenizers[kind]
    task, examples, features = encoded(make_rows(TWO), tokenizer)
    targets = task.targets(examples, features, label_weights=None)
    left = tokenizer.padding_side == "left"
    batch = batch_of(features, targets, left=left)
    # Where nothing is read anything may stand.
    logits = torch.full((*batch.inputs["input_ids"].shape, 5), 33.0)
    logits[..., 1] = -33.0
    counted = batch.targets["count"] > 0
    assert counted.sum(dim=1).tolist() == [1, 3]
    logits[counted] = 0.0
    logits[0, counted[0], 1] = math.log(2)
    at = batch.targets["sentence"] > 0
    assert batch.inputs["input_ids"][at].tolist() == [tokenizer.cls_token_id] * 2
    logits[at] = torch.tensor([[9.0, -9.0, 4.0, 0.0, 0.0]] * 2)
    logits[0, at[0], 3] = math.log(3)
    value = part(task, logits, batch, float(targets.weights.sum()))
    tags = (math.log(2) + 3 * math.log(3)) / 4
    intents = (-math.log(3 / 4) + math.log(2)) / 2
    assert value.item() == pytest.approx(tags + intents)


@pytest.fixture
def lengths(make_rows, tokenizer: Any) -> Any:
    """Texts of other lengths over windows, one without a word."""
    rows = make_rows([
        row(["film"] * length, (["B-P", "I-P", "O", "O"] * 5)[:length], ["play", "stop"][number % 2])
        for number, length in enumerate((1, 0, 20, 3, 7))
    ])  # fmt: skip
    task, examples, features = encoded(rows, tokenizer, Limits(16, 16, 4))
    assert len(features) > len(examples)
    return task, examples, features, task.targets(examples, features, label_weights=None)


def test_windows_of_one_text_share_its_weight(lengths: Any) -> None:
    """The mean over texts, each the mean over its windows, plus the mean over all words."""
    task, examples, features, targets = lengths
    torch.manual_seed(0)
    batch = batch_of(features, targets)
    logits = torch.randn(*batch.inputs["input_ids"].shape, 5)
    value = part(task, logits, batch, float(targets.weights.sum()))
    by_word = torch.nn.functional.cross_entropy(
        logits[..., :3].transpose(1, 2), batch.targets["tag"], reduction="none"
    )
    tags = by_word[batch.targets["count"] > 0].mean()
    by_window = torch.nn.functional.cross_entropy(logits[:, 0, 3:], batch.targets["intent"], reduction="none")
    owner = torch.from_numpy(features.examples.astype(np.int64))
    intents = torch.stack([by_window[owner == number].mean() for number in range(len(examples))]).mean()
    assert value.item() == pytest.approx((tags + intents).item(), rel=1e-5)
    assert torch.isfinite(value)


@pytest.mark.parametrize("left", [False, True])
def test_micro_batches_and_padding_change_no_gradient(lengths: Any, left: bool) -> None:
    task, _, features, targets = lengths
    torch.manual_seed(0)
    table = torch.randn(100, 5, requires_grad=True)
    whole = float(targets.weights.sum())
    batch = batch_of(features, targets)
    (expected,) = torch.autograd.grad(part(task, table[batch.inputs["input_ids"]], batch, whole), table)
    total = torch.zeros_like(table)
    order = np.random.default_rng(0).permutation(len(features))
    for rows in (order[:1], order[1:4], order[4:]):
        piece = batch_of(features, targets, left=left, rows=rows)
        value = part(task, table[piece.inputs["input_ids"]], piece, whole)
        total += torch.autograd.grad(value, table)[0]
    assert expected.abs().max() > 0.001
    torch.testing.assert_close(total, expected, rtol=1e-5, atol=1e-7)


def test_class_weights_are_those_of_slots(make_rows, tokenizer: Any) -> None:
    task, examples, features = encoded(make_rows(TWO), tokenizer)
    targets = task.targets(examples, features, label_weights={"P": 3.0})
    counts = targets.token_values["count"]
    # Weights 3; 1, 3, 3: ten in two texts.
    assert counts[counts > 0].tolist() == pytest.approx([3 / 5, 1 / 5, 3 / 5, 3 / 5])
    assert targets.weights.tolist() == [1, 1]


def test_texts_without_a_word_have_the_loss_of_their_intent(make_rows, tokenizer: Any) -> None:
    task, examples, features = encoded(make_rows([row([], [], "play")]), tokenizer)
    targets = task.targets(examples, features, label_weights=None)
    value = part(task, torch.zeros(1, 2, 5), batch_of(features, targets), 1.0)
    assert value.item() == pytest.approx(math.log(2))


# --- Predictions ----------------------------------------------------------------------------------------


def test_each_group_of_outputs_sums_to_one() -> None:
    kept = task_of().keep(SimpleNamespace(logits=torch.zeros(1, 2, 5, dtype=torch.bfloat16)))
    assert kept.dtype == np.float32
    assert kept[0, 0].tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0.5, 0.5])


@pytest.mark.parametrize("kind", ["word piece", "byte level", "class token last"])
def test_the_intent_of_a_long_text_is_the_mean_over_its_windows(make_rows, tokenizers, kind: str) -> None:
    rows = make_rows([row(["a"] * 30, ["O"] * 30, "play"), row([], [], "stop")])
    task, examples, features = encoded(rows, tokenizers[kind], Limits(16, 16, 0))
    assert features.examples.tolist().count(0) == 3
    kept = np.full((len(features.input_ids), 5), 0.5, np.float32)
    kept[:, 0] = 0.9
    kept[:, 3:] = [1.0, 0.0]  # read nowhere but at the class token
    kept[sentence_tokens(features), 3:] = [[0.9, 0.1], [0.2, 0.8], [0.25, 0.75], [0.4, 0.6]]
    first, second = task.decode(kept, features, examples)
    assert (first.value, first.score) == ({"intent": "stop", "slots": []}, pytest.approx(0.55))
    assert first.scores == {"play": pytest.approx(0.45), "stop": pytest.approx(0.55)}
    assert len(first.details["tags"]) == 30
    assert (second.value["intent"], second.score) == ("stop", pytest.approx(0.6))
    assert task.compare(examples, [first, second]) == (
        [("stop", ["O"] * 30), ("stop", [])],
        [("play", ["O"] * 30), ("stop", [])],
    )


def test_slots_are_constrained_too(make_rows, tokenizer: Any) -> None:
    for constrained, expected in ((True, ["O"]), (False, ["B-P"])):
        task, examples, features = encoded(
            make_rows([row(["film"], ["O"], "play")]), tokenizer, constrained=constrained
        )
        kept = np.tile(np.array([0.4, 0.1, 0.5, 0.5, 0.5], np.float32), (3, 1))
        (prediction,) = task.decode(kept, features, examples)
        assert prediction.details["tags"] == expected
        assert [slot["text"] for slot in prediction.value["slots"]] == ["film"] * (not constrained)
