"""Texts as TF-IDF weights of their words and pairs of words, and linear models over them.

What a baseline needs, in seconds: words are hashed and not collected, rare ones are left out, and the
logistic regression stops after a few sweeps. Everything is the same at each call.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertkit.data.words import find_words

Floats = NDArray[np.float64]
Matrix = Any  # a scipy.sparse.csr_matrix of (rows, columns)

# A text, or the two of a pair.
Texts = tuple[str, ...]

# Words are told apart by so many values of a hash.
HASHES = 2**20
# More of a text than this is not read: several times what an encoder reads.
LONGEST_TEXT = 10_000
# Longer runs of letters outside ASCII may be whole sentences, as in Thai: their letters are looked at too.
LONG_RUN = 12
# So many characters of training texts are read, and fewer where there are many outputs to learn.
CHARACTERS = 20_000_000
CHARACTERS_TIMES_OUTPUTS = 200_000_000
# Columns that a model learns from, and coefficients that it has in all.
COLUMNS = 60_000
COEFFICIENTS = 4_000_000
FEWEST_COLUMNS = 1_000
# The inverse strength of regularisation: a pair, whose texts tell little each, wants more of it.
ONE_TEXT_C, PAIR_C = 10.0, 1.0
# Sweeps over the rows, and the updates that few rows get by more sweeps. On SST-2, AG News and MNLI the
# accuracy after so many is within half a point of that at convergence, which takes about ten times as long.
SWEEPS, MOST_SWEEPS = 10, 1_000
UPDATES = 200_000


def affordable(texts: Sequence[Texts], *, outputs: int) -> NDArray[np.intp]:
    """The numbers of the rows that can be learned from in seconds, in order: all, or as many drawn by chance.

    Args:
        texts: of the training rows.
        outputs: classes or labels to tell apart.
    """
    budget = min(CHARACTERS, CHARACTERS_TIMES_OUTPUTS / max(1, outputs))
    size = sum(min(len(text), LONGEST_TEXT) for row in texts for text in row)
    if size <= budget:
        return np.arange(len(texts))
    count = max(2, int(len(texts) * budget / size))
    return np.sort(np.random.default_rng(0).choice(len(texts), size=count, replace=False))


def grams(text: str) -> list[str]:
    """The words of a text in lower case, and each pair of neighbours; ideographs and kana are a word each."""
    text = text[:LONGEST_TEXT].lower()
    words = [text[start:end] for start, end in find_words(text)]
    found = words + [f"{left} {right}" for left, right in pairwise(words)]
    for word in words:
        if len(word) > LONG_RUN and not word.isascii():
            found += [word[at : at + 3] for at in range(len(word) - 2)]
    return found


class TextFeatures:
    """Rows of texts as columns of numbers: of one text its TF-IDF weights, of a pair more.

    A pair is the weights of its first text, of its second, how far each differs between the two, and the
    figures of `overlap`.

    Args:
        texts: to learn from which words there are and how rare each of them is; at least one row.
        outputs: classes or labels to be told apart.
    """

    def __init__(self, texts: Sequence[Texts], *, outputs: int) -> None:
        from scipy.sparse import vstack
        from sklearn.feature_extraction.text import TfidfTransformer

        counts = self._counts(texts)
        rows = sum(np.bincount(part.indices, minlength=HASHES) for part in counts)
        most = min(COLUMNS, max(FEWEST_COLUMNS, COEFFICIENTS // max(1, outputs)))
        self._columns = _frequent(np.asarray(rows), most)
        self._weigh = TfidfTransformer(sublinear_tf=True)
        self._weigh.fit(vstack([part[:, self._columns] for part in counts]))
        self.fitted = self._assembled(counts)
        """The features of the texts it learned from."""

    def __call__(self, texts: Sequence[Texts]) -> Matrix:
        """(rows, columns) float32, sparse."""
        return self._assembled(self._counts(texts))

    def _counts(self, texts: Sequence[Texts]) -> list[Matrix]:
        from sklearn.feature_extraction.text import HashingVectorizer

        count = HashingVectorizer(
            analyzer=grams, n_features=HASHES, alternate_sign=False, norm=None, dtype=np.float32
        )
        return [count.transform([row[side] for row in texts]) for side in range(len(texts[0]))]

    def _assembled(self, counts: Sequence[Matrix]) -> Matrix:
        from scipy.sparse import csr_matrix, hstack

        chosen = [part[:, self._columns] for part in counts]
        weights = [self._weigh.transform(part) for part in chosen]
        if len(weights) == 1:
            return weights[0]
        first, second = weights
        figures = csr_matrix(overlap(first, second), dtype=np.float32)
        return hstack([first, second, abs(first - second), figures], format="csr", dtype=np.float32)


def _frequent(rows: NDArray[np.integer[Any]], most: int) -> NDArray[np.intp]:
    """The columns found in at least two texts, the most frequent ones of them; at least one column."""
    found = np.flatnonzero(rows >= 2)
    if not len(found):
        found = np.flatnonzero(rows)
    chosen = found[np.argsort(-rows[found], kind="stable")[:most]]
    return np.sort(chosen) if len(chosen) else np.zeros(1, dtype=np.intp)


def overlap(first: Matrix, second: Matrix) -> Floats:
    """(rows, 5) how alike the texts of pairs are, each figure from 0 to 1.

    Cosine; share of the grams of both that are in both, of the first's in the second, of the second's in the
    first; difference in length.

    Args:
        first: (rows, columns) weights of length 1 or 0.
        second: likewise.
    """
    cosine = _row_sums(first.multiply(second))
    left, right = (first > 0).astype(np.float32), (second > 0).astype(np.float32)
    both, in_left, in_right = _row_sums(left.multiply(right)), _row_sums(left), _row_sums(right)
    pairs = [
        (cosine, np.ones_like(cosine)), (both, in_left + in_right - both), (both, in_left), (both, in_right),
        (np.abs(in_left - in_right), in_left + in_right),
    ]  # fmt: skip
    return np.stack([above / np.maximum(below, 1) for above, below in pairs], axis=1)


def _row_sums(matrix: Matrix) -> Floats:
    sums: Floats = np.asarray(matrix.sum(axis=1), dtype=np.float64).ravel()
    return sums


def fit_classes(features: Matrix, classes: NDArray[np.int64], *, count: int, c: float) -> Callable[..., Any]:
    """A logistic regression.

    Args:
        features: (rows, columns).
        classes: (rows,) the number of the class of each row.
        count: of all classes; some may have no row.
        c: the inverse strength of regularisation.

    Returns:
        From (rows, columns) to (rows, count) probabilities.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    present = np.unique(classes)
    if len(present) < 2 or not features.nnz:
        shares = np.bincount(classes, minlength=count) / len(classes)
        return lambda rows: np.tile(shares, (rows.shape[0], 1))
    sweeps = min(MOST_SWEEPS, max(SWEEPS, UPDATES // len(classes)))
    model = LogisticRegression(C=c, solver="saga", max_iter=sweeps, random_state=0)
    with warnings.catch_warnings():
        # It is meant to stop before it has converged: see SWEEPS.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(features, classes)

    def probabilities(rows: Matrix) -> Floats:
        found = np.zeros((rows.shape[0], count))
        found[:, present] = model.predict_proba(rows)
        return found

    return probabilities


def fit_numbers(features: Matrix, numbers: Floats) -> Callable[..., Any]:
    """A ridge regression, from (rows, columns) to (rows,) numbers within the range of those learned from."""
    from sklearn.linear_model import Ridge

    model = Ridge(alpha=1.0).fit(features, numbers)
    low, high = numbers.min(), numbers.max()
    return lambda rows: np.clip(model.predict(rows), low, high)
