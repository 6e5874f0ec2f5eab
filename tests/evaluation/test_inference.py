"""A model's outputs for all features: in their order, whatever the batches, in little memory."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bertkit.data.features import Features, Padding
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
    chosen: dict[str, Any] = {"keep": logits_of, "autocast": nullcontext} | options
    return run_model(model, features, padding=Padding(0), device="cpu", **chosen)


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
    kept = run(model, features, keep=lambda outputs: logits_of(outputs).argmax(axis=1).astype(np.int16))
    assert (kept.shape, kept.dtype) == ((3,), np.int16)
    assert kept.tolist() == run(model, features).argmax(axis=1).tolist()


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


def test_nothing_to_run_over(model) -> None:
    with pytest.raises(ValueError, match="no features"):
        run(model, make_features([]))
