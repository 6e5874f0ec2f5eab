from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bertkit.data.labels import LabelSet
from bertkit.evaluation.correctness import correctness
from bertkit.evaluation.metrics import METRICS


@pytest.mark.parametrize(
    ("labels", "predicted", "expected", "right"),
    [
        (LabelSet("single_label", ("a", "b")), np.array([0, 1, 1]), np.array([0, 0, 1]), [1, 0, 1]),
        (LabelSet("multi_label", ("a", "b")), np.array([[1, 0], [1, 1]]), np.array([[1, 0], [0, 1]]), [1, 0]),
        (LabelSet("regression"), np.array([1.0, 2.5]), np.array([1.5, 2.0]), [-0.5, -0.5]),
        (LabelSet("answers"), ["The film!", "x", ""], [["film"], ["y"], []], [1, 0, 1]),
        # An I- that begins an entity is one, as conlleval reads it; the entity of the second is cut short.
        (LabelSet("tags", ("O", "B-x", "I-x")), [["I-x", "I-x"], ["B-x", "O"]], [["B-x", "I-x"]] * 2, [1, 0]),
        (LabelSet("tags", ("N", "V")), [["N", "V"], ["N", "N"]], [["N", "V"], ["N", "V"]], [1, 0]),
        (LabelSet("frames", ("O",), ("p", "q")), [("p", ["O"]), ("q", ["O"])], [("p", ("O",))] * 2, [1, 0]),
    ],
    ids=lambda value: value.problem if isinstance(value, LabelSet) else "",
)
def test_each_example_as_a_whole(labels: LabelSet, predicted: Any, expected: Any, right: list[float]) -> None:
    found = correctness(labels, predicted, expected)
    assert found.dtype == np.float64
    assert found.tolist() == right


@pytest.mark.parametrize(
    ("problem", "metric"),
    [("single_label", "accuracy"), ("multi_label", "subset_accuracy"), ("answers", "exact_match")],
)
def test_its_mean_is_the_metric_of_whole_examples(problem: str, metric: str) -> None:
    draws = np.random.default_rng(0)
    size: Any = (50, 2) if problem == "multi_label" else 50
    predicted, expected = draws.integers(0, 2, size), draws.integers(0, 2, size)
    if problem == "answers":
        predicted, expected = [str(each) for each in predicted], [[str(each)] for each in expected]  # type: ignore[assignment]
    labels = LabelSet(problem, () if problem == "answers" else ("a", "b"))
    value = METRICS[metric].function(predicted, expected, label_count=2)
    assert correctness(labels, predicted, expected).mean() == pytest.approx(value)
