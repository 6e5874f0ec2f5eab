"""What glibc is asked for: both thresholds, or none of them."""

from __future__ import annotations

import ctypes
import sys
from types import SimpleNamespace

import pytest

from bertkit.training.allocation import keep_memory

MMAP, TRIM = -3, -1


@pytest.mark.parametrize(
    ("largest", "set_to"),
    [
        (1 << 40, [(MMAP, 1 << 30), (TRIM, 2**31 - 1)]),
        (32 << 20, [(MMAP, 32 << 20), (TRIM, 2**31 - 1)]),
        (0, []),
    ],
)
def test_a_library_that_takes_so_much(
    largest: int, set_to: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[tuple[int, int]] = []

    def mallopt(option: int, value: int) -> int:
        if option == MMAP and value > largest:
            return 0
        taken.append((option, value))
        return 1

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(
        ctypes, "CDLL", lambda name: SimpleNamespace(mallopt=mallopt, malloc_trim=lambda pad: 1)
    )
    keep_memory()
    assert taken == set_to


def test_no_such_library(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", missing)
    keep_memory()
