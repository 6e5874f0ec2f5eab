"""Every task type, by the name recipes use."""

from __future__ import annotations

from bertkit.tasks.base import Task
from bertkit.tasks.classification import ClassificationTask
from bertkit.tasks.intent_slots import IntentSlotsTask
from bertkit.tasks.ner import NerTask
from bertkit.tasks.nli import NliTask
from bertkit.tasks.qa import QaTask

TASKS: dict[str, type[Task]] = {
    task.name: task for task in (ClassificationTask, NliTask, NerTask, QaTask, IntentSlotsTask)
}
