"""What the closing panel says in words."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from bertkit.cli.repeat_tables import print_repeated, wobble
from bertkit.config.schema import Recipe
from bertkit.evaluation.spread import spread_of
from bertkit.workflows.repeat_results import ChildScores, RepeatResult


def result_of(scores: list[float], *, by: str = "seeds", metric: str = "accuracy") -> RepeatResult:
    children = tuple(
        ChildScores(
            f"seed-{n}", f"children/seed-{n}", n, None, "finished", "", {"validation": {metric: each}}, 30.0
        )
        for n, each in enumerate(scores)
    )
    recipe = Recipe.model_validate({"task": {"type": "classification"}})
    return RepeatResult(
        run=Path("runs/x"), by=by, kept="seed-0", scores=children[0].scores, metric=metric,
        spread={"validation": {metric: spread_of(scores)}}, children=children, out_of_fold={},
        rows={"train": 90, "validation": 10}, recipe=recipe, recipe_name="x",
    )  # fmt: skip


def shown(result: RepeatResult) -> str:
    console = Console(file=io.StringIO(), width=110)
    print_repeated(result, console)
    return console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (
            result_of([0.9, 0.93]),
            "With the seed alone, accuracy of validation moves by 3.00 points, from 90.00 to 93.00.",
        ),
        (
            result_of([0.5, 0.25], by="folds", metric="mse"),
            "With the rows that are left out, mse of validation moves by 0.2500, from 0.2500 to 0.5000.",
        ),
        (result_of([0.9, 0.9, 0.9]), "All 3 trainings have the same accuracy on validation."),
        (result_of([0.9]), "A single training: how far scores lie apart cannot be told from it."),
        (result_of([0.9, math.nan]), "accuracy of validation is not defined in one of the trainings."),
    ],
)
def test_how_far_scores_lie_apart(result: RepeatResult, words: str) -> None:
    assert next(wobble(result)) == words
    assert words in shown(result)


def test_mean_deviation_and_range() -> None:
    lines = [line.split() for line in shown(result_of([0.88, 0.92, 0.90])).splitlines()]
    assert ["split", "metric", "mean", "±", "sd", "n", "lowest", "highest"] in lines
    assert ["validation", "accuracy", "90.00", "±", "2.00", "3", "88.00", "92.00"] in lines
    assert ["seed-0", "validation", "accuracy", "88.00", "best"] in lines
    assert ["took", "2", "min", "of", "training", "in", "all"] in lines


def test_failures_and_pooled_folds() -> None:
    result = result_of([0.9, 0.8], by="folds")
    lost = replace(result.children[1], state="failed", message="it \x1b[31mdiverged", scores={})
    result = replace(
        result, children=(result.children[0], lost), out_of_fold={"accuracy": 0.85},
        rows={"validation": 10, "out-of-fold": 2400},
    )  # fmt: skip
    lines = [" ".join(line.split()) for line in shown(result).splitlines()]
    assert "seed-1 failed: it \N{REPLACEMENT CHARACTER}[31mdiverged" in lines
    assert "all folds, 2,400 rows accuracy 85.00" in lines


def test_what_pooled_scores_owe_to_their_own_rows_is_said_with_them() -> None:
    pooled = replace(
        result_of([0.9, 0.8], by="folds"), out_of_fold={"accuracy": 0.85}, caution="Each fold chose.",
        rows={"validation": 10, "out-of-fold": 2400},
    )  # fmt: skip
    lines = [" ".join(line.split()) for line in shown(pooled).splitlines()]
    assert lines[lines.index("all folds, 2,400 rows accuracy 85.00") + 1] == "Each fold chose."
    assert "Each fold" not in shown(replace(pooled, caution=""))
