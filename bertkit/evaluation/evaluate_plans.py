"""What each metric of `evaluate_metrics` takes, computes and gives: `plan_of` a name and a config.

A metric that is called as one of Hugging Face's own gives that one's keys and units; all others fractions.
"""

from __future__ import annotations

import difflib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

from bertkit.config.names import PROBLEMS
from bertkit.data.tag_schemes import UNNAMED
from bertkit.errors import RecipeError
from bertkit.evaluation import evaluate_inputs as inputs
from bertkit.evaluation.answers_by_id import Coverage, squad2_scores, squad_scores
from bertkit.evaluation.assessment import why_undefined
from bertkit.evaluation.entities import EntityReport, entity_report
from bertkit.evaluation.entity_readings import conlleval_entities
from bertkit.evaluation.glue import GLUE_SETS
from bertkit.evaluation.metrics import METRICS, score

Scores = dict[str, Any]
_LOG = logging.getLogger(__name__)
_NAN = float("nan")


@dataclass(frozen=True)
class Plan:
    """What one metric does.

    Attributes:
        about: one line for people.
        stored: what is stored of each side: a problem of `PROBLEMS`.
        compute: from all stored predictions and references, and options, to the result.
        store: brings a batch into the stored form.
        genres: takes the genre of each example too.
    """

    about: str
    stored: str
    compute: Callable[..., Scores]
    store: Callable[[Any, Any], inputs.Sides] = inputs.as_they_are
    genres: bool = False


def plan_of(name: str, config_name: str | None) -> Plan:
    """What the metric of this name computes.

    Raises:
        RecipeError: no such metric, task of GLUE, set of MultiNLI, or problem for the metric.
    """
    if name == "glue":
        return _glue(_known("GLUE task", config_name or "", _GLUE))
    if name == "multi_nli":
        _known("MultiNLI set", config_name or "matched", dict.fromkeys(("matched", "mismatched")))
        return Plan("accuracy, of all and by genre", "single_label", _multi_nli, inputs.classes, genres=True)
    if name in _OFFICIAL:
        return _OFFICIAL[name]
    _known("metric", name, dict.fromkeys(chain(METRICS, ("glue", "multi_nli"), _OFFICIAL)))
    metric = METRICS[name]
    problems = [problem for problem in PROBLEMS if problem in metric.problems]
    problem = _known(f"for metric {name} the problem", config_name or problems[0], dict.fromkeys(problems))
    return _table(problem, {name: name}, metric.about)


def _known(kind: str, name: str, table: Mapping[str, object]) -> str:
    if name in table:
        return name
    # Of a few names all are shown: the nearest of two problems is a guess at something else.
    near = difflib.get_close_matches(name, table, 1) if len(table) > len(PROBLEMS) else []
    hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(table)}"
    raise RecipeError(f"{kind} {name!r} is not known", hint=hint)


# --- the table of metrics, and GLUE ---

# Task -> key of the result -> our metric. MNLI also under one name, and HANS, as in `evaluate`.
_GLUE: dict[str, dict[str, str]] = {
    **{each.name: dict(zip(each.keys, each.metrics, strict=True)) for each in GLUE_SETS.values()},
    "mnli": {"accuracy": "accuracy"},
    "hans": {"accuracy": "accuracy"},
}


def _glue(task: str) -> Plan:
    keys = _GLUE[task]
    return _table(
        "regression" if task == "stsb" else "single_label", keys, f"GLUE {task}: {' and '.join(keys)}"
    )


def _table(problem: str, keys: Mapping[str, str], about: str) -> Plan:
    store = inputs.classes if problem in ("single_label", "multi_label") else inputs.as_they_are
    if problem == "answers":
        return Plan(about, problem, partial(_plain_answers, keys), inputs.answers)
    return Plan(about, problem, partial(_of_the_table, problem, keys), store)


def _of_the_table(
    problem: str,
    keys: Mapping[str, str],
    predictions: list[Any],
    references: list[Any],
    label_count: int | None = None,
) -> Scores:
    if label_count is None:
        label_count = _shown_label_count(problem, predictions, references)
    if problem == "frames":
        predictions, references = map(_as_frames, (predictions, references))
    scores = score(list(keys.values()), predictions, references, problem=problem, label_count=label_count)
    for name, value in scores.items():
        if value != value and len(references):
            _LOG.warning("%s is not defined: %s", name, why_undefined(name, predictions, references))
    return {key: scores[name] for key, name in keys.items()}


def _as_frames(values: list[Any]) -> list[tuple[str, list[str]]]:
    return [(value["intent"], value["tags"]) for value in values]


def _shown_label_count(problem: str, predictions: list[Any], references: list[Any]) -> int:
    if problem not in ("single_label", "multi_label") or not references:
        return 2
    if problem == "multi_label":
        return len(references[0])
    return int(max(chain([1], predictions, references))) + 1


