from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertkit.data.batching import (
    Rows,
    plan_inference,
    plan_training,
    share_of_process,
    split_micro_batches,
)

LENGTHS = np.random.default_rng(0).geometric(0.04, size=5_003).clip(3, 128)


def plan(*, seed: int = 0, epoch: int = 0, lengths: Rows = LENGTHS, batch_size: int = 16) -> list[Rows]:
    return plan_training(lengths, batch_size=batch_size, seed=seed, epoch=epoch)


def same(first: list[Rows], second: list[Rows]) -> bool:
    return len(first) == len(second) and all(
        np.array_equal(one, other) for one, other in zip(first, second, strict=True)
    )


def padding_share(batches: list[Rows], lengths: Rows) -> float:
    padded = sum(len(batch) * int(lengths[batch].max()) for batch in batches)
    return 1 - int(lengths.sum()) / padded


@given(count=st.integers(1, 500), batch_size=st.integers(1, 9), seed=st.integers(0, 5))
def test_every_row_once_an_epoch(count: int, batch_size: int, seed: int) -> None:
    batches = plan(lengths=np.arange(count) % 7 + 1, batch_size=batch_size, seed=seed)
    assert sorted(np.concatenate(batches)) == list(range(count))
    sizes = sorted(map(len, batches))
    assert all(size == batch_size for size in sizes[1:])
    assert 0 < sizes[0] <= batch_size


def test_seed_and_epoch_decide() -> None:
    assert same(plan(seed=1, epoch=2), plan(seed=1, epoch=2))
    assert not same(plan(seed=1, epoch=2), plan(seed=1, epoch=3))
    assert not same(plan(seed=1, epoch=2), plan(seed=2, epoch=2))
    assert not same(plan(seed=1, epoch=2), plan(seed=2, epoch=1))


def test_epochs_put_other_rows_together() -> None:
    first, second = ({frozenset(batch.tolist()) for batch in plan(epoch=epoch)} for epoch in (0, 1))
    assert len(first & second) <= 1


def test_global_random_state_is_left_alone() -> None:
    np.random.seed(0)
    before = np.random.get_state()[1].tolist()
    plan()
    assert np.random.get_state()[1].tolist() == before


def test_batches_do_not_come_by_length() -> None:
    longest = [int(LENGTHS[batch].max()) for batch in plan()]
    assert abs(np.corrcoef(longest, np.arange(len(longest)))[0, 1]) < 0.2
    assert 0.4 < np.mean(np.diff(longest) <= 0) < 0.6


def test_little_padding() -> None:
    order = np.random.default_rng(1).permutation(len(LENGTHS))
    shuffled = [order[start : start + 16] for start in range(0, len(order), 16)]
    assert padding_share(plan(), LENGTHS) < 0.1
    assert padding_share(shuffled, LENGTHS) > 0.5
    assert padding_share(plan_inference(LENGTHS), LENGTHS) < 0.1


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_processes_share_the_same_global_batch(processes: int) -> None:
    for batch in plan():
        shares = [
            share_of_process(batch, process_index=index, process_count=processes)
            for index in range(processes)
        ]
        assert sorted(np.concatenate(shares)) == sorted(batch)
        sizes = [len(share) for share in shares]
        assert max(sizes) - min(sizes) <= 1


def test_processes_get_work_of_one_length() -> None:
    batch = max(plan(), key=lambda rows: int(np.ptp(LENGTHS[rows])))
    work = [int(LENGTHS[share_of_process(batch, process_index=n, process_count=2)].sum()) for n in (0, 1)]
    assert max(work) - min(work) <= np.ptp(LENGTHS[batch])


@given(
    lengths=st.lists(st.integers(0, 300), max_size=60),
    budget=st.integers(1, 2_000),
    largest=st.integers(1, 9),
)
def test_inference_covers_all_rows_within_its_budget(lengths: list[int], budget: int, largest: int) -> None:
    array = np.array(lengths, dtype=np.int64)
    batches = plan_inference(array, token_budget=budget, max_batch_size=largest)
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    for batch in batches:
        assert 0 < len(batch) <= largest
        assert len(batch) == 1 or len(batch) * int(array[batch].max()) <= budget
    longest = [int(array[batch].max()) for batch in batches]
    assert longest == sorted(longest, reverse=True)


@pytest.mark.parametrize(
    ("size", "parts"), [(None, [5]), (2, [2, 2, 1]), (5, [5]), (9, [5]), (1, [1, 1, 1, 1, 1])]
)
def test_micro_batches(size: int | None, parts: list[int]) -> None:
    pieces = split_micro_batches(np.arange(5), size)
    assert [len(piece) for piece in pieces] == parts
    assert np.concatenate(pieces).tolist() == [0, 1, 2, 3, 4]


def test_an_empty_share_is_one_empty_micro_batch() -> None:
    assert [len(piece) for piece in split_micro_batches(np.arange(0), 2)] == [0]
