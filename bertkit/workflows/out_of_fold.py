"""The predictions of all folds together: each training row once, by a model that has not seen it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertkit.data.labels import LabelSet
from bertkit.errors import RunError
from bertkit.evaluation.metrics import score
from bertkit.evaluation.stored import read_stored
from bertkit.runs.atomic import json_text, write_text

# The name of the predictions file.
OUT_OF_FOLD = "out-of-fold"


@dataclass(frozen=True)
class FoldedRows:
    """The training rows before they are cut.

    Attributes:
        labels: of the task.
        metrics: to report.
        ids: of the rows, in their order.
        numbers: the fold of each, from 1.
    """

    labels: LabelSet
    metrics: tuple[str, ...]
    ids: Sequence[str]
    numbers: Sequence[int]


def pool(rows: FoldedRows, files: Mapping[int, Path], target: Path) -> dict[str, float]:
    """Put the predictions of all folds in the order of the training rows, and score them as one split.

    Args:
        rows: as they are cut.
        files: the predictions file of each fold, by its number.
        target: where they are written; each line also says which fold it is from.

    Raises:
        RunError: the files are not of these rows.
    """
    lines = {fold: iter(_read_lines(file)) for fold, file in files.items()}
    pooled = []
    for identity, fold in zip(rows.ids, rows.numbers, strict=True):
        line = next(lines[fold], {})
        if line.get("id") != identity:
            raise _other_rows(files[fold])
        pooled.append({**line, "fold": fold})
    for fold, left in lines.items():
        if next(left, None) is not None:
            raise _other_rows(files[fold])
    target.parent.mkdir(parents=True, exist_ok=True)
    write_text(target, "".join(f"{json_text(line)}\n" for line in pooled))
    stored = read_stored(target, rows.labels)
    return score(
        rows.metrics, stored.predicted, stored.expected,
        problem=rows.labels.problem, label_count=rows.labels.outputs,
    )  # fmt: skip


def _read_lines(file: Path) -> list[dict[str, Any]]:
    try:
        return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise _other_rows(file) from error


def _other_rows(file: Path) -> RunError:
    return RunError(
        f"{file} does not hold the predictions of its fold",
        hint=f"remove {file.parents[1]} and go on: bertkit finetune --resume {file.parents[3]}",
    )
