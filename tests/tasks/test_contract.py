"""What every task promises, and the lists that must agree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bertkit.config.names import METRIC_NAMES, PROBLEMS, TASK_NAMES
from bertkit.config.schema import TaskSection
from bertkit.data.features import Features, Padding, Targets, collate
from bertkit.data.rows import Rows
from bertkit.evaluation.metrics import METRICS, default_metrics
from bertkit.evaluation.scoring import score_predictions
from bertkit.models.contract import ModelContract
from bertkit.tasks.base import Limits
from bertkit.tasks.calibrating import Calibrating
from bertkit.tasks.table import TASKS
from bertkit.tasks.word_windows import sentence_tokens

SIX = range(6)
PAIR = [
    {"a": f"the film {n}", "b": "it is good", "y": ["entailment", "neutral", "contradiction"][n % 3]}
    for n in range(9)
]
LONG = " plot" * 40
# The first word is long, the rest fills several windows.
TOKENS = ["unbelievable", "film", "of", "xyz", "!", *LONG.split()]
REST = ["O"] * 40
TAGS = {
    "tags of IOB2": [["B-P", "I-P", "O", "B-L", "O", *REST], ["O", "B-P", "B-P", "I-P", "O", *REST]],
    "tags of IOB1": [["I-P", "I-P", "O", "I-L", "O", *REST], ["I-P", "B-P", "I-P", "O", "O", *REST]],
    "tags of BIOES": [["B-P", "E-P", "O", "S-L", "O", *REST], ["O", "S-P", "B-P", "E-P", "O", *REST]],
    "plain tags": [["N", "N", "ADP", "X", ".", *["N"] * 40], ["X", "N", "ADP", "N", ".", *["N"] * 40]],
}
TEXT = " ".join(TOKENS)
SPANS = [
    {"text": TEXT, "spans": [{"start": 0, "end": 12, "label": "P"}, {"start": 21, "end": 24, "label": "L"}]},
    {"text": TEXT, "spans": [[13, 20, "P"]]},
    {"text": TEXT, "spans": []},
]
CONTEXT = "The film of Xyz is good." + LONG + " The actor was Abc."
QUESTIONS = [
    {"question": "what is good?", "context": CONTEXT, "answers": {"text": ["film"], "answer_start": [4]}},
    {
        "question": "who was it?", "context": CONTEXT,
        "answers": {"text": ["Abc", "The actor was Abc"], "answer_start": [239, 225]},
    },
]  # fmt: skip
NO_ANSWER = {"question": "where?", "context": CONTEXT, "answers": {"text": [], "answer_start": []}}


def tagged(name: str, **more: list[str]) -> list[dict[str, Any]]:
    rows = [{"tokens": TOKENS, "tags": tags} for tags in TAGS[name]]
    return [row | {key: values[n] for key, values in more.items()} for n, row in enumerate(rows)]


# The task, the recipe's words for the columns, records, and what is found to be predicted.
CASES: dict[str, tuple[str, list[str], str, list[dict[str, Any]], str]] = {
    "one label": (
        "classification", ["a"], "y", [{"a": f"film {n}{LONG}", "y": "xy"[n % 2]} for n in SIX],
        "single_label",
    ),
    "pair": ("classification", ["a", "b"], "y", PAIR, "single_label"),
    "several labels": (
        "classification", ["a"], "y", [{"a": f"film {n}{LONG}", "y": ["x", "y"][: n % 3]} for n in SIX],
        "multi_label",
    ),
    "number": (
        "classification", ["a"], "y", [{"a": f"film {n}{LONG}", "y": n / 4} for n in SIX], "regression"
    ),
    "nli": ("nli", ["a", "b"], "y", PAIR, "single_label"),
    **{name: ("ner", ["tokens"], "tags", tagged(name), "tags") for name in TAGS},
    "text and spans": ("ner", ["tokens"], "tags", SPANS, "tags"),
    "answers": ("qa", ["question", "context"], "answers", QUESTIONS, "answers"),
    "answers or none": ("qa", ["question", "context"], "answers", [*QUESTIONS, NO_ANSWER], "answers"),
    "intent and slots": (
        "intent_slots", ["tokens"], "tags", tagged("tags of IOB2", intent=["play", "stop"]), "frames"
    ),
}  # fmt: skip


def learned(name: str, rows: Rows) -> Any:
    task, text, label, _, _ = CASES[name]
    changes = {"max_question_length": 8} if task == "qa" else {}
    return TASKS[task].learn(TaskSection(type=task, text=text, label=label, **changes), [rows])


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, make_rows: Callable[..., Rows]) -> tuple[Any, Rows]:
    rows = make_rows(CASES[request.param][3])
    task = learned(request.param, rows)
    assert task.labels.problem == CASES[request.param][4]
    return task, rows


def perfect(task: Any, features: Features, targets: Targets) -> np.ndarray:
    """What a model would give that is always right and sure."""
    match task.labels.problem:
        case "single_label":
            return np.eye(task.labels.outputs, dtype=np.float32)[targets.values["label"]]
        case "multi_label" | "regression":
            return targets.values["label"].reshape(len(features), -1)
        case "tags":
            return np.eye(task.labels.outputs, dtype=np.float32)[targets.token_values["tag"]]
        case "answers":
            values = targets.token_values
            return 20 * np.stack([values["start"], values["end"]], axis=1)
    count, intents = len(task.labels.names), len(task.labels.intents)
    tags = np.eye(count, dtype=np.float32)[targets.token_values["tag"]]
    by_token = np.zeros((len(tags), intents), dtype=np.float32)
    by_token[sentence_tokens(features)] = np.eye(intents)[targets.values["intent"]]
    return np.concatenate([tags, by_token], axis=1)


def test_lists_agree() -> None:
    assert set(TASKS) == set(TASK_NAMES) == {task.name for task in TASKS.values()}
    assert set(METRICS) == set(METRIC_NAMES)
    assert {problem for metric in METRICS.values() for problem in metric.problems} == set(PROBLEMS)
    assert {CASES[name][0] for name in CASES} == set(TASKS)
    assert {CASES[name][4] for name in CASES} == set(PROBLEMS)


@pytest.mark.parametrize("window", [None, 24])
@pytest.mark.parametrize("kind", ["word piece", "byte level", "class token last"])
def test_one_prediction_an_example_and_perfect_ones_score_perfectly(
    case: tuple[Any, Rows], tokenizers: dict[str, Any], kind: str, window: int | None
) -> None:
    task, rows = case
    examples = list(task.examples(rows).examples)
    assert len(examples) == len(rows)
    features = task.encode(examples, tokenizers[kind], Limits(400 if window is None else 32, window, 4))
    # Windows read one text, or a question that is short; pairs of sentences are cut.
    several = window is not None and (len(task.text) == 1 or task.name == "qa")
    assert (len(features) > len(examples)) is several
    assert features.lengths.max() <= (window or 400)
    targets = task.targets(examples, features, label_weights=None)
    if task.labels.problem not in ("tags", "answers"):
        np.testing.assert_allclose(np.bincount(features.examples, weights=targets.weights), 1, rtol=1e-6)

    predictions = task.decode(perfect(task, features, targets), features, examples)
    assert len(predictions) == len(examples)
    scores = score_predictions(task, default_metrics(task.labels), examples, predictions)
    assert scores
    for name, value in scores.items():
        assert value == pytest.approx(1.0 if METRICS[name].greater_is_better else 0.0, abs=1e-9), name
    for example, prediction in zip(examples, predictions, strict=True):
        assert_shown(task, example, prediction.value)


def assert_shown(task: Any, example: Any, value: Any) -> None:
    """Targets are written as predictions are, but for their probabilities."""
    expected = task.shown(example)
    if task.name == "qa":
        assert {"text": value["text"], "start": value["start"]} in (expected or [{"text": "", "start": None}])
        return
    assert expected == without_scores(value)


def without_scores(value: Any) -> Any:
    if isinstance(value, list):
        return [without_scores(item) for item in value]
    if isinstance(value, dict):
        return {key: without_scores(item) for key, item in value.items() if key != "score"}
    return value


def test_a_model_learns_from_what_its_task_gives(case: tuple[Any, Rows], any_tokenizer: Any) -> None:
    """Loss and decoding agree: where the loss is 0 the prediction is right, and with a real batch."""
    import torch

    task, rows = case
    examples = list(task.examples(rows).examples)
    features = task.encode(examples, any_tokenizer, Limits(64, 64, 8))
    targets = task.targets(examples, features, label_weights=None)
    left = any_tokenizer.padding_side == "left"
    batch = collate(
        features, range(len(features)), targets=targets, device="cpu",
        padding=Padding(any_tokenizer.pad_token_id, left=left),
    )  # fmt: skip
    assert batch.targets is not None and batch.weights is not None
    sure = torch.from_numpy(np.ascontiguousarray(perfect(task, features, targets)))
    if task.labels.problem in ("multi_label", "single_label", "tags", "frames"):
        sure = (sure - 0.5) * 80
    by_token = len(sure) == len(features.input_ids) and len(sure) != len(features)
    if by_token:
        logits = torch.zeros(*batch.inputs["input_ids"].shape, sure.shape[1])
        logits[batch.inputs["attention_mask"] > 0] = sure.float()
    else:
        logits = sure.float()
    outputs = type("Outputs", (), {"logits": logits})()
    if task.name == "qa":
        outputs.start_logits, outputs.end_logits = 4 * logits[..., 0], 4 * logits[..., 1]
    loss = task.loss(outputs, batch.targets, label_smoothing=0.0)
    assert loss.shape == (len(features),)
    assert loss.tolist() == pytest.approx([0.0] * len(features), abs=1e-4)
    kept = task.keep(outputs)
    assert kept.dtype == np.float32
    if kept.ndim == 3:
        kept = kept[batch.inputs["attention_mask"].numpy() > 0]
    predictions = task.decode(kept, features, examples)
    scores = score_predictions(task, default_metrics(task.labels)[:1], examples, predictions)
    assert list(scores.values()) == pytest.approx([1.0], abs=1e-6)


def test_a_task_is_rebuilt_from_its_contract(case: tuple[Any, Rows]) -> None:
    task, rows = case
    if isinstance(task, Calibrating) and task.calibration is not None:
        task = task.with_calibration(replace(task.calibration, temperature=2.0))
    contract = ModelContract(task=task.name, **task.contract_fields())
    again = TASKS[contract.task].from_contract(ModelContract.model_validate_json(contract.model_dump_json()))
    assert again.labels == task.labels
    assert again.contract_fields() == task.contract_fields()
    examples = task.examples(rows)
    assert again.examples(rows) == examples
    read = again.read(rows.records[0], "7")
    assert read == replace(examples.examples[0], id="7", target=None)


@pytest.mark.parametrize("name", ["tags of IOB2", "intent and slots"])
def test_a_rebuilt_tagger_keeps_its_settings(make_rows: Callable[..., Rows], name: str) -> None:
    rows = make_rows(CASES[name][3])
    kind, text, label, _, _ = CASES[name]
    rename = {"L": "P"} | ({"stop": "halt"} if kind == "intent_slots" else {})
    section = TaskSection(type=kind, text=text, label=label, constrained=False, rename=rename)
    task = TASKS[kind].learn(section, [rows])
    assert task.labels.names == ("O", "B-P", "I-P")
    contract = ModelContract(task=kind, **task.contract_fields())
    assert (contract.constrained, contract.rename) == (False, rename)
    again = TASKS[kind].from_contract(contract)
    assert again.contract_fields() == task.contract_fields()
    assert again.examples(rows) == task.examples(rows)


def test_rows_without_a_label_can_be_predicted(case: tuple[Any, Rows], make_rows, tokenizer: Any) -> None:
    task, rows = case
    bare = make_rows([{name: record[name] for name in rows.columns if name in task.text}
                      for record in rows.records])  # fmt: skip
    examples = task.examples(bare, keep_unlabelled=True).examples
    assert [(example.texts, example.words) for example in examples] == [
        (example.texts, example.words) for example in task.examples(rows).examples
    ]
    assert {example.target for example in examples} == {None}
    assert {task.shown(example) for example in examples} == {None}
    assert {task.checked(example).labels for example in examples} == {()}
    features = task.encode(examples, tokenizer, Limits(64, 64, 8))
    count = len(features.input_ids) if features.alignment else len(features)
    kept = np.full((count, task.labels.outputs), 0.5, dtype=np.float32)
    predictions = task.decode(kept, features, examples)
    assert len(predictions) == len(examples)
    assert [len(side) for side in task.compare(examples, predictions)] == [0, 0]


def test_what_the_checks_see_can_be_compared(case: tuple[Any, Rows]) -> None:
    task, rows = case
    for example in task.examples(rows).examples:
        checked = task.checked(example)
        hash((checked, task.stratum(example), task.group(example)))
        assert (checked.id, checked.texts, checked.row) == (example.id, example.texts, example.row)
