"""A model's outputs for all features: in their order, whatever the batches, in little memory."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from bertkit.data.features import Features, Padding
from bertkit.errors import TrainingError
from bertkit.evaluation import inference
from bertkit.evaluation.inference import run_model


def make_features(lengths: list[int]) -> Features:
    random = np.random.default_rng(1)
    return Features(
        random.integers(5, 40, size=sum(lengths), dtype=np.int32),
        None,
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        np.arange(len(lengths), dtype=np.int32),
    )


def logits_of(outputs: Any) -> Any:
    return outputs.logits.float().numpy()


def run(model: Any, features: Features, **options: Any) -> Any:
    usual: dict[str, Any] = {"keep": logits_of, "autocast": nullcontext, "padding": Padding(0)}
    return run_model(model, features, device="cpu", **(usual | options))


@pytest.fixture(scope="module")
def model(tiny_encoder: Path) -> Any:
    from transformers import AutoModelForSequenceClassification

    torch.manual_seed(0)
    return AutoModelForSequenceClassification.from_pretrained(tiny_encoder, num_labels=3)


def test_each_feature_as_if_it_were_alone(model, monkeypatch: pytest.MonkeyPatch) -> None:
    features = make_features([3, 17, 9, 40, 5, 5, 22])
    plan = inference.plan_inference
    monkeypatch.setattr(inference, "plan_inference", lambda lengths: plan(lengths, max_batch_size=3))
    kept = run(model.train(), features)
    assert not model.training
    for row, (start, end) in enumerate(zip(features.offsets[:-1], features.offsets[1:], strict=True)):
        with torch.inference_mode():
            alone = model(input_ids=torch.tensor(features.input_ids[None, start:end].astype(np.int64)))
        np.testing.assert_allclose(kept[row], alone.logits[0].numpy(), atol=1e-6)


def test_keeps_what_it_is_told_to_and_no_more(model) -> None:
    features = make_features([4, 8, 6])
    kept = run(
        model, features, keep=lambda outputs: logits_of(outputs).argmax(axis=1)[:, None].astype(np.int16)
    )
    assert (kept.shape, kept.dtype) == ((3, 1), np.int16)
    assert kept[:, 0].tolist() == run(model, features).argmax(axis=1).tolist()


def test_no_gradients_and_the_precision_asked_for(model) -> None:
    seen = []

    def keep(outputs: Any) -> Any:
        seen.append((outputs.logits.dtype, outputs.logits.requires_grad))
        return logits_of(outputs)

    kept = run(model, make_features([4]), keep=keep, autocast=lambda: torch.autocast("cpu", torch.bfloat16))
    assert seen == [(torch.bfloat16, False)]
    assert kept.dtype == np.float32


def test_progress_reaches_the_end(model, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = inference.plan_inference
    monkeypatch.setattr(inference, "plan_inference", lambda lengths: plan(lengths, max_batch_size=2))
    told: list[int] = []
    run(model, make_features([4, 8, 6, 3, 2]), progress=told.append)
    assert told == [2, 4, 5]


def hungry(model: Any, most: int, calls: list[tuple[int, int]]) -> Any:
    """The model, with memory for so many padded tokens."""

    class Hungry(torch.nn.Module):
        def forward(self, input_ids: torch.Tensor, **inputs: Any) -> Any:
            calls.append(tuple(input_ids.shape))
            if input_ids.numel() > most:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return model(input_ids=input_ids, **inputs)

    return Hungry()


@pytest.mark.parametrize("head", ["model", "tagger"])
def test_memory_that_ran_out_halves_what_is_computed_at_once(head: str, request: Any) -> None:
    whole = request.getfixturevalue(head).eval()
    features = make_features([3, 17, 9, 40, 5, 5, 22, 30, 1, 12])
    expected = run(whole, features)
    calls: list[tuple[int, int]] = []
    told: list[int] = []
    done: list[int] = []
    kept = run(hungry(whole, 120, calls), features, smaller=told.append, progress=done.append)
    np.testing.assert_allclose(kept, expected, atol=1e-6)
    assert told == [5, 2] and done[-1] == 10
    assert calls[:3] == [(10, 40), (5, 40), (2, 40)]
    assert max(rows * length for rows, length in calls[2:]) <= 120  # no second try of what is too much
    assert max(rows for rows, _ in calls[2:]) > 2  # short ones are as many as have room


def test_one_row_that_memory_does_not_hold(model) -> None:
    with pytest.raises(TrainingError, match="one row"):
        run(hungry(model, 2, []), make_features([4, 8, 6]))


def test_another_runtime_error_is_not_tried_again(model) -> None:
    calls = []

    def broken(outputs: Any) -> Any:
        calls.append(1)
        raise RuntimeError("shape mismatch")

    with pytest.raises(RuntimeError, match="shape mismatch"):
        run(model, make_features([4, 8, 6]), keep=broken)
    assert len(calls) == 1


def test_nothing_to_run_over(model) -> None:
    with pytest.raises(ValueError, match="no features"):
        run(model, make_features([]))


@pytest.fixture(scope="module")
def tagger(tiny_encoder: Path) -> Any:
    from transformers import AutoModelForTokenClassification

    torch.manual_seed(0)
    return AutoModelForTokenClassification.from_pretrained(tiny_encoder, num_labels=3)


@pytest.mark.parametrize("left", [False, True])
def test_a_row_a_token_without_padding(tagger, monkeypatch: pytest.MonkeyPatch, left: bool) -> None:
    """In the order of the tokens, though batches take the features by length."""
    features = make_features([3, 17, 9, 40, 5, 1, 22])
    plan = inference.plan_inference
    monkeypatch.setattr(inference, "plan_inference", lambda lengths: plan(lengths, max_batch_size=3))
    ids = run(echo(), features, padding=Padding(99, left=left), keep=lambda outputs: outputs.logits.numpy())
    assert ids[:, 0].tolist() == features.input_ids.tolist()
    if left:  # positions count from the left in BERT, so that only the order can be compared
        return
    kept = run(tagger, features)
    assert (kept.shape, kept.dtype) == ((97, 3), np.float32)
    for start, end in zip(features.offsets[:-1], features.offsets[1:], strict=True):
        with torch.inference_mode():
            alone = tagger(input_ids=torch.tensor(features.input_ids[None, start:end].astype(np.int64)))
        np.testing.assert_allclose(kept[start:end], alone.logits[0].numpy(), atol=1e-6)


def echo() -> Any:
    """A model that gives each token's own id."""

    class Echo(torch.nn.Module):
        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Any:
            return SimpleNamespace(logits=input_ids.unsqueeze(-1).float())

    return Echo()


def test_left_padding_is_put_before_and_not_kept() -> None:
    seen = []

    def keep(outputs: Any) -> Any:
        seen.append(outputs.logits[..., 0].tolist())
        return outputs.logits.numpy()

    features = make_features([2, 4])
    kept = run(echo(), features, padding=Padding(99, left=True), keep=keep)
    a, b, *rest = features.input_ids.tolist()
    assert sorted(seen[0]) == sorted([[99, 99, a, b], rest])
    assert kept[:, 0].tolist() == [a, b, *rest]
