"""From candidate answers to what is written as a prediction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bertkit.tasks.answer_windows import Candidates
from bertkit.tasks.base import Prediction


def predicted_answer(context: str, found: Candidates, *, threshold: float | None) -> Prediction:
    """The best candidate with its place in the context, or that there is no answer.

    Args:
        context: the text it stands in.
        found: all candidates; the score of each is its probability among them.
        threshold: no answer is given where the no-answer score is above it; None: always answer.
    """
    no_answer = no_answer_score(found)
    may_abstain = threshold is not None
    shares = _shares([*(span.score for span in found.spans), *([found.no_answer] * may_abstain)])
    n_best = [
        {
            "text": context[span.start : span.end], "start": span.start, "end": span.end,
            "score": round(float(share), 6),
        }
        for span, share in zip(found.spans, shares, strict=False)
    ]  # fmt: skip
    details: dict[str, Any] = {"n_best": n_best}
    if threshold is not None:
        details["no_answer_score"] = round(no_answer, 6)
    if not n_best or (threshold is not None and no_answer > threshold):
        score = round(float(shares[-1]), 6) if may_abstain else 0.0
        return Prediction({"text": "", "start": None, "end": None, "score": score}, details=details)
    return Prediction(n_best[0], details=details)


def _shares(logits: Sequence[float]) -> list[float]:
    """Probabilities, as if these were all candidates."""
    exponents = np.exp(np.asarray(logits, dtype=np.float64) - max(logits, default=0.0))
    return [float(value) for value in exponents / exponents.sum()] if len(logits) else []


def no_answer_score(found: Candidates) -> float:
    """From 0 to 1: how far the no-answer token is ahead of the best answer; 0.5 where they are even."""
    if not found.spans:
        return 1.0
    ahead = found.no_answer - found.spans[0].score
    return float(1 / (1 + np.exp(-np.clip(ahead, -700, 700))))
