"""Every task type, by the name recipes use."""

from __future__ import annotations

from bertkit.tasks.base import Task
from bertkit.tasks.classification import ClassificationTask
from bertkit.tasks.nli import NliTask

TASKS: dict[str, type[Task]] = {task.name: task for task in (ClassificationTask, NliTask)}
