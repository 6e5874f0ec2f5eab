"""What suits a set of examples once the weights are trained: temperatures and thresholds.

See docs/decisions/0012-temperatures-and-thresholds.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertkit.data.features import Features
from bertkit.evaluation.answers import best_threshold, question_scores
from bertkit.evaluation.label_thresholds import best_label_thresholds
from bertkit.models.contract import Calibration
from bertkit.tasks.base import Example, Task
from bertkit.tasks.calibrating import (
    SMALLEST,
    Calibrating,
    Choices,
    Decisions,
    ForcedAnswers,
    decision_scores,
    tempered,
    two_sided,
)

# A temperature of fewer examples would be that of a few mistakes among them.
MIN_EXAMPLES = 50
# Beyond, all probabilities are as good as 0 and 1, or as good as equal.
LOWEST, HIGHEST = 0.05, 20.0


def calibration_of(task: Task) -> Calibration | None:
    """What the task goes by; None for a task of which nothing is fitted to examples."""
    return task.calibration if isinstance(task, Calibrating) else None


def calibrated(
    task: Task, kept: NDArray[Any], features: Features, examples: Sequence[Example], *, metric: str
) -> Task:
    """The task with the temperatures and thresholds that suit these examples best.

    Temperatures change no label; they stay 1 for fewer than `MIN_EXAMPLES` examples. Thresholds are those of
    the best F1: of the answers, or of the labels, averaged as the metric is. Nothing depends on what the task
    was calibrated by before; it is itself where there is nothing to fit.

    Args:
        task: decodes.
        kept: what it keeps of the model's outputs.
        features: of the examples.
        examples: those without a reference count nothing.
        metric: what selects the best weights.
    """
    if not isinstance(task, Calibrating) or task.calibration is None:
        return task
    if not np.isfinite(kept).all():  # a model that went astray gives no numbers
        return task
    evidence = task.evidence(kept, features, examples)
    if not evidence.examples:
        return task
    found = Calibration()
    if evidence.examples >= MIN_EXAMPLES:
        if evidence.choices is not None:
            found = replace(found, temperature=best_temperature(evidence.choices))
        if evidence.intents is not None:
            found = replace(found, intent_temperature=best_temperature(evidence.intents))
        if evidence.decisions is not None:
            found = replace(found, temperature=best_temperature(_as_choices(evidence.decisions)))
    if evidence.decisions is not None:
        found = replace(found, thresholds=_label_thresholds(evidence.decisions, found.temperature, metric))
    if evidence.answers is not None:
        found = replace(found, threshold=_no_answer_threshold(evidence.answers))
    return task.with_calibration(found)


def described(calibration: Calibration | None) -> str:
    """What was fitted, in words; empty where nothing was."""
    if calibration is None:
        return ""
    said = []
    if calibration.temperature != 1.0:
        said.append(f"temperature {calibration.temperature:.4g}")
    if calibration.intent_temperature != 1.0:
        said.append(f"temperature {calibration.intent_temperature:.4g} of intents")
    thresholds = sorted(set(calibration.thresholds.values()))
    if len(thresholds) == 1:
        said.append(f"a label is predicted from {thresholds[0]:.3f} on")
    elif thresholds:
        lowest, highest = thresholds[0], thresholds[-1]
        said.append(f"a label is predicted from its own threshold on, from {lowest:.3f} to {highest:.3f}")
    if calibration.threshold is not None:
        said.append(f"no answer is given where its score is above {calibration.threshold:.3f}")
    return "; ".join(said)


def negative_log_likelihood(choices: Choices, temperature: float) -> float:
    """The mean of -log of the probability that the right class gets at this temperature."""
    given = tempered(choices.probabilities, temperature)[np.arange(len(choices.right)), choices.right]
    return float(-np.log(np.maximum(given, SMALLEST)).mean())


def best_temperature(choices: Choices) -> float:
    """The temperature, from `LOWEST` to `HIGHEST`, at which the right classes are likeliest.

    A model that is right on all rows would be likeliest if it were certain. So one row more is thought to
    have been seen, of which the model as it is knows the odds: right on n of n rows, it is made as sure as
    (n + what it was) / (n + 1). That row is likeliest at 1, so the others get no less likely than they were.

    Source: Guo et al. 2017, On Calibration of Modern Neural Networks, https://arxiv.org/abs/1706.04599
    """
    from scipy.optimize import brentq

    rows = len(choices.right)
    if not rows:
        return 1.0
    logits = np.log(np.maximum(choices.probabilities, SMALLEST))
    given = logits[np.arange(rows), choices.right]
    believed = (choices.probabilities * logits).sum(axis=1)
    wanted = float((rows * given + believed).mean() / (rows + 1))

    def slope(log_temperature: float) -> float:
        """The derivative of the negative log-likelihood by 1 / temperature: it falls with the temperature."""
        shares = tempered(choices.probabilities, float(np.exp(log_temperature)))
        return float((shares * logits).sum(axis=1).mean()) - wanted

    low, high = np.log(LOWEST), np.log(HIGHEST)
    if slope(high) >= 0:
        temperature = HIGHEST
    elif slope(low) <= 0:
        temperature = LOWEST
    else:
        temperature = float(np.exp(brentq(slope, low, high, xtol=1e-6)))
    temperature = round(temperature, 4)
    before, after = (negative_log_likelihood(choices, value) for value in (1.0, temperature))
    return temperature if after < before else 1.0


def _as_choices(decisions: Decisions) -> Choices:
    """Each decision as a choice between no and yes."""
    return Choices(two_sided(decisions.probabilities.ravel()), decisions.right.ravel().astype(np.int64))


def _label_thresholds(decisions: Decisions, temperature: float, metric: str) -> dict[str, float]:
    scores = decision_scores(decisions.probabilities, temperature)
    found = best_label_thresholds(scores, decisions.right, metric=metric)
    return dict(zip(decisions.names, found.tolist(), strict=True))


def _no_answer_threshold(forced: ForcedAnswers) -> float:
    """The no-answer threshold with the best F1."""
    scores = question_scores(forced.answers, forced.references)
    answerable = [bool(references) for references in forced.references]
    # Of a question without an answer the script looks at the answer as given: "the" is one, though nothing is
    # left of it once it is normalised.
    gains = [
        score.f1 if references else float(not answer)
        for score, references, answer in zip(scores, forced.references, forced.answers, strict=True)
    ]
    best = best_threshold(gains, answerable, forced.no_answer_scores).value
    # Not at the score of one question, which would be decided by the rounding of its last digit.
    above = min((score for score in forced.no_answer_scores if score > best), default=1.0)
    return (best + above) / 2
