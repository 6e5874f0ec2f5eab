"""Each training row once, in its place, from the file of its fold."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bertkit.data.labels import LabelSet
from bertkit.errors import RunError
from bertkit.models.contract import ModelContract
from bertkit.tasks.calibrating import decision_scores
from bertkit.workflows.out_of_fold import FoldedRows, caution_of, pool, thresholds_of_others

LABELS = LabelSet("single_label", ("bad", "good"))
ROWS = FoldedRows(LABELS, ("accuracy", "f1"), ids=("a", "b", "c", "d"), numbers=(2, 1, 2, 1))


def write(path: Path, *lines: tuple[str, str, str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    keys = ("id", "prediction", "reference")
    path.write_text(
        "".join(json.dumps(dict(zip(keys, line, strict=True))) + "\n" for line in lines), encoding="utf-8"
    )
    return path


@pytest.fixture
def files(tmp_path: Path) -> dict[int, Path]:
    place = tmp_path / "run" / "children"
    return {
        1: write(place / "fold-1/predictions/fold.jsonl", ("b", "good", "good"), ("d", "bad", "good")),
        2: write(place / "fold-2/predictions/fold.jsonl", ("a", "bad", "bad"), ("c", "good", "bad")),
    }


def test_in_the_order_of_the_rows_and_scored_as_one(files: dict[int, Path], tmp_path: Path) -> None:
    target = tmp_path / "run" / "predictions" / "out-of-fold.jsonl"
    scores = pool(ROWS, files, target)
    lines = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
    assert [(line["id"], line["prediction"], line["fold"]) for line in lines] == [
        ("a", "bad", 2), ("b", "good", 1), ("c", "good", 2), ("d", "bad", 1),
    ]  # fmt: skip
    # good: one of two predicted is right, one of two is found. The mean of the folds' F1 would be 1/3.
    assert scores == {"accuracy": 0.5, "f1": 0.5}


@pytest.mark.parametrize(
    "lines",
    [
        [("b", "good", "good")],
        [("d", "bad", "good"), ("b", "good", "good")],
        [("b", "good", "good"), ("d", "bad", "good"), ("e", "bad", "bad")],
    ],
    ids=["one is missing", "another order", "one too many"],
)
def test_other_rows_are_refused(
    files: dict[int, Path], tmp_path: Path, lines: list[tuple[str, str, str]]
) -> None:
    write(files[1], *lines)
    target = tmp_path / "run" / "predictions" / "out-of-fold.jsonl"
    with pytest.raises(RunError, match=r"fold-1.*does not hold the predictions of its fold") as refusal:
        pool(ROWS, files, target)
    assert f"remove {files[1].parents[1]} and go on" in refusal.value.hint
    assert not target.exists()


def test_a_broken_file_is_refused(files: dict[int, Path], tmp_path: Path) -> None:
    files[2].write_text("{", encoding="utf-8")
    with pytest.raises(RunError, match="fold-2"):
        pool(ROWS, files, tmp_path / "out-of-fold.jsonl")


def contract_of(temperature: float = 1.0, **thresholds: float) -> ModelContract:
    return ModelContract(
        task="classification", text=("text",), problem="multi_label", labels=("joy", "anger"),
        temperature=temperature, thresholds=thresholds,
    )  # fmt: skip


def test_thresholds_of_a_fold_are_the_mean_of_the_others() -> None:
    contracts = {
        1: contract_of(joy=0.2, anger=0.6),
        2: contract_of(joy=0.4, anger=0.9),
        3: contract_of(joy=0.8),  # of the other label, as usual, 0.5
    }
    found = thresholds_of_others(contracts)
    assert found[1] == {"joy": pytest.approx(0.6), "anger": pytest.approx(0.7)}
    assert found[2] == {"joy": pytest.approx(0.5), "anger": pytest.approx(0.55)}
    assert found[3] == {"joy": pytest.approx(0.3), "anger": pytest.approx(0.75)}


def test_no_temperature_and_no_threshold_of_a_fold_decides_its_own_rows() -> None:
    """Whatever was fitted to a fold, its rows get the labels that the others' thresholds give them."""
    plain = np.linspace(0.02, 0.98, 49)[:, None]
    other = contract_of(2.0, joy=float(decision_scores(np.array([[0.333]]), 2.0)[0, 0]))
    for temperature, threshold in ((1.0, 0.5), (0.4, 0.9), (3.0, 0.1)):
        contracts = {1: contract_of(temperature, joy=threshold), 2: other}
        written = decision_scores(plain, temperature)
        chosen = written >= thresholds_of_others(contracts)[1]["joy"]
        assert chosen.tolist() == (plain >= 0.333).tolist()


def test_labels_are_decided_anew_from_the_stored_scores(tmp_path: Path) -> None:
    rows = FoldedRows(
        LabelSet("multi_label", ("joy", "anger")), ("f1_micro",), ids=("a", "b"), numbers=(2, 1)
    )
    files = {}
    for fold, identity in ((1, "b"), (2, "a")):
        line = {"id": identity, "prediction": ["joy", "anger"], "reference": ["joy"],
                "scores": {"joy": 0.4, "anger": 0.3}}  # fmt: skip
        files[fold] = tmp_path / f"run/children/fold-{fold}/predictions/fold.jsonl"
        files[fold].parent.mkdir(parents=True)
        files[fold].write_text(json.dumps(line) + "\n", encoding="utf-8")
    target = tmp_path / "run/predictions/out-of-fold.jsonl"
    assert pool(rows, files, target) == {"f1_micro": pytest.approx(2 / 3)}
    thresholds = {1: {"joy": 0.4, "anger": 0.35}, 2: {"joy": 0.5, "anger": 0.3}}
    assert pool(rows, files, target, thresholds=thresholds) == {"f1_micro": 0.5}
    lines = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
    assert [line["prediction"] for line in lines] == [["anger"], ["joy"]]

    files[1].write_text('{"id": "b", "prediction": [], "reference": []}\n', encoding="utf-8")
    with pytest.raises(RunError, match="fold-1"):
        pool(rows, files, target, thresholds=thresholds)


def test_what_was_chosen_on_the_rows_themselves_is_named() -> None:
    several = {1: contract_of(), 2: contract_of()}
    assert "chose its best step on the rows" in caution_of("single_label", several)
    assert "chose its best step on the rows" in caution_of("multi_label", several)
    assert "mean thresholds of the other folds" in caution_of("multi_label", several)
    assert "best step and the thresholds of its labels on" in caution_of("multi_label", None)
    answers = ModelContract(task="qa", text=("q", "c"), problem="answers")
    assert "threshold" not in caution_of("answers", {1: answers, 2: answers})
    some = {1: answers, 2: answers.model_copy(update={"threshold": 0.4})}
    assert "best step and its no-answer threshold on" in caution_of("answers", some)
