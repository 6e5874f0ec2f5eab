"""An example as the model reads it: its pieces, window by window, with what is right beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bertkit.data.features import Features, Targets
from bertkit.tasks.answer_windows import NO_ANSWER, answer_tokens
from bertkit.tasks.base import Example, Limits, Task
from bertkit.tasks.qa import QaTask
from bertkit.tasks.template import Template, template_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


@dataclass(frozen=True)
class Piece:
    """One token as the model reads it.

    Attributes:
        text: as the tokenizer writes it, with its marks, as `##ing`.
        state: `read`, `special`, or `cut` for what the model does not see.
        word: the word it belongs to, where the task looks at words.
        tag: what is right there; None where the loss does not look.
        answer: it belongs to the answer.
    """

    text: str
    state: str = "read"
    word: str | None = None
    tag: str | None = None
    answer: bool = False


@dataclass(frozen=True)
class Window:
    """What the model reads at once.

    Attributes:
        first: the number of its first token among those of the text (of a pair: of the second), from 0.
        last: that of its last one.
        pieces: special tokens included; what is cut stands where it would be.
    """

    first: int
    last: int
    pieces: tuple[Piece, ...]


def windows_of(
    task: Task, example: Example, tokenizer: PreTrainedTokenizerFast, limits: Limits
) -> Iterator[Window]:
    """Encode one example as a training would, and say what each token is.

    Args:
        task: of the example.
        example: with or without a target.
        tokenizer: of the encoder.
        limits: how long a feature may be.
    """
    features = task.encode([example], tokenizer, limits)
    targets = None if example.target is None else task.targets([example], features, label_weights=None)
    backend = tokenizer.backend_tokenizer
    whole = [backend.encode(text, add_special_tokens=False).ids for text in example.texts]
    template = template_of(tokenizer, pair=len(whole) == 2)
    first = last = -1
    for feature in range(len(features)):
        pieces = _pieces(task, example, features, feature, targets, tokenizer)
        ids = features.input_ids[features.offsets[feature] : features.offsets[feature + 1]].tolist()
        question = _length_of_first(task, ids, whole, template)
        read = _text_part(ids, question, template)
        first = 0 if feature == 0 else _begin(whole[-1], read, max(first + 1, last + 1 - limits.stride))
        last = first + len(read) - 1
        if len(features) == 1:
            pieces = _with_cut(pieces, whole, question, len(read), template, tokenizer)
        yield Window(first, last, tuple(pieces))


def _pieces(
    task: Task,
    example: Example,
    features: Features,
    feature: int,
    targets: Targets | None,
    tokenizer: PreTrainedTokenizerFast,
) -> list[Piece]:
    """The tokens of one feature, with words, tags and answer where the task has them."""
    start, end = (int(offset) for offset in features.offsets[feature : feature + 2])
    ids = features.input_ids[start:end].tolist()
    special = set(tokenizer.all_special_ids)
    pieces = [
        Piece(text, "special" if number in special else "read")
        for number, text in zip(ids, tokenizer.convert_ids_to_tokens(ids), strict=True)
    ]
    if "words" in features.alignment:
        for place, word in enumerate(features.alignment["words"][start:end].tolist()):
            if word >= 0:
                begin, stop = example.words[word]
                pieces[place] = replace(pieces[place], word=example.texts[0][begin:stop], state="read")
    if targets is not None and "tag" in targets.token_values:
        tags, counts = (targets.token_values[name][start:end] for name in ("tag", "count"))
        for token in np.flatnonzero(counts).tolist():
            pieces[token] = replace(pieces[token], tag=task.labels.names[int(tags[token])])
    for token in _answer_in(task, example, features, feature):
        pieces[token] = replace(pieces[token], answer=True)
    return pieces


def _answer_in(task: Task, example: Example, features: Features, feature: int) -> range:
    """Which tokens of a feature are the first answer; none where it is in another window, or nowhere."""
    found = (
        [answer for answer in example.target or () if answer.start >= 0] if isinstance(task, QaTask) else []
    )
    if not found:
        return range(0)
    start, end = found[0].start, found[0].start + len(found[0].text)
    first, last = answer_tokens(features, feature, start, end)
    begin, stop = (int(offset) for offset in features.offsets[feature : feature + 2])
    is_none = features.alignment["start"][begin:stop][first] == NO_ANSWER
    return range(0) if is_none else range(first, last + 1)


def _length_of_first(task: Task, ids: list[int], whole: list[list[int]], template: Template) -> int:
    """Of a pair: how many tokens of the first text this feature has."""
    if len(whole) == 1:
        return 0
    if isinstance(task, QaTask):
        return min(len(whole[0]), task.max_question_length)
    begin, between = len(template.before), [token for token, _ in template.between]
    room = len(ids) - template.size
    for length in range(min(len(whole[0]), room), -1, -1):
        second = ids[begin + length + len(between) : len(ids) - len(template.after)]
        if ids[begin + length :][: len(between)] == between and second == whole[1][: room - length]:
            return length
    return min(len(whole[0]), room)


def _text_part(ids: list[int], first: int, template: Template) -> list[int]:
    """The tokens of the only text, or of the second one of a pair."""
    begin = len(template.before) + first + len(template.between)
    return ids[begin : len(ids) - len(template.after)]


def _begin(whole: list[int], read: list[int], earliest: int) -> int:
    """Where a window begins in its text: it shares some tokens with the one before, or a few less."""
    for start in range(earliest, len(whole) - len(read) + 1):
        if whole[start : start + len(read)] == read:
            return start
    return earliest


def _with_cut(
    pieces: list[Piece],
    whole: Sequence[list[int]],
    first: int,
    second: int,
    template: Template,
    tokenizer: PreTrainedTokenizerFast,
) -> list[Piece]:
    """The pieces, and where a text was cut those that the model does not see."""
    read = [second] if len(whole) == 1 else [first, second]
    ends = [len(pieces) - len(template.after)]
    if len(whole) == 2:
        ends.insert(0, len(template.before) + first)
    for text, count, end in reversed(list(zip(whole, read, ends, strict=True))):
        lost = tokenizer.convert_ids_to_tokens(text[count:])
        pieces = [*pieces[:end], *(Piece(token, "cut") for token in lost), *pieces[end:]]
    return pieces
