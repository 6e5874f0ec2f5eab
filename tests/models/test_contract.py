"""What a model folder says of itself, or what can be concluded where it does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bertkit.errors import ModelError
from bertkit.models.contract import (
    Calibration,
    ModelContract,
    configured_labels,
    read_contract,
    write_contract,
)
from bertkit.tasks.table import TASKS

TRAINED = {"model_type": "bert", "architectures": ["BertForSequenceClassification"]}
SEVERAL = '"task": "classification", "text": ["a"], "problem": "multi_label", "labels": ["x"]'
NAMED = TRAINED | {"id2label": {"0": "neg", "1": "pos"}}


def test_written_and_read(tmp_path: Path) -> None:
    contract = ModelContract(
        task="nli", text=("premise", "hypothesis"), label="gold", problem="single_label", labels=("b", "a"),
        max_length=64, window=48, stride=8, recipe="mnli",
    )  # fmt: skip
    write_contract(tmp_path, contract)
    assert read_contract(tmp_path, {}) == contract


def test_what_was_fitted_is_kept_to_the_last_digit(tmp_path: Path) -> None:
    fitted = Calibration(1.6255, 0.7, {"b": 1 / 3, "ä\u2028": 0.0}, 0.1 + 0.2)
    contract = ModelContract(
        task="classification", text=("text",), problem="multi_label", labels=("ä\u2028", "b"), **fitted.fields
    )  # fmt: skip
    write_contract(tmp_path, contract)
    assert read_contract(tmp_path, {}).calibration == fitted


def test_a_file_from_before_calibration(tmp_path: Path) -> None:
    old = '{"format": 1, "task": "nli", "text": ["a", "b"], "problem": "single_label", "labels": ["x", "y"]}'
    (tmp_path / "bertkit.json").write_text(old, encoding="utf-8")
    assert read_contract(tmp_path, {}).calibration == Calibration()
    assert Calibration() == Calibration(1.0, 1.0, {}, None)


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ("{", "the file"),
        ('{"task": "cooking", "text": ["a"], "problem": "single_label"}', "task"),
        ('{"task": "nli", "text": ["a"], "problem": "single_label", "format": 2}', "format"),
        ('{"task": "nli", "problem": "single_label"}', "text"),
        ('{"task": "nli", "text": ["a"], "problem": "single_label", "temperature": 0}', "temperature"),
        (
            '{"task": "nli", "text": ["a"], "problem": "frames", "intent_temperature": -1}',
            "intent_temperature",
        ),
        (f'{{{SEVERAL}, "thresholds": {{"x": 50}}}}', r"thresholds\.x"),
        (f'{{{SEVERAL}, "thresholds": {{"y": 0.5}}}}', "thresholds: Value error, 'y' is none of the labels"),
    ],
)
def test_a_broken_file_names_the_place(tmp_path: Path, content: str, place: str) -> None:
    (tmp_path / "bertkit.json").write_text(content, encoding="utf-8")
    with pytest.raises(ModelError, match=rf"bertkit\.json: {place}(: |$)") as caught:
        read_contract(tmp_path, NAMED)
    assert "newer bertkit" in caught.value.hint


@pytest.mark.parametrize(
    ("changes", "problem", "labels", "max_length"),
    [
        ({}, "single_label", ("neg", "pos"), 512),
        ({"max_position_embeddings": 40}, "single_label", ("neg", "pos"), 40),
        ({"max_position_embeddings": 8192}, "single_label", ("neg", "pos"), 512),
        ({"max_position_embeddings": "many"}, "single_label", ("neg", "pos"), 512),
        ({"problem_type": "multi_label_classification"}, "multi_label", ("neg", "pos"), 512),
        ({"id2label": {"0": "LABEL_0"}}, "regression", (), 512),
        ({"problem_type": "regression", "id2label": None, "num_labels": 1}, "regression", (), 512),
        ({"id2label": None}, "single_label", ("LABEL_0", "LABEL_1"), 512),
    ],
)
def test_concluded_from_the_config(
    tmp_path: Path, changes: dict[str, Any], problem: str, labels: tuple[str, ...], max_length: int
) -> None:
    contract = read_contract(tmp_path, NAMED | changes)
    assert (contract.task, contract.problem, contract.labels) == ("classification", problem, labels)
    assert contract.max_length == max_length


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        ("BertModel", "no trained head"),
        ("BertForMaskedLM", "no trained head"),
        ("ElectraForPreTraining", "no trained head"),
        ("BertForMultipleChoice", "trained for another task"),
        ("BertForNextSentencePrediction", "trained for another task"),
    ],
)
def test_models_that_no_task_uses(tmp_path: Path, architecture: str, message: str) -> None:
    config = {"model_type": "bert", "architectures": [architecture]}
    with pytest.raises(ModelError, match=rf"^org/name .*{message} \({architecture}\)") as caught:
        read_contract(tmp_path, config, name="org/name")
    assert "finetune" in caught.value.hint
    with pytest.raises(ModelError, match="nothing"):
        read_contract(tmp_path, {"model_type": "bert"})


def test_a_tagger_is_read_as_ner(tmp_path: Path) -> None:
    config = {
        "model_type": "bert", "architectures": ["BertForTokenClassification"],
        "id2label": {"0": "O", "2": "I-PER", "1": "B-PER"}, "max_position_embeddings": 512,
    }  # fmt: skip
    contract = read_contract(tmp_path, config)
    assert (contract.task, contract.problem, contract.text, contract.label) == (
        "ner", "tags", ("tokens",), "tags",
    )  # fmt: skip
    assert (contract.labels, contract.constrained) == (("O", "B-PER", "I-PER"), True)
    # No word is lost: what is longer is read in windows.
    assert (contract.max_length, contract.window, contract.stride) == (512, 512, 128)
    task = TASKS[contract.task].from_contract(contract)
    assert task.labels.names == ("O", "B-PER", "I-PER")
    assert task.read({"text": "Ada"}, "0").words == ((0, 3),)
    with pytest.raises(ModelError, match="twice: O, O"):
        read_contract(tmp_path, config | {"id2label": {"0": "O", "1": "O"}})


@pytest.mark.parametrize(("positions", "window"), [(512, 384), (8192, 384), (64, 64)])
def test_a_model_that_answers_is_read_as_qa(tmp_path: Path, positions: int, window: int) -> None:
    config = {
        "model_type": "bert", "architectures": ["BertForQuestionAnswering"],
        "id2label": {"0": "LABEL_0", "1": "LABEL_1"}, "max_position_embeddings": positions,
    }  # fmt: skip
    contract = read_contract(tmp_path, config)
    assert (contract.task, contract.problem, contract.labels) == ("qa", "answers", ())
    assert (contract.text, contract.label) == (("question", "context"), "answers")
    assert (contract.window, contract.stride, contract.threshold) == (window, window // 3, None)
    task = TASKS[contract.task].from_contract(contract)
    assert task.labels.output_names == ("start", "end")
    assert task.read({"question": "q", "context": "c"}, "0").texts == ("q", "c")


def test_a_contract_of_intents_and_slots(tmp_path: Path) -> None:
    contract = ModelContract(
        task="intent_slots", text=("tokens",), label="tags", problem="frames", labels=("O", "B-P", "I-P"),
        intents=("play", "stop"), intent="wish", constrained=False, rename={"a": "b"}, window=32, stride=8,
    )  # fmt: skip
    write_contract(tmp_path, contract)
    again = read_contract(tmp_path, {})
    assert again == contract
    assert again.label_set.output_names == ("O", "B-P", "I-P", "intent: play", "intent: stop")


def test_labels_in_the_order_of_their_numbers() -> None:
    named = {str(n): f"name {n}" for n in (10, 2, 0, 1, 9, 3, 4, 5, 6, 7, 8)}
    assert configured_labels({"id2label": named}) == tuple(f"name {n}" for n in range(11))


@pytest.mark.parametrize("named", [{"a": "x", "b": "y"}, {"1": "x", "2": "y"}, ["x", "y"]])
def test_labels_without_numbers_are_told(named: object) -> None:
    with pytest.raises(ModelError, match="id2label"):
        configured_labels({"id2label": named})


def test_a_label_twice_cannot_be_predicted(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="twice: pos, pos"):
        read_contract(tmp_path, NAMED | {"id2label": {"0": "pos", "1": "pos"}})
