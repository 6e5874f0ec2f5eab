"""A run is finished only if the model that lies on the disk scores what it scored in training."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bertkit.config.loader import load_recipe
from bertkit.errors import TrainingError
from bertkit.workflows import finishing
from bertkit.workflows.finetune import finetune
from bertkit.workflows.finishing import ROUNDING_TOLERANCE, _allowed_difference, _check_reloaded

SETTINGS = {
    "train.epochs": 12.0, "train.batch_size": 8, "train.learning_rate": 1e-3, "train.precision": "fp32",
    "train.max_length": 32,
}  # fmt: skip


def test_a_model_that_was_not_saved_whole_is_no_finished_run(
    tiny_encoder: Path, reviews: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    save = finishing.save_model

    def with_a_head_turned_round(trained: Any, folder: Path, contract: Any) -> None:
        with torch.no_grad():
            trained.model.classifier.weight.neg_()
        save(trained, folder, contract)

    monkeypatch.setattr(finishing, "save_model", with_a_head_turned_round)
    flags = SETTINGS | {"model.name": str(tiny_encoder), "data.train": str(reviews)}
    with pytest.raises(TrainingError, match="was not saved whole"):
        finetune(load_recipe("classification", flags=flags), out=tmp_path / "run")
    assert not (tmp_path / "run" / "metrics.json").exists()


@pytest.mark.parametrize(
    ("score", "allowed", "outcome"),
    [
        (0.9, 1e-6, "nothing"),
        (0.905, 1e-6, "refused"),
        (0.905, ROUNDING_TOLERANCE, "said"),
        (0.92, ROUNDING_TOLERANCE, "refused"),
        (0.92, math.inf, "said"),
    ],
)
def test_how_far_the_saved_model_may_score_from_the_trained_one(
    score: float, allowed: float, outcome: str
) -> None:
    said: list[Any] = []
    checkpoints = SimpleNamespace(path="run/checkpoints")
    job: Any = SimpleNamespace(
        metric="accuracy", listen=said.append, run=SimpleNamespace(checkpoints=checkpoints)
    )
    state: Any = SimpleNamespace(best=0.9)
    if outcome == "refused":
        with pytest.raises(TrainingError, match="not saved whole"):
            _check_reloaded(job, state, {"accuracy": score}, allowed=allowed)
    else:
        _check_reloaded(job, state, {"accuracy": score}, allowed=allowed)
    assert len(said) == (outcome == "said")


@pytest.mark.parametrize(
    ("device", "compiled", "gpu", "allowed"),
    [
        ("cpu", False, "none", 1e-6),
        ("cpu", True, "none", ROUNDING_TOLERANCE),
        ("cuda", False, "one card", ROUNDING_TOLERANCE),
        ("cuda", False, "another card", math.inf),
    ],
)
def test_kernels_that_may_round_otherwise(device: str, compiled: bool, gpu: str, allowed: float) -> None:
    scored = {
        "precision": "bf16",
        "settings": {"train.compile": compiled},
        "versions": {"GPU": "none" if device == "cpu" else "one card"},
    }
    finished = scored | {"versions": {"GPU": gpu}}
    accelerator = SimpleNamespace(device=SimpleNamespace(type=device))
    job: Any = SimpleNamespace(engine=SimpleNamespace(accelerator=accelerator))
    state: Any = SimpleNamespace(model=object(), best=0.9)
    assert _allowed_difference(job, state, scored, finished) == allowed
