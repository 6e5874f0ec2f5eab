"""How long to go on is decided by a clock, and this clock is the test's."""

from __future__ import annotations

import logging

import pytest

from bertkit.data.reading.hub_patience import (
    FIRST_WAIT,
    LONGEST_WAIT,
    REQUESTS,
    SECONDS,
    Patience,
    PatienceOverError,
    given_patience,
)
from bertkit.errors import UsageError


class Clock:
    """A clock that sleeping moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def patience(clock: Clock, seconds: float = SECONDS, chance: float = 1.0) -> Patience:
    return Patience(seconds, clock=lambda: clock.now, sleep=clock.sleep, chance=lambda: chance)


def test_waits_grow_to_a_longest_one_and_end(clock: Clock) -> None:
    waiting = patience(clock)
    with pytest.raises(PatienceOverError, match=rf"it broke, {REQUESTS} times in 48 s"):
        for failures in range(1, 100):
            waiting.wait(failures, "it broke")
    assert clock.slept == [FIRST_WAIT, 1, 2, 4, 8, LONGEST_WAIT, LONGEST_WAIT]


def test_chance_takes_up_to_half_of_a_wait(clock: Clock) -> None:
    patience(clock, chance=0.0).wait(3, "it broke")
    patience(clock, chance=0.5).wait(3, "it broke")
    assert clock.slept == [1.0, 1.5]


def test_nothing_for_too_long_is_the_end_and_anything_that_comes_is_a_new_beginning(clock: Clock) -> None:
    waiting = patience(clock, seconds=10)
    waiting.failed("it broke")
    clock.now += 9
    waiting.arrived()
    clock.now += 1000  # as long as nothing fails, nothing is waited for
    assert waiting.failed("it broke") == 0
    clock.now += 9
    assert waiting.failed("it broke") == 9
    with pytest.raises(PatienceOverError, match="it broke, 3 times in 9 s"):
        waiting.wait(3, "it broke")
    clock.now += 2
    with pytest.raises(PatienceOverError, match="nothing came for 11 s"):
        waiting.failed("it broke")


def test_a_wait_that_is_asked_for_is_kept_where_there_is_time(clock: Clock) -> None:
    waiting = patience(clock, seconds=60)
    waiting.wait(1, "busy", asked=30)
    waiting.wait(2, "busy", asked=30)
    assert clock.slept == [30, 30]
    with pytest.raises(PatienceOverError, match="busy and asks to wait 30 s"):
        waiting.wait(3, "busy", asked=30)
    waiting.arrived()
    waiting.wait(1, "busy", asked=0.1)
    assert clock.slept[2] == FIRST_WAIT


def test_long_waits_are_told(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "bertkit.hub"):
        patience(clock).wait(1, "it broke")
        patience(clock).wait(4, "it broke")
    assert [record.getMessage() for record in caplog.records] == ["it broke; trying again in 4 s"]


@pytest.mark.parametrize("given", ["soon", "0", "-1", "nan"])
def test_the_setting_is_a_number_of_seconds(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BERTKIT_DOWNLOAD_SECONDS", "7.5")
    assert given_patience().seconds == 7.5
    monkeypatch.setenv("BERTKIT_DOWNLOAD_SECONDS", "")
    assert given_patience().seconds == SECONDS
    monkeypatch.setenv("BERTKIT_DOWNLOAD_SECONDS", given)
    with pytest.raises(UsageError, match="BERTKIT_DOWNLOAD_SECONDS is"):
        given_patience()
