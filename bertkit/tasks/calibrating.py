"""What a task can have fitted after its training: temperatures of probabilities, and thresholds of decisions.

A task tells what examples show (`Evidence`), `bertkit.evaluation.calibration` finds what fits them best, and
the task takes it (`with_calibration`) and stores it in its contract.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from bertkit.data.features import Features
from bertkit.models.contract import Calibration
from bertkit.tasks.base import Example, Task

Floats = NDArray[np.float64]

# Probabilities come as float32: below the first number it cannot tell them from 0, and above 1 less the
# second not from 1. Within, logarithms are finite.
SMALLEST = float(np.finfo(np.float32).smallest_subnormal)
GRAIN = 2.0**-25
# Digits of a probability that are written. Labels are decided by what is written, so that who reads the
# scores comes to the same labels.
DIGITS = 6


@dataclass(frozen=True)
class Choices:
    """One class of several for each row: an example, or a word.

    Attributes:
        probabilities: (rows, classes), before any temperature.
        right: (rows,) numbers of the right classes.
    """

    probabilities: Floats
    right: NDArray[np.int64]


@dataclass(frozen=True)
class Decisions:
    """Whether each label belongs to each example.

    Attributes:
        names: of the labels.
        probabilities: (examples, labels), before any temperature.
        right: (examples, labels) whether it does.
    """

    names: Sequence[str]
    probabilities: Floats
    right: NDArray[np.bool_]


@dataclass(frozen=True)
class ForcedAnswers:
    """What a model would answer if it had to.

    Attributes:
        answers: texts.
        references: the texts of the right answers; empty where none is right.
        no_answer_scores: from 0 to 1, how much speaks for no answer.
    """

    answers: Sequence[str]
    references: Sequence[Sequence[str]]
    no_answer_scores: Sequence[float]


@dataclass(frozen=True)
class Evidence:
    """What the examples whose reference is known show; None for what a task does not predict.

    Attributes:
        examples: how many they are.
        choices: of classes, or of the tags of words.
        intents: of the intents of `frames`.
        decisions: on each of several labels.
        answers: to questions that may have none.
    """

    examples: int
    choices: Choices | None = None
    intents: Choices | None = None
    decisions: Decisions | None = None
    answers: ForcedAnswers | None = None


@runtime_checkable
class Calibrating(Task, Protocol):
    """A task of which something can be fitted to examples once the weights are."""

    @property
    def calibration(self) -> Calibration | None:
        """What it goes by; None where, with its labels or its data, there is nothing to fit."""
        ...

    def evidence(self, kept: NDArray[Any], features: Features, examples: Sequence[Example]) -> Evidence:
        """What examples show, whatever its own calibration is."""
        ...

    def with_calibration(self, calibration: Calibration) -> Task:
        """The same task that goes by another one."""
        ...


def tempered(probabilities: Floats, temperature: float) -> Floats:
    """(rows, classes) probabilities as they are where the logits are divided by the temperature."""
    if temperature == 1.0:
        return probabilities
    powers = np.log(np.maximum(probabilities, SMALLEST)) / temperature
    powers = np.exp(powers - powers.max(axis=1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=1, keepdims=True)
    return shares


def two_sided(probabilities: Floats) -> Floats:
    """(n,) probabilities that something is so, as (n, 2): that it is not, and that it is."""
    inside = np.clip(probabilities, SMALLEST, 1 - GRAIN)
    return np.stack([1 - inside, inside], axis=1)


def decision_scores(probabilities: Floats, temperature: float) -> Floats:
    """(examples, labels) probabilities as they are written and decided by, each tempered for itself."""
    if temperature != 1.0:
        sides = tempered(two_sided(probabilities.ravel()), temperature)
        probabilities = sides[:, 1].reshape(probabilities.shape)
    return np.round(probabilities, DIGITS)


def mean_over_windows(kept: NDArray[Any], owners: NDArray[Any], count: int) -> Floats:
    """(examples, outputs) the mean over the windows of each example.

    Args:
        kept: (windows, outputs).
        owners: (windows,) the number of the example that each is of.
        count: of examples.
    """
    sums = np.zeros((count, kept.shape[1]), dtype=np.float64)
    np.add.at(sums, owners, kept)
    means: Floats = sums / np.maximum(np.bincount(owners, minlength=count), 1)[:, None]
    return means
