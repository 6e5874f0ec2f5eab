"""One process and two see the same global batches and find the same losses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

# Unequal lengths and weights, batches that no count divides, and a last batch of one row for two processes.
# A large epsilon makes AdamW's step proportional to the gradient: otherwise rounding decides the sign of the
# steps of gradients near zero.
SCRIPT = """
import json, os, sys
import numpy as np, torch
from accelerate import Accelerator
from transformers import AutoConfig, AutoModelForSequenceClassification
from bertkit.config.schema import TrainSection
from bertkit.data.features import Features, Padding, Targets
from bertkit.training.events import Step
from bertkit.training.loop import TrainingData, TrainingState, train
from bertkit.training.optimizer import build_optimizer

folder, micro, out = sys.argv[1], int(sys.argv[2]) or None, sys.argv[3]
settings = TrainSection(epochs=3.0, batch_size=7, learning_rate=0.5, adam_epsilon=1.0, seed=5)
random = np.random.default_rng(3)
lengths = random.integers(3, 17, size=22)
features = Features(random.integers(5, 40, size=int(lengths.sum()), dtype=np.int32), None,
                    np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64), np.arange(22, dtype=np.int32))
labels = random.integers(0, 2, size=22)
weights = random.uniform(0.2, 3.0, size=22).astype(np.float32)
targets = Targets({"label": labels}, weights)
torch.manual_seed(5)
config = AutoConfig.from_pretrained(folder, num_labels=2)
config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.0
model = AutoModelForSequenceClassification.from_pretrained(folder, config=config, dtype=torch.float32)
accelerator = Accelerator(cpu=True)
model, optimizer = accelerator.prepare(model, build_optimizer(model, settings))
state = TrainingState(model, optimizer, accelerator, micro_batch_size=micro)
cross_entropy = torch.nn.CrossEntropyLoss(reduction="none")
loss = lambda outputs, targets: cross_entropy(outputs.logits, targets["label"])
data = TrainingData(features, targets, Padding(0))
events = train(state, data, settings, loss=loss, evaluate=lambda: ({}, 0.0))
losses = [(event.loss, event.grad_norm) for event in events if isinstance(event, Step)]
if accelerator.is_main_process:
    with open(out, "w") as stream:
        json.dump([accelerator.num_processes, losses], stream)
accelerator.wait_for_everyone()
sys.stdout.flush()
os._exit(0)  # gloo's threads may abort an interpreter that takes its time to end
"""


def losses_of(processes: int, encoder: Path, folder: Path, *, micro: int = 0) -> list[list[float]]:
    script, out = folder / "training.py", folder / f"{processes}-{micro}.json"
    script.write_text(SCRIPT, encoding="utf-8")
    launch = [sys.executable]
    if processes > 1:
        launch += ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    done = subprocess.run(
        [*launch, str(script), str(encoder), str(micro), str(out)],
        capture_output=True, text=True, check=False, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    count, losses = json.loads(out.read_text(encoding="utf-8"))
    assert count == processes
    return losses


def test_two_processes_train_as_one(tiny_encoder: Path, tmp_path: Path) -> None:
    alone = losses_of(1, tiny_encoder, tmp_path)
    together = losses_of(2, tiny_encoder, tmp_path, micro=3)
    assert len(alone) == 12
    for mine, theirs in zip(alone, together, strict=True):
        assert theirs == pytest.approx(mine, abs=2e-5)
