"""Thresholds and temperature from the training to the files that others read: stored once, used by all."""

from __future__ import annotations

import csv
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

LABELS = ["acting", "music", "plot"]
WORDS = {"acting": "actor", "music": "music", "plot": "plot"}
OTHERS = ["film", "scene", "good", "bad", "fine", "dull", "great", "end", "very"]


def write_reviews(path: Path, count: int, seed: int) -> Path:
    """What a review is about mostly, and not always, stands in it as a word; few are about nothing at all."""
    state = random.Random(seed)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["text", "label"])
        for number in range(count):
            about = [label for label in LABELS if state.random() < 0.3]
            said = [WORDS[label] for label in about if state.random() < 0.8]
            said += [WORDS[label] for label in LABELS if state.random() < 0.1]
            words = [*said, *state.choices(OTHERS, k=5)]
            state.shuffle(words)
            writer.writerow([" ".join(words) + f" {number}", ",".join(about)])
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, bertkit, tiny_encoder: Path) -> Iterator[Path]:
    """A folder with `run`, trained on reviews with several labels, and what its training said."""
    folder = tmp_path_factory.mktemp("several")
    write_reviews(folder / "train.csv", 240, 1)
    write_reviews(folder / "eval.csv", 150, 2)
    done = bertkit(
        "finetune", "classification", "--train", "train.csv", "--eval", "eval.csv", "--model", tiny_encoder,
        "--out", "run", "--set", "task.problem=multi_label", "--set", "metrics.select=f1_macro",
        "--set", "train.epochs=4", "--set", "train.learning_rate=1e-3", "--set", "train.precision=fp32",
        "--set", "train.max_length=24", cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (folder / "said.txt").write_text(done.stderr, encoding="utf-8")
    return folder


def contract_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "run" / "model" / "bertkit.json").read_text(encoding="utf-8"))


def result_of(done) -> dict[str, Any]:
    assert done.code == 0, done.err
    return json.loads(done.out)


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def decided(scores: dict[str, float], thresholds: dict[str, float]) -> list[str]:
    return [name for name in scores if scores[name] >= thresholds[name]]


def test_thresholds_are_stored_by_label_and_told(trained: Path) -> None:
    contract = contract_of(trained)
    assert set(contract["thresholds"]) == set(LABELS)
    assert len(set(contract["thresholds"].values())) == 3
    assert contract["temperature"] > 0
    lowest, highest = min(contract["thresholds"].values()), max(contract["thresholds"].values())
    told = f"a label is predicted from its own threshold on, from {lowest:.3f} to {highest:.3f}"
    assert f"calibrated on validation: temperature {contract['temperature']:.4g}; {told}" in (
        (trained / "said.txt").read_text(encoding="utf-8")
    )
    card = (trained / "run" / "README.md").read_text(encoding="utf-8")
    (line,) = re.findall("^- Calibrated: .*$", card, re.MULTILINE)
    assert told in line and "plain pipeline" in line


def test_predictions_go_by_them(trained: Path) -> None:
    thresholds = contract_of(trained)["thresholds"]
    lines = lines_of(trained / "run" / "predictions" / "validation.jsonl")
    assert [line["prediction"] for line in lines] == [decided(line["scores"], thresholds) for line in lines]


def test_eval_scores_what_the_training_scored(trained: Path, cli, tmp_path: Path) -> None:
    before = (trained / "run" / "model" / "bertkit.json").read_bytes()
    made = json.loads((trained / "run" / "metrics.json").read_text(encoding="utf-8"))
    best = max(line["f1_macro"] for line in lines_of(trained / "run" / "log.jsonl") if line["kind"] == "eval")
    assert made["scores"]["validation"]["f1_macro"] == pytest.approx(best, abs=1e-9)
    again = result_of(cli("eval", trained / "run", "--json", cwd=trained))
    assert again["scores"] == made["scores"]
    # Other data is scored by what is stored, which stays as it is.
    result_of(cli("eval", trained / "run", "--data", "train.csv", "--json", cwd=trained))
    assert (trained / "run" / "model" / "bertkit.json").read_bytes() == before
    # A recipe that names the labels in another order finds each with its own threshold.
    recipe = (trained / "run" / "recipe.yaml").read_text(encoding="utf-8")
    turned = recipe.replace("\n  labels: null", "\n  labels: [plot, music, acting]")
    assert turned != recipe
    (tmp_path / "turned.yaml").write_text(turned, encoding="utf-8")
    turned = result_of(
        cli("eval", trained / "run", "--recipe", tmp_path / "turned.yaml", "--json", cwd=trained)
    )
    assert turned["scores"]["validation"] == pytest.approx(made["scores"]["validation"], abs=1e-9)


