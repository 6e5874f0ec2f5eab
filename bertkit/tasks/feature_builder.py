"""Collects windows one by one, and gives them as features."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertkit.data.features import Features


class FeatureBuilder:
    """Features under way.

    Args:
        with_segments: the model reads segments.
        alignment: names of what is kept for each token beside them.
    """

    def __init__(self, *alignment: str, with_segments: bool) -> None:
        self._with_segments = with_segments
        self._ids: list[NDArray[np.int32]] = []
        self._segments: list[NDArray[np.int8]] = []
        self._alignment: dict[str, list[NDArray[np.int32]]] = {name: [] for name in alignment}
        self._examples: list[int] = []

    def add(
        self,
        example: int,
        ids: NDArray[np.int32],
        segments: NDArray[np.int8],
        **alignment: NDArray[np.int32],
    ) -> None:
        """Add one window of one example; all arrays have an entry a token."""
        self._ids.append(ids)
        self._segments.append(segments)
        self._examples.append(example)
        for name, values in alignment.items():
            self._alignment[name].append(values)

    def features(self, *, cut: int = 0) -> Features:
        """All of them; `cut` examples have lost tokens."""
        lengths = [len(ids) for ids in self._ids]
        return Features(
            input_ids=_joined(self._ids, np.int32),
            token_type_ids=_joined(self._segments, np.int8) if self._with_segments else None,
            offsets=np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64),
            examples=np.asarray(self._examples, dtype=np.int32),
            cut=cut,
            alignment={name: _joined(values, np.int32) for name, values in self._alignment.items()},
        )


def _joined(arrays: list[Any], kind: Any) -> NDArray[Any]:
    return np.concatenate(arrays) if arrays else np.empty(0, dtype=kind)
