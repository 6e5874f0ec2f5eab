"""Which features go into which batch. The seam where faster execution comes in.

A plan is a pure function of lengths, settings, seed and epoch: the same for any number of processes,
and position `n` of an epoch is reached without walking there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]

# Features of similar length are sought among so many batches: enough to leave little padding, few enough
# to keep the order close to random.
BUCKET_BATCHES = 50


def plan_training(lengths: NDArray[np.int64], *, batch_size: int, seed: int, epoch: int) -> list[Rows]:
    """Batches of one epoch, in random order, each of features of similar length.

    Args:
        lengths: (features,) tokens of each.
        batch_size: features of a batch; the last one may be smaller.
        seed: with `epoch` decides the order.
        epoch: from 0.
    """
    random = np.random.default_rng([seed, epoch])
    order = random.permutation(len(lengths))
    span = batch_size * BUCKET_BATCHES
    buckets = [order[start : start + span] for start in range(0, len(order), span)]
    ordered = np.concatenate([bucket[np.argsort(-lengths[bucket], kind="stable")] for bucket in buckets])
    batches = [ordered[start : start + batch_size] for start in range(0, len(ordered), batch_size)]
    return [batches[position] for position in random.permutation(len(batches))]


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
    """The part of a global batch that one process computes; lengths stay even because batches are sorted."""
    return batch[process_index::process_count]


def split_micro_batches(rows: Rows, micro_batch_size: int | None) -> list[Rows]:
    """Pieces of a batch that are computed one after the other; always at least one."""
    size = micro_batch_size or max(1, len(rows))
    return [rows[start : start + size] for start in range(0, len(rows), size)] or [rows]
