"""Answers to input lines: a prediction, or what is wrong with the line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bertkit.data.reading.lines import InputLine
from bertkit.errors import DataError
from bertkit.tasks.base import Example, Prediction
from bertkit.workflows.engine import compute_outputs
from bertkit.workflows.trained import Trained

# Lines in memory at once: enough to batch by length, few enough to stay flat and to answer soon.
CHUNK_LINES = 1024
# Texts of one chunk, in characters, so that a chunk of long documents stays small too: of each token, and a
# Chinese character is one, the probabilities of all tags are kept.
CHUNK_CHARACTERS = 1_000_000


def chunks_of(lines: Iterator[InputLine], chunk_lines: int) -> Iterator[list[InputLine]]:
    """Lines in groups that are batched together; the same input gives the same groups."""
    chunk: list[InputLine] = []
    characters = 0
    for line in lines:
        chunk.append(line)
        characters += sum(map(_size, (line.record or {}).values()))
        if len(chunk) >= chunk_lines or characters >= CHUNK_CHARACTERS:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk


@dataclass(frozen=True)
class Wanted:
    """What an answer shall hold beside the prediction.

    Attributes:
        scores: the probability of each label, and that there is no answer.
        tags: words and their tags, where the task tags words.
        n_best: so many candidate answers, where the task answers questions.
    """

    scores: bool = False
    tags: bool = False
    n_best: int = 0


def _size(value: Any) -> int:
    """Characters of a text, or of all tokens of a list."""
    if isinstance(value, list):
        return sum(len(item) + 1 for item in value if isinstance(item, str))
    return len(value) if isinstance(value, str) else 0


def answer(trained: Trained, chunk: Sequence[InputLine], wanted: Wanted) -> list[dict[str, Any]]:
    """One answer a line: the record with its prediction, or what is wrong with it."""
    answers: list[dict[str, Any]] = []
    examples: list[Example] = []
    places: list[int] = []
    for place, line in enumerate(chunk):
        if line.record is None:
            answers.append({"line": line.number, "error": line.error})
            continue
        try:
            example = trained.task.read(line.record, str(line.number))
        except DataError as error:
            answers.append({"line": line.number, "error": f"{error.message} ({error.hint})"})
            continue
        answers.append(dict(line.record))
        examples.append(example)
        places.append(place)
    if examples:
        features = trained.task.encode(examples, trained.model.tokenizer, trained.limits)
        kept = compute_outputs(trained.engine, trained.model, trained.task, features)
        made = trained.task.decode(kept, features, examples)
        for place, prediction in zip(places, made, strict=True):
            answers[place] |= _shown(prediction, wanted)
    return answers


def _shown(prediction: Prediction, wanted: Wanted) -> dict[str, Any]:
    shown: dict[str, Any] = {"prediction": prediction.value}
    details = prediction.details
    if wanted.scores and prediction.score is not None:
        shown["score"] = prediction.score
    if wanted.scores and prediction.scores:
        shown["scores"] = dict(prediction.scores)
    if wanted.scores and "no_answer_score" in details:
        shown["no_answer_score"] = details["no_answer_score"]
    if wanted.tags and "tags" in details:
        shown |= {"words": details["words"], "tags": details["tags"]}
    if wanted.n_best and "n_best" in details:
        shown["n_best"] = details["n_best"][: wanted.n_best]
    return shown


def is_error(answer: Mapping[str, Any]) -> bool:
    """True for an answer that tells a fault."""
    return answer.keys() == {"line", "error"}


def is_error_line(line: bytes) -> bool:
    """The same for a line as written; most lines are told apart without parsing them."""
    return line.startswith(b'{"line": ') and is_error(json.loads(line))
