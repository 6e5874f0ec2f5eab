"""How long `predict` takes for single lines, and for many: through the same functions."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import count, cycle, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertkit.data.reading.lines import InputLine
from bertkit.runs.atomic import json_text
from bertkit.workflows.answers import CHUNK_LINES, Wanted, answer, chunks_of, prepared
from bertkit.workflows.bench_lines import Group
from bertkit.workflows.trained import Trained

# However little time there is: of fewer there is no median.
LEAST_ROUNDS = 3
WARM_UP_LINES = 3
# Rounds of full batches that the time is shared between, and lines of one.
ROUNDS = 5
LEAST_LINES, MOST_LINES = 32, 8 * CHUNK_LINES

Tell = Callable[[float], None]


@dataclass(frozen=True)
class Range:
    """The middle of several values, and their ends."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: NDArray[Any]) -> Range:
        """Of at least one value."""
        return cls(float(np.median(values)), float(np.min(values)), float(np.max(values)))


@dataclass(frozen=True)
class Latency:
    """Single lines, one after the other.

    Attributes:
        lines: which.
        tokens: of a line.
        answers: how many were timed.
        p50_ms, p95_ms, p99_ms: milliseconds that so many of 100 answers took at most.
        least_ms, most_ms: the ends.
    """

    lines: str
    tokens: Range
    answers: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    least_ms: float
    most_ms: float


@dataclass(frozen=True)
class Throughput:
    """Many lines in full batches.

    Attributes:
        lines: which.
        tokens: of a line.
        rounds: how often the same lines were predicted.
        lines_a_round, tokens_a_round: in each of them.
        lines_a_second, tokens_a_second: over the rounds; tokens are real ones, without padding.
        share_of_peak: of the machine's fastest matrix product; None where it is not known.
    """

    lines: str
    tokens: Range
    rounds: int
    lines_a_round: int
    tokens_a_round: int
    lines_a_second: Range
    tokens_a_second: Range
    share_of_peak: float | None = None


def answer_lines(trained: Trained, lines: Sequence[InputLine], *, ahead: bool) -> float:
    """Answer lines as `predict` does, up to the text that it would write; the seconds that took.

    Args:
        trained: the model.
        lines: one, or many.
        ahead: as for a file; else as for lines that are typed.
    """
    began = time.perf_counter()
    chunks = chunks_of(iter(lines), CHUNK_LINES)
    with closing(prepared(trained, chunks, ahead=ahead)) as ready:
        for asked in ready:
            for said in answer(trained, asked, Wanted()):
                json_text(said)
    return time.perf_counter() - began


def measure_latency(
    trained: Trained, groups: Sequence[Group], *, seconds: float, tell: Tell
) -> tuple[Latency, ...]:
    """Time single lines, of each group in turn: what else the machine does meets all groups alike.

    Args:
        trained: the model.
        groups: which lines.
        seconds: how long; every group gets at least a few answers.
        tell: told which share is done, between the answers.
    """
    for group in groups:
        for line in group.lines[:WARM_UP_LINES]:
            answer_lines(trained, [line], ahead=False)
    taken: list[list[float]] = [[] for _ in groups]
    began = time.perf_counter()
    for number in count():
        passed = time.perf_counter() - began
        if passed >= seconds and number >= LEAST_ROUNDS:
            break
        tell(min(1.0, passed / seconds))
        for group, times in zip(groups, taken, strict=True):
            line = group.lines[number % len(group.lines)]
            times.append(answer_lines(trained, [line], ahead=False))
    return tuple(_latency(group, times) for group, times in zip(groups, taken, strict=True))


def _latency(group: Group, seconds: Sequence[float]) -> Latency:
    milliseconds = 1000 * np.asarray(seconds)
    p50, p95, p99 = (float(value) for value in np.quantile(milliseconds, (0.5, 0.95, 0.99)))
    asked = group.tokens[: len(milliseconds)]
    return Latency(
        group.name, Range.of(asked), len(milliseconds), p50, p95, p99,
        float(milliseconds.min()), float(milliseconds.max()),
    )  # fmt: skip


def measure_throughput(
    trained: Trained, groups: Sequence[Group], *, seconds: float, tell: Tell
) -> tuple[Throughput, ...]:
    """Time the same many lines several times, those of each group in turn.

    Args:
        trained: the model.
        groups: which lines; few ones are repeated until a round is full.
        seconds: how long; every group gets at least a few rounds.
        tell: told which share is done, between the rounds.
    """
    began = time.perf_counter()
    share = seconds / len(groups)
    rounds = [_round_lines(trained, group, share) for group in groups]
    taken: list[list[float]] = [[] for _ in groups]
    for number in count():
        passed = time.perf_counter() - began
        if passed >= seconds and number >= LEAST_ROUNDS:
            break
        tell(min(1.0, passed / seconds))
        for lines, times in zip(rounds, taken, strict=True):
            times.append(answer_lines(trained, lines, ahead=True))
    found = zip(groups, rounds, taken, strict=True)
    return tuple(_throughput(group, len(lines), times) for group, lines, times in found)


def _round_lines(trained: Trained, group: Group, seconds: float) -> list[InputLine]:
    """So many lines that there is time for some rounds; this warms up, too."""
    size = LEAST_LINES
    for part in (0.1, 1.0):
        taken = answer_lines(trained, _repeated(group, size), ahead=True)
        size = round(size / taken * part * seconds / ROUNDS)
        size = min(max(size, LEAST_LINES), MOST_LINES)
        if size > CHUNK_LINES:
            size -= size % CHUNK_LINES
    return _repeated(group, size)


def _repeated(group: Group, size: int) -> list[InputLine]:
    return list(islice(cycle(group.lines), size))


def _throughput(group: Group, size: int, seconds: Sequence[float]) -> Throughput:
    tokens = np.resize(group.tokens, size)  # repeats them, as the lines are
    total, times = int(tokens.sum()), np.asarray(seconds)
    return Throughput(
        group.name, Range.of(tokens), len(times), size, total, Range.of(size / times), Range.of(total / times)
    )
