"""What the rivals share: the clock, the features and the processes."""

import sys
import time

import pytest

from benchmarks.children import run_command
from benchmarks.rivals.features import span_tokens, word_labels
from benchmarks.rivals.job import Clock
from benchmarks.rivals.line_files import batches_by_length


def test_the_clock_starts_at_the_end_of_the_warmup() -> None:
    clock = Clock(warmup_steps=2)
    clock.ends = [1.0, 5.0, 6.0, 7.0, 9.0]
    figures = clock.figures(features=90, steps_per_epoch=3)
    assert (figures["seconds"], figures["steps"]) == (4.0, 3)
    assert (figures["samples"], figures["samples_per_second"]) == (90.0, 22.5)


def test_the_clock_refuses_a_training_that_is_all_warmup() -> None:
    clock = Clock(warmup_steps=2)
    clock.tick()
    clock.tick()
    with pytest.raises(SystemExit, match="none is left"):
        clock.figures(features=64, steps_per_epoch=2)


def test_the_first_piece_of_a_word_carries_its_tag() -> None:
    assert word_labels([None, 0, 0, 1, 2, 2, None], [7, 8, 9]) == [-100, 7, -100, 8, 9, -100, -100]


OFFSETS = [(0, 0), (0, 3), (0, 0), (0, 4), (5, 9), (10, 12), (0, 0)]
SEQUENCES = [None, 0, None, 1, 1, 1, None]


@pytest.mark.parametrize(
    ("first", "last", "tokens"),
    [(5, 9, (4, 4)), (0, 12, (3, 5)), (6, 8, (4, 4)), (5, 13, (0, 0))],
)
def test_an_answer_is_found_among_the_tokens_of_the_context(
    first: int, last: int, tokens: tuple[int, int]
) -> None:
    assert span_tokens(SEQUENCES, OFFSETS, first, last) == tokens


def test_batches_of_like_length_hold_each_text_once() -> None:
    assert batches_by_length([[1], [1, 2, 3], [1, 2], [1, 2, 3, 4]], 2) == [[3, 1], [2, 0]]


def test_a_process_is_measured_from_outside() -> None:
    code = "import os; print('{\"n\": ' + os.environ['OMP_NUM_THREADS'] + '}')"
    began = time.perf_counter()
    outcome = run_command([sys.executable, "-c", code], threads=3)
    assert (outcome.code, outcome.figures) == (0, {"n": 3})
    assert 0 < outcome.seconds <= time.perf_counter() - began


def test_a_fault_is_told_without_the_folders_of_the_machine() -> None:
    code = "raise ImportError('cannot import x (/home/someone/lib-3/pack/a.py)')"
    outcome = run_command([sys.executable, "-c", code], threads=1)
    assert outcome.code == 1
    assert outcome.fault == "ImportError: cannot import x (a.py)"
