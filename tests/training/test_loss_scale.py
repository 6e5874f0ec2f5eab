"""fp16: the loss is scaled, by less where gradients become too large; no row is left out for it."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch

from bertkit.training import loop
from bertkit.training.events import Step
from bertkit.training.loop import train


def steps_of(bench) -> list[Step]:
    events = train(bench.state, bench.data, bench.settings, loss=bench.loss, evaluate=lambda: ({}, 0.0))
    return [event for event in events if isinstance(event, Step)]


def in_half(bench, scale: float):
    bench.state.autocast = partial(torch.autocast, "cpu", dtype=torch.float16)
    bench.state.loss_scale = scale
    return bench


def test_a_scale_that_is_too_large_is_halved_until_gradients_are_numbers(make_bench) -> None:
    whole = steps_of(make_bench(dropout=0.0))
    bench = in_half(make_bench(dropout=0.0), 2.0**40)
    steps = steps_of(bench)
    assert 1 < bench.state.loss_scale < 2.0**40
    assert math.log2(bench.state.loss_scale).is_integer()
    # No step is left out, and the scale is taken out of what is reported and clipped.
    assert [step.step for step in steps] == [step.step for step in whole]
    for found, expected in zip(steps, whole, strict=True):
        assert found.loss == pytest.approx(expected.loss, abs=0.02)
        assert found.grad_norm == pytest.approx(expected.grad_norm, rel=0.1)


def test_it_is_doubled_after_many_steps_without(make_bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "STEPS_TO_DOUBLE", 3)
    bench = in_half(make_bench(epochs=2.0), 8.0)
    assert len(steps_of(bench)) == 8
    assert (bench.state.loss_scale, bench.state.scaled_steps) == (32.0, 2)
