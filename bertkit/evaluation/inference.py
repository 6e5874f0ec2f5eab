"""Run a model over features and keep what decoding needs, not more."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertkit.data.batching import plan_inference
from bertkit.data.features import Features, Padding, collate

Keep = Callable[[Any], NDArray[Any]]


def run_model(
    model: Any,
    features: Features,
    *,
    padding: Padding,
    keep: Keep,
    device: Any,
    autocast: Callable[[], AbstractContextManager[Any]],
    progress: Callable[[int], None] | None = None,
) -> NDArray[Any]:
    """What `keep` takes of the outputs for each feature, in the order of the features.

    Args:
        model: in any mode; it is left in evaluation mode.
        features: at least one.
        padding: how batches are filled up.
        keep: from the outputs of a batch to one row a feature.
        device: where the model is.
        autocast: the precision to compute in.
        progress: told how many features are done.
    """
    import torch

    model.eval()
    kept: NDArray[Any] | None = None
    done = 0
    with torch.inference_mode():
        for rows in plan_inference(features.lengths):
            batch = collate(features, rows, padding=padding, device=device)
            with autocast():
                outputs = model(**batch.inputs)
            part = keep(outputs)
            if kept is None:
                kept = np.empty((len(features), *part.shape[1:]), dtype=part.dtype)
            kept[rows] = part
            done += len(rows)
            if progress is not None:
                progress(done)
    if kept is None:
        raise ValueError("there are no features to run the model over")
    return kept
