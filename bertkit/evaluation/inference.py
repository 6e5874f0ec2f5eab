"""Run a model over features and keep what decoding needs, not more."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertkit.data.batching import Rows, plan_inference, split_micro_batches
from bertkit.data.features import Features, Padding, collate
from bertkit.errors import TrainingError
from bertkit.models.memory import is_out_of_memory

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
    smaller: Callable[[int], None] | None = None,
    in_step: bool = False,
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
        smaller: told how many features are computed at once from now on, when memory has run out.
        in_step: each call of the model is one of all processes, which have it in parts: then all call it as
            often.

    Raises:
        TrainingError: memory does not hold one feature.
    """
    import torch

    def compute(rows: Rows) -> tuple[NDArray[Any], bool]:
        """What is kept of these features, without padding, and whether it is a row a token."""
        batch = collate(features, rows, padding=padding, device=device)
        with autocast():
            outputs = model(**batch.inputs)
        part = keep(outputs)
        if part.ndim < 3:
            return part, False
        return part[batch.inputs["attention_mask"].cpu().numpy() > 0], True

    model.eval()
    kept: NDArray[Any] | None = None
    done = 0
    index, processes = share
    batches = plan_inference(features.lengths)
    # A process without a batch of its own computes the first one, to know the shape of what it lacks.
    ours = batches[index::processes] or batches[:1]
    rounds = -(-len(batches) // processes) if in_step else len(ours)
    # What is computed once more gives the same rows again: of batches of this process, nothing changes.
    ours = list(reversed(ours + ours[:1] * (rounds - len(ours))))
    with torch.no_grad() if in_step else torch.inference_mode():
        while ours:
            rows = ours.pop()
            try:
                part, by_token = compute(rows)
            except (RuntimeError, MemoryError) as error:
                if in_step or not is_out_of_memory(error):
                    raise  # going back alone would leave the others waiting
                ours = _in_halves([*ours, rows], features.lengths, error)
                _empty_cache()
                if smaller is not None:
                    smaller(len(ours[-1]))
                continue
            if kept is None:
                count = len(features.input_ids) if by_token else len(features)
                kept = np.zeros((count, part.shape[-1]), dtype=part.dtype)
            kept[features.flat_positions(rows) if by_token else rows] = part
            done += len(rows)
            if progress is not None:
                progress(done)
    if kept is None:
        raise ValueError("there are no features to run the model over")
    return kept if index < len(batches) else np.zeros_like(kept)


def _in_halves(batches: list[Rows], lengths: NDArray[np.int64], error: Exception) -> list[Rows]:
    """Batches to do, the next one last, of which none has more padded tokens than half of the next."""
    if len(batches[-1]) < 2:
        raise TrainingError(
            "memory does not hold one row of scoring", hint="use a smaller model, or lower train.max_length"
        ) from error
    # In each batch the longest comes first.
    budget = len(batches[-1]) // 2 * int(lengths[batches[-1][0]])
    pieces: list[Rows] = []
    for batch in batches:
        pieces += reversed(split_micro_batches(batch, max(1, budget // max(1, int(lengths[batch[0]])))))
    return pieces


def _empty_cache() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
