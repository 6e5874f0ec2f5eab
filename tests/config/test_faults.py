from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from bertkit.config.faults import KNOWN_ELSEWHERE, Key, describe_faults, did_you_mean, setting_keys
from bertkit.config.schema import Recipe


def told(**sections: Any) -> list[str]:
    """The faults of a recipe, places left out."""
    values = {"task": {"type": "classification", "labels": ["negative", "positive"]}} | sections
    with pytest.raises(ValidationError) as caught:
        Recipe.model_validate(values)
    return describe_faults(caught.value, lambda key: "")


@pytest.mark.parametrize(
    ("sections", "faults"),
    [
        ({"train": {"epochs": "3"}}, ["train.epochs: '3' is not a number"]),
        ({"train": {"epochs": None}}, ["train.epochs: null is not a number"]),
        ({"train": {"epochs": 0}}, ["train.epochs: 0 is not a number above 0"]),
        ({"train": {"batch_size": 1.5}}, ["train.batch_size: 1.5 is not a whole number"]),
        ({"train": {"batch_size": True}}, ["train.batch_size: true is not a whole number"]),
        ({"train": {"max_length": 7}}, ["train.max_length: 7 is not a number from 8 on"]),
        ({"train": {"warmup_ratio": 1}}, ["train.warmup_ratio: 1 is not a number below 1"]),
        ({"train": {"layer_decay": 2}}, ["train.layer_decay: 2 is not a number up to 1"]),
        ({"train": {"freeze_embeddings": "no"}}, ["train.freeze_embeddings: 'no' is not true or false"]),
        ({"train": 5}, ["train: 5 is not a section with settings"]),
        ({"train": None}, ["train: null is not a section with settings"]),
        ({"published": {}}, ["published: {} is not a list"]),
        ({"data": {"eval": ["a"]}}, ["data.eval: ['a'] is not a mapping"]),
        ({"data": {"eval": {"a": 1, 2: "b"}}}, ["data.eval.a: 1 is not text", "data.eval.2: 2 is not text"]),
        ({"task": {"type": "nil"}}, ["task.type: 'nil' is not allowed; one of classification, nli"]),
        ({"task": {"labels": ["a", "b"]}}, ["task.type: is needed"]),
        ({"task": {"type": {"a": 1}}}, ["task.type: {'a': 1} is not allowed; one of classification, nli"]),
        ({"published": [{"model": "m", "metric": "f1", "value": 1}]}, ["published.0.source: is needed"]),
    ],
)
def test_a_fault_names_the_setting_what_was_given_and_what_is_allowed(
    sections: dict[str, Any], faults: list[str]
) -> None:
    assert len(found := told(**sections)) == len(faults)
    assert all(sentence.startswith(fault) for sentence, fault in zip(found, faults, strict=True)), found


@pytest.mark.parametrize(
    ("weights", "fault"),
    [
        ({"negative": "x"}, "train.class_weights.negative: 'x' is not a number"),
        ({"negative": 0}, "train.class_weights.negative: 0 is not a number above 0.0"),
        ({"negative": 1.0, None: 1.0}, "train.class_weights.None: null is not text"),
        ("atuo", "train.class_weights: 'atuo' is not allowed; one of auto; did you mean auto?"),
        (3, "train.class_weights: 3 is not allowed; one of auto"),
        (
            {"neutral": 1.0},
            "recipe: train.class_weights names neutral, which is not among task.labels: negative, positive",
        ),
    ],
)
def test_class_weights_are_told_by_the_branch_that_was_meant(weights: Any, fault: str) -> None:
    assert told(train={"class_weights": weights}) == [fault]


@pytest.mark.parametrize(
    ("sections", "fault"),
    [
        ({"task": {"type": "classification", "labels": ["a"]}}, "task.labels: needs at least two labels"),
        ({"task": {"type": "nli", "labels": ["b", "a", "b"]}}, "task.labels: gives a label twice: b"),
        ({"metrics": {"report": ["f1"], "select": "mse"}}, "metrics: select: mse is not among report: [f1]"),
        ({"data": {"streaming": True, "train": "a.jsonl"}}, "data: no eval rows can be kept from a stream"),
        (
            {"data": {"streaming": True, "train": "a.jsonl", "eval": {"dev": "b.jsonl"}}},
            "recipe: a stream has no known end: say how long to train, as train.max_steps=10000",
        ),
    ],
)  # fmt: skip
def test_settings_that_do_not_fit_together_are_told(sections: dict[str, Any], fault: str) -> None:
    assert told(**sections)[0].startswith(fault)


def test_each_fault_is_asked_for_its_place() -> None:
    places: dict[Key, str] = {("train", "epochs"): " (a.yaml:3)"}
    with pytest.raises(ValidationError) as caught:
        Recipe.model_validate({"task": {"type": "classification"}, "train": {"epochs": "x", "seed": "y"}})
    assert describe_faults(caught.value, lambda key: places.get(key, "")) == [
        "train.epochs: 'x' is not a number (a.yaml:3)",
        "train.seed: 'y' is not a whole number",
    ]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("train.epoch", "train.epochs"),
        ("train.learnig_rate", "train.learning_rate"),
        ("Train.Batch_Size", "train.batch_size"),
        ("train.lr", "train.learning_rate"),
        ("lr", "train.learning_rate"),
        ("model.learning_rate", "train.learning_rate"),
        ("train.max_seq_length", "train.max_length"),
        ("seeds", "train.seed"),
    ],
)
def test_the_setting_that_was_meant_is_named(written: str, meant: str) -> None:
    assert did_you_mean(written, list(setting_keys())) == f"; did you mean {meant}?"


@pytest.mark.parametrize("written", ["train.zzz", "", "qqqqqqq"])
def test_no_name_is_better_than_a_wild_guess(written: str) -> None:
    assert did_you_mean(written, list(setting_keys())) == ""


def test_names_known_elsewhere_lead_to_settings_that_exist() -> None:
    keys = setting_keys()
    assert [name for name, key in KNOWN_ELSEWHERE.items() if key not in keys] == []
    assert [name for name in KNOWN_ELSEWHERE if name in {key.rsplit(".", 1)[-1] for key in keys}] == []


def test_every_setting_is_described() -> None:
    assert [key for key, field in setting_keys().items() if not field.description] == []


def test_every_setting_of_the_json_schema_is_described_and_closed() -> None:
    schema = Recipe.model_json_schema()
    bare = []
    for section in (schema, *schema["$defs"].values()):
        assert section["additionalProperties"] is False
        for name, setting in section["properties"].items():
            described = (
                setting if "$ref" not in setting else schema["$defs"][setting["$ref"].rsplit("/", 1)[-1]]
            )
            if not described.get("description"):
                bare.append(f"{section['title']}.{name}")
    assert bare == []


def test_the_json_schema_allows_the_short_forms_that_the_loader_allows() -> None:
    schema = Recipe.model_json_schema()
    task, data = (schema["$defs"][name]["properties"] for name in ("TaskSection", "DataSection"))
    for setting in (task["text"], data["eval"], schema["properties"]["model"]):
        assert {"type": "string"} in setting["anyOf"]
