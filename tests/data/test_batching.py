from __future__ import annotations

import math
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertkit.config.setting_types import BatchPlan
from bertkit.data.batching import (
    Rows,
    plan_inference,
    plan_training,
    share_of_process,
    split_micro_batches,
)

PLANS: tuple[BatchPlan, ...] = get_args(BatchPlan)
LENGTHS = np.random.default_rng(0).geometric(0.04, size=5_003).clip(3, 128)


def plan(
    name: BatchPlan = "same", *, seed: int = 0, epoch: int = 0, lengths: Rows = LENGTHS, batch_size: int = 16
) -> list[Rows]:
    return plan_training(lengths, plan=name, batch_size=batch_size, seed=seed, epoch=epoch)


def tokens_of(batches: list[Rows], lengths: Rows = LENGTHS) -> list[int]:
    return [int(lengths[batch].sum()) for batch in batches]


def same(first: list[Rows], second: list[Rows]) -> bool:
    return len(first) == len(second) and all(
        np.array_equal(one, other) for one, other in zip(first, second, strict=True)
    )


def padding_share(batches: list[Rows], lengths: Rows) -> float:
    padded = sum(len(batch) * int(lengths[batch].max()) for batch in batches)
    return 1 - int(lengths.sum()) / padded


@pytest.mark.parametrize("name", PLANS)
@given(count=st.integers(0, 900), batch_size=st.integers(1, 9), seed=st.integers(0, 5))
def test_every_row_once_an_epoch_in_as_many_steps(
    name: BatchPlan, count: int, batch_size: int, seed: int
) -> None:
    lengths = np.random.default_rng(seed).geometric(0.05, size=count)
    batches = plan(name, lengths=lengths, batch_size=batch_size, seed=seed)
    assert sorted(row for batch in batches for row in batch) == list(range(count))
    assert len(batches) == math.ceil(count / batch_size)
    sizes = sorted(map(len, batches))
    assert 0 not in sizes
    assert name == "tokens" or all(size == batch_size for size in sizes[1:])


@pytest.mark.parametrize("name", PLANS)
def test_seed_and_epoch_decide(name: BatchPlan) -> None:
    assert same(plan(name, seed=1, epoch=2), plan(name, seed=1, epoch=2))
    assert not same(plan(name, seed=1, epoch=2), plan(name, seed=1, epoch=3))
    assert not same(plan(name, seed=1, epoch=2), plan(name, seed=2, epoch=2))
    assert not same(plan(name, seed=1, epoch=2), plan(name, seed=2, epoch=1))


@pytest.mark.parametrize("name", PLANS)
def test_epochs_put_other_rows_together(name: BatchPlan) -> None:
    first, second = ({frozenset(batch.tolist()) for batch in plan(name, epoch=epoch)} for epoch in (0, 1))
    assert len(first & second) <= 1


@pytest.mark.parametrize("name", PLANS)
def test_global_random_state_is_left_alone(name: BatchPlan) -> None:
    np.random.seed(0)
    before = np.random.get_state()[1].tolist()
    plan(name)
    assert np.random.get_state()[1].tolist() == before


@pytest.mark.parametrize("name", PLANS)
def test_batches_do_not_come_by_length(name: BatchPlan) -> None:
    longest = [int(LENGTHS[batch].max()) for batch in plan(name)]
    assert abs(np.corrcoef(longest, np.arange(len(longest)))[0, 1]) < 0.2
    assert 0.4 < np.mean(np.diff(longest) <= 0) < 0.6


def test_same_does_not_look_at_lengths() -> None:
    """As of a DataLoader that shuffles: lengths have no say in which rows share a batch."""
    together = [[set(batch.tolist()) for batch in plan(lengths=rows)] for rows in (LENGTHS, LENGTHS[::-1])]
    assert together[0] == together[1]
    means = [float(LENGTHS[batch].mean()) for batch in plan()]
    assert np.std(means) == pytest.approx(LENGTHS.std() / 4, rel=0.15)  # the root of 16 rows


def test_the_longest_of_a_batch_comes_first() -> None:
    for name in PLANS:
        assert all((np.diff(LENGTHS[batch]) <= 0).all() for batch in plan(name))


def test_little_padding() -> None:
    assert padding_share(plan("bucketed"), LENGTHS) < 0.1
    assert padding_share(plan("tokens"), LENGTHS) < 0.1
    assert padding_share(plan("same"), LENGTHS) > 0.5
    assert padding_share(plan_inference(LENGTHS), LENGTHS) < 0.1


def test_batches_of_tokens_have_equal_shares() -> None:
    shares = tokens_of(plan("tokens"))
    # A batch ends with a whole row.
    assert max(abs(share - np.mean(shares)) for share in shares) < LENGTHS.max()
    assert np.std(shares) < 0.15 * np.mean(shares)
    assert np.std(tokens_of(plan("bucketed"))) > 0.5 * np.mean(shares)
    sizes = sorted(map(len, plan("tokens")))
    assert sizes[0] < 8 < 40 < sizes[-1]


@pytest.mark.parametrize("count", [801, 815, 1601])
def test_a_rest_of_few_rows_is_no_batch_of_few_tokens(count: int) -> None:
    shares = tokens_of(plan("tokens", lengths=LENGTHS[:count]), LENGTHS[:count])
    assert min(shares) > 0.5 * np.mean(shares)


@given(lengths=st.lists(st.sampled_from([0, 1, 2, 500]), max_size=60), batch_size=st.integers(1, 7))
def test_no_batch_of_tokens_is_empty_where_one_row_has_most_of_them(
    lengths: list[int], batch_size: int
) -> None:
    batches = plan("tokens", lengths=np.array(lengths, dtype=np.int64), batch_size=batch_size)
    assert len(batches) == math.ceil(len(lengths) / batch_size)
    assert all(len(batch) for batch in batches)
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))


@pytest.mark.parametrize("name", PLANS)
@pytest.mark.parametrize("processes", [1, 2, 3, 4])
def test_processes_share_the_same_global_batch(name: BatchPlan, processes: int) -> None:
    for batch in plan(name):
        shares = [
            share_of_process(batch, process_index=index, process_count=processes)
            for index in range(processes)
        ]
        assert sorted(np.concatenate(shares)) == sorted(batch)
        sizes = [len(share) for share in shares]
        assert max(sizes) - min(sizes) <= 1
        work = tokens_of(shares)
        assert max(work) - min(work) <= LENGTHS[batch].max()


@pytest.mark.parametrize(("name", "most"), [("same", 0.15), ("bucketed", 0.04), ("tokens", 0.04)])
def test_two_processes_get_even_work(name: BatchPlan, most: float) -> None:
    """A step takes as long as the process with most tokens."""
    batches = [batch for batch in plan(name) if len(batch) % 2 == 0]
    assert len(batches) > 100
    work = np.array([
        tokens_of([share_of_process(batch, process_index=n, process_count=2) for n in (0, 1)])
        for batch in batches
    ])  # fmt: skip
    assert np.ptp(work, axis=1).sum() < most * work.sum() / 2


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


def test_each_block_of_a_stream_has_an_order_of_its_own() -> None:
    lengths = np.full(40, 9)
    options: dict[str, Any] = {"plan": "same", "batch_size": 8, "seed": 1}
    orders = [
        np.concatenate(plan_training(lengths, epoch=epoch, block=block, **options)).tolist()
        for epoch, block in ((0, None), (0, 0), (0, 1), (1, 0))
    ]
    assert len({tuple(order) for order in orders}) == 4
    assert all(sorted(order) == list(range(40)) for order in orders)
