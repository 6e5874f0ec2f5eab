from __future__ import annotations

import pytest

from bertkit.data.checking.task_guess import guess_task


@pytest.mark.parametrize(
    ("columns", "task"),
    [
        ("tokens tags", "ner"),
        ("id Words NER_tags", "ner"),
        ("text spans", "ner"),
        ("text entities meta", "ner"),
        ("tokens tags intent", "intent_slots"),
        ("text slots intent", "intent_slots"),
        ("id question context answers", "qa"),
        ("question context", "qa"),
        ("premise hypothesis label", "nli"),
        ("premise hypothesis", "classification"),
        ("text label", "classification"),
        ("text intent", "classification"),
        ("tokens label", "classification"),
        ("question label", "classification"),
        ("text tags", "classification"),
    ],
)
def test_columns_tell_the_task(columns: str, task: str) -> None:
    assert guess_task(columns.split()) == task
