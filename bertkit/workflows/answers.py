"""Answers to input lines: a prediction, or what is wrong with the line."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from bertkit.data.features import Features
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


@dataclass(frozen=True)
class Asked:
    """A chunk of lines, ready for the model.

    Attributes:
        answers: one a line: the record, to which the prediction is added, or what is wrong with the line.
        places: which of them the model is asked for.
        examples: those lines as the task reads them.
        features: of the examples; None where there are none.
    """

    answers: list[dict[str, Any]]
    places: Sequence[int]
    examples: Sequence[Example]
    features: Features | None


def prepare(trained: Trained, chunk: Sequence[InputLine]) -> Asked:
    """Read and encode lines; nothing here needs the model."""
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
    features = None
    if examples:
        features = trained.task.encode(examples, trained.model.tokenizer, trained.limits)
    return Asked(answers, places, examples, features)


def answer(trained: Trained, asked: Asked, wanted: Wanted) -> list[dict[str, Any]]:
    """One answer a line: the record with its prediction, or what is wrong with it."""
    if asked.features is not None:
        kept = compute_outputs(trained.engine, trained.model, trained.task, asked.features)
        made = trained.task.decode(kept, asked.features, asked.examples)
        for place, prediction in zip(asked.places, made, strict=True):
            asked.answers[place].update(_shown(prediction, wanted))
    return asked.answers


def prepared(trained: Trained, chunks: Iterator[Sequence[InputLine]], *, ahead: bool) -> Generator[Asked]:
    """Chunks of lines, ready for the model, in their order.

    Args:
        trained: whose task and tokenizer read them.
        chunks: read one after the other, never two at once.
        ahead: read and encode the next chunk while the caller is busy with this one. Only for inputs that
            never let one wait, as a file does not: an answer must not wait for a line yet to come.

    Raises:
        BertkitError: whatever reading raises, in the place of the chunk.
    """

    def following() -> Asked | None:
        chunk = next(chunks, None)
        return None if chunk is None else prepare(trained, chunk)

    if not ahead:
        yield from iter(following, None)
        return
    # One thread: the tokenizer is set to its limits for each chunk, and has its own threads besides.
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="bertkit-prepare") as worker:
        task = worker.submit(following)
        while (asked := task.result()) is not None:
            task = worker.submit(following)
            yield asked


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
