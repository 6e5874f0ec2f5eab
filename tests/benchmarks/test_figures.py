"""Medians, paired ratios and the operations of a token, against values worked out by hand."""

import pytest

from benchmarks.figures import (
    EncoderShape,
    Lengths,
    Spread,
    flop_per_token,
    paired_ratios,
    share_of_peak,
    spread,
)

MINILM = EncoderShape(layers=6, hidden=384, inner=1536)


def test_a_spread_is_the_median_and_the_ends() -> None:
    assert spread([5.0, 1.0, 4.0]) == Spread(4.0, 1.0, 5.0)
    assert spread([1.0, 2.0]) == Spread(1.5, 1.0, 2.0)


def test_ratios_are_of_one_round_each() -> None:
    # Round 1 ran while the machine was half as fast: the ratio stays.
    assert paired_ratios({0: 20.0, 1: 10.0, 3: 7.0}, {0: 10.0, 1: 5.0, 2: 9.0}) == [2.0, 2.0]


def test_the_matrices_of_known_encoders() -> None:
    # MiniLM-L6: 6 x (4 x 147,456 + 2 x 589,824); BERT-base: 12 x (4 x 589,824 + 2 x 2,359,296).
    assert MINILM.matrix_parameters == 10_616_832
    assert EncoderShape(12, 768, 3072).matrix_parameters == 84_934_656


def test_operations_of_a_token_with_its_attention() -> None:
    # One layer of width 2, inner 3: 4 x 4 + 2 x 6 = 28 weights. Sequences of 1 and 3 tokens: a token attends
    # to (1 + 9) / 4 = 2.5 tokens, and 4 x 1 x 2 x 2.5 = 20.
    shape, lengths = EncoderShape(1, 2, 3), Lengths.of([1, 3])
    assert flop_per_token(shape, lengths, training=False) == 2 * 28 + 20
    assert flop_per_token(shape, lengths, training=True) == 3 * (2 * 28 + 20)


def test_training_minilm_costs_64_million_operations_a_token() -> None:
    assert flop_per_token(MINILM, Lengths.of([13]), training=True) == pytest.approx(64e6, rel=0.01)


def test_the_share_of_the_peak() -> None:
    # 1,000 tokens a second of 64 MFLOP each are 64 GFLOP/s.
    assert share_of_peak(1_000, 64e6, 128.0) == 0.5


def test_lengths_know_their_mean() -> None:
    assert Lengths.of([2, 4, 6]).mean == 4
    assert Lengths.of([2, 4, 6]).squares == 56
