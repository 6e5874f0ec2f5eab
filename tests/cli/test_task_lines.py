"""finetune, eval and predict of each task that reads words, on files as people have them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FAST = ["--set", "train.learning_rate=2e-3", "--set", "train.batch_size=16", "--set", "train.max_length=32"]
FILLERS = ["the", "film", "plot", "is", "was", "a", "and", "very", "music", "of", "this"]
NAMES = {"praise": ["good", "great", "lovely", "fine"], "blame": ["bad", "awful", "dull", "poor"]}


def make_sentence(chance: random.Random, longest: int = 12) -> tuple[list[str], list[str], str]:
    """Words, tags and intent: one name is marked, and which one it is tells the intent."""
    words, tags = [], []
    for _ in range(chance.randint(4, longest)):
        words.append(chance.choice(FILLERS))
        tags.append("O")
    intent = chance.choice(list(NAMES))
    place = chance.randrange(len(words))
    words[place:place] = [chance.choice(NAMES[intent]), "scene"]
    tags[place:place] = ["B-NAME", "I-NAME"]
    return words, tags, intent


def write_conll(folder: Path, count: int) -> Path:
    chance = random.Random(1)
    lines = ["-DOCSTART- -X- O", ""]
    for _ in range(count):
        words, tags, _ = make_sentence(chance)
        lines += [f"{word} X {tag}" for word, tag in zip(words, tags, strict=True)] + [""]
    path = folder / "train.txt"
    path.write_text("\r\n".join(lines), encoding="utf-8", newline="")
    return path


def write_squad(folder: Path, count: int) -> Path:
    """Nested JSON, version 2: the name in the context is the answer; a third has none."""
    chance = random.Random(2)
    paragraphs = []
    for number in range(count):
        words, tags, _ = make_sentence(chance, 36)  # more than one window holds
        if number % 3 == 0:
            words, tags = [word for word, tag in zip(words, tags, strict=True) if tag == "O"], []
        context = " ".join(words)
        name = " ".join(word for word, tag in zip(words, tags, strict=False) if tag != "O")
        answers = [{"text": name, "answer_start": context.index(name)}] if name else []
        question = {
            "id": f"q{number}", "question": "is this very", "answers": answers, "is_impossible": not name,
        }  # fmt: skip
        paragraphs.append({"context": context, "qas": [question]})
    path = folder / "train.json"
    data = {"version": "v2.0", "data": [{"title": "t", "paragraphs": paragraphs}]}
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def write_utterances(folder: Path, count: int) -> Path:
    chance = random.Random(3)
    path = folder / "train.jsonl"
    with path.open("w", encoding="utf-8") as stream:
        for _ in range(count):
            words, tags, intent = make_sentence(chance)
            stream.write(json.dumps({"tokens": words, "tags": tags, "intent": intent}) + "\n")
    return path


def train(cli: Any, task: str, data: Path, encoder: Path, *more: str) -> dict[str, Any]:
    done = cli("finetune", task, "--train", data, "--model", encoder, "--out", "run", "--json", *FAST, *more)
    assert done.code == 0, done.err
    again = cli("eval", "run", "--json")
    result: dict[str, Any] = json.loads(done.out)
    assert json.loads(again.out)["scores"] == result["scores"]
    return result


def predict(cli: Any, folder: Path, rows: list[dict[str, Any]], *more: str) -> list[dict[str, Any]]:
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    done = cli("predict", "rows.jsonl", "--model", "run", *more)
    assert done.code == 0, done.err
    answers = [json.loads(line) for line in done.out.splitlines()]
    assert [{key: answer[key] for key in row} for answer, row in zip(answers, rows, strict=True)] == rows
    return answers


def test_ner(cli, tmp_path: Path, tiny_encoder: Path) -> None:
    data = write_conll(tmp_path, 300)
    result = train(cli, "ner", data, tiny_encoder, "--set", "train.epochs=5")
    assert result["scores"]["validation"]["entity_f1"] > 0.9

    long = ["film"] * 400 + ["great", "scene"] + ["plot"] * 300
    text = "this  is\tlovely\r\nscene and very"
    answers = predict(cli, tmp_path, [{"text": text}, {"tokens": long}, {"tokens": []}], "--tags")
    assert [(entity["label"], entity["text"]) for entity in answers[0]["prediction"]] == [
        ("NAME", "lovely\r\nscene")
    ]
    for entity in answers[0]["prediction"]:
        assert text[entity["start"] : entity["end"]] == entity["text"]
    assert len(answers[1]["tags"]) == len(long)
    assert answers[1]["tags"][399:403] == ["O", "B-NAME", "I-NAME", "O"]
    assert answers[2]["tags"] == []

    from transformers import AutoModelForTokenClassification

    model = AutoModelForTokenClassification.from_pretrained(tmp_path / "run" / "model")
    assert model.config.id2label == {0: "O", 1: "B-NAME", 2: "I-NAME"}


def test_qa_with_unanswerable_questions(cli, tmp_path: Path, tiny_encoder: Path) -> None:
    data = write_squad(tmp_path, 400)
    result = train(cli, "qa", data, tiny_encoder, "--set", "train.epochs=10", "--set", "task.stride=8",
                   "--set", "task.max_question_length=8")  # fmt: skip
    assert result["scores"]["validation"]["answer_f1"] > 0.9
    contract = json.loads((tmp_path / "run" / "model" / "bertkit.json").read_text(encoding="utf-8"))
    assert 0 <= contract["threshold"] <= 1

    long = " ".join(["film"] * 90 + ["great", "scene"])
    contexts = ["the film was fine scene of a plot", "the film was of a plot", long]
    rows = [{"question": "is this very", "context": context} for context in contexts]
    answers = predict(cli, tmp_path, rows, "--n-best", "2", "--scores")
    assert [answer["prediction"]["text"] for answer in answers] == ["fine scene", "", "great scene"]
    for context, answer in zip(contexts, answers, strict=True):
        assert 0 <= answer["no_answer_score"] <= 1
        for candidate in answer["n_best"]:
            assert context[candidate["start"] : candidate["end"]] == candidate["text"]

    from transformers import AutoModelForQuestionAnswering

    AutoModelForQuestionAnswering.from_pretrained(tmp_path / "run" / "model")


def test_intent_and_slots(cli, tmp_path: Path, tiny_encoder: Path) -> None:
    data = write_utterances(tmp_path, 300)
    result = train(cli, "intent_slots", data, tiny_encoder, "--set", "train.epochs=6")
    assert result["scores"]["validation"]["frame_accuracy"] > 0.8
    (answer,) = predict(cli, tmp_path, [{"text": "the film is awful scene and a plot"}], "--scores")
    assert answer["prediction"]["intent"] == "blame"
    assert [slot["text"] for slot in answer["prediction"]["slots"]] == ["awful scene"]
    assert answer["scores"].keys() == {"praise", "blame"}


@pytest.mark.parametrize(
    ("write", "task", "lines", "fault"),
    [
        (write_conll, "ner", "film X\n", "train.txt:1"),
        (write_conll, "ner", "good X B-NAME\nfilm X Q-NAME\n", "'Q-NAME'"),
        (write_squad, "qa", '{"data": [{"paragraphs": [{"context": 3}]}]}', "train.json"),
    ],
    ids=["ragged", "unknown scheme", "no text"],
)
def test_broken_files_are_told_with_their_place(
    cli,
    tmp_path: Path,
    tiny_encoder: Path,
    write: Callable[[Path, int], Path],
    task: str,
    lines: str,
    fault: str,
) -> None:
    data = write(tmp_path, 5)
    kept = "" if data.suffix == ".json" else "\n" + data.read_text(encoding="utf-8")
    data.write_text(lines + kept, encoding="utf-8")
    done = cli("finetune", task, "--train", data.name, "--model", tiny_encoder)
    assert done.code == 2
    assert fault in done.labelled("error: ")[0]
    assert len(done.labelled("hint: ")) == 1
    assert not (tmp_path / "runs").exists()


def test_labels_are_renamed_and_merged(cli, tmp_path: Path, tiny_encoder: Path) -> None:
    data = write_conll(tmp_path, 60)
    done = cli("finetune", "ner", "--train", data, "--model", tiny_encoder, "--labels", "NAME=PERSON", *FAST,
               "--out", "run", "--set", "train.max_steps=1")  # fmt: skip
    assert done.code == 0, done.err
    contract = json.loads((tmp_path / "run" / "model" / "bertkit.json").read_text(encoding="utf-8"))
    assert contract["labels"] == ["O", "B-PERSON", "I-PERSON"]
    wrong = cli("finetune", "ner", "--train", data, "--model", tiny_encoder, "--labels", "NANE=PERSON")
    assert wrong.code == 2
    assert "NAME" in wrong.labelled("hint: ")[0]
