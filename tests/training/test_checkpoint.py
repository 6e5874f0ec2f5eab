"""Interrupted and resumed is the same as never interrupted, bit for bit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bertkit.errors import RunError
from bertkit.training.checkpoint import OPTIMIZER, STATE, WEIGHTS, load_checkpoint, save_checkpoint
from bertkit.training.events import Evaluation
from bertkit.training.loop import train

SCORES = [0.3, 0.5, 0.4, 0.45, 0.2, 0.1, 0.6, 0.7]


def score_by_step(bench):
    """A score that depends on the step alone, so that a resumed training meets the same ones."""
    return lambda: ({"accuracy": SCORES[bench.state.step // 2 - 1]}, SCORES[bench.state.step // 2 - 1])


def events_of(bench):
    return train(bench.state, bench.data, bench.settings, loss=bench.loss, evaluate=score_by_step(bench))


def full_state(bench):
    optimizer = bench.state.optimizer.state_dict()
    tensors = {f"{i}.{name}": t for i, values in optimizer["state"].items() for name, t in values.items()}
    state = bench.state
    counters = (state.step, state.best, state.best_step, state.without_gain)
    return bench.weights() | tensors | {"random": torch.get_rng_state()}, counters


@pytest.mark.parametrize("stop_after", range(0, 9))
def test_resumes_bit_for_bit_from_any_event(make_bench, tmp_path: Path, stop_after: int) -> None:
    settings = {"epochs": 2.0, "eval_every_steps": 2, "dropout": 0.2}
    whole = make_bench(**settings)
    expected = list(events_of(whole))
    tensors, counters = full_state(whole)

    begun = make_bench(**settings)
    stream = events_of(begun)
    seen = []
    while begun.state.step < stop_after:
        seen.append(next(stream))
    if stop_after and stop_after % 2 == 0:
        seen.append(next(stream))
        assert isinstance(seen[-1], Evaluation)
    save_checkpoint(begun.state, tmp_path / "latest")

    torch.manual_seed(999)  # another process would stand anywhere
    resumed = make_bench(**settings)
    for parameter in resumed.state.model.parameters():
        parameter.data.zero_()
    load_checkpoint(resumed.state, tmp_path / "latest")
    rest = list(events_of(resumed))
    assert seen + rest == expected
    again, again_counters = full_state(resumed)
    assert again_counters == counters
    assert again.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert torch.equal(again[name], tensor), name


def test_saving_replaces_the_older_checkpoint(make_bench, tmp_path: Path) -> None:
    bench = make_bench()
    save_checkpoint(bench.state, tmp_path / "latest")
    next(events_of(bench))
    save_checkpoint(bench.state, tmp_path / "latest")
    assert [path.name for path in tmp_path.iterdir()] == ["latest"]
    fresh = make_bench()
    load_checkpoint(fresh.state, tmp_path / "latest")
    assert fresh.state.step == 1


@pytest.mark.parametrize("name", [WEIGHTS, OPTIMIZER, STATE])
def test_a_broken_checkpoint_is_told(make_bench, tmp_path: Path, name: str) -> None:
    bench = make_bench()
    save_checkpoint(bench.state, tmp_path / "latest")
    file = tmp_path / "latest" / name
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(RunError, match="cannot be read"):
        load_checkpoint(make_bench().state, tmp_path / "latest")
