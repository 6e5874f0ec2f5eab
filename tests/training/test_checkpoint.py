"""Interrupted and resumed is the same as never interrupted, bit for bit."""

from __future__ import annotations

import dataclasses
from itertools import islice
from pathlib import Path

import pytest
import torch

from bertkit.errors import RunError
from bertkit.training.checkpoint import (
    COUNTERS,
    OPTIMIZER,
    STATE,
    WEIGHTS,
    load_checkpoint,
    write_checkpoint,
    write_weights,
)
from bertkit.training.events import Evaluation
from bertkit.training.loop import train

SCORES = [0.3, 0.5, 0.4, 0.45, 0.2, 0.1, 0.6, 0.7]


def score_by_step(bench):
    """A score that depends on the step alone, so that a resumed training meets the same ones."""
    return lambda: ({"accuracy": SCORES[bench.state.step // 2 - 1]}, SCORES[bench.state.step // 2 - 1])


def events_of(bench):
    return train(bench.state, bench.data, bench.settings, loss=bench.loss, evaluate=score_by_step(bench))


def saved(bench, folder: Path, **options) -> Path:
    """A checkpoint of what a training is now, in `latest`."""
    (folder / "latest").mkdir()
    write_checkpoint(bench.state, folder / "latest", **options)
    return folder / "latest"


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
    saved(begun, tmp_path)

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
    saved(bench, tmp_path)
    resumed = make_bench(eval_every_steps=2, early_stopping=1)
    load_checkpoint(resumed.state, tmp_path / "latest")
    assert list(events_of(resumed)) == []


def test_counters_are_all_plain_fields_of_the_state(make_bench) -> None:
    fields = {field.name for field in dataclasses.fields(make_bench().state)}
    assert fields == {"model", "optimizer", "accelerator", "autocast", "group", *COUNTERS}


def test_shared_weights_are_written_once_and_load_the_same(make_bench, tmp_path: Path) -> None:
    bench = make_bench()
    best = tmp_path / "best"
    best.mkdir()
    write_weights(bench.state, best)
    file = best / WEIGHTS
    folder = saved(bench, tmp_path, weights=file)
    assert (folder / WEIGHTS).samefile(file)
    fresh = make_bench()
    for parameter in fresh.state.model.parameters():
        parameter.data.zero_()
    load_checkpoint(fresh.state, folder)
    for name, weights in bench.weights().items():
        assert torch.equal(fresh.weights()[name], weights)


def test_where_files_cannot_be_linked_weights_are_copied(
    make_bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(place: Path, file: Path) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(Path, "hardlink_to", no_links)
    bench = make_bench()
    (tmp_path / "best").mkdir()
    write_weights(bench.state, tmp_path / "best")
    file = tmp_path / "best" / WEIGHTS
    folder = saved(bench, tmp_path, weights=file)
    assert not (folder / WEIGHTS).samefile(file)
    assert (folder / WEIGHTS).read_bytes() == file.read_bytes()


@pytest.mark.parametrize("name", [WEIGHTS, OPTIMIZER, STATE])
def test_a_broken_checkpoint_is_told(make_bench, tmp_path: Path, name: str) -> None:
    bench = make_bench()
    saved(bench, tmp_path)
    file = tmp_path / "latest" / name
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(RunError, match="cannot be read"):
        load_checkpoint(make_bench().state, tmp_path / "latest")


@pytest.mark.parametrize("content", ["[]", '{"step": 1}', "{}"])
def test_a_checkpoint_of_another_make_is_told(make_bench, tmp_path: Path, content: str) -> None:
    bench = make_bench()
    saved(bench, tmp_path)
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
    saved(ended, tmp_path)
    resumed = make_bench(**settings)
    load_checkpoint(resumed.state, tmp_path / "latest")
    assert list(events_of(resumed)) == []
