"""Which features go into which batch. The seam where faster execution comes in.

A plan is a pure function of lengths, settings, seed and epoch: the same for any number of processes,
and position `n` of an epoch is reached without walking there.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bertkit.config.setting_types import BatchPlan

Rows = NDArray[np.int64]

# Features of similar length are sought among so many batches: enough to leave little padding, few enough
# to keep the order close to random.
BUCKET_BATCHES = 50


def plan_training(
    lengths: NDArray[np.int64],
    *,
    plan: BatchPlan,
    batch_size: int,
    seed: int,
    epoch: int,
    block: int | None = None,
) -> list[Rows]:
    """Batches of one epoch, as many with every plan; in each the longest feature comes first.

    Args:
        lengths: (features,) tokens of each.
        plan: `same`: features in plain random order, as a DataLoader that shuffles. `bucketed`: batches of
            features of similar length, in random order. `tokens`: of similar length, too, but of an equal
            share of the tokens, so that there are many short or few long features in a batch.
        batch_size: features of a batch, of which the last one may have fewer; with `tokens` their mean.
        seed: with `epoch` decides the order.
        epoch: from 0.
        block: of a stream, the number of the block in its epoch, from 0, which decides the order, too.
    """
    # A seed that ends in 0 is the same as without it.
    random = np.random.default_rng([seed, epoch] if block is None else [seed, epoch, block + 1])
    order = random.permutation(len(lengths))
    count = -(-len(order) // batch_size)
    if plan == "same":
        return [_by_length(batch, lengths) for batch in _pieces(order, batch_size)]
    if plan == "bucketed":
        buckets = [_by_length(bucket, lengths) for bucket in _pieces(order, batch_size * BUCKET_BATCHES)]
        batches = [batch for bucket in buckets for batch in _pieces(bucket, batch_size)]
    else:
        batches = _token_batches(order, lengths, count)
    return [batches[position] for position in random.permutation(count)]


def _pieces(rows: Rows, size: int) -> list[Rows]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def _by_length(rows: Rows, lengths: NDArray[np.int64]) -> Rows:
    return rows[np.argsort(-lengths[rows], kind="stable")]


def _token_batches(order: Rows, lengths: NDArray[np.int64], count: int) -> list[Rows]:
    """So many batches of about equally many tokens, each of at least one feature."""
    batches = []
    buckets = -(-count // BUCKET_BATCHES)
    # No bucket is smaller than others: a rest of few features would be cut into as few tokens.
    firsts = np.arange(buckets + 1) * count // max(1, buckets)
    for first, end in pairwise(firsts.tolist()):
        bucket = _by_length(order[first * len(order) // count : end * len(order) // count], lengths)
        sums = np.cumsum(lengths[bucket])
        numbers = np.arange(1, end - first)
        cuts = np.searchsorted(sums - lengths[bucket] / 2, numbers * (sums[-1] / (end - first)))
        # Each batch gets one, though it may be more than its share. Those behind are shorter, and suffice.
        cuts = np.maximum.accumulate(np.maximum(cuts, 1) - numbers) + numbers
        batches += np.split(bucket, cuts)
    return batches


def plan_inference(
    lengths: NDArray[np.int64], *, token_budget: int = 8192, max_batch_size: int = 256
) -> list[Rows]:
    """Batches for scoring: by falling length, each within a budget of padded tokens.

    The longest come first, so that what does not fit into memory shows at once.
    """
    order = np.argsort(-lengths, kind="stable")
    batches = []
    start = 0
    while start < len(order):
        size = max(1, min(max_batch_size, token_budget // max(1, int(lengths[order[start]]))))
        batches.append(order[start : start + size])
        start += size
    return batches


def share_of_process(batch: Rows, *, process_index: int, process_count: int) -> Rows:
    """The part of a global batch that one process computes.

    Features are dealt from the longest to the shortest, forth and back: all processes get as many, but one,
    and about as many tokens.
    """
    rounds, places = np.divmod(np.arange(len(batch)), process_count)
    dealt: Rows = batch[np.where(rounds % 2, process_count - 1 - places, places) == process_index]
    return dealt


def split_micro_batches(rows: Rows, micro_batch_size: int | None) -> list[Rows]:
    """Pieces of a batch that are computed one after the other; always at least one."""
    size = micro_batch_size or max(1, len(rows))
    return [rows[start : start + size] for start in range(0, len(rows), size)] or [rows]
