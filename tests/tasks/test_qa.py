"""Questions and answers: forms of rows, losses worked by hand, thresholds, and what is written."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from bertkit.config.schema import TaskSection
from bertkit.data.answers import BLANK, MOVED, NOT_FOUND, Answer, read_answers
from bertkit.data.features import Padding, collate
from bertkit.errors import DataError
from bertkit.models.contract import Calibration
from bertkit.tasks.base import Example, Limits, Prediction
from bertkit.tasks.calibrating import Calibrating
from bertkit.tasks.qa import QaTask

CONTEXT = "Ada met Bob. Ada left."


def task_of(**options: Any) -> QaTask:
    chosen = {"text": ("question", "context"), "label": "answers", "max_question_length": 8} | options
    return QaTask(**chosen)


def batch_of(features: Any, targets: Any, *, left: bool = False, rows: Any = None) -> Any:
    rows = range(len(features)) if rows is None else rows
    return collate(features, rows, padding=Padding(0, left=left), device="cpu", targets=targets)


def outputs_of(starts: Any, ends: Any) -> SimpleNamespace:
    return SimpleNamespace(start_logits=torch.as_tensor(starts), end_logits=torch.as_tensor(ends))


def encoded(tokenizer: Any, *pairs: tuple[str, str, Any], **options: Any) -> Any:
    task = task_of(**options)
    examples = [Example(str(n), (q, c), target, row=n) for n, (q, c, target) in enumerate(pairs)]
    return task, examples, task.encode(examples, tokenizer, Limits(99))


# --- Rows -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "start", "answers"),
    [
        ({"text": ["Bob"], "answer_start": [8]}, None, (Answer("Bob", 8),)),
        ({"text": ["Ada", "Bob"], "answer_start": [13, 8]}, None, (Answer("Ada", 13), Answer("Bob", 8))),
        ({"text": "Bob", "start": "8"}, None, (Answer("Bob", 8),)),
        ({"text": ["Bob"]}, None, (Answer("Bob", 8),)),
        ([{"text": "Bob", "answer_start": 8}], None, (Answer("Bob", 8),)),
        ([{"answer": "Ada", "start_char": 13}], None, (Answer("Ada", 13),)),
        (["Bob", "Ada"], None, (Answer("Bob", 8), Answer("Ada", 0))),
        ("Bob", 8, (Answer("Bob", 8),)),
        ("Ada", "13", (Answer("Ada", 13),)),
        ("Bob", "", (Answer("Bob", 8),)),
        ("Ada", None, (Answer("Ada", 0),)),
        ('{"text": ["Bob"], "answer_start": [8]}', None, (Answer("Bob", 8),)),
        ('["Bob"]', None, (Answer("Bob", 8),)),
        ({"text": [], "answer_start": []}, None, ()),
        ([], None, ()),
        ("[]", None, ()),
        ("", None, ()),
        ("  ", None, ()),
        ([{"text": "", "answer_start": 0}], None, ()),
        ({"text": None}, None, ()),
        (None, None, None),
    ],
)
def test_the_forms_of_answers(value: Any, start: Any, answers: Any) -> None:
    assert read_answers(value, start, CONTEXT) == (answers, ())


@pytest.mark.parametrize(
    ("value", "answer", "fault"),
    [
        ({"text": ["Bob"], "answer_start": [7]}, Answer("Bob", 8), MOVED),
        ({"text": ["Bob"], "answer_start": [-1]}, Answer("Bob", 8), MOVED),
        ({"text": ["Bob"], "answer_start": [999]}, Answer("Bob", 8), MOVED),
        ({"text": ["Ada"], "answer_start": [1]}, Answer("Ada", -1), NOT_FOUND),
        ({"text": ["Eve"], "answer_start": [0]}, Answer("Eve", -1), NOT_FOUND),
        ({"text": ["bob"], "answer_start": [8]}, Answer("bob", -1), NOT_FOUND),
        ("[sic]", Answer("[sic]", -1), NOT_FOUND),
    ],
)
def test_answers_that_are_not_at_their_offset(value: Any, answer: Answer, fault: str) -> None:
    assert read_answers(value, None, CONTEXT) == ((answer,), (fault,))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"text": ["Bob"], "answer_start": [8, 9]}, "1 answers have 2 offsets"),
        ({"text": ["Bob"], "answer_start": ["x"]}, "the offset 'x' is not a whole number"),
    ],
)
def test_answers_that_are_not_understood(make_rows, value: Any, message: str) -> None:
    rows = make_rows([{"question": "q", "context": CONTEXT, "answers": value}])
    with pytest.raises(DataError, match=rf"^rows\.jsonl:1: {message}"):
        task_of().examples(rows)


def row(answers: Any, **more: Any) -> dict[str, Any]:
    return {"question": "who?", "context": CONTEXT, "answers": answers} | more


def test_rows_are_left_out_or_told_with_their_place(make_rows) -> None:
    rows = make_rows([
        row({"text": ["Bob"], "answer_start": [8]}, id="x"), row({"text": ["Bob"], "answer_start": [7]}),
        row(["Eve"]), row(None), row([]), row(["Ada"], context=None), row(["Ada"], question=5),
    ])  # fmt: skip
    found = task_of().examples(rows)
    assert [(e.id, e.row, e.target) for e in found.examples] == [
        ("x", 0, (("Bob", 8),)), ("1", 1, (("Bob", 8),)), ("2", 2, (("Eve", -1),)), ("4", 4, ()),
        ("6", 6, (("Ada", 0),)),
    ]  # fmt: skip
    assert (found.without_label, found.without_text) == (1, 1)
    assert [(fault.what, fault.place, fault.left_out) for fault in found.faults] == [
        (MOVED, "rows.jsonl:2", False), (NOT_FOUND, "rows.jsonl:3", False),
    ]  # fmt: skip
    assert [e.target for e in task_of().examples(rows, keep_unlabelled=True).examples][3] is None


def test_whether_it_may_abstain_is_learned_from_the_rows_to_train_on(make_rows) -> None:
    section = TaskSection(
        type="qa", text=["question", "context"], label="answers", max_answer_length=7, max_question_length=9
    )
    answered, none = make_rows([row(["Ada"])]), make_rows([row(["Ada"]), row([])])
    assert QaTask.learn(section, [answered, none]).threshold is None
    task = QaTask.learn(section, [none, answered])
    assert (task.threshold, task.max_answer_length, task.max_question_length) == (0.5, 7, 9)
    assert isinstance(task, Calibrating)
    other = task.with_calibration(Calibration(threshold=0.2))
    assert (other.threshold, task.threshold, other.max_answer_length) == (0.2, 0.5, 7)
    flat = make_rows([{"query": "who?", "passage": CONTEXT, "answer_text": "Ada", "start": 13}])
    task = QaTask.learn(section, [flat])
    assert (task.text, task.label) == (("query", "passage"), "answer_text")
    assert task.examples(flat).examples[0].target == (("Ada", 13),)


def test_what_predict_is_given() -> None:
    task = task_of(text=("query", "passage"))
    assert task.read({"query": "q", "passage": "c"}, "7") == Example("7", ("q", "c"), None)
    assert task.read({"Question": 5, "context": "c"}, "7").texts == ("5", "c")
    with pytest.raises(DataError, match="no 'passage'"):
        task.read({"query": "q"}, "7")
    with pytest.raises(DataError, match="'context' is not a text"):
        task_of().read({"question": "q", "context": ["c"]}, "7")


def test_questions_about_one_context_stay_together() -> None:
    examples = [Example("0", ("a", "c"), ()), Example("1", ("b", "c"), (Answer("c", 0),))]
    assert [task_of().group(example) for example in examples] == [("c",), ("c",)]
    assert [task_of().stratum(example) for example in examples] == [False, True]
    assert [task_of().checked(example).labels for example in examples] == [("unanswerable",), ("answerable",)]


# --- Targets and losses ---------------------------------------------------------------------------------

# [CLS] is good [SEP] the film plot [SEP], and shorter: [CLS] is [SEP] the [SEP]
LONGER = ("is good", "the film plot", (Answer("film plot", 4),))
SHORTER = ("is", "the", ())


def test_question_and_padding_are_no_candidates(tokenizer: Any) -> None:
    """Whatever the logits there, the loss is that of [CLS] and the tokens of the context."""
    task, examples, features = encoded(tokenizer, LONGER, SHORTER)
    targets = task.targets(examples, features, label_weights=None)
    assert targets.weights.tolist() == [1, 1]
    starts, ends = torch.full((2, 8), 50.0), torch.full((2, 8), -50.0)
    starts[0, [0, 4, 5, 6]] = torch.tensor([0.0, 0.0, math.log(2), 0.0])
    ends[0, [0, 4, 5, 6]] = torch.tensor([0.0, 0.0, 0.0, math.log(5)])
    starts[1, [0, 3]] = torch.tensor([math.log(3), 0.0])
    ends[1, [0, 3]] = torch.tensor([0.0, 0.0])
    batch = batch_of(features, targets)
    loss = task.loss(outputs_of(starts, ends), batch.targets, label_smoothing=0.0)
    # 2 of 5 and 5 of 8; 3 of 4 and 1 of 2
    first, second = -(math.log(2 / 5) + math.log(5 / 8)) / 2, -(math.log(3 / 4) + math.log(1 / 2)) / 2
    assert loss.tolist() == pytest.approx([first, second])


@pytest.mark.parametrize("kind", ["word piece", "byte level", "class token last"])
def test_padding_on_either_side_changes_neither_loss_nor_answer(tokenizers, kind: str) -> None:
    task, examples, features = encoded(tokenizers[kind], SHORTER, LONGER, ("is", "é 👍🏽 film", ()))
    examples[2] = Example("2", examples[2].texts, (Answer("nowhere", -1),))
    targets = task.targets(examples, features, label_weights=None)
    assert targets.weights.tolist() == [1, 1, 0]
    torch.manual_seed(0)
    table = torch.randn(400, 2, requires_grad=True)
    found = []
    for left in (False, True):
        batch = batch_of(features, targets, left=left)
        logits = table[batch.inputs["input_ids"]] + 100 * (batch.inputs["attention_mask"] == 0).unsqueeze(-1)
        outputs = outputs_of(logits[..., 0], logits[..., 1])
        loss = task.loss(outputs, batch.targets, label_smoothing=0.0)
        assert torch.isfinite(loss).all()
        (gradient,) = torch.autograd.grad((loss * batch.weights).sum() / batch.weights.sum(), table)
        outputs = outputs_of(logits[..., 0].detach(), logits[..., 1].detach())
        kept = task.keep(outputs)[batch.inputs["attention_mask"].numpy() > 0]
        found.append((loss.tolist(), gradient, task.decode(kept, features, examples)))
    assert found[0][0] == pytest.approx(found[1][0])
    torch.testing.assert_close(found[0][1], found[1][1])
    assert found[0][2] == found[1][2]
    alone = batch_of(features, targets, rows=[0])
    logits = table.detach()[alone.inputs["input_ids"]]
    loss = task.loss(outputs_of(logits[..., 0], logits[..., 1]), alone.targets, label_smoothing=0.0)
    assert loss.item() == pytest.approx(found[0][0][0])


def marked(task: QaTask, examples: list[Example], features: Any) -> list[tuple[int, int]]:
    """Where start and end are in each feature."""
    targets = task.targets(examples, features, label_weights=None)
    places = [np.flatnonzero(targets.token_values[side]) for side in ("start", "end")]
    assert [len(side) for side in places] == [len(features)] * 2
    return [(int(a - o), int(b - o)) for a, b, o in zip(*places, features.offsets[:-1], strict=True)]


def test_the_answer_or_the_no_answer_token(tokenizer: Any) -> None:
    task, examples, features = encoded(
        tokenizer, LONGER, ("is", "film", ()), ("is", "film", (Answer("x", -1),)),
        ("is", "a film plot", (Answer("x", -1), Answer(" film ", 1), Answer("plot", 7))),
    )  # fmt: skip
    # Of several answers the first one that is found; a blank around it is not its own.
    assert marked(task, examples, features) == [(5, 6), (0, 0), (0, 0), (4, 4)]
    assert task.targets(examples, features, label_weights=None).weights.tolist() == [1, 1, 0, 1]
    with pytest.raises(DataError, match="no labels to weight"):
        task.targets(examples, features, label_weights="auto")


def test_a_blank_at_the_end_of_an_answer_brings_in_no_other_word(tokenizers: dict[str, Any]) -> None:
    """Byte-level tokens begin with the blank before their word."""
    tokenizer = tokenizers["byte level"]
    task, examples, features = encoded(tokenizer, ("is", "the film is", (Answer("film ", 4),)))
    ((first, last),) = marked(task, examples, features)
    assert tokenizer.convert_ids_to_tokens(features.input_ids[first : last + 1]) == ["Ġfilm"]


def test_a_window_without_the_whole_answer_has_none(tokenizer: Any) -> None:
    words = "the film plot actor scene was a"
    task = task_of(max_question_length=2)
    example = Example("0", ("is good", words), (Answer("plot actor", 9),))
    features = task.encode([example], tokenizer, Limits(99, 10, 2))
    assert marked(task, [example], features) == [(6, 7), (0, 0)]  # [CLS] is good [SEP] the film plot actor
    example = Example("0", ("is good", words), (Answer("actor scene", 14),))
    assert marked(task, [example], features) == [(7, 8), (4, 5)]


def test_accents_in_two_characters_do_not_hide_an_answer(tokenizer: Any) -> None:
    """The tokenizer strips U+0301, so that no token reaches the end of the answer."""
    text = "the cafe\u0301 is"
    task, examples, features = encoded(tokenizer, ("is", text, (Answer("cafe\u0301", 4),)))
    ((first, last),) = marked(task, examples, features)
    assert tokenizer.convert_ids_to_tokens(features.input_ids[first : last + 1]) == ["c", "##a", "##f", "##e"]


# --- Predictions ----------------------------------------------------------------------------------------


def decoded(task: QaTask, examples: list[Example], features: Any, **logits: float) -> Prediction:
    kept = np.zeros((len(features.input_ids), 2), np.float32)
    kept[5, 0] = kept[6, 1] = logits["answer"] / 2
    kept[0] = logits["none"] / 2
    (prediction,) = task.decode(kept, features, examples)
    return prediction


def test_no_answer_is_given_where_its_score_is_above_the_threshold(tokenizer: Any) -> None:
    task, examples, features = encoded(tokenizer, LONGER, threshold=0.5)
    sure = decoded(task, examples, features, answer=10, none=4)
    assert (sure.value["text"], sure.value["start"], sure.value["end"]) == ("film plot", 4, 13)
    assert sure.details["no_answer_score"] == pytest.approx(1 / (1 + math.exp(6)), abs=1e-6)
    even = decoded(task, examples, features, answer=8, none=8)
    assert (even.value["text"], even.details["no_answer_score"]) == ("film plot", 0.5)
    none = decoded(task, examples, features, answer=4, none=10)
    assert (none.value["text"], none.value["start"], none.value["end"]) == ("", None, None)
    assert none.value["score"] > 0.9
    assert none.details["n_best"][0]["text"] == "film plot"
    never, ever = (task.with_calibration(Calibration(threshold=threshold)) for threshold in (0.999, 0.0))
    assert decoded(never, examples, features, answer=4, none=10).value["text"]
    assert not decoded(ever, examples, features, answer=40, none=1).value["text"]
    always = decoded(task_of(), examples, features, answer=4, none=10)
    assert always.value["text"] == "film plot"
    assert "no_answer_score" not in always.details


@pytest.mark.parametrize("threshold", [None, 0.5])
def test_probabilities_are_shares_of_all_that_is_offered(tokenizer: Any, threshold: float | None) -> None:
    task, examples, features = encoded(tokenizer, LONGER, threshold=threshold)
    prediction = decoded(task, examples, features, answer=3, none=1)
    shares = [answer["score"] for answer in prediction.details["n_best"]]
    assert shares == sorted(shares, reverse=True)
    # Six spans of three words: one of 3, three with one of its ends (1.5), two without (0).
    whole = math.exp(3) + 3 * math.exp(1.5) + 2 + (0 if threshold is None else math.exp(1))
    assert shares[0] == pytest.approx(math.exp(3) / whole, abs=1e-6)
    assert sum(shares) == pytest.approx(1 if threshold is None else 1 - math.e / whole, abs=1e-5)
    json.dumps([prediction.value, prediction.details])


@pytest.mark.parametrize("context", ["", "  \r\n", "\u200b"])
@pytest.mark.parametrize("threshold", [None, 0.5])
def test_a_context_without_a_word_has_no_answer(any_tokenizer, context: str, threshold: float | None) -> None:
    task, examples, features = encoded(any_tokenizer, ("is", context, ()), threshold=threshold)
    kept = np.zeros((len(features.input_ids), 2), np.float32)
    (prediction,) = task.decode(kept, features, examples)
    if context == "\u200b":  # which some tokenizers read, and some do not
        assert prediction.value["text"] in ("", context)
    else:
        expected = {"text": "", "start": None, "end": None, "score": 0.0 if threshold is None else 1.0}
        assert prediction.value == expected
        assert prediction.details["n_best"] == []
        forced = task.evidence(kept, features, examples).answers
        assert (forced.answers, forced.references, forced.no_answer_scores) == ([""], [[]], [1.0])


def test_only_questions_with_a_reference_are_compared(tokenizer: Any) -> None:
    task, examples, features = encoded(
        tokenizer, LONGER, ("is", "film", None), SHORTER, ("is", "film", (Answer("Eve", -1),)), threshold=0.5
    )
    kept = np.zeros((len(features.input_ids), 2), np.float32)
    predictions = task.decode(kept, features, examples)
    predicted, expected = task.compare(examples, predictions)
    assert (len(predicted), expected) == (3, [["film plot"], [], ["Eve"]])
    assert task.evidence(kept, features, examples).answers.references == expected
    assert [task.shown(example) for example in examples[:3]] == [
        [{"text": "film plot", "start": 4}],
        None,
        [],
    ]


def test_a_blank_answer_beside_others_is_told(make_rows) -> None:
    answers = {"text": ["Bob", " "], "answer_start": [8, 0]}
    assert read_answers(answers, None, CONTEXT) == ((Answer("Bob", 8),), (BLANK,))
    assert read_answers(["", " "], None, CONTEXT) == ((), ())  # alone they say that there is none
    rows = make_rows([{"question": "q", "context": CONTEXT, "answers": answers}])
    (fault,) = task_of().examples(rows).faults
    assert (fault.what, fault.place, fault.left_out) == (BLANK, "rows.jsonl:1", False)
