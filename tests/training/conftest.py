"""A tiny classifier and its data, ready for the loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bertkit.config.schema import TrainSection
from bertkit.data.features import Features, Padding, Targets
from bertkit.models.execution import speed_up
from bertkit.training import gradients
from bertkit.training.batches import TrainingData
from bertkit.training.loop import TrainingState
from bertkit.training.optimizer import build_optimizer


@dataclass
class Bench:
    """What the loop is called with."""

    state: TrainingState
    data: TrainingData
    settings: TrainSection

    @staticmethod
    def loss(outputs: Any, targets: Any) -> Any:
        from torch.nn import functional

        return functional.cross_entropy(outputs.logits.float(), targets["label"], reduction="none")

    def weights(self) -> dict[str, Any]:
        model = self.state.accelerator.unwrap_model(self.state.model)
        return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


def make_data(rows: int = 26) -> TrainingData:
    """Rows of unequal length and unequal weight, two labels."""
    random = np.random.default_rng(3)
    lengths = random.integers(3, 17, size=rows)
    features = Features(
        input_ids=random.integers(5, 40, size=int(lengths.sum()), dtype=np.int32),
        token_type_ids=None,
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        examples=np.arange(rows, dtype=np.int32),
    )
    weights = random.uniform(0.2, 3.0, size=rows).astype(np.float32)
    return TrainingData(features, Targets({"label": random.integers(0, 2, size=rows)}, weights), Padding(0))


@pytest.fixture
def make_bench(tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Bench]:
    """A fresh training: `make_bench(dropout=0.0, batch_size=8, epochs=2)`; all that makes it fast is on."""
    monkeypatch.setattr(gradients, "MIN_ROWS", 10)

    def make(
        *, dropout: float = 0.1, micro_batch_size: int | None = None, rows: int = 26, **settings: Any
    ) -> Bench:
        import torch
        from accelerate import Accelerator
        from accelerate.state import AcceleratorState
        from transformers import AutoConfig, AutoModelForSequenceClassification

        chosen = TrainSection(
            **({"epochs": 2.0, "batch_size": 8, "learning_rate": 1e-3, "seed": 5} | settings)
        )
        torch.manual_seed(chosen.seed)
        config = AutoConfig.from_pretrained(tiny_encoder, num_labels=2)
        config.hidden_dropout_prob = config.attention_probs_dropout_prob = dropout
        config.classifier_dropout = dropout
        model = AutoModelForSequenceClassification.from_pretrained(
            tiny_encoder, config=config, dtype=torch.float32
        )
        assert speed_up(model).fused
        AcceleratorState._reset_state()  # an earlier test of this process may have computed in bf16
        accelerator = Accelerator(cpu=True, mixed_precision="no")
        model, optimizer = accelerator.prepare(model, build_optimizer(model, chosen))
        state = TrainingState(model, optimizer, accelerator, micro_batch_size=micro_batch_size)
        return Bench(state, make_data(rows), chosen)

    return make
