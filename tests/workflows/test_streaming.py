"""`data.streaming: true`: trained without ever holding all rows, stopped, killed and gone on with."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest

from bertkit.config.loader import load_recipe
from bertkit.errors import BertkitError, DataError, Interrupted, RunError, UsageError
from bertkit.tasks.base import ExampleSet
from bertkit.training.events import Step
from bertkit.workflows.estimate import estimate
from bertkit.workflows.events import Event, Note, silent
from bertkit.workflows.finetune import FinetuneResult, finetune, resume
from bertkit.workflows.preparation import prepare
from bertkit.workflows.streaming import streamed_data

WORDS = ["the", "film", "plot", "is", "was", "very", "music", "good", "bad", "dull", "fine"]
SIZES = (30, 45, 25)
STEPS = 16


def review(source: random.Random) -> dict[str, str]:
    return {"text": " ".join(source.choices(WORDS, k=9)), "label": source.choice(["negative", "positive"])}


def write_reviews(folder: Path, *, seed: int = 0) -> Path:
    source = random.Random(seed)
    folder.mkdir()
    for number, size in enumerate(SIZES):
        lines = [review(source) for _ in range(size)]
        (folder / f"part-{number}.jsonl").write_text(
            "".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8"
        )
    return folder


@pytest.fixture
def make_recipe(tmp_path: Path, tiny_encoder: Path) -> Callable[..., Any]:
    """A recipe that streams 100 rows in blocks of 24, 13 batches an epoch, into the second epoch."""
    return lambda *arguments, **settings: recipe_of(tiny_encoder, tmp_path, *arguments, **settings)


def recipe_of(encoder: Path, folder: Path, train: str | Path, task: str = "classification", **settings: Any):
    dev = folder / "dev.jsonl"
    dev.write_text("".join(json.dumps(review(random.Random(n))) + "\n" for n in range(24)), encoding="utf-8")
    chosen = {
        "model.name": str(encoder), "data.train": str(train), "data.eval": {"dev": str(dev)},
        "data.streaming": True, "data.block_rows": 24, "train.batch_size": 8, "train.max_steps": STEPS,
        "train.max_length": 16, "train.precision": "fp32", "train.save_every_minutes": 0,
        "train.eval_every_steps": 8,
    }  # fmt: skip
    return load_recipe(task, flags=chosen | settings)


@dataclass(frozen=True)
class Whole:
    """A run that nothing interrupted, its recipe and its notes."""

    run: Path
    result: FinetuneResult
    train: Path
    recipe: Any
    notes: list[str]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Path) -> Whole:
    folder = tmp_path_factory.mktemp("whole")
    train, notes = write_reviews(folder / "train"), list[str]()
    recipe = recipe_of(tiny_encoder, folder, train)
    result = finetune(
        recipe, out=folder / "run",
        listen=lambda event: notes.append(event.text) if isinstance(event, Note) else None,
    )  # fmt: skip
    return Whole(folder / "run", result, train, recipe, notes)


def losses_of(run: Path) -> list[tuple[Any, ...]]:
    lines = map(json.loads, (run / "log.jsonl").read_text(encoding="utf-8").splitlines())
    return [(line["kind"], line["step"], line.get("loss"), line.get("accuracy")) for line in lines]


def stopping_at(step: int) -> Callable[[Event], None]:
    def listen(event: Event) -> None:
        if isinstance(event, Step) and event.step == step:
            signal.raise_signal(signal.SIGINT)

    return listen


def test_a_run_on_a_stream_explains_itself(whole: Whole) -> None:
    assert any("train is a stream: 3 files" in note and "its first 24 rows" in note for note in whole.notes)
    assert whole.result.steps == STEPS
    assert whole.result.rows == {"dev": 24}
    assert "Trained on a stream of rows." in (whole.run / "README.md").read_text(encoding="utf-8")
    assert "train is a stream" in (whole.run / "report.html").read_text(encoding="utf-8")


KILLED = """
import os, sys
from bertkit.training.events import Step
from bertkit.workflows.finetune import finetune, resume

def listen(event):
    if isinstance(event, Step) and event.step == int(sys.argv[3]):
        os._exit(9)

