"""What is done when a loss or a gradient is no number any more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bertkit.errors import TrainingError
from bertkit.training.strategies import whole

# So many steps in a row cannot all be the fault of their rows.
MOST_SKIPPED_IN_A_ROW = 10


class NotFinite(TrainingError):
    """A step whose loss or gradient is no number; the weights are those of the step before.

    Args:
        step: from 1.
        loss: of the batch.
        grad_norm: before clipping.
        features: those whose own loss is no number, or the whole batch where each is.
        broken: a weight that is no number itself; None where all are.
        skipped: steps left out just before it, where they are.
    """

    def __init__(
        self,
        step: int,
        loss: float,
        grad_norm: float,
        features: Sequence[int],
        *,
        broken: str | None,
        skipped: int = 0,
    ) -> None:
        self.step, self.features, self.is_of_weights = step, tuple(features), broken is not None
        what = f"loss {loss:.4g}, gradient norm {grad_norm:.4g}"
        message = f"the loss is no number any more at step {step} ({what})"
        hint = "lower train.learning_rate, raise train.warmup_ratio, or set train.precision=fp32"
        if broken is not None:
            message = f"the weights {broken} hold values that are no numbers, before step {step}"
            hint = "fetch the model again, or take another one"
        elif skipped:
            message += f", as in the {skipped} steps before it, which were skipped"
        super().__init__(message, hint=hint)


def broken_weights(model: Any) -> str | None:
    """The name of the first weights that hold a value that is no number; None where there are none."""
    found = (name for name, weights in model.named_parameters() if not whole(weights.isfinite().all()))
    return next(found, None)
