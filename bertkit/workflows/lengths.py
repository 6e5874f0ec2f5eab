"""How long features may be, and what becomes of texts that are longer."""

from __future__ import annotations

import numpy as np

from bertkit.config.schema import Recipe
from bertkit.data.features import Features
from bertkit.errors import RecipeError
from bertkit.models.families import position_limit
from bertkit.models.sources import ModelSource
from bertkit.tasks.base import Limits
from bertkit.workflows.events import Listener, Note


def limits_of(recipe: Recipe, source: ModelSource) -> Limits:
    """The recipe's lengths, checked against what the encoder can read.

    Raises:
        RecipeError: if they are over its positions.
    """
    positions = position_limit(source)
    key = "task.window" if recipe.task.window else "train.max_length"
    wanted = recipe.window or recipe.train.max_length
    if wanted > positions:
        raise RecipeError(
            f"{key}: {wanted} is more than the {positions} positions of {source.name}",
            hint=f"--set {key}={positions}",
        )
    return Limits(recipe.train.max_length, recipe.window, recipe.shared_tokens)


def report_lengths(name: str, count: int, features: Features, limits: Limits, listen: Listener) -> None:
    """Say how many texts are cut, always, or into how many windows they are read."""
    if limits.window:
        several = int((np.bincount(features.examples) > 1).sum()) if len(features) else 0
        text = (
            f"{name}: {several:,} of {count:,} texts are longer than {limits.window} tokens; all are read, "
            f"in {len(features):,} windows that share {limits.stride}"
        )
        if features.cut:
            text += f"; {features.cut:,} questions are cut"
        listen(Note(text, warning=features.cut > 0))
        return
    share = 100 * features.cut / max(1, count)
    text = (
        f"{name}: {features.cut:,} of {count:,} texts ({share:.1f} %) are cut at {limits.max_length} tokens"
    )
    listen(Note(text, warning=share >= 20))