def test_predict_uses_them(trained: Path, cli) -> None:
    thresholds = contract_of(trained)["thresholds"]
    answers = predicted(cli, trained / "run" / "model", trained / "eval.csv")
    assert [answer["prediction"] for answer in answers] == [
        decided(answer["scores"], thresholds) for answer in answers
    ]
    halves = dict.fromkeys(LABELS, 0.5)
    otherwise = [decided(answer["scores"], halves) for answer in answers]
    assert otherwise != [answer["prediction"] for answer in answers]  # some lie between 0.5 and a threshold


def predicted(cli, model: Path, source: Path) -> list[dict[str, Any]]:
    done = cli("predict", source, "--model", model, "--scores")
    assert done.code == 0, done.err
    return [json.loads(line) for line in done.out.splitlines()]


def test_a_model_from_before_goes_by_a_half(trained: Path, cli, tmp_path: Path) -> None:
    import shutil

    model = tmp_path / "old"
    shutil.copytree(trained / "run" / "model", model)
    contract = contract_of(trained)
    odds = {}
    for temperature in (None, 2.0):
        for key in ("temperature", "intent_temperature", "thresholds", "threshold"):
            contract.pop(key, None)
        if temperature:
            contract |= {"temperature": temperature, "thresholds": {"plot": 0.25}}
        (model / "bertkit.json").write_text(json.dumps(contract), encoding="utf-8")
        answers = predicted(cli, model, trained / "eval.csv")
        thresholds = {"acting": 0.5, "music": 0.5, "plot": 0.25 if temperature else 0.5}
        for answer in answers:
            assert answer["prediction"] == decided(answer["scores"], thresholds)
        scores = [value for answer in answers for value in answer["scores"].values()]
        odds[temperature] = [value / (1 - value) for value in scores]
    assert [value**2 for value in odds[2.0]] == pytest.approx(odds[None], rel=1e-3)


def test_the_temperature_of_one_label_changes_scores_and_no_prediction(
    trained_run: Path, cli, tmp_path: Path
) -> None:
    import shutil

    model = tmp_path / "model"
    shutil.copytree(trained_run / "runs" / "latest" / "model", model)
    contract = json.loads((model / "bertkit.json").read_text(encoding="utf-8"))
    (tmp_path / "rows.csv").write_text("text\na good film\na dull plot\nthe end\n", encoding="utf-8")
    made = []
    for temperature in (1.0, 4.0):
        (model / "bertkit.json").write_text(json.dumps(contract | {"temperature": temperature}))
        made.append(predicted(cli, model, tmp_path / "rows.csv"))
    for plain, cooled in zip(*made, strict=True):
        assert plain["prediction"] == cooled["prediction"]
        assert plain["score"] > cooled["score"] > 0.5


def test_few_rows_are_told(tmp_path: Path, cli, tiny_encoder: Path) -> None:
    write_reviews(tmp_path / "train.csv", 60, 1)
    done = cli(
        "finetune", "classification", "--train", "train.csv", "--model", tiny_encoder, "--out", "run",
        "--set", "task.problem=multi_label", "--set", "train.max_steps=2", "--set", "train.precision=fp32",
        "--set", "train.max_length=24",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert re.search(r"validation has only \d+ rows: probabilities are calibrated from 50 on", done.err)
    contract = contract_of(tmp_path)
    assert contract["temperature"] == 1.0
    assert contract["thresholds"] == dict.fromkeys(LABELS, 0.5)
