"""What the metrics in `evaluate_metrics` take: checked, and brought into one form that Arrow can hold.

Each function takes the predictions and references of a batch and gives both as they are to be stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import zip_longest
from typing import Any

import numpy as np

Sides = tuple[Any, Any]
Row = dict[str, Any]
# Kinds of stored answers: texts alone; texts with the id of their question; nothing, where the other side of
# the row has an id that nobody answered or asked for.
PLAIN, NAMED, ABSENT = "plain", "named", "absent"
_NAN = float("nan")


def as_they_are(predictions: Any, references: Any) -> Sides:
    """Both sides unchanged."""
    return predictions, references


def classes(predictions: Any, references: Any) -> Sides:
    """Both sides unchanged, if they are class indices.

    Raises:
        ValueError: a fraction, a text or nothing: `datasets` would cut 0.9 to the class 0, and read "1" as 1.
    """
    for side in (predictions, references):
        values = np.asarray(side)
        numeric = values.size == 0 or values.dtype.kind in "biuf"
        if not numeric or not np.isfinite(values).all() or np.any(values != np.floor(values)):
            raise ValueError(f"the metric takes class indices, not {values.ravel()[:3].tolist()}")
    return predictions, references


def answers(predictions: Any, references: Any) -> Sides:
    """Answers and what is right, as texts, or by id in the form of `evaluate`'s squad and squad_v2.

    By id, a side with fewer rows than the other is filled up: rows are paired by their id later on.

    Raises:
        ValueError: both forms mixed, or an entry of neither.
    """
    if not any(isinstance(entry, Mapping) for side in (predictions, references) for entry in side):
        return [_plain(text) for text in predictions], [
            {"kind": PLAIN, "id": "", "texts": _texts(texts)} for texts in references
        ]
    return answers_by_id(predictions, references)


def answers_by_id(predictions: Any, references: Any) -> Sides:
    """As `answers`, but only by id.

    Raises:
        ValueError: an entry of another form.
    """
    pairs = zip_longest(map(_named, predictions), map(_right, references))
    rows = [(left or _absent_prediction(), right or _absent_reference()) for left, right in pairs]
    return [left for left, _ in rows], [right for _, right in rows]


def _plain(text: Any) -> Row:
    if not isinstance(text, str):
        raise ValueError(f"an answer is a text, not {text!r}")
    return {"kind": PLAIN, "id": "", "text": text, "probability": _NAN}


def _named(prediction: Any) -> Row:
    if not isinstance(prediction, Mapping) or not {"id", "prediction_text"} <= set(prediction):
        raise ValueError(f"a prediction by id has id and prediction_text, unlike {prediction!r}")
    probability = prediction.get("no_answer_probability")
    return _plain(prediction["prediction_text"]) | {
        "kind": NAMED,
        "id": str(prediction["id"]),
        "probability": _NAN if probability is None else float(probability),
    }


def _right(reference: Any) -> Row:
    if not isinstance(reference, Mapping) or not {"id", "answers"} <= set(reference):
        raise ValueError(f"a reference by id has id and answers, unlike {reference!r}")
    found = reference["answers"]
    texts = found["text"] if isinstance(found, Mapping) else [answer["text"] for answer in found]
    return {"kind": NAMED, "id": str(reference["id"]), "texts": _texts(texts)}


def _texts(texts: Iterable[Any]) -> list[str]:
    if isinstance(texts, str):
        raise ValueError(f"references are a list of texts for each question, not the text {texts!r}")
    return [str(text) for text in texts]


def _absent_prediction() -> Row:
    return {"kind": ABSENT, "id": "", "text": "", "probability": _NAN}


def _absent_reference() -> Row:
    return {"kind": ABSENT, "id": "", "texts": []}
