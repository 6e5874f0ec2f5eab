"""Which task a file is for, by the names of its columns."""

from __future__ import annotations

from collections.abc import Sequence

from bertkit.data.columns import guess_column

_TOKENS = ("tokens", "words")
_TEXT = (*_TOKENS, "text", "sentence", "content")
_TAGS = ("tags", "ner_tags", "slot_tags", "slots", "chunk_tags", "pos_tags", "ner")
_SPANS = ("spans", "entities")
# Columns that have to be there, one of each tuple; the first task that fits is taken.
_SIGNS: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...] = (
    ("intent_slots", (_TEXT, (*_TAGS, *_SPANS), ("intent",))),
    ("ner", (_TOKENS, _TAGS)),
    ("ner", (_TEXT, _SPANS)),
    ("qa", (("question", "query"), ("context", "passage"))),
    ("nli", (("premise",), ("hypothesis",), ("label", "labels"))),
)


def guess_task(columns: Sequence[str]) -> str:
    """The task type that columns of these names are for; `classification` where nothing else fits."""
    for task, signs in _SIGNS:
        if all(guess_column(names, columns) is not None for names in signs):
            return task
    return "classification"
