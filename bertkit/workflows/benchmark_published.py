"""The nine tasks of GLUE as its table shows them, and what others reached on their dev sets.

Figures are copied from the sources named, in percent. A source that gives one figure for a task with two
metrics does not say which of them, or which mean, it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bertkit.evaluation.glue import GLUE_SETS, GlueAverage, GlueSet, glue_score


@dataclass(frozen=True)
class GlueTask:
    """One task of the benchmark.

    Attributes:
        name: of its recipe.
        title: as papers write it.
        shown: its metrics as the table names them.
        train_rows: training rows of the whole data set.
        dev_rows: rows of the whole eval splits, by name, in the order of the test sets of GLUE.
    """

    name: str
    title: str
    shown: str
    train_rows: int
    dev_rows: Mapping[str, int]

    @property
    def sets(self) -> tuple[GlueSet, ...]:
        """What GLUE scores of it, one for each eval split."""
        return tuple(each for each in GLUE_SETS.values() if each.task == self.name)

    @property
    def metrics(self) -> tuple[tuple[str, str], ...]:
        """What GLUE reports of it, as (eval split, metric)."""
        splits = zip(self.dev_rows, self.sets, strict=True)
        return tuple((split, metric) for split, each in splits for metric in each.metrics)


# Row counts: the data set card of nyu-mll/glue.
GLUE_TASKS: tuple[GlueTask, ...] = (
    GlueTask("cola", "CoLA", "Matthews", 8_551, {"validation": 1_043}),
    GlueTask("sst2", "SST-2", "accuracy", 67_349, {"validation": 872}),
    GlueTask("mrpc", "MRPC", "accuracy/F1", 3_668, {"validation": 408}),
    GlueTask("stsb", "STS-B", "Pearson/Spearman", 5_749, {"validation": 1_500}),
    GlueTask("qqp", "QQP", "accuracy/F1", 363_846, {"validation": 40_430}),
    GlueTask("mnli", "MNLI", "accuracy m/mm", 392_702, {"matched": 9_815, "mismatched": 9_832}),
    GlueTask("qnli", "QNLI", "accuracy", 104_743, {"validation": 5_463}),
    GlueTask("rte", "RTE", "accuracy", 2_490, {"validation": 277}),
    GlueTask("wnli", "WNLI", "accuracy", 635, {"validation": 71}),
)
TASK_NAMES = tuple(task.name for task in GLUE_TASKS)


def average_of(figures: Mapping[str, Sequence[float]]) -> GlueAverage:
    """The average of the benchmark from figures by task.

    Args:
        figures: for each metric of `GlueTask.metrics`, or one for all of them; empty where there is none.
    """
    scores: dict[str, dict[str, float]] = {}
    for task in GLUE_TASKS:
        given = list(figures.get(task.name, ()))
        columns = [(each.name, metric) for each in task.sets for metric in each.metrics]
        if len(given) == 1:
            given *= len(columns)
        for (name, metric), value in zip(columns, given, strict=False):
            scores.setdefault(name, {})[metric] = value
    return glue_score(scores)


@dataclass(frozen=True)
class PublishedRow:
    """What one encoder reached on the dev sets.

    Attributes:
        model: its name, as the recipes write it.
        source: where it is published, and with which settings.
        figures: by task, in percent: one, or one for each metric in the order of `GlueTask.metrics`.
    """

    model: str
    source: str
    figures: Mapping[str, tuple[float, ...]]


def _single(*figures: float) -> dict[str, tuple[float, ...]]:
    """Figures in the order in which the DistilBERT README gives them."""
    names = ("cola", "mnli", "mrpc", "qnli", "qqp", "rte", "sst2", "stsb", "wnli")
    return {name: (figure,) for name, figure in zip(names, figures, strict=True)}


_DISTIL = "DistilBERT README (transformers research projects): dev"

PUBLISHED: tuple[PublishedRow, ...] = (
    PublishedRow(
        "google-bert/bert-base-cased",
        "run_glue README of transformers: dev, one run, lr 2e-5, batch 32, max length 128, 3 epochs "
        "(MRPC and WNLI 5)",
        {
            "cola": (56.53,), "sst2": (92.32,), "mrpc": (84.07, 88.85), "stsb": (88.64, 88.48),
            "qqp": (90.71, 87.49), "mnli": (83.91, 84.10), "qnli": (90.66,), "rte": (65.70,),
            "wnli": (56.34,),
        },
    ),
    PublishedRow(
        "google-bert/bert-base-uncased", _DISTIL,
        _single(56.3, 84.7, 88.6, 91.8, 89.6, 69.3, 92.7, 89.0, 53.5),
    ),
    PublishedRow(
        "distilbert/distilbert-base-uncased", _DISTIL,
        _single(51.3, 82.1, 87.5, 89.2, 88.5, 59.9, 91.3, 86.9, 56.3),
    ),
    PublishedRow(
        "FacebookAI/roberta-base", _DISTIL, _single(63.6, 87.6, 90.2, 92.8, 91.9, 78.7, 94.8, 91.2, 57.7)
    ),
    PublishedRow(
        "microsoft/MiniLM-L6-H384", "MiniLM README (microsoft/unilm): dev",
        {
            "sst2": (91.5,), "mnli": (83.3,), "qnli": (90.5,), "mrpc": (88.9,), "rte": (68.8,),
            "cola": (47.5,),
        },
    ),
)  # fmt: skip
