"""The promises of the loop: the right loss, every row, exact repetition, honest failure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
import pytest
import torch

from bertkit.config.schema import TrainSection
from bertkit.config.setting_types import BatchPlan
from bertkit.data.batching import plan_training
from bertkit.errors import TrainingError
from bertkit.training import loop as loop_module
from bertkit.training.batches import total_steps
from bertkit.training.events import Evaluation, SkippedStep, SmallerBatches, Step
from bertkit.training.loop import train
from bertkit.training.not_finite import MOST_SKIPPED_IN_A_ROW, NotFinite

# A large epsilon makes AdamW's step proportional to the gradient: without it, rounding would decide the sign
# of the steps of gradients near zero.
SMOOTH = {"dropout": 0.0, "learning_rate": 0.5, "adam_epsilon": 1.0}


def constant_score() -> tuple[Mapping[str, float], float]:
    return {"accuracy": 0.5}, 0.5


def run(bench: Any, evaluate: Callable[[], tuple[Mapping[str, float], float]] = constant_score) -> list[Any]:
    return list(train(bench.state, bench.data, bench.settings, loss=bench.loss, evaluate=evaluate))


def steps_of(events: list[Any]) -> list[Step]:
    return [event for event in events if isinstance(event, Step)]


def assert_same_weights(left: dict[str, Any], right: dict[str, Any], *, tolerance: float = 0.0) -> None:
    for name, tensor in left.items():
        torch.testing.assert_close(
            right[name], tensor, rtol=0, atol=tolerance, msg=lambda text, n=name: f"{n}: {text}"
        )


def test_first_loss_is_the_weighted_mean_of_the_whole_batch(make_bench) -> None:
    bench = make_bench(dropout=0.0)
    rows = plan_training(bench.data.features.lengths, plan="same", batch_size=8, seed=5, epoch=0)[0]
    losses = []
    for row in rows:  # one by one: no padding, no batch
        start, end = bench.data.features.offsets[row : row + 2]
        ids = torch.tensor(bench.data.features.input_ids[start:end][None].astype(np.int64))
        logits = bench.state.model.eval()(input_ids=ids).logits
        target = torch.tensor([bench.data.targets.values["label"][row]])
        losses.append(float(torch.nn.functional.cross_entropy(logits, target).detach()))
    expected = np.average(losses, weights=bench.data.targets.weights[rows])
    assert steps_of(run(bench))[0].loss == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("micro_batch_size", [1, 3, 5])
def test_micro_batches_change_nothing(make_bench, micro_batch_size: int) -> None:
    whole, pieces = make_bench(**SMOOTH), make_bench(**SMOOTH, micro_batch_size=micro_batch_size)
    losses, again = ([step.loss for step in steps_of(run(bench))] for bench in (whole, pieces))
    assert again == pytest.approx(losses, abs=2e-6)
    assert_same_weights(whole.weights(), pieces.weights(), tolerance=2e-5)


def test_every_row_is_seen_and_the_last_part_is_stepped(make_bench) -> None:
    bench = make_bench(rows=26, batch_size=8, epochs=2.0)
    steps = steps_of(run(bench))
    assert len(steps) == 2 * 4  # 8 + 8 + 8 + 2 rows
    assert sum(step.tokens for step in steps[:4]) == int(bench.data.features.lengths.sum())
    assert [step.step for step in steps] == list(range(1, 9))
    assert steps[3].epoch == 1.0


@pytest.mark.parametrize("batch_plan", get_args(BatchPlan))
def test_each_plan_sees_every_row_in_as_many_steps(make_bench, batch_plan: BatchPlan) -> None:
    bench = make_bench(rows=26, batch_size=8, epochs=1.0, batch_plan=batch_plan)
    seen = [step.tokens for step in steps_of(run(bench))]
    lengths = bench.data.features.lengths
    planned = plan_training(lengths, plan=batch_plan, batch_size=8, seed=bench.settings.seed, epoch=0)
    assert seen == [int(lengths[batch].sum()) for batch in planned]
    assert len(seen) == 4 and sum(seen) == int(lengths.sum())


def test_fractions_of_an_epoch_and_max_steps(make_bench) -> None:
    assert len(steps_of(run(make_bench(epochs=0.5)))) == 2
    # In floats 1.1 * 10 is a little more than 11.
    assert total_steps(80, TrainSection(batch_size=8, epochs=1.1)) == 11
    assert total_steps(81, TrainSection(batch_size=8, epochs=1.0)) == 11
    assert total_steps(8, TrainSection(batch_size=8, epochs=0.01)) == 1
    assert len(steps_of(run(make_bench(epochs=0.5, max_steps=7)))) == 7


def test_evaluates_after_each_epoch_or_every_n_steps_and_at_the_end(make_bench) -> None:
    def evaluated(**settings: Any) -> list[int]:
        return [event.step for event in run(make_bench(**settings)) if isinstance(event, Evaluation)]

    assert evaluated(epochs=2.0) == [4, 8]
    assert evaluated(epochs=2.0, eval_every_steps=3) == [3, 6, 8]
    assert evaluated(epochs=1.5) == [4, 6]


def test_best_and_early_stopping(make_bench) -> None:
    scores: Iterator[float] = iter([0.4, math.nan, 0.6, 0.5, 0.6, 0.9])
    bench = make_bench(epochs=6.0, early_stopping=2)

    def evaluate() -> tuple[Mapping[str, float], float]:
        score = next(scores)
        return {"accuracy": score}, score

    events = [event for event in run(bench, evaluate) if isinstance(event, Evaluation)]
    # Equal is not better; NaN is never best; after two without gain it ends, and the 0.9 is not reached.
    assert [event.is_best for event in events] == [True, False, True, False, False]
    assert (bench.state.best, bench.state.best_step) == (0.6, 12)


def test_one_seed_repeats_bit_for_bit_and_another_does_not(make_bench) -> None:
    first = make_bench(seed=5)
    events = run(first)
    again = make_bench(seed=5)
    assert run(again) == events
    assert_same_weights(first.weights(), again.weights())
    assert steps_of(run(make_bench(seed=6)))[0].loss != steps_of(events)[0].loss


def test_a_loss_that_is_no_number_stops_and_leaves_the_weights(make_bench) -> None:
    bench = make_bench(dropout=0.0)
    honest = bench.loss
    calls = iter(range(100))
    bench.loss = lambda outputs, targets: honest(outputs, targets) * (math.nan if next(calls) == 2 else 1.0)
    events = train(bench.state, bench.data, bench.settings, loss=bench.loss, evaluate=constant_score)
    next(events), next(events)
    before = bench.weights()
    with pytest.raises(TrainingError, match="step 3") as caught:
        next(events)
    assert "learning_rate" in caught.value.hint
    assert caught.value.exit_code == 1
    assert_same_weights(before, bench.weights())
    assert bench.state.step == 2


def poisoned(bench: Any, rows: set[int], value: float = math.nan) -> list[list[int]]:
    """Let the loss of some rows be no number; gives the list of the rows of each call."""
    honest, honest_collate = bench.loss, loop_module.collate
    seen: list[list[int]] = []

    def collate(features: Any, piece: Any, **options: Any) -> Any:
        seen.append(piece.tolist())
        return honest_collate(features, piece, **options)

    def loss(outputs: Any, targets: Any) -> Any:
        factors = [value if row in rows else 1.0 for row in seen[-1]]
        return honest(outputs, targets) * torch.tensor(factors)

    bench.loss = loss
    bench.collate = collate
    return seen


@pytest.mark.parametrize("micro_batch_size", [None, 3])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_names_the_rows_whose_loss_is_no_number(
    make_bench, monkeypatch: pytest.MonkeyPatch, micro_batch_size: int | None, value: float
) -> None:
    bench = make_bench(dropout=0.0, micro_batch_size=micro_batch_size)
    poisoned(bench, {7, 11}, value)
    monkeypatch.setattr(loop_module, "collate", bench.collate)
    plan = plan_training(bench.data.features.lengths, plan="same", batch_size=8, seed=5, epoch=0)
    first = next(number for number, batch in enumerate(plan) if {7, 11} & set(batch.tolist()))
    with pytest.raises(NotFinite, match=f"step {first + 1}") as caught:
        run(bench)
    assert set(caught.value.features) == {7, 11} & set(plan[first].tolist())


def test_an_infinite_gradient_names_the_batch(make_bench) -> None:
    """A loss that is a number, with a gradient that is none."""
    bench = make_bench(dropout=0.0)
    honest = bench.loss

    class Broken(torch.autograd.Function):
        @staticmethod
        def forward(context: Any, losses: Any) -> Any:
            return losses.clone()

        @staticmethod
        def backward(context: Any, gradient: Any) -> Any:
            return gradient * math.inf

    bench.loss = lambda outputs, targets: Broken.apply(honest(outputs, targets))
    before = bench.weights()
    plan = plan_training(bench.data.features.lengths, plan="same", batch_size=8, seed=5, epoch=0)
    with pytest.raises(NotFinite, match="gradient norm") as caught:
        run(bench)
    assert sorted(caught.value.features) == sorted(plan[0].tolist())
    assert_same_weights(before, bench.weights())


def test_steps_without_a_number_are_skipped_and_counted(make_bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the step had not been: the same weights as before it, and the training goes on."""
    bench = make_bench(dropout=0.0, on_nan="skip", epochs=1.0)
    poisoned(bench, {7})
    monkeypatch.setattr(loop_module, "collate", bench.collate)
    before, skipped = bench.weights(), []
    for event in train(bench.state, bench.data, bench.settings, loss=bench.loss, evaluate=constant_score):
        if isinstance(event, SkippedStep):
            skipped.append(event)
            assert_same_weights(before, bench.weights())
        before = bench.weights()
    assert [event.features for event in skipped] == [(7,)]
    assert (bench.state.step, bench.state.skipped, bench.state.skipped_in_a_row) == (4, 1, 0) or (
        skipped[0].step == 4 and bench.state.skipped_in_a_row == 1
    )


