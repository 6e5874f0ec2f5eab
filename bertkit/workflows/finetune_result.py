"""What a fine-tuning made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bertkit.config.schema import Recipe
from bertkit.evaluation.results import SplitResult, values_of
from bertkit.workflows.baseline import BaselineScores


@dataclass(frozen=True)
class FinetuneResult:
    """What a fine-tuning made.

    Attributes:
        run: the run folder.
        splits: what was found by eval split, of the model as reloaded from disk; of several processes the
            main one has it.
        metric: the metric that selected the best weights.
        best_step: the optimizer step they are from.
        steps: optimizer steps done.
        seconds: from the first step to the last.
        recipe: as resolved.
        recipe_name: what the recipe is called.
        rows: examples by split, the training rows first.
        baselines: scores of what needs no encoder, by split, baseline and metric; empty if not asked for.
        rejected: rows that were set aside.
    """

    run: Path
    splits: Mapping[str, SplitResult]
    metric: str
    best_step: int
    steps: int
    seconds: float
    recipe: Recipe
    recipe_name: str
    rows: Mapping[str, int]
    baselines: BaselineScores = field(default_factory=dict)
    rejected: int = 0

    @property
    def scores(self) -> dict[str, dict[str, float]]:
        """By eval split and metric."""
        return values_of(self.splits)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "run": str(self.run),
            "recipe": self.recipe_name,
            "model": self.recipe.model.name,
            "scores": self.scores,
            "select": self.metric,
            "best_step": self.best_step,
            "steps": self.steps,
            "rows": self.rows,
            "seconds": round(self.seconds, 3),
            "baselines": self.baselines,
            "rejected": self.rejected,
        }
