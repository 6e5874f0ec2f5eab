"""Masks that drop with exactly the probability asked for, and are the same for the same seed."""

from __future__ import annotations

import pytest
import torch

from bertkit.models.grouped.dropout import DropoutMasks, draw_seed


@pytest.mark.parametrize("probability", [0.05, 0.1, 0.5, 0.8])
def test_share_of_dropped_and_expected_value(probability: float) -> None:
    masks = DropoutMasks(3)
    drawn = [masks.draw((50, 1001), probability, torch.float32) for _ in range(60)]
    dropped = torch.cat([mask.flatten() for mask, _ in drawn]).eq(0).double().mean()
    # Three million draws: five standard errors, and those of the choice between two neighbours.
    assert float(dropped) == pytest.approx(probability, abs=0.0016)
    for mask, factor in drawn:
        assert set(mask.unique().tolist()) <= {0.0, 1.0}
        assert float(mask.mean()) * factor == pytest.approx(1, abs=0.05)


def test_elements_are_independent() -> None:
    mask, _ = DropoutMasks(1).draw((400, 1000), 0.5, torch.float32)
    centred = mask - mask.mean()
    for shift in (1, 7, 8, 64):
        assert abs(float((centred * centred.roll(shift, 1)).mean())) < 0.003
        assert abs(float((centred * centred.roll(shift, 0)).mean())) < 0.003


def test_the_seed_and_the_number_decide() -> None:
    def drawn(seed: int, number: int) -> list[float]:
        return DropoutMasks(seed, number).draw((64,), 0.5, torch.bfloat16)[0].tolist()

    assert drawn(1, 0) == drawn(1, 0)
    assert drawn(1, 0) != drawn(1, 1)
    assert drawn(1, 0) != drawn(2, 0)


def test_the_seed_comes_from_the_random_state_of_torch() -> None:
    torch.manual_seed(4)
    state = torch.get_rng_state()
    first, second = draw_seed(), draw_seed()
    torch.set_rng_state(state)
    assert (draw_seed(), draw_seed()) == (first, second)
    assert first != second
