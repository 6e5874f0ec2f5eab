"""Do 95 % intervals hold what they promise, and do paired tests cry wolf in 5 % of cases?

    python benchmarks/intervals.py       # simulate: about an hour
    python benchmarks/intervals_page.py  # write the tables of docs/comparing.md from what was measured

Each figure is of thousands of test sets, drawn from systems whose true score is known. What is called are the
functions that `bertkit eval` and `bertkit compare` call; what was rejected for them is measured beside.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from bertkit.evaluation.counts import ClassCounts, matthews_correlation, micro_f1
from bertkit.evaluation.intervals import interval, resampled_totals
from bertkit.evaluation.item_tallies import item_tally
from bertkit.evaluation.significance import holm, paired_test
from bertkit.evaluation.tallies import TALLIES
from bertkit.evaluation.tally import Tally

ROOT = Path(__file__).parents[1]
STORE = ROOT / "benchmarks" / "results" / "intervals.json"

SETS = 2000
# Intervals take less time than tests, so they are known better.
INTERVAL_SETS = 10_000
SIZES = (100, 277, 872, 3000)  # 277 and 872 are the rows of RTE and SST-2
ACCURACIES = (0.7, 0.9, 0.95)
SHUFFLES = 2000
# Whether errors fall on the same examples: how much the difficulty of examples differs.
ERRORS = {"independent": None, "correlated": 1.0}
ENTITIES = 1.5  # a sentence, on average

Draws = np.random.Generator


def difficulty(accuracy: float, size: int, spread: float | None, draws: Draws) -> Any:
    """(size,) how likely each example is done right: all alike, or some easy and some hard."""
    if spread is None:
        return np.full(size, accuracy)
    return draws.beta(accuracy * spread, (1 - accuracy) * spread, size)


@dataclass(frozen=True)
class Simulated:
    """A metric, systems that it scores, and the score that they truly have.

    Attributes:
        metric: its name.
        tallies: from the difficulty of examples, a number of systems and draws to a tally of each.
        truth: the score of infinitely many examples, from the accuracy.
    """

    metric: str
    tallies: Callable[[Any, int, Draws], list[Tally]]
    truth: Callable[[float], float]


def classes(metric: str, priors: tuple[float, ...]) -> Simulated:
    """Classes with these shares; a wrong answer is any other class."""
    labels, shares = len(priors), np.asarray(priors)

    def tallies(easy: Any, systems: int, draws: Draws) -> list[Tally]:
        size = easy.shape[-1]
        expected = draws.choice(labels, size, p=shares)
        wrong = (expected + draws.integers(1, labels, (systems, size))) % labels
        predicted = np.where(draws.random((systems, size)) < easy, expected, wrong)
        whole = TALLIES[metric](predicted.ravel(), np.tile(expected, systems), label_count=labels)
        return [whole.part(np.arange(number * size, (number + 1) * size)) for number in range(systems)]

    def truth(accuracy: float) -> float:
        if metric == "accuracy":
            return accuracy
        predicted = shares * accuracy + (1 - shares) * (1 - accuracy) / (labels - 1)
        counts = ClassCounts(shares * accuracy, predicted, shares, True)
        return float(np.mean(counts.f1) if metric == "f1_macro" else matthews_correlation(counts))

    return Simulated(metric, tallies, truth)


def sentences() -> Simulated:
    """Sentences with entities: some are found, and some are found where there are none."""

    def tallies(easy: Any, systems: int, draws: Draws) -> list[Tally]:
        size = easy.shape[-1]
        actual = np.tile(draws.poisson(ENTITIES, size), (systems, 1))
        right = draws.binomial(actual, easy)
        rows = np.stack([right, right + draws.poisson(ENTITIES * (1 - easy), (systems, size)), actual], -1)
        whole = item_tally(rows.reshape(-1, 3).astype(float), micro_f1)
        return [whole.part(np.arange(number * size, (number + 1) * size)) for number in range(systems)]

    # As many are predicted as there are, so precision, recall and F1 all are the accuracy.
    return Simulated("entity_f1", tallies, lambda accuracy: accuracy)


METRICS = (
    classes("accuracy", (0.5, 0.5)),
    classes("f1_macro", (0.6, 0.3, 0.1)),
    classes("matthews", (0.7, 0.3)),
    sentences(),
)


def percentile(tally: Tally) -> tuple[float, float]:
    """The middle 95 % of the resamples, as they are."""
    scores = np.concatenate([tally.finish(totals) for totals in resampled_totals(tally)])
    low, high = np.quantile(scores, [0.025, 0.975])
    return float(low), float(high)


def wald(tally: Tally) -> tuple[float, float]:
    """The interval of textbooks."""
    half = 1.96 * np.sqrt(tally.score * (1 - tally.score) / len(tally))
    return tally.score - half, tally.score + half


def coverage(simulated: Simulated, size: int, accuracy: float) -> dict[str, Any]:
    """How often intervals hold the true score."""
    draws, truth = np.random.default_rng([size, round(1000 * accuracy)]), simulated.truth(accuracy)
    held: dict[str, list[bool]] = {"interval": []}
    for _ in range(INTERVAL_SETS):
        tally = simulated.tallies(difficulty(accuracy, size, None, draws), 1, draws)[0]
        found = interval(tally)
        ends = {"interval": (found.low, found.high), "bootstrap": percentile(tally)}
        if tally.share:
            ends["wald"] = wald(tally)
        for name, (low, high) in ends.items():
            held.setdefault(name, []).append(bool(low - 1e-12 <= truth <= high + 1e-12))
    shares = {name: round(float(np.mean(values)), 4) for name, values in held.items()}
    return {"metric": simulated.metric, "size": size, "accuracy": accuracy, "true_score": truth, **shares}


def exact_test(tally: tuple[Tally, Tally]) -> float:
    """McNemar's exact test, in which differences that are just as large count in full."""
    from scipy.stats import binomtest

    first, second = (side.counts[side.codes, 0] for side in tally)
    gained, lost = int((first < second).sum()), int((first > second).sum())
    return float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0


