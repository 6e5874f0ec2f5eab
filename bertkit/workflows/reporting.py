"""What a report page is made of, gathered from a run, or from an evaluation."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from bertkit.config.loader import load_recipe
from bertkit.config.schema import Published, Recipe
from bertkit.errors import RunError
from bertkit.evaluation.baselines import TITLES
from bertkit.evaluation.calibration import calibration_of, described
from bertkit.redaction import redacted, redacted_values
from bertkit.report.content import Beside, DataSplit, ReportContent, ReportSplit
from bertkit.report.data_summary import summarise
from bertkit.report.page import write_report
from bertkit.runs.folder import RunFolder
from bertkit.tasks.base import Example, Task
from bertkit.workflows.assessing import Assessed
from bertkit.workflows.baseline import BaselineScores
from bertkit.workflows.eval_subject import Subject


def check_report_place(path: Path, *, force: bool) -> None:
    """Refuse to write over a page, before anything is computed.

    Raises:
        RunError: it exists, or its folder does not.
    """
    if path.exists() and not force:
        raise RunError(f"{path} already exists", hint="choose another name, or --force to write it anew")
    if not path.absolute().parent.is_dir():
        raise RunError(f"the folder of {path} does not exist", hint="make it first, or choose another place")


def report_run(
    run: RunFolder,
    recipe: Recipe,
    assessed: Iterable[Assessed],
    *,
    train: Sequence[Example],
    best_step: int | None,
    select: str,
    notes: Sequence[str] = (),
    baselines: BaselineScores | None = None,
) -> None:
    """Write the page of a run into its folder."""
    found = list(assessed)
    write_report(
        run.report,
        ReportContent(
            title=run.path.name, recipe=recipe.name, model=recipe.model.name, splits=_splits(found),
            select=select, log=_log(run), best_step=best_step, data=_data(found, train),
            settings=_settings(recipe), environment=run.read_environment(), published=recipe.published,
            baselines=_beside(baselines or {}), notes=[*notes, *_notes(found)],
            calibration=_calibration(found[0].task), made=_now(),
        ),
    )  # fmt: skip


def report_evaluation(
    path: Path,
    assessed: Iterable[Assessed],
    subject: Subject,
    *,
    train: Sequence[Example],
    published: Sequence[Published],
    baselines: BaselineScores,
) -> None:
    """Write the page of an evaluation; of a run with its curves, settings and environment."""
    found, run = list(assessed), subject.found.run
    trained_with = load_recipe(run.recipe).recipe if run is not None else None
    write_report(
        path,
        ReportContent(
            title=Path(subject.name).name, recipe=subject.recipe_name,
            model=trained_with.model.name if trained_with else subject.found.source.name,
            splits=_splits(found), select=subject.select, log=_log(run) if run is not None else (),
            best_step=run.read_metrics().get("best_step") if run is not None else None,
            data=_data(found, train), settings=_settings(trained_with) if trained_with else {},
            environment=run.read_environment() if run is not None else {}, published=published,
            baselines=_beside(baselines), notes=_notes(found), calibration=_calibration(found[0].task),
            made=_now(),
        ),
    )  # fmt: skip


def _splits(found: Sequence[Assessed]) -> list[ReportSplit]:
    return [
        ReportSplit(
            result=each.result, problem=each.task.labels.problem, labels=each.task.labels,
            examples=each.examples, predictions=each.predictions,
            references=[each.task.shown(example) for example in each.examples],
            text_names=each.task.text, notes=each.notes, threshold=_threshold(each.task),
        )
        for each in found
    ]  # fmt: skip


def _threshold(task: Task) -> float | None:
    calibration = calibration_of(task)
    return calibration.threshold if calibration is not None else None


def _data(found: Sequence[Assessed], train: Sequence[Example]) -> list[DataSplit]:
    splits = {"train": (found[0].task, train)} if train else {}
    splits |= {each.result.name: (each.task, each.examples) for each in found}
    return [
        summarise(name, examples, (task.shown(example) for example in examples), task.labels.problem)
        for name, (task, examples) in splits.items()
    ]


def _notes(found: Sequence[Assessed]) -> list[str]:
    return [redacted(note) for each in found for note in each.notes]


def _beside(baselines: BaselineScores) -> list[Beside]:
    """The baselines, which are kept by split, by the names that people read."""
    names = dict.fromkeys(name for by_name in baselines.values() for name in by_name)
    return [
        Beside(
            TITLES[name],
            {split: by_name[name] for split, by_name in baselines.items() if name in by_name},
        )
        for name in names
    ]


def _calibration(task: Task) -> list[str]:
    sentence = described(calibration_of(task))
    return [sentence] if sentence else []


def _settings(recipe: Recipe) -> dict[str, Any]:
    """What was set, or is not empty, without secrets; the published scores stand elsewhere."""
    settings: dict[str, Any] = redacted_values(recipe.model_dump(exclude={"published"}, exclude_none=True))
    return settings


def _log(run: RunFolder) -> list[dict[str, Any]]:
    """The records of log.jsonl; a line that is broken off is left out."""
    if not run.log.is_file():
        return []
    records = []
    for line in run.log.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        records += [record] if isinstance(record, dict) else []
    return records


def _now() -> str:
    return f"{datetime.now():%Y-%m-%d %H:%M}"
