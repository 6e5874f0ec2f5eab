"""The fastest matrix product of this machine, in fp32 and bf16: what shares of the peak are shares of."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from benchmarks.rivals.job import Figures, Job, answer

TRIES = 5


def measure(job: Job) -> Figures:
    """GFLOP/s by precision, with the product that reached it."""
    import torch

    from bertkit.workflows.bench_machine import SIZES, weight_products

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    best: Figures = {}
    with torch.inference_mode():
        for precision, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
            rates = {
                f"{name} {rows}x{inner}x{outer}": 2e-9 * rows * inner * outer / least_seconds(product)
                for rows, inner, outer in job.get("sizes", SIZES)
                for name, product in weight_products(rows, inner, outer, dtype, torch.device("cpu"))
            }
            fastest = max(rates, key=lambda name: rates[name])
            best[precision] = rates[fastest]
            best[f"{precision}_product"] = fastest
    return best


def least_seconds(product: Callable[[], Any]) -> float:
    product()
    taken = []
    for _ in range(TRIES):
        began = time.perf_counter()
        product()
        taken.append(time.perf_counter() - began)
    return min(taken)


if __name__ == "__main__":
    answer(measure)
