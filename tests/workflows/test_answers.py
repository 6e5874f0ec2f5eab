"""Chunks are read, encoded and answered in order, also where the next one is prepared meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bertkit.data.reading.lines import InputLine
from bertkit.errors import DataError
from bertkit.workflows.answers import Wanted, answer, is_error, prepared
from bertkit.workflows.predictor import load_predictor
from bertkit.workflows.trained import Trained, find_trained


@pytest.fixture(scope="module")
def trained(trained_run: Path) -> Trained:
    return load_predictor(find_trained(str(trained_run / "runs" / "latest"))).trained


def chunks(count: int, read: list[int], fault: Exception | None = None) -> Iterator[list[InputLine]]:
    for number in range(count):
        read.append(number)
        lines = [InputLine(3 * number + place, {"text": f"the film {number} is good"}) for place in (1, 2)]
        yield [*lines, InputLine(3 * number + 3, error="no JSON")]
    if fault is not None:
        raise fault


@pytest.mark.parametrize("ahead", [False, True])
def test_order_and_places(trained: Trained, ahead: bool) -> None:
    read: list[int] = []
    answers = []
    for asked in prepared(trained, chunks(5, read), ahead=ahead):
        answers += answer(trained, asked, Wanted())
        assert len(read) <= len(answers) // 3 + ahead  # no more than one chunk ahead: memory stays flat
    assert [a.get("text", "error") for a in answers] == [
        text for n in range(5) for text in (*[f"the film {n} is good"] * 2, "error")
    ]
    assert [is_error(a) for a in answers] == [False, False, True] * 5
    assert all("prediction" in a for a in answers if not is_error(a))


@pytest.mark.parametrize("ahead", [False, True])
def test_a_fault_of_the_input_comes_after_what_was_read_before(trained: Trained, ahead: bool) -> None:
    fault = DataError("the disk is broken", hint="mend it")
    seen = []
    with pytest.raises(DataError, match="the disk is broken"):
        for asked in prepared(trained, chunks(3, [], fault), ahead=ahead):
            seen.append(asked.places)
    assert seen == [[0, 1]] * 3


def test_left_early_nothing_goes_on_reading(trained: Trained) -> None:
    read: list[int] = []
    with closing(prepared(trained, chunks(50, read), ahead=True)) as ready:
        next(ready)
    assert len(read) <= 2
    names = [thread.name for thread in threading.enumerate()]
    assert not any(name.startswith("bertkit-prepare") for name in names)
