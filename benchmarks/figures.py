"""Medians, ratios and the work in a token: the pure part of the benchmarks."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

# Of one call, by its number.
Round = TypeVar("Round", int, tuple[str, int])


@dataclass(frozen=True)
class Spread:
    """The middle and the ends of what several rounds gave."""

    median: float
    low: float
    high: float

    def as_dict(self) -> dict[str, float]:
        return {"median": self.median, "min": self.low, "max": self.high}


def spread(values: Sequence[float]) -> Spread:
    """The median and the range of at least one value."""
    return Spread(statistics.median(values), min(values), max(values))


def paired_ratios(speeds: Mapping[Round, float], rival: Mapping[Round, float]) -> list[float]:
    """How many times faster than a rival, round by round: only what ran in one round is compared.

    Args:
        speeds: by round, greater is better.
        rival: likewise.
    """
    return [speeds[number] / rival[number] for number in sorted(speeds.keys() & rival.keys())]


@dataclass(frozen=True)
class EncoderShape:
    """What decides the matrix products of a BERT: `layers` of width `hidden`, `inner` in the feed-forward."""

    layers: int
    hidden: int
    inner: int

    @property
    def matrix_parameters(self) -> int:
        """Weights of the encoder's matrices: no embeddings, biases, norms, pooler or head."""
        return self.layers * (4 * self.hidden**2 + 2 * self.hidden * self.inner)


@dataclass(frozen=True)
class Lengths:
    """Real tokens, special ones included, of `samples` sequences, and the sum of the squared lengths."""

    samples: int
    tokens: int
    squares: int

    @classmethod
    def of(cls, lengths: Sequence[int]) -> Lengths:
        return cls(len(lengths), sum(lengths), sum(length * length for length in lengths))

    @property
    def mean(self) -> float:
        """Real tokens of a sequence."""
        return self.tokens / self.samples


def flop_per_token(shape: EncoderShape, lengths: Lengths, *, training: bool) -> float:
    """Floating-point operations that one real token needs, a multiply-add counted as two.

    Forward: 2 for each weight, and 4 x layers x hidden x n for attention (scores and weighted sum) of a token
    in a sequence of n. The backward pass is twice the forward pass. n is averaged over tokens, not sequences.
    """
    attended = lengths.squares / lengths.tokens
    forward = 2 * shape.matrix_parameters + 4 * shape.layers * shape.hidden * attended
    return forward * (3 if training else 1)


def share_of_peak(tokens_per_second: float, token_flop: float, peak_gflops: float) -> float:
    """The useful operations of a second over what the machine's best matrix product does in one."""
    return tokens_per_second * token_flop / (peak_gflops * 1e9)
