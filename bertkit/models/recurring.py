"""Numbers of tokens that come again.

oneDNN compiles a kernel for each size of a product that it has not met: milliseconds and megabytes a layer,
and no two batches without padding have the same number of tokens. So they are filled up, by little, to few
numbers.
"""

from __future__ import annotations

LEAST_STEP = 16
# A step is at most so small a part of the whole.
STEPS = 16


def recurring(tokens: int) -> int:
    """The next larger number of tokens that batches are filled up to.

    A multiple of 16, and over 512 of the largest power of two that is no more than a 16th part.
    """
    step = LEAST_STEP
    while 2 * step * STEPS <= tokens:
        step *= 2
    return -(-tokens // step) * step
