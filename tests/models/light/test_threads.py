"""What the light model computes in fp32 does not depend on how many threads compute it.

Else the output of `predict` would depend on how many processes share the cores, in one line of many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor

from bertkit.models.light.layers import EqualLengths, PlainProduct, attend, attend_first

THREADS = (1, 2, 3, 4, 8, 32)


@pytest.fixture(autouse=True)
def _same_threads_after() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.manual_seed(0)
    yield
    torch.set_num_threads(before)


def results(compute: Callable[[], Tensor]) -> set[bytes]:
    """The different outcomes, in bytes, over all numbers of threads."""
    found = set()
    for threads in THREADS:
        torch.set_num_threads(threads)
        with torch.inference_mode():
            found.add(compute().numpy().tobytes())
    return found


@pytest.mark.parametrize("rows", [1, 5, 39, 64])
def test_products(rows: int) -> None:
    """MKL rounds a row that is left to a thread alone in a way of its own."""
    weight, bias, x = torch.randn(64, 32), torch.randn(64), torch.randn(rows, 32)
    product = PlainProduct(weight, bias)
    assert len(results(lambda: product(x))) == 1
    assert torch.allclose(product(x), torch.nn.functional.linear(x, weight, bias), atol=1e-5)


def test_attention_of_all_tokens_and_of_the_first() -> None:
    """torch's fused attention depends on the threads where there is one query."""
    groups = [EqualLengths(0, 5, 23), EqualLengths(115, 2, 9)]
    inputs = torch.randn(133, 3 * 64)
    assert len(results(lambda: attend(inputs, groups, 2))) == 1
    queries = torch.randn(7, 64)
    assert len(results(lambda: attend_first(queries, inputs[:, 64:], groups, 2))) == 1
