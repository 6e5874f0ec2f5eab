"""What thresholds and a temperature do on examples that they were not fitted to.

    python benchmarks/calibration.py thresholds FOLDER        # of SNIPS, as in recipes/snips.yaml
    python benchmarks/calibration.py temperature RUN FILE     # of a run of one label a text, on an own file

`thresholds` learns which of the 39 slots a request has, by TF-IDF and logistic regression; then one half of
validation and test sets the thresholds and the other is scored, 30 times. `temperature` scores the file as
the model is stored and once more with a temperature of 1. Both print a table.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from bertkit import evaluate
from bertkit.data.reading.readers import read_location
from bertkit.evaluation import formulas
from bertkit.evaluation.curves import reliability
from bertkit.evaluation.label_thresholds import best_label_thresholds

REPEATS = 30
TRAINING_ROWS = 1500
LEAST = (1, 3, 5, 10, 20)
METRICS = ("f1_micro", "f1_macro")


def requests(folder: Path, split: str) -> tuple[list[str], list[set[str]]]:
    """Texts and the slots that each has."""
    rows = read_location(str(next(folder.glob(f"**/{split}-*.parquet"))))
    names = rows.class_names["slot_tags"]
    slots = [{names[tag][2:] for tag in record["slot_tags"]} - {""} for record in rows.records]
    return [" ".join(record["tokens"]) for record in rows.records], slots


def slot_probabilities(folder: Path) -> tuple[Any, Any]:
    """(requests, slots) probabilities, and whether the request has the slot."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    texts, slots = requests(folder, "train")
    texts, slots = texts[:TRAINING_ROWS], slots[:TRAINING_ROWS]
    names = sorted(set().union(*slots))
    words = TfidfVectorizer()
    model = OneVsRestClassifier(LogisticRegression())
    model.fit(words.fit_transform(texts), np.array([[name in own for name in names] for own in slots]))
    scored = [requests(folder, split) for split in ("validation", "test")]
    probabilities = model.predict_proba(words.transform([text for texts, _ in scored for text in texts]))
    right = np.array([[name in own for name in names] for _, slots in scored for own in slots])
    return np.round(probabilities, 6), right


def thresholds(folder: Path) -> None:
    """The mean F1 of the half that set no threshold, by the way in which they were set."""
    scores, right = slot_probabilities(folder)
    found: dict[str, list[list[float]]] = {}
    draws = np.random.default_rng(0)
    for _ in range(REPEATS):
        order = draws.permutation(len(scores))
        fitted, other = order[: len(order) // 2], order[len(order) // 2 :]
        ways = {"0.5 for all": np.array(0.5)}
        ways["one for all, by micro F1"] = best_label_thresholds(
            scores[fitted], right[fitted], metric="f1_micro"
        )
        for least in LEAST:
            ways[f"one for each that is right {least} times, by macro F1"] = best_label_thresholds(
                scores[fitted], right[fitted], metric="f1_macro", least=least
            )
        for way, values in ways.items():
            predicted, expected = (scores[other] >= values).astype(int), right[other].astype(int)
            reached = [
                getattr(formulas, metric)(predicted, expected, label_count=right.shape[1])
                for metric in METRICS
            ]
            found.setdefault(way, []).append(reached)
    print(f"| thresholds | {' | '.join(METRICS)} |\n|---|---|---|")
    for way, reached_each in found.items():
        means, deviations = 100 * np.mean(reached_each, axis=0), 100 * np.std(reached_each, axis=0)
        cells = (f"{mean:.1f} ± {deviation:.1f}" for mean, deviation in zip(means, deviations, strict=True))
        print(f"| {way} | {' | '.join(cells)} |")


def temperature(run: str, data: Path) -> None:
    """Accuracy, expected calibration error and negative log-likelihood with the temperature and without."""
    with tempfile.TemporaryDirectory() as name:
        model, written = Path(name) / "model", Path(name) / "predictions.jsonl"
        shutil.copytree(Path(run) / "model", model)
        contract = json.loads((model / "bertkit.json").read_text(encoding="utf-8"))
        print("| temperature | accuracy | ECE | NLL |\n|---|---|---|---|")
        for value in (1.0, contract["temperature"]):
            (model / "bertkit.json").write_text(json.dumps(contract | {"temperature": value}), "utf-8")
            evaluate(str(model), data=data, predictions=written)
            lines = [json.loads(line) for line in written.read_text(encoding="utf-8").splitlines()]
            right = [line["prediction"] == line["reference"] for line in lines]
            error = reliability([line["score"] for line in lines], right).ece
            given = np.maximum([line["scores"][line["reference"]] for line in lines], 1e-6)
            print(f"| {value:.3g} | {100 * np.mean(right):.2f} | {100 * error:.2f} | "
                  f"{-np.log(given).mean():.4f} |")  # fmt: skip


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["thresholds", folder]:
            thresholds(Path(folder))
        case ["temperature", run, data]:
            temperature(run, Path(data))
        case _:
            sys.exit(__doc__)
