"""What needs no encoder: predictions that any model must beat to have learned something.

For each problem that of saying always the same, and that of a simple model of words, as predictions of the
form the task itself gives, so that the same metrics score them. Tagging has a simple model of its own, the
most frequent tag of each word; of questions there is only never to answer, where some have no answer.

Of several labels the encoder goes by thresholds that are fitted to the split that selects (decision 0012), so
the learned baseline does too: what is left between the two is not what thresholds alone add.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bertkit.evaluation.label_thresholds import USUAL, best_label_thresholds
from bertkit.evaluation.tfidf import (
    ONE_TEXT_C,
    PAIR_C,
    Matrix,
    TextFeatures,
    affordable,
    fit_classes,
    fit_numbers,
)
from bertkit.evaluation.word_tags import WordTags, words_of
from bertkit.tasks.base import Example, Prediction, TagsWords, Task
from bertkit.tasks.calibrating import DIGITS
from bertkit.tasks.tagging import entities_in_text

Floats = NDArray[np.float64]
Predict = Callable[[Sequence[Example]], list[Prediction]]

_LEARNED = "tfidf_logistic"

TITLES = {
    "majority_class": "majority class",
    "majority_labels": "most frequent labels",
    "majority_intent": "majority intent, no slots",
    "mean": "mean",
    "no_answer": "always no answer",
    "tfidf_logistic": "TF-IDF + logistic regression",
    "tfidf_logistic_thresholds": "TF-IDF + logistic regression, fitted thresholds",
    "tfidf_ridge": "TF-IDF + ridge regression",
    "tfidf_word_tags": "TF-IDF + tag of each word",
    "word_tags": "most frequent tag of each word",
}
"""What each baseline is called, by its name in files."""


@dataclass(frozen=True)
class Baseline:
    """One way to predict without an encoder.

    Attributes:
        name: of `TITLES`.
        predict: one prediction an example; the labels of the examples are not looked at.
        rows: training rows it learned from; fewer than there are where all would take minutes.
    """

    name: str
    predict: Predict
    rows: int


def fit_baselines(
    task: Task, train: Sequence[Example], *, selecting: Sequence[Example] = (), metric: str = ""
) -> list[Baseline]:
    """The baselines of a task, the simplest first; none where nothing simple makes sense.

    Args:
        task: says what is to be predicted.
        train: what they learn from; examples without a target count nothing.
        selecting: of several labels, what the thresholds of the learned one are fitted to, as those of the
            encoder are; without any with a target each label is predicted from 0.5 on.
        metric: what these thresholds serve, see `best_label_thresholds`.
    """
    known = [example for example in train if example.target is not None]
    found = _FITTERS[task.labels.problem](task, known) if known else []
    shown = [example for example in selecting if example.target is not None]
    if task.labels.problem != "multi_label" or not shown:
        return found
    return [_with_thresholds(each, shown, metric) if each.name == _LEARNED else each for each in found]


def _single_label(task: Task, train: Sequence[Example]) -> list[Baseline]:
    targets = np.asarray([example.target for example in train], dtype=np.int64)
    return _class_baselines(task.labels.names, train, targets, "majority_class", _LEARNED)


def _class_baselines(
    names: Sequence[str], train: Sequence[Example], targets: NDArray[np.int64], simple: str, learned: str
) -> list[Baseline]:
    shares = np.bincount(targets, minlength=len(names)) / len(targets)
    learn = _Learner(train, outputs=len(names))
    of_classes = fit_classes(learn.features.fitted, targets[learn.rows], count=len(names), c=learn.c)

    def majority(examples: Sequence[Example]) -> list[Prediction]:
        return [_class(names, shares)] * len(examples)

    def logistic(examples: Sequence[Example]) -> list[Prediction]:
        return [_class(names, row) for row in of_classes(learn.read(examples))]

    return [Baseline(simple, majority, len(train)), Baseline(learned, logistic, len(learn.rows))]


def _class(names: Sequence[str], row: Floats) -> Prediction:
    scores = {name: round(float(value), 6) for name, value in zip(names, row, strict=True)}
    best = names[int(row.argmax())]
    return Prediction(best, scores[best], scores)


def _multi_label(task: Task, train: Sequence[Example]) -> list[Baseline]:
    names = task.labels.names
    targets = np.asarray([example.target for example in train], dtype=np.int64)
    sets, counts = np.unique(targets, axis=0, return_counts=True)
    usual = Prediction(
        [name for name, chosen in zip(names, sets[counts.argmax()], strict=True) if chosen],
        None,
        {name: round(float(share), 6) for name, share in zip(names, targets.mean(axis=0), strict=True)},
    )
    learn = _Learner(train, outputs=len(names))
    fits = [
        fit_classes(learn.features.fitted, column, count=2, c=learn.c) for column in targets[learn.rows].T
    ]

    def logistic(examples: Sequence[Example]) -> list[Prediction]:
        read = learn.read(examples)
        rows = np.stack([fit(read)[:, 1] for fit in fits], axis=1)
        usually = np.full(len(names), USUAL)
        return [_labels(dict(zip(names, row.tolist(), strict=True)), usually) for row in rows.round(DIGITS)]

    return [
        Baseline("majority_labels", lambda examples: [usual] * len(examples), len(train)),
        Baseline(_LEARNED, logistic, len(learn.rows)),
    ]


def _labels(scores: Mapping[str, float], thresholds: Floats) -> Prediction:
    pairs = zip(scores.items(), thresholds, strict=True)
    return Prediction([name for (name, value), least in pairs if value >= least], None, scores)


def _with_thresholds(baseline: Baseline, selecting: Sequence[Example], metric: str) -> Baseline:
    """A baseline of several labels that decides by the thresholds with the best F1 on these examples."""
    scores = np.asarray([list((each.scores or {}).values()) for each in baseline.predict(selecting)])
    right = np.asarray([example.target for example in selecting], dtype=np.bool_)
    thresholds = best_label_thresholds(scores, right, metric=metric)

    def predict(examples: Sequence[Example]) -> list[Prediction]:
        return [_labels(each.scores or {}, thresholds) for each in baseline.predict(examples)]

    return replace(baseline, name=f"{baseline.name}_thresholds", predict=predict)


def _regression(task: Task, train: Sequence[Example]) -> list[Baseline]:
    targets = np.asarray([example.target for example in train], dtype=np.float64)
    usual = Prediction(round(float(targets.mean()), 6))
    learn = _Learner(train, outputs=1)
    of_numbers = fit_numbers(learn.features.fitted, targets[learn.rows])

    def ridge(examples: Sequence[Example]) -> list[Prediction]:
        return [Prediction(round(float(value), 6)) for value in of_numbers(learn.read(examples))]

    return [
        Baseline("mean", lambda examples: [usual] * len(examples), len(train)),
        Baseline("tfidf_ridge", ridge, len(learn.rows)),
    ]


class _Learner:
    """The texts of the training rows that a model learns from, as numbers."""

    def __init__(self, train: Sequence[Example], *, outputs: int) -> None:
        texts = [example.texts for example in train]
        self.rows = affordable(texts, outputs=outputs)
        self.c = PAIR_C if len(texts[0]) > 1 else ONE_TEXT_C
        self.features = TextFeatures([texts[row] for row in self.rows], outputs=outputs)

    def read(self, examples: Sequence[Example]) -> Matrix:
        """(examples, columns) what a model looks at."""
        return self.features([example.texts for example in examples])


def _tags(task: Task, train: Sequence[Example]) -> list[Baseline]:
    by_word = WordTags(task.labels.names, _scheme(task), train, [example.target for example in train])

    def tagged(examples: Sequence[Example]) -> list[Prediction]:
        predictions = []
        for example in examples:
            tags, scores = by_word.tagged(example)
            details = {"words": words_of(example), "tags": tags}
            predictions.append(Prediction(by_word.value(example, tags, scores), details=details))
        return predictions

    return [Baseline("word_tags", tagged, len(train))]


def _frames(task: Task, train: Sequence[Example]) -> list[Baseline]:
    by_word = WordTags(task.labels.names, _scheme(task), train, [example.target[1] for example in train])
    intents = np.asarray([example.target[0] for example in train], dtype=np.int64)
    names = ("majority_intent", "tfidf_word_tags")

    def with_slots(intent: Baseline, look: bool) -> Baseline:
        def predict(examples: Sequence[Example]) -> list[Prediction]:
            found = zip(examples, intent.predict(examples), strict=True)
            return [_frame(by_word, example, of_intent, look) for example, of_intent in found]

        return Baseline(intent.name, predict, intent.rows)

    simple, learned = _class_baselines(task.labels.intents, train, intents, *names)
    return [with_slots(simple, False), with_slots(learned, True)]


def _frame(by_word: WordTags, example: Example, intent: Prediction, look: bool) -> Prediction:
    tags, scores = by_word.tagged(example, look=look)
    value = {"intent": intent.value, "slots": entities_in_text(example, tags, scores)}
    return Prediction(value, intent.score, intent.scores, {"words": words_of(example), "tags": tags})


def _scheme(task: Task) -> str:
    return task.scheme if isinstance(task, TagsWords) else "auto"


def _answers(task: Task, train: Sequence[Example]) -> list[Baseline]:
    if all(example.target for example in train):
        return []  # each question has an answer, and which one no simple model says
    nothing = Prediction(
        {"text": "", "start": None, "end": None, "score": 1.0}, details={"n_best": [], "no_answer_score": 1.0}
    )
    return [Baseline("no_answer", lambda examples: [nothing] * len(examples), len(train))]


_FITTERS: Mapping[str, Callable[[Task, Sequence[Example]], list[Baseline]]] = {
    "single_label": _single_label,
    "multi_label": _multi_label,
    "regression": _regression,
    "tags": _tags,
    "frames": _frames,
    "answers": _answers,
}
