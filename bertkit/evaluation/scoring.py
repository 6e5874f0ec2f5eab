"""From the predictions of a task to scores, and which way each of them is better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bertkit.evaluation.metrics import METRICS, default_metrics, score
from bertkit.tasks.base import Example, Prediction, Task


def metrics_of(task: Task, report: Sequence[str] | None) -> tuple[str, ...]:
    """The metrics to report: the recipe's, or the usual ones of the problem."""
    return tuple(report) if report else default_metrics(task.labels)


def score_predictions(
    task: Task, names: Sequence[str], examples: Sequence[Example], predictions: Sequence[Prediction]
) -> dict[str, float]:
    """Scores over the examples that have a target, one prediction an example."""
    predicted, expected = task.compare(examples, predictions)
    return score(names, predicted, expected, problem=task.labels.problem, label_count=task.labels.outputs)


def selecting(scores: Mapping[str, float], name: str) -> float:
    """The score that decides which checkpoint is best, turned so that greater is better."""
    return scores[name] if METRICS[name].greater_is_better else -scores[name]


def shown(name: str, value: float) -> str:
    """A score as people read it: shares in percent with two decimals, others with four."""
    if value != value:
        return "nan"
    return f"{100 * value:.2f}" if METRICS[name].percent else f"{value:.4f}"
