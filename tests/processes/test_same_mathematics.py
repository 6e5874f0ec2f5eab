"""One, two and four processes train the same model: the same losses, the same metrics."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

# 27 rows in batches of 7: the last batch of an epoch has 6, which neither 2 nor 4 processes share evenly with
# pieces of 3; with windows there are other numbers still.
SCRIPT = '''
import json, sys
from pathlib import Path
from bertkit.config.loader import load_recipe
from bertkit.processes.joining import joined
from bertkit.training import loop
from bertkit.workflows.finetune import finetune

cases = json.loads(Path(sys.argv[1]).read_text())
if "by process means" in sys.argv:
    honest = loop._backward

    def of_means(state, data, piece, loss, scale):
        """Each process takes the mean over its own items, and the exchange the mean of these."""
        weight = float(data.targets.weights[piece].sum())
        return honest(state, data, piece, loss, 1 / (weight * state.group.size) if scale else 0.0)

    loop._backward = of_means
with joined(lambda failure, speaks: sys.exit(failure.message)):
    for name, (task, flags) in cases.items():
        finetune(load_recipe(task, flags=flags), out=Path(sys.argv[2]) / name)
'''
TASKS = ("classification", "nli", "ner", "qa")
STEPS = 50
# Of one label a row and of one a word.
UNEVEN = ("classification-None", "ner-None")


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory, still_encoder: Path, write_task: Any) -> Path:
    """The trainings, as a file: each task with its batch at once and in pieces of 3."""
    folder = tmp_path_factory.mktemp("cases")
    found = {}
    for task in TASKS:
        train, dev = (write_task(folder, task, rows=rows, seed=seed) for rows, seed in ((27, 1), (9, 2)))
        flags = {
            "data.train": str(train), "data.eval": {"validation": str(dev)}, "model.name": str(still_encoder),
            "train.max_steps": STEPS, "train.batch_size": 7, "train.max_length": 16,
            "train.learning_rate": 1e-4, "train.precision": "fp32",
        }  # fmt: skip
        if task == "nli":
            flags |= {"task.text": ["premise", "hypothesis"]}
        if task == "qa":
            flags |= {"task.text": ["question", "context"], "task.max_question_length": 8}
            flags |= {"task.stride": 4, "train.max_length": 24}
        for pieces in (None, 3):
            found[f"{task}-{pieces}"] = (task, flags | {"train.micro_batch_size": pieces})
        if task == "classification":
            found["streamed"] = (task, flags | {"data.streaming": True, "data.block_rows": 14})
    path = folder / "cases.json"
    path.write_text(json.dumps(found), encoding="utf-8")
    (folder / "training.py").write_text(SCRIPT, encoding="utf-8")
    return path


def trained(torchrun: Any, cases: Path, processes: int, *more: str) -> dict[str, dict[str, Any]]:
    """Of each case the losses and norms by step, and the metrics."""
    out = cases.parent / "-".join([str(processes), *more]).replace(" ", "-")
    done = torchrun(processes, cases.with_name("training.py"), cases, out, *more, cwd=cases.parent)
    assert done.returncode == 0, done.stderr[-3000:]
    found = {}
    for name in json.loads(cases.read_text(encoding="utf-8")):
        lines = (out / name / "log.jsonl").read_text(encoding="utf-8").splitlines()
        steps = [record for record in map(json.loads, lines) if record["kind"] == "train"]
        metrics = json.loads((out / name / "metrics.json").read_text(encoding="utf-8"))
        environment = json.loads((out / name / "environment.json").read_text(encoding="utf-8"))
        assert environment["processes"] == processes
        found[name] = {"steps": [(s["loss"], s["grad_norm"]) for s in steps], "scores": metrics["scores"]}
    return found


@pytest.fixture(scope="module")
def alone(torchrun: Any, cases: Path) -> dict[str, dict[str, Any]]:
    """What one process finds."""
    return trained(torchrun, cases, 1)


@pytest.mark.parametrize("processes", [2, 4])
def test_losses_and_metrics_are_those_of_one_process(
    torchrun: Any, cases: Path, alone: dict[str, dict[str, Any]], processes: int
) -> None:
    together = trained(torchrun, cases, processes)
    for name, expected in alone.items():
        found = together[name]
        assert len(found["steps"]) == STEPS
        for mine, theirs in zip(expected["steps"], found["steps"], strict=True):
            assert theirs == pytest.approx(mine, abs=1e-6, rel=1e-6), name
        assert found["scores"] == expected["scores"], name


def test_means_of_processes_would_be_noticed(
    torchrun: Any, cases: Path, alone: dict[str, dict[str, Any]]
) -> None:
    some = cases.with_name("some.json")
    chosen = json.loads(cases.read_text(encoding="utf-8"))
    some.write_text(json.dumps({name: chosen[name] for name in UNEVEN}), encoding="utf-8")
    together = trained(torchrun, some, 2, "by process means")
    for name, found in together.items():
        pairs = zip(alone[name]["steps"], found["steps"], strict=True)
        assert max(abs(mine[0] - theirs[0]) for mine, theirs in pairs) > 1e-4, name
