"""Names that a recipe may use for tasks, problems and metrics.

They stand here so that a recipe is checked without importing numpy or torch; tests hold them equal to
the tables in `bertkit.tasks.table` and `bertkit.evaluation.metrics`.
"""

from __future__ import annotations

TASK_NAMES = ("classification", "nli")

PROBLEMS = ("single_label", "multi_label", "regression")

METRIC_NAMES = (
    "accuracy",
    "balanced_accuracy",
    "f1",
    "f1_macro",
    "f1_micro",
    "f1_weighted",
    "precision",
    "recall",
    "precision_macro",
    "recall_macro",
    "matthews",
    "pearson",
    "spearman",
    "mse",
    "mae",
    "subset_accuracy",
)
