"""Tags of words: from rows to targets, losses worked by hand, and from probabilities back to entities."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bertkit.config.schema import TaskSection
from bertkit.data.features import Padding, collate
from bertkit.data.labels import LabelSet
from bertkit.data.tag_schemes import allowed_starts, allowed_transitions
from bertkit.errors import DataError
from bertkit.tasks.base import Limits
from bertkit.tasks.ner import NerTask
from bertkit.tasks.tag_rows import BACKWARDS, OTHER_COUNT, OUTSIDE_TEXT, OVERLAP, WIDENED
from bertkit.tasks.tagging import TagDecoder, weights_of_tags

NAMES = ("O", "B-P", "I-P", "B-L", "I-L")


def task_of(names: tuple[str, ...] = NAMES, **options: Any) -> NerTask:
    return NerTask(text="tokens", label="tags", labels=LabelSet("tags", names), **options)


def learned(*splits: Any, **changes: Any) -> NerTask:
    return NerTask.learn(TaskSection(type="ner", text=["tokens"], label="tags", **changes), splits)


def batch_of(features: Any, targets: Any, *, left: bool = False, rows: Any = None) -> Any:
    rows = range(len(features)) if rows is None else rows
    return collate(features, rows, padding=Padding(0, left=left), device="cpu", targets=targets)


def weighted(task: Any, logits: torch.Tensor, batch: Any) -> torch.Tensor:
    """As the training loop does, for a whole batch."""
    loss = task.loss(SimpleNamespace(logits=logits), batch.targets, label_smoothing=0.0)
    return (loss * batch.weights).sum() / batch.weights.sum()


# --- Rows -----------------------------------------------------------------------------------------------


def test_faults_are_told_with_their_place_and_what_cannot_be_right_is_left_out(make_rows) -> None:
    rows = make_rows([
        {"tokens": ["a", "b"], "tags": ["B-P", "I-P"]}, {"tokens": ["a", "b"], "tags": ["O"]},
        {"tokens": ["a"], "tags": None}, {"tokens": None, "tags": ["O"]}, {"tokens": [], "tags": []},
    ])  # fmt: skip
    found = task_of().examples(rows)
    assert [(e.id, e.row, e.texts, e.target) for e in found.examples] == [
        ("0", 0, ("a b",), (1, 2)),
        ("4", 4, ("",), ()),
    ]
    assert (found.without_label, found.without_text) == (1, 1)
    assert [(f.what, f.place, f.left_out) for f in found.faults] == [(OTHER_COUNT, "rows.jsonl:2", True)]
    kept = task_of().examples(rows, keep_unlabelled=True)
    assert [(e.id, e.target) for e in kept.examples] == [("0", (1, 2)), ("2", None), ("4", ())]


def test_faults_of_spans_are_told_with_their_place(make_rows) -> None:
    rows = make_rows([
        {"text": "Ada lived", "spans": [[0, 3, "P"]]}, {"text": "Ada lived", "spans": [[0, 99, "P"]]},
        {"text": "Ada lived", "spans": [[3, 0, "P"]]}, {"text": "Ada lived", "spans": [[0, 2, "P"]]},
        {"text": "Ada lived", "spans": [[0, 3, "L"], [0, 9, "P"]]},
        {"text": "Ada lived", "spans": None}, {"text": "Ada lived", "spans": []},
    ])  # fmt: skip
    task = learned(rows)
    assert task.labels.names == ("O", "B-L", "I-L", "B-P", "I-P")
    found = task.examples(rows)
    told = [(fault.what, fault.place, fault.left_out) for fault in found.faults]
    assert told == [
        (OUTSIDE_TEXT, "rows.jsonl:2", True), (BACKWARDS, "rows.jsonl:3", True),
        (WIDENED, "rows.jsonl:4", False), (OVERLAP, "rows.jsonl:5", False),
    ]  # fmt: skip
    # Null says nothing of a text; an empty list says that there is no entity in it.
    assert [(e.row, e.target) for e in found.examples] == [(0, (3, 0)), (3, (3, 0)), (4, (3, 4)), (6, (0, 0))]
    assert found.without_label == 1


def test_a_tag_that_the_model_does_not_know(make_rows) -> None:
    rows = make_rows([{"tokens": ["a"], "tags": ["B-P"]}, {"tokens": ["a"], "tags": ["B-PP"]}])
    with pytest.raises(DataError, match=r"^rows\.jsonl:2: the label 'PP' is not among") as caught:
        task_of().examples(rows)
    assert caught.value.hint == "did you mean 'P'? map it: --labels PP=P"
    persons = NerTask(text="tokens", label="tags", labels=LabelSet("tags", ("O", "B-PERSON", "I-PERSON")))
    with pytest.raises(DataError) as caught:
        persons.examples(make_rows([{"tokens": ["a"], "tags": ["B-CITY"]}]))
    assert caught.value.hint == "map it: --labels CITY=TO, or --labels CITY=O"


def test_a_tag_without_a_prefix_names_its_row(make_rows) -> None:
    rows = make_rows([{"tokens": ["a"], "tags": ["NN"]}])
    with pytest.raises(DataError, match=r"^rows\.jsonl:1: .*'NN'"):
        task_of().examples(rows)


@pytest.mark.parametrize(
    ("tokens", "tags"),
    [
        (["Ada", "is", "here"], ["B-P", "O", "O"]),
        ("Ada is here", "B-P O O"),
        ("Ada is\there ", "B-P O O"),
        ('["Ada", "is", "here"]', '["B-P", "O", "O"]'),
        (("Ada", "is", "here"), ("I-P", "O", "O")),
        (["Ada", "is", "here"], ["S-P", "O", "O"]),
        (["Ada", "is", "here"], "B-P O O"),
    ],
)
def test_the_forms_of_a_row(make_rows, tokens: Any, tags: Any) -> None:
    rows = make_rows([{"tokens": tokens, "tags": tags}])
    (example,) = task_of().examples(rows).examples
    assert example.texts == ("Ada is here",)
    assert example.words == ((0, 3), (4, 6), (7, 11))
    assert example.target == (1, 0, 0)
    assert task_of().shown(example) == [{"label": "P", "text": "Ada", "start": 0, "end": 3}]


def test_class_numbers(make_rows) -> None:
    rows = make_rows([{"tokens": ["a", "b"], "tags": [0, 2]}], class_names={"tags": ("B-P", "I-P", "O")})
    task = learned(rows)
    assert task.labels.names == ("O", "B-P", "I-P")
    assert [e.target for e in task.examples(rows).examples] == [(1, 0)]
    rows = make_rows([{"tokens": ["a", "b"], "tags": [0, 3]}], class_names={"tags": ("B-P", "I-P", "O")})
    with pytest.raises(DataError, match=r"^rows\.jsonl:1: the tag 3 is none of the classes"):
        learned(rows)


def test_renamed_tags_are_merged_or_no_entities(make_rows) -> None:
    rows = make_rows([{"tokens": list("abcd"), "tags": ["B-per", "I-per", "B-PERSON", "B-misc"]}])
    task = learned(rows, rename={"per": "PERSON", "misc": "O"})
    assert task.labels.names == ("O", "B-PERSON", "I-PERSON")
    (example,) = task.examples(rows).examples
    assert example.target == (1, 2, 1, 0)
    plain = make_rows([{"tokens": list("abc"), "tags": ["NN", "NNS", "VB"]}])
    task = learned(plain, rename={"NNS": "NN"})
    assert (task.labels.names, task.examples(plain).examples[0].target) == (("NN", "VB"), (0, 0, 1))


def test_what_predict_is_given() -> None:
    task = task_of()
    assert task.read({"tokens": ["Ada", "", "x"]}, "7").words == ((0, 3), (4, 4), (5, 6))
    assert task.read({"text": "Ada, x"}, "7").words == ((0, 3), (3, 4), (5, 6))
    assert task.read({"words": '["Ada,", "x"]'}, "7").words == ((0, 4), (5, 6))
    assert task.read({"text": ""}, "7").words == ()
    with pytest.raises(DataError, match="null"):
        task.read({"tokens": None}, "7")
    with pytest.raises(DataError, match="no 'tokens'"):
        task.read({"sentences": "x"}, "7")


def test_shares_and_groups_of_rows_that_are_held_out(make_rows) -> None:
    rows = make_rows([{"tokens": ["a"], "tags": ["B-P"]}, {"tokens": ["b"], "tags": ["O"]}])
    examples = task_of().examples(rows).examples
    assert [task_of().stratum(example) for example in examples] == [True, False]
    assert [task_of().group(example) for example in examples] == [("a",), ("b",)]
    assert task_of().checked(examples[0]).labels == ("P",)


# --- Losses ---------------------------------------------------------------------------------------------


def test_the_loss_is_the_mean_over_words(make_rows, tokenizer: Any) -> None:
    """`zoo` is three letters: the first alone counts, or each of them."""
    rows = make_rows([{"tokens": ["zoo", "film"], "tags": ["B-P", "O"]}])
    half, quarter = math.log(2), -math.log(0.25)
    for every, expected in ((False, (half + quarter) / 2), (True, (3 * half + quarter) / 4)):
        task = task_of(("O", "B-P", "I-P", "x"), all_subwords=every)
        examples = task.examples(rows).examples
        features = task.encode(examples, tokenizer, Limits(16))
        targets = task.targets(examples, features, label_weights=None)
        assert targets.weights.tolist() == [4.0 if every else 2.0]
        logits = torch.zeros(1, 6, 4)  # [CLS] z ##o ##o film [SEP]
        logits[0, 1:4, 1] = math.log(3)  # 3 of 6: one half for B-P
        loss = task.loss(
            SimpleNamespace(logits=logits), batch_of(features, targets).targets, label_smoothing=0.0
        )
        assert loss.tolist() == pytest.approx([expected])
    smoothed = task.loss(
        SimpleNamespace(logits=torch.zeros(1, 6, 4)), batch_of(features, targets).targets, label_smoothing=0.3
    )
    assert smoothed.tolist() == pytest.approx([quarter])


@pytest.fixture
def lengths(make_rows, tokenizer: Any) -> Any:
    """Texts of other lengths, one without a word, over windows."""
    rows = make_rows([
        {"tokens": ["film"] * length, "tags": (["B-P", "I-P", "O", "B-L"] * 5)[:length]}
        for length in (1, 0, 20, 3, 7)
    ])  # fmt: skip
    task = task_of()
    examples = task.examples(rows).examples
    features = task.encode(examples, tokenizer, Limits(16, 16, 4))
    return task, features, task.targets(examples, features, label_weights=None)


def test_a_batch_is_the_mean_over_its_words_and_nothing_is_nan(lengths: Any) -> None:
    task, features, targets = lengths
    assert targets.weights.sum() == 31
    assert 0.0 in targets.weights.tolist()
    torch.manual_seed(0)
    batch = batch_of(features, targets)
    logits = torch.randn(*batch.inputs["input_ids"].shape, 5, requires_grad=True)
    value = weighted(task, logits, batch)
    of_words = torch.nn.functional.cross_entropy(
        logits.transpose(1, 2), batch.targets["tag"], reduction="none"
    )
    expected = of_words[batch.targets["count"] > 0].mean()
    assert value.item() == pytest.approx(expected.item(), rel=1e-6)
    value.backward()
    assert logits.grad is not None and torch.isfinite(logits.grad).all()
    assert not logits.grad[batch.targets["count"] == 0].any()


@pytest.mark.parametrize("left", [False, True])
def test_micro_batches_and_padding_change_no_gradient(lengths: Any, left: bool) -> None:
    task, features, targets = lengths
    torch.manual_seed(0)
    table = torch.randn(100, 5, requires_grad=True)  # the logits of each token id
    whole = batch_of(features, targets)
    (expected,) = torch.autograd.grad(weighted(task, table[whole.inputs["input_ids"]], whole), table)
    total = torch.zeros_like(table)
    order = np.random.default_rng(0).permutation(len(features))
    for rows in (order[:1], order[1:4], order[4:]):
        part = batch_of(features, targets, left=left, rows=rows)
        loss = task.loss(
            SimpleNamespace(logits=table[part.inputs["input_ids"]]), part.targets, label_smoothing=0.0
        )
        (gradient,) = torch.autograd.grad((loss * part.weights).sum() / targets.weights.sum(), table)
        total += gradient
    assert expected.abs().max() > 0.001
    torch.testing.assert_close(total, expected, rtol=1e-5, atol=1e-7)


def test_class_weights(make_rows, tokenizer: Any) -> None:
    rows = make_rows([{"tokens": list("abcd"), "tags": ["B-P", "I-P", "O", "B-L"]}])
    task = task_of()
    examples = task.examples(rows).examples
    features = task.encode(examples, tokenizer, Limits(16))
    counts = task.targets(examples, features, label_weights={"P": 3.0, "I-P": 5.0}).token_values["count"]
    assert counts.tolist() == [0, 3, 5, 1, 1, 0]
    targets = task.targets(examples, features, label_weights={"O": 0.5})
    assert targets.weights.tolist() == [3.5]
    batch = batch_of(features, targets)
    logits = torch.zeros(1, 6, 5)
    logits[0, 3, 0] = math.log(4)  # one half for O
    expected = (3 * math.log(5) + 0.5 * math.log(2)) / 3.5
    assert weighted(task, logits, batch).item() == pytest.approx(expected)
    with pytest.raises(DataError, match="'Q'"):
        task.targets(examples, features, label_weights={"Q": 1.0})


def test_automatic_class_weights_are_inverse_to_the_frequency() -> None:
    values = np.array([0, 0, 0, 1])
    assert weights_of_tags(("O", "B-P", "I-P"), values, "auto").tolist() == pytest.approx(
        [4 / 9, 4 / 9, 4 / 9, 4 / 3]
    )
    assert weights_of_tags(("O", "B-P", "I-P"), values, {"P": 2}).tolist() == [1, 1, 1, 2]


def test_weights_of_plain_tags_are_those_of_whole_names() -> None:
    """`P` is no label of `NNP`."""
    assert weights_of_tags(("NNP", "P", "X-P"), np.array([0, 1, 2]), {"P": 3.0}).tolist() == [1, 3, 1]
    with pytest.raises(DataError, match="'Q'"):
        weights_of_tags(("NNP", "X-Q"), np.array([0, 1]), {"Q": 3.0})


# --- Predictions ----------------------------------------------------------------------------------------


def test_predictions_read_the_first_token_of_a_word(tokenizer: Any) -> None:
    task = task_of(("O", "B-P", "I-P"))
    example = task.read({"text": "zoo, film"}, "0")
    features = task.encode([example], tokenizer, Limits(16))  # [CLS] z ##o ##o , film [SEP]
    kept = np.tile(np.array([[0.2, 0.2, 0.6]], np.float32), (7, 1))
    kept[[1, 4, 5]] = [[0.1, 0.8, 0.1], [0.2, 0.2, 0.6], [0.7, 0.2, 0.1]]
    (prediction,) = task.decode(kept, features, [example])
    assert prediction.value == [
        {"label": "P", "text": "zoo,", "start": 0, "end": 4, "score": pytest.approx(0.7)}
    ]
    assert prediction.details == {"words": ["zoo", ",", "film"], "tags": ["B-P", "I-P", "O"]}
    (plain,) = task_of(("N", "V", "X")).decode(kept, features, [example])
    assert plain.value == plain.details["tags"] == ["V", "X", "N"]


def test_an_inside_without_its_beginning_is_never_predicted() -> None:
    """`I-P` is likeliest at last, but after `O` it names no entity that begins: B-P I-P is worth .3 * .5,
    O O .4 * .4. Without the constraint the stray one begins an entity, as for the official scorer.
    """
    probabilities = np.array([[0.4, 0.3, 0.3], [0.4, 0.1, 0.5]])
    tags, scores = TagDecoder(("O", "B-P", "I-P"), constrained=False).best(probabilities)
    assert tags == ["O", "B-P"]
    assert scores.tolist() == [0.4, 0.5]
    tags, scores = TagDecoder(("O", "B-P", "I-P"), constrained=True).best(probabilities)
    assert tags == ["O", "O"]
    assert scores.tolist() == [0.4, 0.4]
    assert TagDecoder(NAMES, constrained=True).best(np.empty((0, 5)))[0] == []


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.booleans())
def test_constrained_tags_are_allowed(seed: int, words: int, sharp: bool) -> None:
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet([0.05 if sharp else 1.0] * 5, words)
    tags, scores = TagDecoder(NAMES, constrained=True).best(probabilities)
    for before, tag in zip(["O", *tags], tags, strict=False):
        assert tag[0] != "I" or before in (f"B-{tag[2:]}", tag)
    assert scores.tolist() == [probabilities[n, NAMES.index(tag)] for n, tag in enumerate(tags)]
    assert not allowed_starts(NAMES)[2] and not allowed_transitions(NAMES)[0, 2]


def test_models_whose_tags_have_no_beginning_can_name_entities() -> None:
    """As checkpoints trained on IOB1 have them: O, I-LOC, I-PER."""
    decoder = TagDecoder(("O", "I-LOC", "I-PER"), constrained=True)
    assert decoder.best(np.array([[0.1, 0.1, 0.8], [0.2, 0.7, 0.1]]))[0] == ["B-PER", "B-LOC"]
    half = TagDecoder(("O", "B-MISC", "I-MISC", "I-PER"), constrained=True)
    assert half.best(np.array([[0.1, 0.1, 0.0, 0.8]]))[0] == ["B-PER"]


@pytest.mark.parametrize("left", [False, True])
def test_padding_changes_no_prediction(lengths: Any, left: bool) -> None:
    task, features, _ = lengths
    table = torch.from_numpy(np.random.default_rng(0).normal(size=(100, 5)).astype(np.float32))
    batch = batch_of(features, None, left=left)
    kept = task.keep(SimpleNamespace(logits=table[batch.inputs["input_ids"]]))
    flat = kept[batch.inputs["attention_mask"].numpy() > 0]
    expected = torch.softmax(table[features.input_ids.astype(np.int64)], dim=-1)
    np.testing.assert_allclose(flat, expected.numpy(), atol=1e-6)
    assert task.keep(SimpleNamespace(logits=torch.zeros(1, 2, 2, dtype=torch.bfloat16))).dtype == np.float32


def test_cells_of_a_table_may_hold_lists(make_rows) -> None:
    """As JSON and as Python prints them; where all texts of a column look so, and not for a single one."""
    records = [
        {"tokens": '["EU", "says"]', "tags": "['B-P', 'O']"},
        {"tokens": "['no']", "tags": '["O"]'},
    ]
    found = task_of().examples(make_rows(records))
    assert [example.texts[0] for example in found.examples] == ["EU says", "no"]
    assert [example.target for example in found.examples] == [(NAMES.index("B-P"), 0), (0,)]
    texts = [
        {"text": '["film"]', "spans": [{"start": 2, "end": 6, "label": "P"}]},
        {"text": "a", "spans": []},
    ]
    by_spans = NerTask(text="text", label="spans", labels=LabelSet("tags", NAMES))
    (first, _) = by_spans.examples(make_rows(texts)).examples
    assert first.texts == ('["film"]',)
    assert by_spans.read({"text": '["film"]'}, "1").texts == ('["film"]',)
    assert task_of().read({"tokens": '["film"]'}, "1").texts == ("film",)


def test_lists_without_commas_are_told_with_their_place(make_rows) -> None:
    rows = make_rows([{"tokens": "['EU' 'says']", "tags": "['B-P' 'O']"}])
    with pytest.raises(DataError, match=r"^rows\.jsonl:1: the list \['"):
        NerTask.learn(TaskSection(type="ner", text=["tokens"], label="tags"), [rows])


def test_each_split_may_have_usual_names_of_its_own(make_rows) -> None:
    train = make_rows([{"words": ["Ada", "is"], "ner_tags": ["B-P", "O"]}])
    dev = make_rows([{"tokens": ["Bob"], "tags": ["B-P"]}])
    task = NerTask.learn(TaskSection(type="ner", text=["tokens"], label="tags"), [train, dev])
    assert dict(task.columns) == {"tokens": "words", "tags": "ner_tags"}
    assert [example.texts for example in task.examples(dev).examples] == [("Bob",)]


def test_a_split_where_nobody_marked_anything_has_spans_too(make_rows) -> None:
    train = make_rows([{"text": "Ada is", "label": [{"start": 0, "end": 3, "label": "P"}]}])
    dev = make_rows([{"text": "it is", "label": []}])
    task = NerTask.learn(TaskSection(type="ner", text=["text"], label="label"), [train, dev])
    assert [example.target for example in task.examples(dev).examples] == [(0, 0)]


def test_tags_of_other_schemes_are_said_in_iob2() -> None:
    names = ("O", "B-P", "I-P", "E-P", "S-P")
    decoder = TagDecoder(names, constrained=True)
    probabilities = np.eye(5)[[1, 2, 3, 0, 4]]
    assert decoder.best(probabilities)[0] == ["B-P", "I-P", "I-P", "O", "B-P"]


def test_spans_that_say_another_text_are_left_out(make_rows) -> None:
    spans = [{"start": 3, "end": 6, "label": "P", "text": "Zoe"}]
    rows = make_rows([{"text": "a Zoe is", "spans": spans}, {"text": "is Zoe", "spans": spans}])
    found = NerTask(text="text", label="spans", labels=LabelSet("tags", NAMES)).examples(rows)
    assert [example.row for example in found.examples] == [1]
    assert [(fault.place, fault.left_out) for fault in found.faults if fault.left_out] == [
        ("rows.jsonl:1", True)
    ]


def test_unknown_prefixes_are_no_plain_tags(make_rows) -> None:
    rows = make_rows([{"tokens": ["Ada", "is", "there"], "tags": ["X-PER", "O", "Q-LOC"]}])
    with pytest.raises(DataError, match=r"^rows\.jsonl:1: the tag 'X-PER' is of no tag scheme"):
        learned(rows)
    assert learned(rows, tag_scheme="plain").labels.names == ("O", "Q-LOC", "X-PER")


@pytest.mark.parametrize(
    "tags",
    [
        ["S-PER", "O", "E-LOC", "per"],
        ["U-PER", "O", "L-LOC", "Person"],
        ["B", "I", "O", "O", "O", "O", "O", "O", "O", "o"],
        ["I-PER", "0"],
        ["B-PER", ""],
    ],
)
def test_one_odd_tag_does_not_make_all_of_them_plain(tags: list[str], make_rows) -> None:
    good = {"tokens": ["a"] * (len(tags) - 1), "tags": tags[:-1]}
    rows = make_rows([good, {"tokens": ["a"], "tags": tags[-1:]}])
    with pytest.raises(DataError, match=r"^rows\.jsonl:2: the tag .* is of no tag scheme") as caught:
        learned(rows)
    assert "task.tag_scheme=plain" in caught.value.hint


@pytest.mark.parametrize(
    "tags", [["NOUN", "O"], ["S", "E", "B", "RI"], ["PER", "O", "LOC"], ["S-1", "N", "V"]]
)
def test_tags_that_mark_no_entities_stay_plain(tags: list[str], make_rows) -> None:
    assert learned(make_rows([{"tokens": ["a"] * len(tags), "tags": tags}])).scheme == "plain"