def test_does_not_skip_for_ever(make_bench) -> None:
    bench = make_bench(dropout=0.0, on_nan="skip", epochs=5.0)
    honest = bench.loss
    bench.loss = lambda outputs, targets: honest(outputs, targets) * math.nan
    with pytest.raises(NotFinite, match=f"as in the {MOST_SKIPPED_IN_A_ROW} steps before it"):
        run(bench)
    assert bench.state.skipped == MOST_SKIPPED_IN_A_ROW


@pytest.mark.parametrize("on_nan", ["stop", "skip"])
def test_weights_that_are_no_numbers_are_named_at_once(make_bench, on_nan: str) -> None:
    bench = make_bench(on_nan=on_nan)
    bench.state.model.bert.encoder.layer[1].output.dense.weight.data[3, 4] = math.nan
    with pytest.raises(NotFinite, match=re.escape("encoder.layer.1.output.dense.weight")) as caught:
        run(bench)
    assert caught.value.is_of_weights and bench.state.step == 0


@pytest.mark.parametrize(
    "error",
    [RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you ..."), MemoryError()],
    ids=["torch", "numpy"],
)
def test_out_of_memory_halves_the_micro_batch_and_changes_no_result(
    make_bench, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    never, once = make_bench(**SMOOTH), make_bench(**SMOOTH)
    expected = steps_of(run(never))
    honest = loop_module.collate

    def hungry(features: Any, rows: Any, **options: Any) -> Any:
        if len(rows) > 4:
            raise error
        return honest(features, rows, **options)

    monkeypatch.setattr(loop_module, "collate", hungry)
    events = run(once)
    assert [event.micro_batch_size for event in events if isinstance(event, SmallerBatches)] == [4]
    assert [step.loss for step in steps_of(events)] == pytest.approx(
        [step.loss for step in expected], abs=2e-6
    )
    assert_same_weights(never.weights(), once.weights(), tolerance=2e-5)


def test_a_step_that_ran_out_of_memory_half_way_is_begun_afresh(make_bench) -> None:
    """Its first half left gradients and drew dropout masks; both are taken back."""
    smaller = make_bench(micro_batch_size=2)
    expected = run(smaller)
    failing = make_bench(micro_batch_size=4)
    honest = failing.loss
    calls = iter(range(1000))

    def full_once(outputs: Any, targets: Any) -> Any:
        if next(calls) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return honest(outputs, targets)

    failing.loss = full_once
    assert run(failing) == [SmallerBatches(2), *expected]
    assert_same_weights(smaller.weights(), failing.weights())


def test_out_of_memory_with_one_row_is_told(make_bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def never_enough(*arguments: Any, **options: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(loop_module, "collate", never_enough)
    with pytest.raises(TrainingError, match="one row"):
        run(make_bench())


def test_memory_that_ends_in_the_update_is_not_tried_again(
    make_bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some weights may have moved already: a second try would move them twice."""
    bench = make_bench()

    def full(*arguments: Any, **options: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(bench.state.optimizer, "step", full)
    with pytest.raises(torch.OutOfMemoryError):
        run(bench)


def test_memory_of_one_of_several_processes_is_told(make_bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others wait for its gradients: it must not go back alone."""
    bench = make_bench(batch_size=16)

    def full(*arguments: Any, **options: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(loop_module, "collate", full)
    bench.state.accelerator = SimpleNamespace(
        num_processes=2, process_index=1, device="cpu", no_sync=lambda model: nullcontext()
    )
    with pytest.raises(TrainingError, match="process 1 of 2") as caught:
        run(bench)
    assert "micro_batch_size=4" in caught.value.hint


def test_the_rate_follows_optimizer_steps_not_pieces(make_bench) -> None:
    settings = {"epochs": 2.0, "learning_rate": 0.01, "warmup_ratio": 0.25}
    steps = steps_of(run(make_bench(micro_batch_size=1, **settings)))
    # 8 steps, 2 of warm-up, then down in a line.
    assert [step.learning_rate for step in steps] == pytest.approx(
        [0.01 / 3, 0.02 / 3] + [0.01 * (1 - k / 6) for k in range(6)]
    )


def test_another_runtime_error_is_not_tried_again(make_bench, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def broken(*arguments: Any, **options: Any) -> Any:
        calls.append(1)
        raise RuntimeError("shape mismatch")

    monkeypatch.setattr(loop_module, "collate", broken)
    with pytest.raises(RuntimeError, match="shape mismatch"):
        run(make_bench())
    assert len(calls) == 1
