"""What a model folder says of itself, or what can be concluded where it does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bertkit.errors import ModelError
from bertkit.models.contract import ModelContract, configured_labels, read_contract, write_contract

TRAINED = {"model_type": "bert", "architectures": ["BertForSequenceClassification"]}
NAMED = TRAINED | {"id2label": {"0": "neg", "1": "pos"}}


def test_written_and_read(tmp_path: Path) -> None:
    contract = ModelContract(
        task="nli", text=("premise", "hypothesis"), label="gold", problem="single_label", labels=("b", "a"),
        max_length=64, window=48, stride=8, recipe="mnli",
    )  # fmt: skip
    write_contract(tmp_path, contract)
    assert read_contract(tmp_path, {}) == contract


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ("{", "the file"),
        ('{"task": "cooking", "text": ["a"], "problem": "single_label"}', "task"),
        ('{"task": "nli", "text": ["a"], "problem": "single_label", "format": 2}', "format"),
        ('{"task": "nli", "problem": "single_label"}', "text"),
    ],
)
def test_a_broken_file_names_the_place(tmp_path: Path, content: str, place: str) -> None:
    (tmp_path / "bertkit.json").write_text(content, encoding="utf-8")
    with pytest.raises(ModelError, match=rf"bertkit\.json: {place}: ") as caught:
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
        ("BertForTokenClassification", "trained for another task"),
        ("BertForQuestionAnswering", "trained for another task"),
    ],
)
def test_models_that_cannot_classify(tmp_path: Path, architecture: str, message: str) -> None:
    config = {"model_type": "bert", "architectures": [architecture]}
    with pytest.raises(ModelError, match=rf"^org/name .*{message} \({architecture}\)") as caught:
        read_contract(tmp_path, config, name="org/name")
    assert "finetune" in caught.value.hint
    with pytest.raises(ModelError, match="nothing"):
        read_contract(tmp_path, {"model_type": "bert"})


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
