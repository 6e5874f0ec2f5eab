"""Finished runs as they are compared: what each predicted, scored again."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from bertkit.config.loader import load_recipe
from bertkit.config.schema import Recipe
from bertkit.data.labels import LabelSet
from bertkit.errors import RunError, UsageError
from bertkit.evaluation.metrics import METRICS, score
from bertkit.evaluation.stored import read_stored
from bertkit.models.contract import FILE_NAME, ModelContract, read_contract
from bertkit.runs.folder import RunFolder, find_run
from bertkit.workflows.held_out import cut_split
from bertkit.workflows.out_of_fold import OUT_OF_FOLD

# Scores that are read from metrics.json and computed again may differ by so much, relative to 1 or more.
_TOLERANCE = 1e-9


@dataclass(frozen=True)
class ScoredFile:
    """The predictions of one training on one split, and the scores that metrics.json gives them."""

    path: Path
    scores: Mapping[str, float]


@dataclass(frozen=True)
class ComparedRun:
    """A finished run; one of several seeds counts as all of them.

    Attributes:
        name: distinct among the runs that are compared.
        run: its folder.
        recipe: as resolved.
        contract: of its model.
        metrics: the content of metrics.json.
    """

    name: str
    run: RunFolder
    recipe: Recipe
    contract: ModelContract
    metrics: Mapping[str, Any]

    @property
    def labels(self) -> LabelSet:
        """What its model can predict."""
        return self.contract.label_set

    @cached_property
    def environment(self) -> Mapping[str, Any]:
        """The content of environment.json."""
        return self.run.read_environment()

    @property
    def model(self) -> str:
        """The name of its encoder."""
        return str((self.environment.get("model") or {}).get("name", "?"))

    @cached_property
    def splits(self) -> Mapping[str, tuple[ScoredFile, ...]]:
        """The predictions of each eval split, one file a training.

        The folds of a run are scored on rows of their own, and compared by the predictions of all of them.
        """
        repeated = self.metrics.get("repeated") or {}
        done = [child for child in repeated.get("children", []) if child["state"] == "finished"]
        parts = [(self.run.path / child["path"], child["scores"]) for child in done]
        found: dict[str, list[ScoredFile]] = {}
        for path, scores in parts or [(self.run.path, self.metrics["scores"])]:
            for split, values in scores.items():
                if values:
                    file = ScoredFile(RunFolder(path).predictions(split), _numbers(values))
                    found.setdefault(split, []).append(file)
        if repeated.get("by") == "folds":
            found.pop(cut_split(self.recipe.data) or "", None)
        if pooled := repeated.get("out_of_fold"):
            found[OUT_OF_FOLD] = [ScoredFile(self.run.predictions(OUT_OF_FOLD), _numbers(pooled))]
        return {split: tuple(files) for split, files in found.items()}


def _numbers(scores: Mapping[str, float | None]) -> dict[str, float]:
    """The scores of metrics that there are; null is nan."""
    return {name: math.nan if value is None else value for name, value in scores.items() if name in METRICS}


def open_runs(names: Sequence[str]) -> list[ComparedRun]:
    """The runs by their paths or names.

    Raises:
        UsageError: fewer than two, or one twice.
        RunError: a run is not there, not finished or not whole.
    """
    runs = [find_run(name) for name in names]
    paths = [run.path.resolve() for run in runs]
    twice = [path for path, count in Counter(paths).items() if count > 1]
    if twice:
        raise UsageError(f"{twice[0].name} is named twice", hint="name another run: bertkit runs lists them")
    if len(runs) < 2:
        raise UsageError(
            "two runs are needed to compare", hint="bertkit compare RUN RUN ...; bertkit runs lists them"
        )
    short = Counter(path.name for path in paths)
    return [
        _open(run, path.name if short[path.name] == 1 else str(run.path))
        for run, path in zip(runs, paths, strict=True)
    ]


def _open(run: RunFolder, name: str) -> ComparedRun:
    if not run.metrics.is_file():
        raise RunError(f"{name} is not finished", hint=f"go on with it: bertkit finetune --resume {run.path}")
    # Of the trainings of one run only the best keeps its model, which the run itself holds.
    lacks_model = run.is_child and not run.model.is_dir()
    owner = RunFolder(run.path.absolute().parents[1]) if lacks_model else run
    if not (owner.model / FILE_NAME).is_file():
        raise RunError(
            f"{name} has no {owner.model.name}/{FILE_NAME}, which says what its labels are",
            hint="leave it out, or train it again",
        )
    contract = read_contract(owner.model, {}, name=name)
    return ComparedRun(name, run, load_recipe(run.recipe).recipe, contract, run.read_metrics())


@dataclass(frozen=True)
class SplitPredictions:
    """What a run predicted of one split.

    Attributes:
        run: whose.
        ids: of the examples that have a reference, in their order.
        predicted: as metrics take them, once for each training.
        expected: what is right.
        files: where they are written.
    """

    run: ComparedRun
    ids: Sequence[str]
    predicted: Sequence[Any]
    expected: Any
    files: Sequence[Path]

    def with_labels_of(self, other: ComparedRun) -> SplitPredictions:
        """The same with classes numbered as another run numbers them; both know the same names."""
        mine, wanted = self.run.labels, other.labels
        if mine.names == wanted.names or mine.problem not in ("single_label", "multi_label"):
            return self
        if mine.problem == "single_label":
            places = np.asarray([wanted.names.index(name) for name in mine.names])
        else:
            places = np.asarray([mine.names.index(name) for name in wanted.names])

        def renumbered(values: Any) -> Any:
            return places[values] if mine.problem == "single_label" else values[:, places]

        return SplitPredictions(
            self.run, self.ids, [renumbered(each) for each in self.predicted], renumbered(self.expected),
            self.files,
        )  # fmt: skip


def read_split(run: ComparedRun, split: str) -> SplitPredictions:
    """The predictions of a run, scored again to see that they are those that metrics.json speaks of.

    Raises:
        RunError: a file is missing, or does not give the stored scores.
        DataError: a file cannot be read.
    """
    stored = []
    for file in run.splits[split]:
        if not file.path.is_file():
            raise RunError(f"{file.path} is missing", hint=f"leave {run.name} out, or train it again")
        stored.append(read_stored(file.path, run.labels))
        _check_scores(run, file, stored[-1].predicted, stored[-1].expected)
        if stored[-1].ids != stored[0].ids or not same_values(stored[-1].expected, stored[0].expected):
            raise RunError(
                f"{run.name}: its trainings were not scored on the same rows of {split}",
                hint="compare another split: --split NAME",
            )
    return SplitPredictions(
        run, stored[0].ids, [each.predicted for each in stored], stored[0].expected,
        [file.path for file in run.splits[split]],
    )  # fmt: skip


def _check_scores(
    run: ComparedRun, file: ScoredFile, predicted: Sequence[Any], expected: Sequence[Any]
) -> None:
    labels = run.labels
    found = score(list(file.scores), predicted, expected, problem=labels.problem, label_count=labels.outputs)
    for metric, value in found.items():
        before = file.scores[metric]
        same = value == before or (math.isnan(value) and math.isnan(before))
        if not same and not abs(value - before) <= _TOLERANCE * max(1.0, abs(before)):
            raise RunError(
                f"{file.path} gives {metric} {value:.6f}, metrics.json says {before:.6f}: one of the two was "
                "changed by hand",
                hint=f"leave {run.name} out, or train it again",
            )


def same_values(left: Any, right: Any) -> bool:
    """Whether two sides of what metrics take hold the same."""
    if isinstance(left, np.ndarray):
        return np.array_equal(left, right)
    return list(left) == list(right)


def records(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a predictions file that have a reference, in their order."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            record = {} if line.isspace() else json.loads(line)
            if record.get("reference") is not None:
                yield record
