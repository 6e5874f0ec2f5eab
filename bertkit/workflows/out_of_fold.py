"""The predictions of all folds together: each training row once, by a model that was not trained on it.

Where the recipe names no eval split, each fold has its best step and its thresholds from the rows it is
scored on. Thresholds of labels are taken from the other folds instead; what is left is said (`caution_of`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertkit.data.labels import LabelSet
from bertkit.errors import DataError, RunError
from bertkit.evaluation.label_thresholds import USUAL
from bertkit.evaluation.metrics import score
from bertkit.evaluation.stored import json_lines, read_stored
from bertkit.models.contract import ModelContract
from bertkit.runs.atomic import json_text, write_text
from bertkit.tasks.calibrating import tempered, two_sided

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


def thresholds_of_others(contracts: Mapping[int, ModelContract]) -> dict[int, dict[str, float]]:
    """For each fold the mean thresholds of the other folds, by label: fitted without its own rows.

    A fold's temperature is fitted to its rows as well. So the mean is that of the thresholds as they are
    before any temperature, and what is returned is to be held against the scores as the fold wrote them:
    its temperature changes both alike, and decides nothing.

    Args:
        contracts: of at least two folds with the same labels, by number.
    """
    names = next(iter(contracts.values())).labels
    own = {
        fold: _at_temperature(
            np.asarray([contract.thresholds.get(name, USUAL) for name in names]), 1 / contract.temperature
        )
        for fold, contract in contracts.items()
    }
    found = {}
    for fold, contract in contracts.items():
        mean = np.mean([values for other, values in own.items() if other != fold], axis=0)
        found[fold] = dict(zip(names, _at_temperature(mean, contract.temperature).tolist(), strict=True))
    return found


def _at_temperature(probabilities: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    return tempered(two_sided(probabilities), temperature)[:, 1]


def caution_of(problem: str, contracts: Mapping[int, ModelContract] | None) -> str:
    """What the scores of all folds together owe to their own rows, where no other eval split chooses.

    Args:
        problem: of the labels.
        contracts: of the folds; None where they are lost, and labels stay as each fold decided them.
    """
    chosen = "its best step"
    if problem == "multi_label" and contracts is None:
        chosen += " and the thresholds of its labels"
    if problem == "answers" and (
        contracts is None or any(contract.threshold is not None for contract in contracts.values())
    ):
        chosen += " and its no-answer threshold"
    said = (
        f"Each fold chose {chosen} on the rows it is scored on, which makes its score and that of all folds "
        "together a little too good; where an eval split is named (--eval FILE), that one chooses."
    )
    if problem == "multi_label" and contracts is not None:
        said += (
            " For the score of all together, labels are decided by the mean thresholds of the other folds."
        )
    return said


def pool(
    rows: FoldedRows,
    files: Mapping[int, Path],
    target: Path,
    *,
    thresholds: Mapping[int, Mapping[str, float]] | None = None,
) -> dict[str, float]:
    """Put the predictions of all folds in the order of the training rows, and score them as one split.

    Args:
        rows: as they are cut.
        files: the predictions file of each fold, by its number.
        target: where they are written; each line also says which fold it is from.
        thresholds: of several labels, by fold and label: they and the stored scores decide; None leaves the
            predictions as they are.

    Raises:
        RunError: the files are not of these rows.
    """
    lines = {fold: iter(_read_lines(file)) for fold, file in files.items()}
    pooled = []
    for identity, fold in zip(rows.ids, rows.numbers, strict=True):
        line = next(lines[fold], {})
        if line.get("id") != identity:
            raise _other_rows(files[fold])
        if thresholds is not None:
            line["prediction"] = _decided(line, thresholds[fold], files[fold])
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
        return [record for _, record in json_lines(file)]
    except (OSError, DataError) as error:
        raise _other_rows(file) from error


def _decided(line: Mapping[str, Any], thresholds: Mapping[str, float], file: Path) -> list[str]:
    try:
        return [name for name, score in line["scores"].items() if score >= thresholds[name]]
    except (AttributeError, KeyError, TypeError) as error:
        raise _other_rows(file) from error


def _other_rows(file: Path) -> RunError:
    return RunError(
        f"{file} does not hold the predictions of its fold",
        hint=f"remove {file.parents[1]} and go on: bertkit finetune --resume {file.parents[3]}",
    )
