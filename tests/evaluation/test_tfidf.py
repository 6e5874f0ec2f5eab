"""Texts as columns of numbers, and the models that learn from them in seconds."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer

from bertkit.evaluation import tfidf
from bertkit.evaluation.tfidf import TextFeatures, affordable, fit_classes, fit_numbers, grams, overlap

TEXTS = [("a dull film",), ("a dull plot",), ("a fine film, fine plot",)]


def test_words_and_pairs_of_neighbours_in_lower_case() -> None:
    assert grams("Don't PANIC!") == ["don't", "panic", "!", "don't panic", "panic !"]
    assert grams(" \n") == grams("") == []


def test_scripts_without_blanks_have_words_all_the_same() -> None:
    assert grams("好电影") == ["好", "电", "影", "好 电", "电 影"]
    thai = "ภาพยนตร์เรื่องนี้ดีมาก"
    assert {thai, thai[:3], thai[-3:]} <= set(grams(thai))
    assert grams("internationalisation") == ["internationalisation"]


def test_a_book_is_read_in_part() -> None:
    assert len(grams("a " * 1_000_000)) == tfidf.LONGEST_TEXT - 1


def test_weights_are_those_of_scikit_learn() -> None:
    texts = [*TEXTS, ("film, film, film, a plot",)]
    oracle = TfidfVectorizer(analyzer=grams, sublinear_tf=True, min_df=2).fit_transform(t for (t,) in texts)
    ours = TextFeatures(texts, outputs=2).fitted
    assert ours.shape == oracle.shape
    assert np.allclose((ours @ ours.T).toarray(), (oracle @ oracle.T).toarray(), atol=1e-6)
    assert np.allclose(np.sort(ours.toarray()), np.sort(oracle.toarray()), atol=1e-6)


def test_words_of_one_text_alone_count_only_where_there_are_no_others() -> None:
    assert TextFeatures(TEXTS, outputs=2).fitted.shape[1] == 5  # a, dull, film, plot and `a dull`
    assert TextFeatures([("one",), ("two three",)], outputs=2).fitted.shape[1] == 4


def test_texts_without_any_word_are_no_fault() -> None:
    features = TextFeatures([("",), (" ",)], outputs=2)
    assert features.fitted.shape == (2, 1)
    assert features.fitted.nnz == 0
    assert features([("anything",)]).shape == (1, 1)
    model = fit_classes(features.fitted, np.asarray([0, 1]), count=2, c=1.0)
    assert model(features([("anything",)])).tolist() == [[0.5, 0.5]]


def test_columns_are_capped_by_the_number_of_outputs(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [(" ".join(map(str, range(50))),)] * 2
    monkeypatch.setattr(tfidf, "COLUMNS", 40)
    monkeypatch.setattr(tfidf, "COEFFICIENTS", 60)
    monkeypatch.setattr(tfidf, "FEWEST_COLUMNS", 5)
    counts = [TextFeatures(texts, outputs=outputs).fitted.shape[1] for outputs in (1, 3, 60)]
    assert counts == [40, 20, 5]


def test_a_pair_is_both_texts_their_difference_and_five_figures() -> None:
    pairs = [("a dull film", "a dull plot"), ("a dull film", "a dull film")]
    features = TextFeatures(pairs, outputs=2)
    found = features.fitted.toarray()
    columns = (found.shape[1] - 5) // 3
    first, second, apart, figures = np.split(found, [columns, 2 * columns, 3 * columns], axis=1)
    assert np.allclose(apart, abs(first - second))
    assert first[0].any()
    assert (first[0] != second[0]).any()
    assert figures[1] == pytest.approx([1, 1, 1, 1, 0], abs=1e-6)
    assert (figures[0, :3] < 1).all()  # of `plot`, in one text alone, nothing is known
    swapped = features([("a dull plot", "a dull film")]).toarray()
    assert np.allclose(swapped[0, :columns], second[0])


def test_figures_of_overlap_worked_by_hand() -> None:
    half = math.sqrt(0.5)
    first = csr_matrix([[half, half, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]])
    second = csr_matrix([[half, 0, half, 0], [0.5, 0.5, 0.5, 0.5], [0, 0, 0, 0]])
    expected = [[0.5, 1 / 3, 0.5, 0.5, 0], [0.5, 0.25, 1, 0.25, 0.6], [0, 0, 0, 0, 0]]
    assert np.allclose(overlap(first, second), expected)


def test_many_texts_are_drawn_from_the_same_each_time() -> None:
    texts = [("x" * 1_000,)] * 40_000
    rows = affordable(texts, outputs=2)
    assert len(rows) == 20_000
    assert (np.diff(rows) > 0).all()
    assert rows[-1] > 30_000
    assert (rows == affordable(texts, outputs=2)).all()
    assert len(affordable(texts, outputs=100)) == 2_000
    assert (affordable(texts[:50], outputs=2) == np.arange(50)).all()


def test_long_texts_cost_no_more_than_what_is_read_of_them() -> None:
    assert len(affordable([("x" * 1_000_000,)] * 100, outputs=2)) == 100


def separable(rows: int) -> tuple[list[tuple[str]], np.ndarray]:
    dice = random.Random(0)
    labels = np.asarray([dice.randrange(3) for _ in range(rows)])
    names = ("sad", "odd", "fun")
    return [
        (f"{dice.choice('abcdefgh')} {names[label]} {dice.choice('abcdefgh')}",) for label in labels
    ], labels


def test_classes_without_a_row_have_no_probability() -> None:
    texts, labels = separable(60)
    features = TextFeatures(texts, outputs=5)
    model = fit_classes(features.fitted, labels + 1, count=5, c=10.0)
    probabilities = model(features(texts))
    assert probabilities.shape == (60, 5)
    assert (probabilities[:, [0, 4]] == 0).all()
    assert np.allclose(probabilities.sum(axis=1), 1)
    assert (probabilities.argmax(axis=1) == labels + 1).all()


def test_one_class_alone_is_certain() -> None:
    features = TextFeatures(TEXTS, outputs=3)
    model = fit_classes(features.fitted, np.asarray([2, 2, 2]), count=3, c=1.0)
    assert (model(features(TEXTS)) == [0, 0, 1]).all()


def test_learning_is_the_same_twice_and_leaves_other_chance_alone() -> None:
    texts, labels = separable(200)
    np.random.seed(7)
    before = np.random.get_state()[1].copy()  # type: ignore[index, union-attr]
    first, second = (
        fit_classes(features.fitted, labels, count=3, c=1.0)(features.fitted)
        for features in (TextFeatures(texts, outputs=3) for _ in range(2))
    )
    assert (first == second).all()
    assert (np.random.get_state()[1] == before).all()  # type: ignore[index]


def test_numbers_stay_within_those_learned_from() -> None:
    model = fit_numbers(csr_matrix([[1.0], [2.0], [3.0]]), np.asarray([10.0, 20.0, 30.0]))
    assert model(csr_matrix([[-5.0], [50.0]])).tolist() == [10.0, 30.0]


def test_numbers_follow_the_words() -> None:
    texts = [(f"{'good ' * n}",) for n in range(1, 6)] + [("bad",), ("bad bad",)]
    numbers = np.asarray([3.0, 3.5, 4.0, 4.5, 5.0, 1.0, 1.0])
    features = TextFeatures(texts, outputs=1)
    found = fit_numbers(features.fitted, numbers)(features([("good",), ("bad",), ("good bad",), ("",)]))
    assert found[0] > found[2] > found[1]
