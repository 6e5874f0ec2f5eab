"""A training on a stream: the same batches each time, gone on with inside a block and at its edge."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator, Mapping
from itertools import chain, count, islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bertkit.config.schema import TrainSection
from bertkit.data.features import Features, Padding, Targets
from bertkit.errors import DataError, RecipeError
from bertkit.training.batches import TrainingData
from bertkit.training.checkpoint import load_checkpoint, write_checkpoint
from bertkit.training.events import Evaluation, Step
from bertkit.training.loop import train
from bertkit.training.streamed import Block, StreamedData

SIZES = (20, 13, 7)  # features of the blocks of an epoch: 3, 2 and 1 batches of 8


def make_data(seed: int, rows: int) -> TrainingData:
    random = np.random.default_rng(seed)
    lengths = random.integers(3, 17, size=rows)
    features = Features(
        input_ids=random.integers(5, 40, size=int(lengths.sum()), dtype=np.int32),
        token_type_ids=None,
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        examples=np.arange(rows, dtype=np.int32),
    )
    labels = random.integers(0, 2, size=rows)
    ids = [f"part-{seed}:{number + 1}" for number in range(rows)]
    return TrainingData(features, Targets({"label": labels}, np.ones(rows, np.float32)), Padding(0), ids)


def stream(position: Mapping[str, Any] | None) -> Iterator[Block]:
    """Blocks without end, of which a position names one."""
    first = (position["epoch"], position["block"]) if position else (0, 0)
    for epoch in count(first[0]):
        for number, rows in enumerate(SIZES):
            if (epoch, number) < first:
                continue
            begin, end = sum(SIZES[:number]) / sum(SIZES), sum(SIZES[: number + 1]) / sum(SIZES)
            yield Block(make_data(number, rows), {"epoch": epoch, "block": number}, begin, end)


def batches_of(steps: int, **settings: Any) -> list[list[str]]:
    """The ids of each batch."""
    chosen = TrainSection(**({"max_steps": steps, "batch_size": 8} | settings))
    batches = StreamedData(stream).batches(chosen, None)
    found = []
    for step in range(steps):
        data, rows = batches.batch_at(step)
        found.append(data.ids_of(rows.tolist()))
    batches.close()
    return found


@pytest.mark.parametrize("plan", ["same", "bucketed", "tokens"])
def test_each_row_comes_once_an_epoch_and_the_next_one_has_another_order(plan: str) -> None:
    found = batches_of(12, batch_plan=plan)
    expected = sorted(f"part-{part}:{row + 1}" for part, rows in enumerate(SIZES) for row in range(rows))
    assert sorted(chain(*found[:6])) == sorted(chain(*found[6:])) == expected
    assert found[:6] != found[6:]
    assert batches_of(12, batch_plan=plan) == found
    assert batches_of(12, batch_plan=plan, seed=7) != found


def test_rows_of_a_block_stay_in_it() -> None:
    first_block = {f"part-0:{row + 1}" for row in range(SIZES[0])}
    assert set(chain(*batches_of(3))) == first_block


def stream_bench(make_bench, blocks=stream):
    bench = make_bench(max_steps=14, eval_every_steps=4, dropout=0.2)
    bench.data = StreamedData(blocks)
    return bench


def events_of(bench):
    scores = {4: 0.3, 8: 0.5, 12: 0.4, 14: 0.45}
    evaluate = lambda: ({"accuracy": scores[bench.state.step]}, scores[bench.state.step])  # noqa: E731
    return train(bench.state, bench.data, bench.settings, loss=bench.loss, evaluate=evaluate)


# 14 steps and 4 evaluations: blocks end after steps 3, 5, 6, 9, 11 and 12.
@pytest.mark.parametrize("stop_after", [0, 2, 3, 4, 5, 7, 10, 15, 17])
def test_resumes_bit_for_bit_from_any_event(make_bench, tmp_path: Path, stop_after: int) -> None:
    whole = stream_bench(make_bench)
    expected = list(events_of(whole))
    begun = stream_bench(make_bench)
    events = events_of(begun)
    seen = list(islice(events, stop_after))
    events.close()
    (tmp_path / "latest").mkdir()
    write_checkpoint(begun.state, tmp_path / "latest")
    torch.manual_seed(999)
    resumed = stream_bench(make_bench)
    load_checkpoint(resumed.state, tmp_path / "latest")
    assert seen + list(events_of(resumed)) == expected
    assert resumed.state.stream == whole.state.stream
    for name, weights in whole.weights().items():
        assert torch.equal(resumed.weights()[name], weights), name


def test_a_resumed_training_reads_from_its_block_on(make_bench, tmp_path: Path) -> None:
    begun = stream_bench(make_bench)
    steps = (event for event in events_of(begun) if isinstance(event, Step))
    list(islice(steps, 4))
    (tmp_path / "latest").mkdir()
    write_checkpoint(begun.state, tmp_path / "latest")
    state = json.loads((tmp_path / "latest" / "state.json").read_text(encoding="utf-8"))
    assert state["stream"] == {"first_step": 3, "block": {"epoch": 0, "block": 1}}
    asked = []

    def recorded(position):
        asked.append(position)
        return stream(position)

    resumed = stream_bench(make_bench, recorded)
    load_checkpoint(resumed.state, tmp_path / "latest")
    events = events_of(resumed)
    next(events)
    events.close()
    assert asked == [{"epoch": 0, "block": 1}]


def test_epochs_are_told_by_how_much_of_the_stream_was_read(make_bench) -> None:
    events = list(events_of(stream_bench(make_bench)))
    epochs = {event.step: event.epoch for event in events if isinstance(event, Step)}
    assert epochs[3] == 20 / 40
    assert epochs[6] == 1.0
    assert epochs[12] == 2.0
    assert list(epochs.values()) == sorted(epochs.values())
    assert [event.step for event in events if isinstance(event, Evaluation)] == [4, 8, 12, 14]


def test_a_stream_is_scored_ten_times_where_nothing_else_is_said() -> None:
    batches = StreamedData(stream).batches(TrainSection(max_steps=95), None)
    batches.close()
    assert (batches.total_steps, batches.eval_every) == (95, 10)
    with pytest.raises(RecipeError, match=r"train\.max_steps"):
        StreamedData(stream).batches(TrainSection(), None)


def test_no_generator_that_others_draw_from_is_disturbed() -> None:
    torch.manual_seed(1)
    random.seed(1)
    np.random.seed(1)
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()  # type: ignore[index]
    batches_of(12)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    assert np.random.get_state()[1].tolist() == before[2]  # type: ignore[index]


def test_a_fault_of_the_stream_comes_between_two_steps_and_nothing_stays_open(make_bench) -> None:
    closed = threading.Event()

    def broken(position):
        try:
            yield from islice(stream(position), 2)
            raise DataError("part-2 is gone", hint="put it back")
        finally:
            closed.set()

    before = threading.active_count()
    bench = stream_bench(make_bench, broken)
    with pytest.raises(DataError, match="part-2 is gone"):
        list(events_of(bench))
    assert bench.state.step == 5
    assert closed.is_set()
    assert threading.active_count() == before
    assert bench.data.ids_of([0, 1]) == ["part-1:1", "part-1:2"]


def test_a_stream_without_usable_rows_is_told(make_bench) -> None:
    with pytest.raises(DataError, match="no row with both text and label"):
        list(events_of(stream_bench(make_bench, lambda position: iter(()))))
