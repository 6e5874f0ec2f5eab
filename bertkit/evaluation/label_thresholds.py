"""From which probability on a label is predicted, where an example may have several: what gives the best F1.

Micro F1 counts the decisions of all labels alike, so all labels get the same threshold: of decisions whose
probabilities are right, exactly those help it that are likelier than half of it, whichever label they are of.
Macro F1 is the mean of the labels' own, so each label gets its own threshold, if it occurs often enough.
Source of the half: Lipton, Elkan, Naryanaswamy 2014, https://arxiv.org/abs/1402.1892
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

# Where too little is right to tell, and what is preferred among thresholds that do as well.
USUAL = 0.5
# A label that is right in fewer examples shares the threshold of all; if all labels together are, it is 0.5.
MIN_POSITIVES = 5
# Scores as they are written have 6 digits; what lies in the middle between two of them has one more.
DIGITS = 7
# Sums of as many fractions as there are decisions differ by their rounding.
ROUNDING = 1e-9


def best_label_thresholds(
    scores: Floats, right: Booleans, *, metric: str, least: int = MIN_POSITIVES
) -> Floats:
    """(labels,) the thresholds with the best F1: a label is predicted where its score is not below.

    Each lies in the middle between two scores, so that none is decided by the rounding of its last digit; of
    several that do as well it is the one nearest to 0.5.

    Args:
        scores: (examples, labels) from 0 to 1.
        right: (examples, labels).
        metric: what the model is for; of those whose name ends with `_macro` or `_weighted` the F1 that is
            averaged so, of all others micro F1.
        least: right examples that a threshold needs.
    """
    positives = right.sum(axis=0)
    average = metric.rpartition("_")[2]
    if positives.sum() < least:
        return np.full(len(positives), USUAL)
    order = np.argsort(-scores, axis=0, kind="stable")
    ranked, hits = np.take_along_axis(scores, order, axis=0), np.take_along_axis(right, order, axis=0)
    if average not in ("macro", "weighted"):
        everything = np.argsort(-ranked, axis=None, kind="stable")
        f1 = _f1_by_rank(hits.ravel()[everything, None], positives.sum(keepdims=True))[:, 0]
        return np.full(len(positives), _best_cut(ranked.ravel()[everything], f1))
    f1 = _f1_by_rank(hits, positives)
    weights = positives if average == "weighted" else np.ones(len(positives))
    common = _common_cut(ranked, f1 * (weights / weights.sum()))
    own = positives >= least
    found = [_best_cut(ranked[:, n], f1[:, n]) if own[n] else common for n in range(len(positives))]
    return np.asarray(found)


def _f1_by_rank(hits: Booleans, positives: NDArray[np.int64]) -> Floats:
    """(ranks, labels) the F1 of each label if it is predicted for the examples up to this rank."""
    predicted = np.arange(1, len(hits) + 1)[:, None]
    f1: Floats = 2 * hits.cumsum(axis=0) / (predicted + positives)
    return f1


def _common_cut(ranked: Floats, shares: Floats) -> float:
    """The threshold of all labels with the highest sum of `shares`, which change with each label's rank."""
    changes = np.diff(shares, axis=0, prepend=0.0)
    order = np.argsort(-ranked, axis=None, kind="stable")
    return _best_cut(ranked.ravel()[order], changes.ravel()[order].cumsum())


def _best_cut(scores: Floats, quality: Floats) -> float:
    """The threshold with the best quality.

    Args:
        scores: falling.
        quality: of predicting all up to this place.
    """
    # Equal scores are predicted together, or none of them.
    ends = np.flatnonzero(np.append(scores[:-1] > scores[1:], True))
    best = ends[quality[ends] >= quality[ends].max() - ROUNDING]
    below = np.append(scores, 0.0)[best + 1]
    middles = np.round((scores[best] + below) / 2, DIGITS)
    return float(middles[np.abs(middles - USUAL).argmin()])
