"""Names that a recipe may use for tasks, problems and metrics, and which settings belong to which task.

They stand here so that a recipe is checked without importing numpy or torch; tests hold them equal to
the tables in `bertkit.tasks.table` and `bertkit.evaluation.metrics`.
"""

from __future__ import annotations

TASK_NAMES = ("classification", "nli", "ner", "qa", "intent_slots")

# Tasks that lose nothing: what is over the limit is read in overlapping windows, always.
WINDOWED_TASKS = ("ner", "qa", "intent_slots")
# Settings that only some task types have.
TASK_SETTINGS = {
    "intent": ("intent_slots",),
    "tag_scheme": ("ner", "intent_slots"),
    "label_subwords": ("ner", "intent_slots"),
    "constrained": ("ner", "intent_slots"),
    "max_question_length": ("qa",),
    "max_answer_length": ("qa",),
    "labels": ("classification", "nli", "ner"),
    "rename": ("classification", "nli", "ner", "intent_slots"),
    "problem": ("classification", "nli"),
}

PROBLEMS = ("single_label", "multi_label", "regression", "tags", "answers", "frames")

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
    "entity_f1",
    "entity_precision",
    "entity_recall",
    "entity_f1_macro",
    "tag_accuracy",
    "tag_f1_macro",
    "answer_f1",
    "exact_match",
    "answerable_f1",
    "answerable_exact",
    "unanswerable_accuracy",
    "frame_accuracy",
    "intent_accuracy",
    "slot_f1",
)
