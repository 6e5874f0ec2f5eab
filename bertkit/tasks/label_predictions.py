"""From probabilities of classes or labels to what is written as a prediction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from bertkit.models.contract import Calibration
from bertkit.tasks.base import Prediction
from bertkit.tasks.calibrating import DIGITS, decision_scores, tempered

# A label of several is predicted from this probability on, where no better threshold was found.
THRESHOLD = 0.5


def predicted_classes(
    names: Sequence[str], probabilities: NDArray[np.float64], calibration: Calibration
) -> list[Prediction]:
    """The likeliest class of each row; no temperature changes it, only how sure it is.

    Args:
        names: of the classes.
        probabilities: (rows, classes), before any temperature.
        calibration: gives the temperature.
    """
    predictions = []
    rows = tempered(probabilities, calibration.temperature)
    for best, row in zip(probabilities.argmax(axis=1), rows, strict=True):
        scores = {name: round(float(value), DIGITS) for name, value in zip(names, row, strict=True)}
        predictions.append(Prediction(names[best], scores[names[best]], scores))
    return predictions


def predicted_labels(
    names: Sequence[str], probabilities: NDArray[np.float64], calibration: Calibration
) -> list[Prediction]:
    """The labels of each row whose probability, as it is written, reaches their threshold.

    Args:
        names: of the labels.
        probabilities: (rows, labels), before any temperature.
        calibration: gives temperature and thresholds.
    """
    thresholds: Mapping[str, float] = dict.fromkeys(names, THRESHOLD) | dict(calibration.thresholds)
    predictions = []
    for row in decision_scores(probabilities, calibration.temperature).tolist():
        scores = dict(zip(names, row, strict=True))
        chosen = [name for name, value in scores.items() if value >= thresholds[name]]
        predictions.append(Prediction(chosen, None, scores))
    return predictions
