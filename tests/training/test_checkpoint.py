"""Interrupted and resumed is the same as never interrupted, bit for bit."""

from __future__ import annotations

import dataclasses
from itertools import islice
from pathlib import Path

import pytest
import torch

from bertkit.errors import RunError
from bertkit.training.checkpoint import COUNTERS, OPTIMIZER, STATE, WEIGHTS, load_checkpoint, save_checkpoint
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
    counters = {name: getattr(state, name) for name in COUNTERS}
    return bench.weights() | tensors | {"random": torch.get_rng_state()}, counters


@pytest.mark.parametrize("stop_after", range(0, 10))
def test_resumes_bit_for_bit_from_any_event(make_bench, tmp_path: Path, stop_after: int) -> None:
    """Six steps and three evaluations over an epoch's end, and every place between two of them."""
    settings = {"epochs": 1.5, "eval_every_steps": 2, "dropout": 0.2}
    whole = make_bench(**settings)
    expected = list(events_of(whole))
    tensors, counters = full_state(whole)

    begun = make_bench(**settings)
    stream = events_of(begun)
    seen = list(islice(stream, stop_after))
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


def test_a_training_that_early_stopping_has_ended_stays_ended(make_bench, tmp_path: Path) -> None:
    bench = make_bench(eval_every_steps=2, early_stopping=1)  # 0.3, 0.5, 0.4: stops after step 6
    *_, ended = events_of(bench)
    assert isinstance(ended, Evaluation) and ended.step == 6
    save_checkpoint(bench.state, tmp_path / "latest")
    resumed = make_bench(eval_every_steps=2, early_stopping=1)
    load_checkpoint(resumed.state, tmp_path / "latest")
    assert list(events_of(resumed)) == []


def test_counters_are_all_plain_fields_of_the_state(make_bench) -> None:
    fields = {field.name for field in dataclasses.fields(make_bench().state)}
    assert fields == {"model", "optimizer", "accelerator", "autocast", *COUNTERS}


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


@pytest.mark.parametrize("content", ["[]", '{"step": 1}', "{}"])
def test_a_checkpoint_of_another_make_is_told(make_bench, tmp_path: Path, content: str) -> None:
    bench = make_bench()
    save_checkpoint(bench.state, tmp_path / "latest")
    (tmp_path / "latest" / STATE).write_text(content, encoding="utf-8")
    with pytest.raises(RunError, match="cannot be read"):
        load_checkpoint(bench.state, tmp_path / "latest")
    with pytest.raises(RunError, match="cannot be read"):
        load_checkpoint(bench.state, tmp_path / "nothing")


def test_a_training_that_early_stopping_ended_does_not_go_on(make_bench, tmp_path: Path) -> None:
    settings = {"epochs": 4.0, "eval_every_steps": 2, "early_stopping": 1}
    ended = make_bench(**settings)
    list(events_of(ended))
    assert ended.state.step == 6  # 0.3, 0.5, then 0.4
    save_checkpoint(ended.state, tmp_path / "latest")
    resumed = make_bench(**settings)
    load_checkpoint(resumed.state, tmp_path / "latest")
    assert list(events_of(resumed)) == []
