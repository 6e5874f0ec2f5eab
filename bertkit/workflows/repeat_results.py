"""What several trainings of one recipe made, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertkit.config.schema import Recipe
from bertkit.evaluation.scoring import shown
from bertkit.evaluation.spread import Spread

Scores = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class ChildScores:
    """How one of the trainings went.

    Attributes:
        name: of its folder.
        path: that folder, relative to the run.
        seed: train.seed.
        fold: data.fold, None where there are none.
        state: `finished` or `failed`.
        message: why it failed.
        scores: by eval split and metric; empty where it failed.
        seconds: of its training; 0 where it failed.
    """

    name: str
    path: str
    seed: int
    fold: int | None
    state: str
    message: str
    scores: Scores
    seconds: float


@dataclass(frozen=True)
class RepeatResult:
    """What several trainings of one recipe made.

    Attributes:
        run: the folder of them all; its model is that of the best one.
        by: `seeds` or `folds`.
        kept: the name of the best one.
        scores: of the model that is kept, by eval split and metric.
        metric: the metric that chose it, on the first eval split.
        spread: of the scores of all that are finished, by eval split and metric.
        children: all of them, in their order.
        out_of_fold: scores of the predictions of all folds together; empty for seeds, and where one failed.
        rows: examples by split, of the best one; `out-of-fold` are all.
        recipe: of the best one, as resolved.
        recipe_name: what the recipe is called.
        caution: what `out_of_fold` owes to the rows it is of, in a sentence; empty where it is nothing.
        rejected: rows that were set aside, of the best one.
    """

    run: Path
    by: str
    kept: str
    scores: Scores
    metric: str
    spread: Mapping[str, Mapping[str, Spread]]
    children: tuple[ChildScores, ...]
    out_of_fold: Mapping[str, float]
    rows: Mapping[str, int]
    recipe: Recipe
    recipe_name: str
    caution: str = ""
    rejected: int = 0

    @property
    def failed(self) -> tuple[ChildScores, ...]:
        """Those that did not come to their end."""
        return tuple(child for child in self.children if child.state == "failed")

    @property
    def repeated(self) -> dict[str, Any]:
        """What metrics.json holds of the trainings under `repeated`."""
        return {
            "by": self.by,
            "kept": self.kept,
            "spread": {
                split: {metric: spread.as_dict() for metric, spread in values.items()}
                for split, values in self.spread.items()
            },
            "out_of_fold": dict(self.out_of_fold),
            "out_of_fold_caution": self.caution,
            "children": [vars(child) for child in self.children],
        }

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "run": str(self.run),
            "recipe": self.recipe_name,
            "model": self.recipe.model.name,
            "scores": self.scores,
            "select": self.metric,
            "rows": self.rows,
            "rejected": self.rejected,
            "repeated": self.repeated,
        }


def spread_text(metric: str, spread: Spread) -> str:
    """`91.20 ± 0.85`."""
    return f"{shown(metric, spread.mean)} ± {shown(metric, spread.deviation)}"
