"""Answers to input lines: a prediction, or what is wrong with the line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bertkit.data.lines import InputLine
from bertkit.errors import DataError
from bertkit.tasks.base import Example, Prediction
from bertkit.workflows.engine import predict_features
from bertkit.workflows.trained import Trained

# Lines in memory at once: enough to batch by length, few enough to stay flat and to answer soon.
CHUNK_LINES = 1024
# Texts of one chunk, in characters, so that a chunk of long documents stays small too.
CHUNK_CHARACTERS = 4_000_000


def chunks_of(lines: Iterator[InputLine], chunk_lines: int) -> Iterator[list[InputLine]]:
    """Lines in groups that are batched together; the same input gives the same groups."""
    chunk: list[InputLine] = []
    characters = 0
    for line in lines:
        chunk.append(line)
        characters += sum(len(value) for value in (line.record or {}).values() if isinstance(value, str))
        if len(chunk) >= chunk_lines or characters >= CHUNK_CHARACTERS:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk


def answer(trained: Trained, chunk: Sequence[InputLine], *, scores: bool) -> list[dict[str, Any]]:
    """One answer a line: the record with its prediction, or what is wrong with it."""
    answers: list[dict[str, Any]] = []
    examples: list[Example] = []
    places: list[int] = []
    for place, line in enumerate(chunk):
        if line.record is None:
            answers.append({"line": line.number, "error": line.error})
            continue
        try:
            texts = trained.task.texts_of(line.record)
        except DataError as error:
            answers.append({"line": line.number, "error": f"{error.message} ({error.hint})"})
            continue
        answers.append(dict(line.record))
        examples.append(Example(str(line.number), texts, None))
        places.append(place)
    if examples:
        features = trained.task.encode(examples, trained.model.tokenizer, trained.limits)
        made = predict_features(trained.engine, trained.model, trained.task, features, count=len(examples))
        for place, prediction in zip(places, made, strict=True):
            answers[place] |= _shown(prediction, scores)
    return answers


def _shown(prediction: Prediction, with_scores: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {"prediction": prediction.value}
    if with_scores and prediction.score is not None:
        shown["score"] = prediction.score
    if with_scores and prediction.scores:
        shown["scores"] = dict(prediction.scores)
    return shown


def is_error(answer: Mapping[str, Any]) -> bool:
    """True for an answer that tells a fault."""
    return answer.keys() == {"line", "error"}


def is_error_line(line: bytes) -> bool:
    """The same for a line as written; most lines are told apart without parsing them."""
    return line.startswith(b'{"line": ') and is_error(json.loads(line))
