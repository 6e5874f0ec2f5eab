"""Little is filled up, and few numbers are left."""

import pytest

from bertkit.models.recurring import recurring


@pytest.mark.parametrize(
    ("tokens", "filled"),
    [(1, 16), (17, 32), (430, 432), (511, 512), (513, 544), (1025, 1088), (5000, 5120), (70_000, 73_728)],
)
def test_the_next_number(tokens: int, filled: int) -> None:
    assert recurring(tokens) == filled


@pytest.mark.parametrize("tokens", [100, 512, 513, 1300, 5000, 70_000])
def test_little_is_filled_up_and_numbers_recur(tokens: int) -> None:
    numbers = range(tokens, 2 * tokens)
    assert all(number <= recurring(number) < number + max(16, number / 16 + 1) for number in numbers)
    assert len({recurring(number) for number in numbers}) <= 33
