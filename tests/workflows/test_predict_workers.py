"""What is read for several processes: in order, and no further ahead than they can take."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from bertkit.data.reading.lines import InputLine
from bertkit.errors import DataError, TrainingError
from bertkit.workflows.answering import Answered, Chunk
from bertkit.workflows.predict_workers import CHUNKS_A_WORKER, Workers


class Waiting:
    """Stands for a process: answers when it may."""

    def __init__(self, may: threading.Event) -> None:
        self.may = may

    def ask(self, lines: Sequence[InputLine]) -> Answered:
        assert self.may.wait(60)
        if lines[0].error == "kill":
            raise TrainingError("killed", hint="go on")
        return Answered(f"{lines[0].number}\n", len(lines), 0)


@pytest.fixture
def may() -> threading.Event:
    return threading.Event()


@pytest.fixture
def workers(may: threading.Event) -> Iterator[Workers]:
    with ThreadPoolExecutor(2) as threads:
        yield Workers("by hand", [Waiting(may), Waiting(may)], threads)  # type: ignore[list-item]
        may.set()


def chunks(read: list[int], count: int = 50, **faults: int) -> Iterator[Chunk]:
    for number in range(count):
        read.append(number)
        error = next((name for name, place in faults.items() if place == number), None)
        yield Chunk([InputLine(number, error=error)], read_to=number)
    raise DataError("the disk is broken", hint="mend it")


def test_order_and_no_further_ahead(workers: Workers, may: threading.Event) -> None:
    read: list[int] = []
    window = 2 * CHUNKS_A_WORKER

    def reading() -> Iterator[Chunk]:
        for chunk in chunks(read):
            if len(read) == window:  # so much is read while nothing is answered yet
                may.set()
            yield chunk

    seen: list[tuple[int | None, str]] = []
    with (
        workers.answered(reading(), ahead=True) as answers,
        pytest.raises(DataError, match="the disk is broken"),
    ):
        for chunk, answered in answers:
            assert len(read) <= len(seen) + window
            seen.append((chunk.read_to, answered.text))
    assert seen == [(number, f"{number}\n") for number in range(50)]


def test_a_dead_worker_ends_all_in_its_place(workers: Workers, may: threading.Event) -> None:
    may.set()
    seen = []
    with (
        workers.answered(chunks([], kill=7), ahead=True) as answers,
        pytest.raises(TrainingError, match="killed"),
    ):
        for chunk, _ in answers:
            seen.append(chunk.read_to)
    assert seen == list(range(7))


def test_left_early_nothing_goes_on_reading(workers: Workers, may: threading.Event) -> None:
    may.set()
    read: list[int] = []
    with workers.answered(chunks(read), ahead=True) as answers:
        next(answers)
    assert len(read) <= 1 + 2 * CHUNKS_A_WORKER
    assert not any(thread.name == "bertkit-read" for thread in threading.enumerate())
