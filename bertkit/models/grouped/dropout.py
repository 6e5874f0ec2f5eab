"""Dropout masks at a fraction of the price: eight random bits an element, many elements a call.

`torch.bernoulli` draws 64 bits an element in one thread and costs a tenth of a training step on a processor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

# Values a random byte can have.
_BYTES = 256


class DropoutMasks:
    """A stream of masks.

    Args:
        seed: decides them; drawn from torch's random state (`draw_seed`), a training that goes on
            from a saved state gets the same masks.
        number: of the stream, so that a layer that is computed twice draws the same masks twice.
    """

    def __init__(self, seed: int, number: int = 0) -> None:
        self._random = np.random.Generator(np.random.SFC64([seed, number]))

    def draw(
        self, shape: tuple[int, ...], probability: float, dtype: torch.dtype
    ) -> tuple[torch.Tensor, float]:
        """A mask of ones and zeros, and what the survivors are to be multiplied with.

        A byte knows only probabilities of n/256. So each call drops one of the two that lie next to
        `probability`, at random, such that each element is dropped with exactly `probability`; the factor is
        that of the probability taken, so that the expected value stays what it was.

        Args:
            shape: of the mask.
            probability: of a zero, over 0; at most 255/256.
            dtype: of the mask.
        """
        import torch

        wanted = probability * _BYTES
        dropped = int(wanted) + int(self._random.random() < wanted - int(wanted))
        dropped = min(dropped, _BYTES - 1)
        count = int(np.prod(shape))
        words = self._random.integers(0, 2**64, -(-count // 8), dtype=np.uint64)
        drawn = torch.from_numpy(words).view(torch.int8)[:count].view(shape)
        # Comparing into a tensor of the wanted type is one vectorized pass; into a bool it is two slow ones.
        mask = torch.empty(shape, dtype=dtype)
        torch.ge(drawn, dropped - _BYTES // 2, out=mask)
        return mask, _BYTES / (_BYTES - dropped)


def draw_seed() -> int:
    """A seed from torch's random state."""
    import torch

    return int(torch.randint(2**62, ()))