finetune(sys.argv[1], out=sys.argv[2], listen=listen)
"""


@pytest.mark.parametrize("step", [5, 6], ids=["inside a block", "at its edge"])
def test_stopped_and_resumed_is_the_same_as_neither(whole: Whole, tmp_path: Path, step: int) -> None:
    with pytest.raises(Interrupted):
        finetune(whole.recipe, out=tmp_path / "run", listen=stopping_at(step))
    assert resume(tmp_path / "run").scores == whole.result.scores
    assert losses_of(tmp_path / "run") == losses_of(whole.run)


def test_killed_in_the_second_epoch_and_resumed_is_the_same_as_not(whole: Whole, tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = [sys.executable, "-c", KILLED, str(whole.run / "recipe.yaml"), str(run), "15"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 9, done.stderr
    assert losses_of(run)[-1][1] == 14
    assert resume(run).scores == whole.result.scores
    assert losses_of(run) == losses_of(whole.run)


def test_object_storage_is_trained_on_like_files(whole: Whole, make_recipe, tmp_path: Path) -> None:
    """In the same order, whatever the place."""
    fsspec.filesystem("memory").put(str(whole.train), f"/{tmp_path.name}", recursive=True)
    finetune(make_recipe(f"memory://{tmp_path.name}/*.jsonl"), out=tmp_path / "stored")
    assert losses_of(tmp_path / "stored") == losses_of(whole.run)


def test_a_label_nobody_knows_is_told_with_its_place_and_can_be_set_aside(
    make_recipe, tmp_path: Path
) -> None:
    train = write_reviews(tmp_path / "train")
    file = train / "part-1.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines()
    lines[40] = json.dumps({"text": "the film", "label": "neutral"})
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    run = tmp_path / "run"
    with pytest.raises(DataError) as fault:
        finetune(make_recipe(train), out=run)
    assert fault.value.message.startswith(f"{file}:41: the label 'neutral' is not among the labels")
    assert f"bertkit finetune --resume {run} --skip-bad-rows" in fault.value.hint
    done = resume(run, recipe=make_recipe(train, **{"data.skip_bad_rows": 3}))
    assert done.rejected == 1
    told = [json.loads(line) for line in (run / "rejected.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(row["file"], row["line"]) for row in told] == [(str(file), 41)]


def test_a_shard_that_changed_since_the_checkpoint_is_told(make_recipe, tmp_path: Path) -> None:
    train = write_reviews(tmp_path / "train")
    with pytest.raises(Interrupted):
        finetune(make_recipe(train), out=tmp_path / "run", listen=stopping_at(1))
    file = train / "part-2.jsonl"
    file.write_text(file.read_text(encoding="utf-8").replace("film", "plot"), encoding="utf-8")
    with pytest.raises(RunError, match="has changed since it began: train"):
        resume(tmp_path / "run")


def test_a_shard_that_goes_during_the_training_is_told_and_the_state_is_saved(
    whole: Whole, make_recipe, tmp_path: Path
) -> None:
    train = write_reviews(tmp_path / "train")
    run, kept = tmp_path / "run", tmp_path / "kept"

    def remove(event: Event) -> None:
        if isinstance(event, Step) and event.step == 1:
            (train / "part-0.jsonl").rename(kept)  # it is open, and opened again in the second epoch

    with pytest.raises(DataError, match=r"part-0\.jsonl: this shard is gone") as fault:
        finetune(make_recipe(train), out=run, listen=remove)
    assert fault.value.hint.endswith(f"then go on: bertkit finetune --resume {run}")
    assert json.loads((run / "checkpoints" / "latest" / "state.json").read_text())["step"] == 13
    kept.rename(train / "part-0.jsonl")
    assert resume(run).steps == STEPS
    assert losses_of(run) == losses_of(whole.run)


def test_what_needs_all_rows_is_refused(make_recipe, tmp_path: Path) -> None:
    train = write_reviews(tmp_path / "train")
    with pytest.raises(UsageError, match="--baseline learns from all training rows"):
        finetune(make_recipe(train), out=tmp_path / "run", baseline=True)
    for settings, said in (
        ({"train.max_steps": None}, "a stream has no known end"),
        ({"train.class_weights": "auto"}, "class_weights: auto counts all labels"),
        ({"data.folds": 3, "data.fold": 1}, "folds cannot be cut from a stream"),
        ({"data.eval": {}}, "no eval rows can be kept from a stream"),
    ):
        with pytest.raises(BertkitError, match=said):
            make_recipe(train, **settings)
    assert not (tmp_path / "run").exists()


def test_a_dry_run_tells_lengths_of_the_first_rows(make_recipe, tmp_path: Path) -> None:
    told = estimate(make_recipe(write_reviews(tmp_path / "train")))
    assert told.splits["train, first rows"].rows == 24
    assert told.steps == STEPS


def test_a_limit_reads_no_more_than_that_of_files(make_recipe, tmp_path: Path) -> None:
    train = write_reviews(tmp_path / "train")
    with (train / "part-2.jsonl").open("a", encoding="utf-8") as stream:
        stream.write("this is no row\n")
    prepared = prepare(make_recipe(train, **{"data.limit": 50}).recipe, silent)
    assert len(prepared.train.examples) == 50
    assert prepared.stream is None


def test_a_stream_of_which_no_row_can_be_used_ends(make_recipe, tmp_path: Path) -> None:
    class Nothing:
        def examples(self, rows: Any) -> ExampleSet:
            return ExampleSet([])

    prepared = prepare(make_recipe(write_reviews(tmp_path / "train")).recipe, silent)
    assert prepared.stream is not None
    streamed = streamed_data(replace(prepared, task=Nothing()), prepared.stream)
    assert list(streamed._blocks(None)) == []


def test_rows_without_a_label_are_left_out_and_counted(make_recipe, tmp_path: Path) -> None:
    train = write_reviews(tmp_path / "train")
    with (train / "part-0.jsonl").open("a", encoding="utf-8") as stream:
        stream.write('{"text": "the film"}\n{"text": "the plot", "label": null}\n')
    notes: list[str] = []
    settings = {"train.max_steps": 12, "train.eval_every_steps": 12, "train.save_every_minutes": 10}
    finetune(
        make_recipe(train, **settings), out=tmp_path / "run",
        listen=lambda event: notes.append(event.text) if isinstance(event, Note) else None,
    )  # fmt: skip
    assert "train: 2 rows of the stream had no label and were left out" in notes


CONTEXT = "the film was good and the music was fine"
OTHER_TASKS = {
    "ner": (
        {"tokens": ["the", "film", "is", "good"], "tags": ["O", "B-WORK", "O", "O"]},
        {"tokens": ["music"] * 40, "tags": ["B-WORK"] + ["I-WORK"] * 39},
    ),
    "qa": (
        {"question": "what was good", "context": CONTEXT,
         "answers": {"text": ["the film"], "answer_start": [0]}},
        {"question": "what was fine", "context": f"{CONTEXT} " * 9,
         "answers": {"text": ["the music"], "answer_start": [22]}},
    ),
    "regression": ({"text": "good", "label": 4.5}, {"text": "bad", "label": 1.25}),
}  # fmt: skip


@pytest.mark.parametrize("task", OTHER_TASKS)
def test_blocks_hold_the_features_that_reading_all_at_once_gives(
    make_recipe, tmp_path: Path, task: str
) -> None:
    rows = [OTHER_TASKS[task][number % 2] for number in range(50)]
    file = tmp_path / "train.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    settings: dict[str, Any] = {"data.eval": {"dev": str(file)}, "train.max_length": 24}
    if task == "qa":
        settings |= {"task.max_question_length": 8, "task.stride": 6}
    streamed = prepare(make_recipe(file, task, **settings).recipe, silent)
    whole = prepare(make_recipe(file, task, **settings, **{"data.streaming": False}).recipe, silent)
    assert streamed.stream is not None
    blocks = streamed_data(streamed, streamed.stream)._blocks(None)
    found: list[tuple[Any, ...]] = []
    for block in blocks:
        if block.position["epoch"]:
            break
        found += features_of(block.data.features, block.data.targets)
        assert block.data.ids_of([0])[0].startswith(f"{file}:")
    assert sorted(found) == sorted(features_of(whole.train.features, whole.targets))


def features_of(features: Any, targets: Any) -> list[tuple[Any, ...]]:
    """Each feature as its token ids, its weight and what the loss compares with."""
    told = []
    for number, (start, end) in enumerate(zip(features.offsets[:-1], features.offsets[1:], strict=True)):
        values = [np.asarray(array[number]).tolist() for array in targets.values.values()]
        values += [array[start:end].tolist() for array in targets.token_values.values()]
        told.append((features.input_ids[start:end].tolist(), float(targets.weights[number]), values))
    return told


def test_a_split_of_the_hub_is_streamed(bertkit, hub: str, tiny_encoder: Path, tmp_path: Path) -> None:
    environment = {"HF_ENDPOINT": hub, "HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path / "home")}
    arguments = [
        "finetune", "sst2", "--model", str(tiny_encoder), "--set", "data.streaming=true", "--set",
        "data.block_rows=64", "--set", "train.max_steps=12", "--set", "train.max_length=16",
        "--set", "train.eval_every_steps=12", "--out", "run", "--quiet",
    ]  # fmt: skip
    done = bertkit(*arguments, cwd=tmp_path, environment=environment)
    assert done.returncode == 0, done.stderr
    assert len([line for line in losses_of(tmp_path / "run") if line[0] == "train"]) == 12
    assert not list((tmp_path / "home").rglob("*.parquet"))
    assert not list((tmp_path / "home").rglob("*.arrow"))
