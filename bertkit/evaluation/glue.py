"""The GLUE benchmark: which metrics each of its test sets has, and the averages over them.

Wang et al. 2019, https://openreview.net/forum?id=rJ4km2R5t7, section 3.4: the score of a task with several
metrics is their plain mean, and the score of the benchmark the plain mean of its nine tasks. The matched and
mismatched sets are two metrics of one task, MNLI; the diagnostic set AX is in no average. So computed, the
scores in the README of google-research/bert come out of the test results printed beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bertkit.errors import RecipeError


@dataclass(frozen=True)
class GlueSet:
    """One test set of GLUE.

    Attributes:
        name: as the configs of `evaluate` and of the data set are called: `mrpc`, `mnli_matched`.
        title: as it is written: `MRPC`.
        task: the task it belongs to: `mnli` for both sets of MNLI.
        metrics: its metrics, of `bertkit.evaluation.metrics.METRICS`.
        keys: what `evaluate` calls them.
    """

    name: str
    title: str
    task: str
    metrics: tuple[str, ...]
    keys: tuple[str, ...]


def _set(name: str, title: str, *metrics: str, task: str = "") -> GlueSet:
    keys = tuple(_KEYS.get(metric, metric) for metric in metrics)
    return GlueSet(name, title, task or name, metrics, keys)


_KEYS = {"matthews": "matthews_correlation", "spearman": "spearmanr"}

# In the order of the GLUE site.
GLUE_SETS: dict[str, GlueSet] = {
    each.name: each
    for each in (
        _set("cola", "CoLA", "matthews"),
        _set("sst2", "SST-2", "accuracy"),
        _set("mrpc", "MRPC", "accuracy", "f1"),
        _set("stsb", "STS-B", "pearson", "spearman"),
        _set("qqp", "QQP", "accuracy", "f1"),
        _set("mnli_matched", "MNLI-m", "accuracy", task="mnli"),
        _set("mnli_mismatched", "MNLI-mm", "accuracy", task="mnli"),
        _set("qnli", "QNLI", "accuracy"),
        _set("rte", "RTE", "accuracy"),
        _set("wnli", "WNLI", "accuracy"),
        _set("ax", "AX", "matthews"),
    )
}
_OFFICIAL = "mean of the nine tasks; a task with several scores counts with their mean; without AX"
_BERT = (
    "mean of nine columns: MNLI-m, MNLI-mm, QNLI, SST-2, RTE accuracy, QQP and MRPC F1, CoLA Matthews, "
    "STS-B Spearman; without WNLI and AX"
)
# Table 1 of Devlin et al. 2019, https://aclanthology.org/N19-1423, counts both sets of MNLI; only so do the
# averages of all its rows come out of the columns.
_BERT_COLUMNS = {
    "mnli_matched": "accuracy",
    "mnli_mismatched": "accuracy",
    "qqp": "f1",
    "qnli": "accuracy",
    "sst2": "accuracy",
    "cola": "matthews",
    "stsb": "spearman",
    "mrpc": "f1",
    "rte": "accuracy",
}
FORMULAS = {"glue": _OFFICIAL, "bert": _BERT}

# Scores by test set, then by metric, in one unit: fractions or percent.
GlueScores = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class GlueAverage:
    """An average over GLUE.

    Attributes:
        value: in the unit of the scores; None while any is missing, nan where any is nan.
        formula: its name, a key of `FORMULAS`.
        about: what is averaged.
        missing: the scores that are lacking, as `mrpc f1`.
        parts: what the average is of: the score of each task, or of each column, as far as it is known.
    """

    value: float | None
    formula: str
    about: str
    missing: tuple[str, ...]
    parts: dict[str, float]


def glue_score(scores: GlueScores, *, formula: str = "glue") -> GlueAverage:
    """The score of the benchmark.

    Args:
        scores: by names of `GLUE_SETS`, then by metric, named as here or as in `evaluate`; sets and metrics
            that the formula does not know are left out.
        formula: `glue`, that of the benchmark, or `bert`, the Average of the BERT paper.

    Raises:
        RecipeError: no such formula.
    """
    if formula not in FORMULAS:
        raise RecipeError(f"there is no GLUE average {formula!r}", hint=f"there are: {', '.join(FORMULAS)}")
    wanted: dict[str, list[tuple[str, str]]] = {}
    if formula == "bert":
        wanted = {name: [(name, metric)] for name, metric in _BERT_COLUMNS.items()}
    else:
        for each in GLUE_SETS.values():
            if each.name != "ax":
                wanted.setdefault(each.task, []).extend((each.name, metric) for metric in each.metrics)
    parts, missing = {}, []
    for part, columns in wanted.items():
        values = [(name, metric, _value(scores.get(name, {}), metric)) for name, metric in columns]
        known = [value for _, _, value in values if value is not None]
        if len(known) == len(values):
            parts[part] = sum(known) / len(known)
        missing += [f"{name} {metric}" for name, metric, value in values if value is None]
    value = None if missing else sum(parts.values()) / len(parts)
    return GlueAverage(value, formula, FORMULAS[formula], tuple(missing), parts)


def _value(scores: Mapping[str, float], metric: str) -> float | None:
    return scores.get(metric, scores.get(_KEYS.get(metric, metric)))
