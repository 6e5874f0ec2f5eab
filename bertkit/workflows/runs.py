"""Look at runs: what each was, and how good it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertkit.config.loader import load_recipe
from bertkit.config.schema import Recipe
from bertkit.errors import BertkitError
from bertkit.runs.folder import RunFolder, find_run, list_runs


@dataclass(frozen=True)
class RunSummary:
    """One line of the list.

    Attributes:
        path: the run folder.
        recipe: name of the recipe.
        model: name of the encoder.
        scores: by split and metric; empty while the run is not finished.
        state: `finished`, `interrupted` (it can be resumed) or `broken`.
    """

    path: Path
    recipe: str
    model: str
    scores: Mapping[str, Mapping[str, float | None]]
    state: str

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**vars(self), "path": str(self.path)}


@dataclass(frozen=True)
class RunDescription:
    """All about one run.

    Attributes:
        summary: its line of the list.
        settings: the resolved recipe.
        metrics: the content of metrics.json, empty while it is not finished.
        environment: the content of environment.json.
    """

    summary: RunSummary
    settings: Recipe
    metrics: Mapping[str, Any]
    environment: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            **self.summary.as_dict(), "settings": self.settings.model_dump(mode="json"),
            "metrics": self.metrics, "environment": self.environment,
        }  # fmt: skip


def list_summaries() -> list[RunSummary]:
    """All runs below `runs/`, the newest first."""
    return [_summarise(run) for run in list_runs()]


def describe_run(name: str) -> RunDescription:
    """All about one run.

    Raises:
        RunError: if there is no such run.
    """
    run = find_run(name)
    metrics = run.read_metrics() if run.is_finished else {}
    return RunDescription(_summarise(run), load_recipe(run.recipe).recipe, metrics, run.read_environment())


def _summarise(run: RunFolder) -> RunSummary:
    path = run.path.relative_to(Path.cwd()) if run.path.is_relative_to(Path.cwd()) else run.path
    try:
        environment = run.read_environment()
        metrics = run.read_metrics() if run.is_finished else {}
    except BertkitError:
        return RunSummary(path, "?", "?", {}, "broken")
    model = str(_mapping(environment.get("model")).get("name", "?"))
    state = "finished" if run.is_finished else "interrupted"
    scores = {split: _mapping(values) for split, values in _mapping(metrics.get("scores")).items()}
    return RunSummary(path, str(environment.get("recipe", "?")), model, scores, state)


def _mapping(value: Any) -> Mapping[str, Any]:
    """A part of a file that may have been changed by hand."""
    return value if isinstance(value, dict) else {}
