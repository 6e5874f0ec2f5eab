"""Losses, gradients, weights and scores that are no numbers."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def poisoned_model(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder in which the embedding of one word is so large that what is computed with it overflows."""
    return with_weights(
        tiny_encoder, tmp_path_factory.mktemp("poisoned") / "model", word="superb", value=3e38
    )


@pytest.fixture(scope="module")
def broken_model(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder with one weight that is no number."""
    return with_weights(
        tiny_encoder, tmp_path_factory.mktemp("broken") / "model", word="superb", value=math.nan
    )


def with_weights(encoder: Path, folder: Path, *, word: str, value: float) -> Path:
    import shutil

    from safetensors.torch import load_file, save_file

    shutil.copytree(encoder, folder)
    vocabulary = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    weights = load_file(folder / "model.safetensors")
    weights["embeddings.word_embeddings.weight"][vocabulary[word], 0] = value
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def rows_with(rows: Path, word: str, among: int) -> list[str]:
    with rows.open(encoding="utf-8", newline="") as stream:
        texts = [row["text"] for row in csv.DictReader(stream)]
    return [str(number) for number, text in enumerate(texts) if word in text.split()][:among]


def test_a_loss_that_is_no_number_names_step_and_rows_and_keeps_the_state(
    cli, training, poisoned_model: Path, reviews: Path, tmp_path: Path
) -> None:
    done = cli(*training.begin(), "--model", poisoned_model)
    assert done.code == 1
    (error,) = done.labelled("error: ")
    (hint,) = done.labelled("hint: ")
    assert "no number any more at step 1" in error
    named = error.partition("train row")[2].removeprefix("s").strip().split(" and ")[0].split(", ")
    assert named and set(named) <= set(rows_with(reviews, "superb", 1000))
    assert "bertkit finetune --resume run --on-nan skip" in hint
    # The state before is kept, and can be gone on with as advised.
    assert (tmp_path / "run" / "checkpoints" / "step-0").is_dir()


def test_skipping_goes_on_and_counts(
    cli, training, reviews: Path, poisoned_model: Path, tmp_path: Path
) -> None:
    """Only two training rows hold the word: the steps that see them are left out."""
    rows = tmp_path / "rows.csv"
    lines = reviews.read_text(encoding="utf-8").splitlines()
    clean = [line for line in lines if "superb" not in line]
    held = [line for line in lines if "superb" in line][:2]
    rows.write_text("\n".join(clean + held) + "\n", encoding="utf-8")
    dev = tmp_path / "dev.csv"
    dev.write_text("\n".join(clean[:30]) + "\n", encoding="utf-8")
    usual = [*training.begin(epochs=1), "--train", rows, "--eval", dev, "--model", poisoned_model]
    stopped = cli(*usual)
    assert stopped.code == 1, stopped.err
    done = cli(*training.go_on(), "--on-nan", "skip")
    assert done.code == 0, done.err
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["skipped_steps"] in (1, 2)
    log = [
        json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    left_out = [record for record in log if record["kind"] == "skipped"]
    assert len(left_out) == metrics["skipped_steps"]
    first = len(clean) - 1  # rows are counted from 0, and the header is none
    assert {row for record in left_out for row in record["rows"]} == {str(first), str(first + 1)}
    assert all(math.isfinite(record["loss"]) for record in log if record["kind"] == "train")


def test_weights_that_are_no_numbers_are_named(cli, training, broken_model: Path) -> None:
    done = cli(*training.begin(), "--model", broken_model, "--on-nan", "skip")
    assert done.code == 1
    (error,) = done.labelled("error: ")
    assert "word_embeddings.weight hold values that are no numbers, before step 1" in error


def test_a_first_evaluation_that_is_no_number_is_never_the_best(
    cli, training, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from bertkit.workflows import fitting

    honest, calls = fitting.selecting, iter(range(100))

    def first_is_nan(scores, metric):
        return math.nan if next(calls) == 0 else honest(scores, metric)

    monkeypatch.setattr(fitting, "selecting", first_is_nan)
    done = cli(*training.begin())
    assert done.code == 0, done.err
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["best_step"] > 5


def test_scores_that_are_never_numbers_are_told(cli, training, monkeypatch: pytest.MonkeyPatch) -> None:
    from bertkit.workflows import fitting

    monkeypatch.setattr(fitting, "selecting", lambda scores, metric: math.nan)
    done = cli(*training.begin())
    assert done.code == 1
    assert "was never a number" in done.labelled("error: ")[0]
