"""How right the prediction of a single example is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertkit.data.labels import LabelSet
from bertkit.data.tag_schemes import entities_of, recognise_scheme
from bertkit.evaluation.answers import question_scores


def correctness(labels: LabelSet, predicted: Sequence[Any], expected: Sequence[Any]) -> NDArray[np.float64]:
    """(examples,) 1 for a right prediction and 0 for a wrong one; of a regression minus the error.

    Right are a class, a set of labels, the entities of a text (or its tags, where they name none), a frame,
    and an answer that is a reference once both are normalised: each as a whole.

    Args:
        labels: of the task.
        predicted: as metrics take them.
        expected: likewise.
    """
    match labels.problem:
        case "regression":
            return -np.abs(np.asarray(predicted, np.float64) - np.asarray(expected, np.float64))
        case "single_label":
            right = np.asarray(predicted) == np.asarray(expected)
        case "multi_label":
            right = (np.asarray(predicted) == np.asarray(expected)).all(axis=1)
        case "answers":
            right = np.asarray([score.exact == 1 for score in question_scores(predicted, expected)])
        case "tags" if recognise_scheme([labels.names]) != "plain":
            pairs = zip(predicted, expected, strict=True)
            right = np.asarray([entities_of(left) == entities_of(other) for left, other in pairs])
        case "frames":
            pairs = zip(predicted, expected, strict=True)
            right = np.asarray([left[0] == other[0] and [*left[1]] == [*other[1]] for left, other in pairs])
        case _:
            right = np.asarray([[*left] == [*other] for left, other in zip(predicted, expected, strict=True)])
    return np.asarray(right, dtype=np.float64)
