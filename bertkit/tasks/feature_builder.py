"""Collects windows one by one, and gives them as features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertkit.data.features import Features
from bertkit.tasks.layout import lay_out, special_ids
from bertkit.tasks.template import Template

# Windows that are wrapped at once: enough that no step is for a single one, few enough to need no memory.
BLOCK = 2000


class FeatureBuilder:
    """Features under way.

    Args:
        template: what stands around the texts.
        alignment: names of what is kept for each token beside its id.
        nothing: what that is for a special token.
        sentence: what it is for the one that stands for the whole.
        with_segments: the model reads segments.
    """

    def __init__(
        self, template: Template, *alignment: str, nothing: int, sentence: int, with_segments: bool
    ) -> None:
        self._template = template
        self._with_segments = with_segments
        self._ids_of_specials = special_ids(template)
        self._kept_of_specials = np.full(template.size, nothing, dtype=np.int32)
        self._kept_of_specials[template.sentence] = sentence
        self._examples: list[int] = []
        self._lengths: list[NDArray[np.int64]] = []
        self._names = ("input_ids", "token_type_ids", *alignment)
        self._done: dict[str, list[NDArray[Any]]] = {name: [] for name in self._names}
        self._texts: list[tuple[NDArray[np.int32], ...]] = []
        self._alignment: dict[str, list[NDArray[np.int32]]] = {name: [] for name in alignment}

    def add(self, example: int, *texts: NDArray[np.int32], **alignment: Sequence[NDArray[np.int32]]) -> None:
        """Add one window of one example.

        Args:
            example: its number.
            texts: (tokens,) of one or two texts, without special tokens.
            alignment: by name, for each text, (tokens,) what is kept of it.
        """
        self._examples.append(example)
        self._texts.append(texts)
        for name, values in alignment.items():
            self._alignment[name] += values
        if len(self._texts) == BLOCK:
            self._wrap()

    def features(self, *, cut: int = 0) -> Features:
        """All of them; `cut` examples have lost tokens."""
        self._wrap()
        whole = {name: np.concatenate(self._done[name]) for name in self._names}
        input_ids, token_type_ids = whole.pop("input_ids"), whole.pop("token_type_ids")
        return Features(
            input_ids=input_ids,
            token_type_ids=token_type_ids if self._with_segments else None,
            offsets=np.concatenate([[0], np.cumsum(np.concatenate(self._lengths))]).astype(np.int64),
            examples=np.asarray(self._examples, dtype=np.int32),
            cut=cut,
            alignment=whole,
        )

    def _wrap(self) -> None:
        """Put special tokens around the windows that are new."""
        lengths = np.array([[len(text) for text in texts] for texts in self._texts], dtype=np.int64)
        lengths = lengths.reshape(len(self._texts), -1 if self._texts else 1)
        starts = (np.cumsum(lengths) - lengths.ravel()).reshape(lengths.shape)
        layout = lay_out(self._template, starts, lengths)
        ids = _joined([text for texts in self._texts for text in texts])
        self._done["input_ids"].append(layout.taken(self._ids_of_specials, ids))
        self._done["token_type_ids"].append(layout.segments)
        for name, values in self._alignment.items():
            self._done[name].append(layout.taken(self._kept_of_specials, _joined(values)))
            values.clear()
        self._lengths.append(layout.lengths)
        self._texts.clear()


def _joined(arrays: list[NDArray[np.int32]]) -> NDArray[np.int32]:
    return np.concatenate(arrays) if arrays else np.empty(0, dtype=np.int32)
