"""Every task: one seed gives the same files twice, and a run that was stopped and resumed gives them, too."""

from __future__ import annotations

import json
import random
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FILLERS = ["the", "film", "plot", "is", "was", "a", "and", "very", "music", "of", "this"]
NAMES = {"praise": ["good", "great", "lovely", "fine"], "blame": ["bad", "awful", "dull", "poor"]}
SETTINGS = {
    "train.max_steps": 9, "train.eval_every_steps": 4, "train.batch_size": 8, "train.max_length": 32,
    "train.learning_rate": 2e-3, "train.precision": "fp32",
}  # fmt: skip
ROWS = 90


def sentences() -> list[tuple[list[str], list[str], str]]:
    """Words, tags and intent: one name is marked, and which one it is tells the intent."""
    chance = random.Random(4)
    found = []
    for _ in range(ROWS):
        words = chance.choices(FILLERS, k=chance.randint(4, 12))
        tags = ["O"] * len(words)
        intent, place = chance.choice(list(NAMES)), chance.randrange(len(words))
        words[place:place] = [chance.choice(NAMES[intent]), "scene"]
        tags[place:place] = ["B-NAME", "I-NAME"]
        found.append((words, tags, intent))
    return found


def as_lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def as_squad() -> str:
    paragraphs = []
    for number, (words, tags, _) in enumerate(sentences()):
        context = " ".join(words)
        name = " ".join(word for word, tag in zip(words, tags, strict=True) if tag != "O")
        answers = [{"text": name, "answer_start": context.index(name)}] if number % 3 else []
        question = {"id": f"q{number}", "question": "is this very", "answers": answers}
        paragraphs.append({"context": context, "qas": [question | {"is_impossible": not answers}]})
    return json.dumps({"version": "v2.0", "data": [{"title": "t", "paragraphs": paragraphs}]})


# What is typed after `bertkit finetune`, the name of the file, and what it holds.
TASKS: dict[str, tuple[list[str], str, Callable[[], str]]] = {
    "several labels": (
        ["classification"],
        "rows.jsonl",
        lambda: as_lines([
            {"text": " ".join(words), "label": [intent] + ["long"] * (len(words) > 9)}
            for words, _, intent in sentences()
        ]),
    ),
    "a number": (
        ["regression"],
        "rows.jsonl",
        lambda: as_lines([{"text": " ".join(words), "label": len(words) / 3} for words, _, _ in sentences()]),
    ),
    "nli": (
        ["nli"],
        "rows.jsonl",
        lambda: as_lines([
            {"premise": " ".join(words), "hypothesis": intent, "label": "ynm"[len(words) % 3]}
            for words, _, intent in sentences()
        ]),
    ),
    "ner": (
        ["ner"],
        "rows.conll",
        lambda: "\n".join(
            "".join(f"{word} {tag}\n" for word, tag in zip(words, tags, strict=True))
            for words, tags, _ in sentences()
        ),
    ),
    "qa": (["qa", "--set", "task.stride=8", "--set", "task.max_question_length=8"], "rows.json", as_squad),
    "intents and slots": (
        ["intent_slots"],
        "rows.jsonl",
        lambda: as_lines([
            {"tokens": words, "tags": tags, "intent": intent} for words, tags, intent in sentences()
        ]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("task", TASKS)
def test_stopped_resumed_and_repeated_is_the_same(
    task: str, cli, tiny_encoder: Path, inject, send, tmp_path: Path, assert_same
) -> None:
    typed, name, content = TASKS[task]
    (tmp_path / name).write_text(content(), encoding="utf-8")
    pairs = [part for key, value in SETTINGS.items() for part in ("--set", f"{key}={value}")]
    begin = ["finetune", *typed, "--train", name, "--model", tiny_encoder, *pairs]
    done = cli(*begin, "--out", "whole")
    assert done.code == 0, done.err
    inject("bertkit.training.loop:set_learning_rate", send(signal.SIGTERM), call=6)
    stopped = cli(*begin, "--out", "run")
    assert stopped.code == 143, stopped.err
    done = cli("finetune", "--resume", "run")
    assert done.code == 0, done.err
    assert_same(tmp_path / "run", tmp_path / "whole")


WAYS: dict[str, dict[str, Any]] = {
    "inside an accumulation window": {"micro_batch_size": 3},
    "as many tokens in each batch": {"batch_plan": "tokens"},
    "similar lengths together": {"batch_plan": "bucketed"},
    "early stopping": {"early_stopping": 1},
    "activations computed twice": {"gradient_checkpointing": "true"},
    "bf16": {"precision": "bf16"},
}


QUICK = ("inside an accumulation window", "bf16")


@pytest.mark.parametrize(
    "way", [way if way in QUICK else pytest.param(way, marks=pytest.mark.long_faults) for way in WAYS]
)
def test_stopped_and_resumed_is_the_same_with_each_way_to_train(
    way: str, cli, training, inject, send, tmp_path: Path, assert_same
) -> None:
    done = cli(*training.begin("whole", **WAYS[way]))
    assert done.code == 0, done.err
    # The eighth piece of a batch is neither its first nor its last one.
    place = "collate" if way == "inside an accumulation window" else "set_learning_rate"
    inject(f"bertkit.training.loop:{place}", send(signal.SIGTERM), call=8)
    stopped = cli(*training.begin("run", **WAYS[way]))
    assert stopped.code == 143, stopped.err
    done = cli(*training.go_on())
    assert done.code == 0, done.err
    assert_same(tmp_path / "run", tmp_path / "whole")