def _multi_nli(predictions: list[int], references: list[int], genres: list[str]) -> Scores:
    members: dict[str, list[bool]] = {}
    right = [prediction == reference for prediction, reference in zip(predictions, references, strict=True)]
    for genre, is_right in zip(genres, right, strict=True):
        members.setdefault(genre, []).append(is_right)
    by_genre = {genre: sum(members[genre]) / len(members[genre]) for genre in sorted(members) if genre}
    accuracy = sum(right) / len(right) if right else _NAN
    return {"accuracy": accuracy, "by_genre": by_genre} if by_genre else {"accuracy": accuracy}


# --- answers ---


def _plain_answers(
    keys: Mapping[str, str], predictions: list[inputs.Row], references: list[inputs.Row], **options: Any
) -> Scores:
    kinds = {row["kind"] for row in chain(predictions, references)}
    if kinds - {inputs.PLAIN}:
        raise ValueError("the metric takes texts; squad and squad_v2 also take predictions by id")
    texts, right = [row["text"] for row in predictions], [row["texts"] for row in references]
    return _of_the_table("answers", keys, texts, right, **options)


def _squad(predictions: list[inputs.Row], references: list[inputs.Row]) -> Scores:
    kinds = {row["kind"] for row in chain(predictions, references)}
    if inputs.NAMED not in kinds:
        keys = {"exact_match": "exact_match", "f1": "answer_f1"}
        return _plain_answers(keys, predictions, references)
    if inputs.PLAIN in kinds:
        raise ValueError("predictions by id and bare texts do not go together")
    scores = squad_scores(_texts_by_id(predictions), _rows_by_id(references))
    _tell(scores.coverage)
    return scores.official()


def _squad_v2(
    predictions: list[inputs.Row], references: list[inputs.Row], no_answer_threshold: float = 1.0
) -> Scores:
    # nan stands for none: Arrow has a column of numbers for all.
    probabilities = {
        row["id"]: row["probability"] for row in predictions if row["probability"] == row["probability"]
    }
    scores = squad2_scores(
        _texts_by_id(predictions),
        _rows_by_id(references),
        probabilities or None,
        no_answer_threshold=no_answer_threshold,
    )
    _tell(scores.coverage)
    return scores.official()


def _texts_by_id(rows: Sequence[inputs.Row]) -> dict[str, str]:
    return {row["id"]: row["text"] for row in rows if row["kind"] == inputs.NAMED}


def _rows_by_id(rows: Sequence[inputs.Row]) -> list[tuple[str, list[str]]]:
    return [(row["id"], row["texts"]) for row in rows if row["kind"] == inputs.NAMED]


def _tell(coverage: Coverage) -> None:
    if coverage.remark:
        _LOG.warning("%s", coverage.remark)


# --- tags ---


def _seqeval(
    predictions: list[list[str]],
    references: list[list[str]],
    *,
    suffix: bool = False,
    scheme: str | None = None,
    mode: str | None = None,
    zero_division: float | str = "warn",
) -> Scores:
    if suffix:
        predictions, references = _prefixed(predictions), _prefixed(references)
    division = 0.0 if zero_division == "warn" else float(zero_division)
    report = entity_report(
        predictions, references, mode=mode or "default", scheme=scheme, zero_division=division
    )
    overall = {
        "overall_precision": report.micro.precision,
        "overall_recall": report.micro.recall,
        "overall_f1": report.micro.f1,
        "overall_accuracy": report.accuracy,
    }
    return _by_label(report) | overall


def _prefixed(sentences: list[list[str]]) -> list[list[str]]:
    """The tags with their letter in front: B-PER for PER-B."""
    return [[tag[-1:] + ("-" + tag[:-2] if tag[:-2] else "") for tag in tags] for tags in sentences]


def _by_label(report: EntityReport) -> Scores:
    return {
        "_" if label == UNNAMED else label: {
            "precision": scores.precision,
            "recall": scores.recall,
            "f1": scores.f1,
            "number": scores.support,
        }
        for label, scores in report.items()
    }


def _conlleval(predictions: list[list[str]], references: list[list[str]]) -> Scores:
    report = entity_report(predictions, references, mode="conlleval")
    pairs = [
        (conlleval_entities(p), conlleval_entities(r)) for p, r in zip(predictions, references, strict=True)
    ]
    return {
        "accuracy": report.accuracy,
        "precision": report.micro.precision,
        "recall": report.micro.recall,
        "f1": report.micro.f1,
        "words": sum(map(len, references)),
        "phrases": sum(len(right) for _, right in pairs),
        "found": sum(len(found) for found, _ in pairs),
        "correct": sum(len(set(found) & set(right)) for found, right in pairs),
        "labels": _by_label(report),
    }


_OFFICIAL = {
    "squad": Plan("exact match and F1 of answers, as SQuAD 1.1's script", "answers", _squad, inputs.answers),
    "squad_v2": Plan("the scores of SQuAD 2.0's script", "answers", _squad_v2, inputs.answers_by_id),
    "seqeval": Plan("scores of entities, as seqeval", "tags", _seqeval),
    "conlleval": Plan("scores of phrases, as conlleval", "tags", _conlleval),
}
