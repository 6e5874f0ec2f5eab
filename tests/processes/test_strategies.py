"""The model in parts over two processes: the same weights, the same files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from bertkit.training.strategies import choose_strategy

SCRIPT = """
import json, os, signal, sys
from contextlib import suppress
from pathlib import Path
from bertkit.config.loader import load_recipe
from bertkit.data import feature_cache
from bertkit.errors import Interrupted
from bertkit.processes.joining import joined
from bertkit.tasks.classification import ClassificationTask
from bertkit.training.events import Step
from bertkit.workflows.finetune import finetune

# So few rows would not be kept for others.
feature_cache.MIN_FEATURES = 1
encode = ClassificationTask.encode

def noted(self, examples, *arguments, **named):
    with open("encoded", "a") as stream:
        print(os.environ["RANK"], len(examples), file=stream)
    return encode(self, examples, *arguments, **named)

ClassificationTask.encode = noted
flags = json.loads(Path(sys.argv[1]).read_text())
def stop(event):
    if isinstance(event, Step) and event.step == 11 and os.environ["RANK"] == "1":
        os.kill(os.getpid(), signal.SIGTERM)

with joined():
    for strategy in ("ddp", "fsdp"):
        finetune(load_recipe("classification", flags=flags | {"train.strategy": strategy}), out=strategy)
    with suppress(Interrupted):
        half = load_recipe("classification", flags=flags | {"train.strategy": "fsdp"})
        finetune(half, out="half", listen=stop)
"""


@pytest.fixture(scope="module")
def runs(
    tmp_path_factory: pytest.TempPathFactory, still_encoder: Path, write_task: Any, torchrun: Any
) -> Path:
    """A folder with a run of each strategy; batches come in pieces."""
    folder = tmp_path_factory.mktemp("strategies")
    train, dev = (
        write_task(folder, "classification", rows=rows, seed=seed) for rows, seed in ((40, 1), (9, 2))
    )
    flags = {
        "data.train": str(train), "data.eval": {"validation": str(dev)}, "model.name": str(still_encoder),
        "train.max_steps": 20, "train.batch_size": 7, "train.max_length": 16, "train.learning_rate": 1e-4,
        "train.precision": "fp32", "train.micro_batch_size": 2, "train.eval_every_steps": 8,
    }  # fmt: skip
    (folder / "flags.json").write_text(json.dumps(flags), encoding="utf-8")
    (folder / "training.py").write_text(SCRIPT, encoding="utf-8")
    done = torchrun(2, folder / "training.py", folder / "flags.json", cwd=folder)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def test_texts_are_tokenized_by_one_process_for_all(runs: Path) -> None:
    assert (runs / "encoded").read_text(encoding="utf-8") == "0 40\n0 9\n"


def test_the_saved_models_are_the_same(runs: Path) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification

    whole, parts = (
        AutoModelForSequenceClassification.from_pretrained(runs / name / "model").state_dict()
        for name in ("ddp", "fsdp")
    )
    assert whole.keys() == parts.keys()
    for name, weights in whole.items():
        torch.testing.assert_close(parts[name], weights, atol=1e-5, rtol=0, msg=name)


def test_checkpoints_are_of_the_same_form(runs: Path) -> None:
    from safetensors.torch import load_file

    for file in ("weights.safetensors", "optimizer.safetensors"):
        whole, parts = (load_file(runs / name / "checkpoints" / "latest" / file) for name in ("ddp", "fsdp"))
        assert {name: tensor.shape for name, tensor in whole.items()} == {
            name: tensor.shape for name, tensor in parts.items()
        }


@pytest.mark.parametrize("strategy", ["ddp", pytest.param("fsdp", marks=pytest.mark.long_faults)])
def test_a_run_in_parts_goes_on(runs: Path, torchrun: Any, strategy: str) -> None:
    """A checkpoint knows nothing of the strategy: it goes into either, and nine steps follow."""
    from safetensors.torch import load_file
    from torch.testing import assert_close

    assert (runs / "half" / "checkpoints" / "step-11").is_dir()
    resumed = runs / f"resumed-{strategy}"
    shutil.copytree(runs / "half", resumed, symlinks=True)
    typed = ["finetune", "--resume", str(resumed), "--strategy", strategy]
    done = torchrun(2, "-m", "bertkit", *typed, cwd=runs)
    assert done.returncode == 0, done.stderr[-3000:]
    expected, found = (load_file(run / "model" / "model.safetensors") for run in (runs / "fsdp", resumed))
    assert_close(found, expected, atol=1e-5, rtol=0)


def test_what_fits_is_kept_whole_and_what_does_not_is_shared_out() -> None:
    gigabyte = 10**9
    base, huge = 110_000_000, 3_500_000_000
    assert choose_strategy("auto", weights=base, processes=4, memory_bytes=24 * gigabyte)[0] == "ddp"
    strategy, why = choose_strategy("auto", weights=huge, processes=4, memory_bytes=24 * gigabyte)
    assert strategy == "fsdp"
    assert "56.0 GB" in why and "24.0 GB" in why
    assert choose_strategy("auto", weights=huge, processes=1, memory_bytes=24 * gigabyte)[0] == "one"
    assert choose_strategy("fsdp", weights=base, processes=2, memory_bytes=24 * gigabyte)[0] == "fsdp"
