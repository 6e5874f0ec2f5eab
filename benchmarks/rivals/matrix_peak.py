"""The fastest matrix product of this machine, in fp32 and bf16: what shares of the peak are shares of."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.rivals.job import Figures, Job, answer

# Rows, and the two widths of the weight: those of encoders and larger ones.
SIZES = ((1024, 768, 3072), (2048, 2048, 2048), (4096, 1024, 4096), (4096, 4096, 4096))
TRIES = 5


def measure(job: Job) -> Figures:
    """GFLOP/s by precision, with the product that reached it."""
    import torch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    best: Figures = {}
    with torch.inference_mode():
        for precision, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
            rates = {
                f"{name} {rows}x{inner}x{outer}": 2e-9 * rows * inner * outer / least_seconds(product)
                for rows, inner, outer in job.get("sizes", SIZES)
                for name, product in products(rows, inner, outer, dtype)
            }
            fastest = max(rates, key=lambda name: rates[name])
            best[precision] = rates[fastest]
            best[f"{precision}_product"] = fastest
    return best


def products(rows: int, inner: int, outer: int, dtype: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    """The ways of torch to multiply by a weight: as it is, transposed, and packed once for oneDNN."""
    import torch

    values, weight = torch.randn(rows, inner).to(dtype), torch.randn(outer, inner).to(dtype)
    transposed = weight.t().contiguous()
    yield "linear", lambda: torch.nn.functional.linear(values, weight)
    yield "mm", lambda: torch.mm(values, transposed)
    try:
        packed = torch.ops.mkldnn._reorder_linear_weight(weight, rows)
        multiply = torch.ops.mkldnn._linear_pointwise
    except (AttributeError, NotImplementedError, RuntimeError):
        return  # a build or a processor without oneDNN
    yield "packed", lambda: multiply(values, packed, None, "none", [], "")


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