def alike(simulated: Simulated, size: int, accuracy: float, errors: str) -> dict[str, Any]:
    """How often two systems that are equally good are told apart."""
    draws = np.random.default_rng([size, round(1000 * accuracy), len(errors)])
    told, exact, held, differing = [], [], [], []
    for number in range(SETS):
        easy = difficulty(accuracy, size, ERRORS[errors], draws)
        first, second = simulated.tallies(easy, 2, draws)
        found = paired_test(first, second, shuffles=SHUFFLES, seed=number)
        told.append(found.p_value < 0.05)
        held.append(found.difference.low <= 1e-12 and found.difference.high >= -1e-12)
        differing.append(found.differing)
        if first.share:
            exact.append(exact_test((first, second)) < 0.05)
    result = {"metric": simulated.metric, "size": size, "accuracy": accuracy, "errors": errors}
    result |= {"differing": round(float(np.mean(differing)), 1), "told_apart": round(float(np.mean(told)), 4)}
    result["difference_interval"] = round(float(np.mean(held)), 4)
    return result | ({"exact_test": round(float(np.mean(exact)), 4)} if exact else {})


def several(systems: int, size: int, accuracy: float) -> dict[str, Any]:
    """How often the best of several equally good systems is called better than any other one."""
    draws, simulated = np.random.default_rng([systems, size]), METRICS[0]
    pairs = len(list(combinations(range(systems), 2)))
    counted: dict[str, list[bool]] = {"none": [], "others": [], "pairs": []}
    for number in range(SETS):
        tallies = simulated.tallies(difficulty(accuracy, size, None, draws), systems, draws)
        best = max(range(systems), key=lambda place: tallies[place].score)
        values = [
            paired_test(tallies[place], tallies[best], shuffles=SHUFFLES, seed=number).p_value
            for place in range(systems)
            if place != best
        ]
        counted["none"].append(min(values) < 0.05)
        counted["others"].append(min(holm(values)) < 0.05)
        counted["pairs"].append(min(holm(values, family=pairs)) < 0.05)
    shares = {name: round(float(np.mean(values)), 4) for name, values in counted.items()}
    return {"systems": systems, "size": size, "accuracy": accuracy, **shares}


def measure() -> dict[str, Any]:
    found: dict[str, Any] = {
        "sets": SETS, "interval_sets": INTERVAL_SETS, "coverage": [], "alike": [], "several": []
    }  # fmt: skip
    for simulated in METRICS:
        for size in SIZES:
            for accuracy in ACCURACIES:
                found["coverage"].append(coverage(simulated, size, accuracy))
                print(found["coverage"][-1], flush=True)
                for errors in ERRORS:
                    found["alike"].append(alike(simulated, size, accuracy, errors))
                    print(found["alike"][-1], flush=True)
    for systems in (3, 5, 10):
        found["several"].append(several(systems, 872, 0.9))
        print(found["several"][-1], flush=True)
    return found


if __name__ == "__main__":
    STORE.write_text(json.dumps(measure(), indent=1) + "\n", encoding="utf-8")
