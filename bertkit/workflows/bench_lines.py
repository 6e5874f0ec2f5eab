"""What `bertkit bench` measures with: own lines, the run's eval texts, or words of the vocabulary."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertkit.data.reading.file_access import DataFile, open_file
from bertkit.data.reading.lines import InputLine, input_kind, read_input_lines
from bertkit.errors import DataError
from bertkit.models.contract import ModelContract
from bertkit.tasks.base import Limits
from bertkit.workflows.answers import is_error, prepare
from bertkit.workflows.bench_texts import read_eval_texts, text_names
from bertkit.workflows.events import Listener, Note
from bertkit.workflows.trained import Trained, TrainedSource

# Lines that are kept: enough for several chunks of `predict`, few enough to be read and counted soon.
MOST_LINES = 4096
MOST_CHARACTERS = 8_000_000
# Around each quantile of the lengths, to be answered in turn: one line alone could be an odd one.
NEIGHBOURS = 16
QUANTILES = (("short", 0.1), ("middle", 0.5), ("long", 0.9))
EVERY = "as they come"
# Tokens of texts from the vocabulary, and beside them the most that the model reads.
USUAL_LENGTHS = (16, 64)
TEXTS_A_LENGTH = 64
# A question, or the first text of a pair, has at most so many words.
FIRST_TEXT_WORDS = 12
WORDS = 500


@dataclass(frozen=True)
class Given:
    """Lines to measure with, as they are read.

    Attributes:
        lines: faulty ones among them.
        origin: where they are from, in words.
    """

    lines: Sequence[InputLine]
    origin: str


@dataclass(frozen=True)
class Group:
    """Lines that are measured together.

    Attributes:
        name: which they are.
        lines: without fault, in the order in which they are asked.
        tokens: of each line: what the model reads of it, all windows, special tokens included.
        squares: of each line, the squared lengths of its windows summed up.
    """

    name: str
    lines: Sequence[InputLine]
    tokens: NDArray[np.int64]
    squares: NDArray[np.int64]

    def take(self, rows: Sequence[int] | NDArray[np.int64], name: str) -> Group:
        """Some of its lines, by their places."""
        return Group(name, [self.lines[row] for row in rows], self.tokens[rows], self.squares[rows])


@dataclass(frozen=True)
class Workload:
    """All that is measured.

    Attributes:
        origin: where the lines are from, in words.
        lines: all of them, without the faulty ones.
        rejected: faulty lines, which are left out.
        single: what is asked line by line.
        full: what is asked in full batches.
    """

    origin: str
    lines: Group
    rejected: int
    single: Sequence[Group]
    full: Sequence[Group]


def lines_of_file(path: Path, contract: ModelContract) -> Given:
    """The first lines of a file, in any format that `predict` takes.

    Raises:
        DataError: it cannot be read, or is empty.
    """
    kind = input_kind(path)
    with open_file(DataFile.at(path)) as stream:
        lines = read_input_lines(stream, kind=kind, text_column=text_names(contract)[0])
        kept = list(_first(lines))
        more = next(lines, None) is not None
    if not kept:
        raise DataError(f"{path}: there is no line in it", hint="write one as predict takes them")
    return Given(kept, f"the first {len(kept):,} lines of {path}" if more else str(path))


def _first(lines: Iterator[InputLine]) -> Iterator[InputLine]:
    characters = 0
    for line in islice(lines, MOST_LINES):
        yield line
        characters += sum(len(str(value)) for value in (line.record or {}).values())
        if characters > MOST_CHARACTERS:
            return


def lines_of_run(found: TrainedSource, listen: Listener) -> Given | None:
    """The texts a run was scored on; None where there are none on this machine, which is said."""
    if found.run is None:
        return None
    listen(Note(f"reading the texts that {found.run.path} was scored on"))
    try:
        records, splits = read_eval_texts(found.run.path, MOST_LINES)
    except DataError as error:
        listen(Note(f"the run's texts are not at hand, and nothing is fetched to measure: {error.message}"))
        return None
    lines = [InputLine(number, record=dict(record)) for number, record in enumerate(records, start=1)]
    return Given(list(_first(iter(lines))), f"texts of {splits}") if lines else None


def plain_line(contract: ModelContract) -> InputLine:
    """A line that any model can answer."""
    return InputLine(1, record=dict.fromkeys(text_names(contract), "a"))


def workload_of(trained: Trained, given: Given) -> Workload:
    """Own lines: as they come, and around some quantiles of their lengths.

    Raises:
        DataError: all lines are faulty.
    """
    every, fault = counted(trained, given.lines, EVERY)
    if not every.lines:
        raise DataError(
            f"{given.origin}: no line of {len(given.lines):,} can be predicted; the first: {fault}",
            hint="mend the lines; bertkit predict says what is wrong with each",
        )
    order = list(range(len(every.lines)))
    random.Random(0).shuffle(order)  # a sorted file would be measured at its beginning only
    mixed = every.take(order, EVERY)
    rejected = len(given.lines) - len(every.lines)
    return Workload(given.origin, every, rejected, [mixed, *_by_length(every)], [mixed])


def _by_length(every: Group) -> Iterator[Group]:
    order, count = np.argsort(every.tokens, kind="stable"), len(every.lines)
    width, seen = min(NEIGHBOURS, max(1, count // len(QUANTILES))), set()
    for name, share in QUANTILES:
        first = min(max(0, round(share * (count - 1)) - width // 2), count - width)
        group = every.take(order[first : first + width], name)
        median = float(np.median(group.tokens))
        if every.tokens.min() < every.tokens.max() and median not in seen:
            seen.add(median)
            yield group


def counted(trained: Trained, lines: Sequence[InputLine], name: str) -> tuple[Group, str]:
    """The lines that can be predicted, with their tokens, and what is wrong with the first of the others."""
    asked = prepare(trained, lines)
    faults = [str(answer["error"]) for answer in asked.answers if is_error(answer)]
    good = [lines[place] for place in asked.places]
    tokens, squares = np.zeros((2, len(good)), dtype=np.int64)
    if asked.features is not None:
        np.add.at(tokens, asked.features.examples, asked.features.lengths)
        np.add.at(squares, asked.features.examples, asked.features.lengths**2)
    return Group(name, good, tokens, squares), next(iter(faults), "")


def vocabulary_workload(trained: Trained, contract: ModelContract) -> Workload:
    """Texts of a few lengths, made of words that the tokenizer knows; the same for the same model."""
    draw, words = random.Random(0), _words(trained.model.tokenizer.backend_tokenizer)
    longest = _longest(trained.limits)
    groups = []
    for length in sorted({min(length, longest) for length in (*USUAL_LENGTHS, longest)}):
        lines = [
            _line_of(trained, contract, draw.choices(words, k=length), length) for _ in range(TEXTS_A_LENGTH)
        ]
        groups.append(counted(trained, lines, f"{length} tokens")[0])
    every, _ = counted(trained, [line for group in groups for line in group.lines], EVERY)
    return Workload("words of the vocabulary", every, 0, groups, groups)


def _longest(limits: Limits) -> int:
    return limits.window or limits.max_length


def _line_of(trained: Trained, contract: ModelContract, words: Sequence[str], length: int) -> InputLine:
    """A line of as many of these words as give so many tokens, uncut and in one window."""
    names = text_names(contract)

    def line(count: int) -> InputLine:
        first = min(max(1, count // 2), FIRST_TEXT_WORDS) if len(names) > 1 else count
        texts = (" ".join(words[:first]), " ".join(words[first:count]))
        return InputLine(1, record=dict(zip(names, texts, strict=False)))

    def tokens(count: int) -> int:
        features = prepare(trained, [line(count)]).features
        if features is None or features.cut or len(features) > 1:
            return length + 1
        return int(features.lengths[0])

    return line(max(1, bisect_right(range(1, len(words) + 1), length, key=tokens)))


def _words(tokenizer: Any) -> list[str]:
    """Words that are one token each, in a text too, drawn from the whole vocabulary."""
    numbers = sorted(tokenizer.get_vocab().values())
    random.Random(0).shuffle(numbers)
    alone = len(tokenizer.encode("a", add_special_tokens=False).ids)
    words: list[str] = []
    for number in numbers[: 40 * WORDS]:
        word = tokenizer.decode([number]).strip()
        if not word.isalpha() or word in words:
            continue
        if len(tokenizer.encode(f"a {word}", add_special_tokens=False).ids) == alone + 1:
            words.append(word)
        if len(words) == WORDS:
            break
    return words or ["a"]
