from __future__ import annotations

import numpy as np

from bertkit.evaluation.doubtful import Suspect, hardest_errors, outliers, suspected_labels


def test_hardest_errors_are_the_surest_of_the_wrong_ones() -> None:
    confidence, is_right = [0.9, 0.6, 0.99, 0.7, 0.7], [True, False, False, False, False]
    assert hardest_errors(confidence, is_right, 3) == [2, 3, 4]
    assert hardest_errors(confidence, [True] * 5, 3) == []


def test_a_label_that_the_model_is_as_sure_against_as_it_usually_is() -> None:
    # Thresholds: class 0 (0.9 + 0.8 + 0.1) / 3 = 0.6, class 1 (0.7 + 0.7) / 2 = 0.7.
    probabilities = [[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.3, 0.7], [0.3, 0.7]]
    assert suspected_labels(probabilities, [0, 0, 0, 1, 1]) == [Suspect(2, 0, 1, 0.1, 0.9)]


def test_a_wrong_prediction_below_the_threshold_is_no_suspect() -> None:
    # Class 1 is usually given 0.95; 0.55 does not speak for it.
    probabilities = [[0.9, 0.1], [0.45, 0.55], [0.05, 0.95], [0.05, 0.95]]
    assert suspected_labels(probabilities, [0, 0, 1, 1]) == []


def test_the_surest_suspect_is_first_and_absent_classes_count_for_nothing() -> None:
    probabilities = [
        [0.6, 0.4, 0.0], [0.2, 0.8, 0.0], [0.1, 0.9, 0.0], [0.4, 0.6, 0.0], [0.0, 0.1, 0.9], [0.0, 0.0, 1.0]
    ]  # fmt: skip
    found = suspected_labels(probabilities, [0, 0, 0, 1, 0, 1])
    assert [(each.index, each.likely) for each in found] == [(2, 1), (1, 1)]


def test_no_examples_no_suspects() -> None:
    assert suspected_labels(np.zeros((0, 2)), []) == []


def test_flipped_labels_are_found() -> None:
    draws = np.random.default_rng(0)
    labels = draws.integers(0, 3, 600)
    logits = draws.normal(size=(600, 3))
    logits[np.arange(600), labels] += 4
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    flipped = draws.choice(600, 30, replace=False)
    given = labels.copy()
    given[flipped] = (given[flipped] + 1) % 3
    found = {each.index for each in suspected_labels(probabilities, given)}
    assert len(found & set(flipped.tolist())) >= 20
    assert len(found - set(flipped.tolist())) <= 6


def test_outliers_do_not_hide_themselves() -> None:
    residuals = [0.1, -0.1, 0.2, -0.2, 0.0, 0.1, 9.0, -30.0]
    assert outliers(residuals) == [7, 6]
    assert outliers([1.0, 1.0, 1.0, 5.0]) == []
    assert outliers([]) == []


def test_a_label_that_is_still_the_more_probable_one_is_no_suspect() -> None:
    # The first reaches class 1's 0.4 and not class 0's 0.8, but its label is the more probable one.
    probabilities = [[0.6, 0.4], [1.0, 0.0], [0.6, 0.4]]
    assert suspected_labels(probabilities, [0, 0, 1]) == []
