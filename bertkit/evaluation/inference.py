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
    share: tuple[int, int] = (0, 1),
) -> NDArray[Any]:
    """What `keep` takes of the outputs, in the order of the features: a row a feature, or a row a token.

    Several processes share the batches, not the rows of a batch: so each batch is the same, and gives the
    same numbers to the last digit, however many processes there are.

    Args:
        model: in any mode; it is left in evaluation mode.
        features: at least one.
        padding: how batches are filled up.
        keep: from the outputs of a batch to (batch, kept), one row a feature, or to (batch, sequence, kept),
            one row a token; of these, padding is dropped: (tokens, kept) comes back.
        device: where the model is.
        autocast: the precision to compute in.
        progress: told how many features are done.
        share: the number of this process, from 0, and how many there are. Rows of the others' batches are 0,
            so that the sum over all processes is the whole.
    """
    import torch

    model.eval()
    kept: NDArray[Any] | None = None
    done = 0
    index, processes = share
    batches = plan_inference(features.lengths)
    # A process without a batch of its own computes the first one, to know the shape of what it lacks.
    ours = batches[index::processes] or batches[:1]
    with torch.inference_mode():
        for rows in ours:
            batch = collate(features, rows, padding=padding, device=device)
            with autocast():
                outputs = model(**batch.inputs)
            part = keep(outputs)
            by_token = part.ndim == 3
            if kept is None:
                count = len(features.input_ids) if by_token else len(features)
                kept = np.zeros((count, part.shape[-1]), dtype=part.dtype)
            if by_token:
                kept[features.flat_positions(rows)] = part[batch.inputs["attention_mask"].cpu().numpy() > 0]
            else:
                kept[rows] = part
            done += len(rows)
            if progress is not None:
                progress(done)
    if kept is None:
        raise ValueError("there are no features to run the model over")
    return kept if index < len(batches) else np.zeros_like(kept)
