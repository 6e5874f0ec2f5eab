"""Data of the four kinds of tasks, and several processes on this machine."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FILLERS = ["the", "film", "plot", "is", "was", "a", "and", "very", "music", "of", "this"]
WORDS = {"praise": ["good", "great", "lovely", "fine"], "blame": ["bad", "awful", "dull", "poor"]}


def sentences(count: int, seed: int) -> list[tuple[list[str], list[str], str]]:
    """Words, tags and label, of very unequal lengths."""
    chance = random.Random(seed)
    found = []
    for _ in range(count):
        words = chance.choices(FILLERS, k=chance.choice([1, 2, 3, 5, 9, 17]))
        tags = ["O"] * len(words)
        label, place = chance.choice(list(WORDS)), chance.randrange(len(words))
        words[place:place] = [chance.choice(WORDS[label]), "scene"]
        tags[place:place] = ["B-NAME", "I-NAME"]
        found.append((words, tags, label))
    return found


def as_lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def as_squad(rows: list[tuple[list[str], list[str], str]]) -> str:
    paragraphs = []
    for number, (words, tags, _) in enumerate(rows):
        context = " ".join(words)
        name = " ".join(word for word, tag in zip(words, tags, strict=True) if tag != "O")
        answer = {"text": name, "answer_start": context.index(name)}
        question = {"id": f"q{number}", "question": "is this very", "answers": [answer]}
        paragraphs.append({"context": context, "qas": [question]})
    return json.dumps({"version": "1.1", "data": [{"title": "t", "paragraphs": paragraphs}]})


def write_task(folder: Path, task: str, *, rows: int, seed: int) -> Path:
    """A file of rows for a task."""
    found = sentences(rows, seed)
    if task == "ner":
        text = "\n".join(
            "".join(f"{word} {tag}\n" for word, tag in zip(words, tags, strict=True))
            for words, tags, _ in found
        )
        path = folder / f"{task}-{seed}.conll"
    elif task == "qa":
        text, path = as_squad(found), folder / f"{task}-{seed}.json"
    elif task == "nli":
        text = as_lines(
            [
                {"premise": " ".join(words), "hypothesis": label, "label": "ynm"[len(words) % 3]}
                for words, _, label in found
            ]
        )
        path = folder / f"{task}-{seed}.jsonl"
    else:
        text = as_lines([{"text": " ".join(words), "label": label} for words, _, label in found])
        path = folder / f"{task}-{seed}.jsonl"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def still_encoder(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Path) -> Path:
    """The tiny encoder without dropout, whose masks differ between numbers of processes."""
    folder = tmp_path_factory.mktemp("still") / "tiny-bert"
    shutil.copytree(tiny_encoder, folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


Torchrun = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def torchrun() -> Torchrun:
    """Run something as so many processes of this machine, whatever number of cores it has."""

    def run(
        processes: int, *arguments: str | Path, cwd: Path, environment: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        launch = [sys.executable]
        if processes > 1:
            launch += ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
        return subprocess.run(
            [*launch, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, check=False,
            timeout=600, env=os.environ | {"OMP_NUM_THREADS": "1"} | (environment or {}),
        )  # fmt: skip

    return run


@pytest.fixture(scope="session", name="write_task")
def _write_task() -> Callable[..., Path]:
    """Writes a file of rows for a task: `write_task(folder, "ner", rows=9, seed=1)`."""
    return write_task
