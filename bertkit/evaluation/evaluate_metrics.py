"""The metrics as `evaluate.Metric` objects, for code that is built on Hugging Face `evaluate`.

    evaluate.combine([load("accuracy"), load("matthews")]).compute(predictions=[0, 1], references=[0, 1])
    load("glue", "mrpc").compute(predictions=[0, 1], references=[0, 1])      # accuracy and f1
    load("squad").compute(predictions=["in 1990"], references=[["1990", "In 1990"]])   # exact_match and f1
    load("entity_f1").compute(predictions=[["B-PER", "O"]], references=[["B-PER", "I-PER"]])

`evaluate.load` downloads its metrics as code and runs them; these come with the package and need no
network. Predictions are held in memory; of the Hugging Face cache only an empty folder per metric is made.
Importing `evaluate` takes seconds, so it happens in `load`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from bertkit.config.names import PROBLEMS
from bertkit.errors import RecipeError
from bertkit.evaluation.metrics import METRICS, score

if TYPE_CHECKING:
    import evaluate

# Task of GLUE -> key of the result, as `evaluate`'s own glue names it -> our metric.
_ACCURACY = {"accuracy": "accuracy"}
_GLUE: dict[str, dict[str, str]] = {
    "cola": {"matthews_correlation": "matthews"},
    "sst2": _ACCURACY,
    "mrpc": {"accuracy": "accuracy", "f1": "f1"},
    "stsb": {"pearson": "pearson", "spearmanr": "spearman"},
    "qqp": {"accuracy": "accuracy", "f1": "f1"},
    "mnli": _ACCURACY,
    "mnli_matched": _ACCURACY,
    "mnli_mismatched": _ACCURACY,
    "qnli": _ACCURACY,
    "rte": _ACCURACY,
    "wnli": _ACCURACY,
    "ax": {"matthews_correlation": "matthews"},
}
_SQUAD = {"exact_match": "exact_match", "f1": "answer_f1"}


@dataclass(frozen=True)
class _Plan:
    """What one `evaluate.Metric` computes: `keys` maps the keys of its result to our metrics."""

    problem: str
    keys: Mapping[str, str]
    about: str


def load(name: str, config_name: str | None = None) -> evaluate.Metric:
    """A metric of bertkit's table, `glue` or `squad`, as an `evaluate.Metric`.

    Its `compute` gives fractions, `{"accuracy": 0.5}`; without any examples they are nan. It takes
    `label_count`; without it there are as many labels as the values show, and at least two.

    Args:
        name: a metric of `METRICS`, `glue`, or `squad` (1.1; with an empty list among the references 2.0).
        config_name: for `glue` the task, `mrpc`; for a metric the problem, where it scores more than one:
            `single_label` (the default) or `multi_label`.

    Raises:
        RecipeError: no such metric, task or problem.
    """
    _plan(name, config_name)  # a wrong name is told before seconds of importing
    return _metric_class(name)(config_name=config_name, keep_in_memory=True)


def _plan(name: str, config_name: str | None) -> _Plan:
    if name == "glue":
        keys = _GLUE[_known("GLUE task", config_name or "", _GLUE)]
        about = f"GLUE {config_name}: {' and '.join(keys)}"
        return _Plan("regression" if config_name == "stsb" else "single_label", keys, about)
    if name == "squad":
        return _Plan("answers", _SQUAD, "exact match and F1 of answers, as SQuAD's scripts")
    metric = METRICS[_known("metric", name, {**METRICS, "glue": None, "squad": None})]
    problems = [problem for problem in PROBLEMS if problem in metric.problems]
    problem = _known(f"for metric {name} the problem", config_name or problems[0], dict.fromkeys(problems))
    return _Plan(problem, {name: name}, metric.about)


def _known(kind: str, name: str, table: Mapping[str, object]) -> str:
    if name in table:
        return name
    # Of a few names all are shown: the nearest of two problems is a guess at something else.
    near = difflib.get_close_matches(name, table, 1) if len(table) > len(PROBLEMS) else []
    hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(table)}"
    raise RecipeError(f"{kind} {name!r} is not known", hint=hint)


@cache
def _metric_class(name: str) -> Any:
    # `evaluate` makes a metric's name of its class's name, so each metric is a class of its own.
    camel_case = "".join(word.capitalize() for word in name.split("_"))
    return type(camel_case, (_base_class(),), {"__doc__": f"bertkit's {name}.", "bertkit_name": name})


@cache
def _base_class() -> Any:
    import evaluate
    from datasets import Features, List, Value

    class BertkitMetric(evaluate.Metric):  # type: ignore[misc]
        """Collects values as `evaluate` does and has them scored by `bertkit.evaluation.metrics`."""

        bertkit_name: str

        def _info(self) -> evaluate.MetricInfo:
            self.plan = _plan(self.bertkit_name, None if self.config_name == "default" else self.config_name)
            number, text = Value("int64"), Value("string")
            sides: dict[str, tuple[Any, Any]] = {
                "single_label": (number, number),
                "multi_label": (List(number), List(number)),
                "regression": (Value("float64"), Value("float64")),
                "tags": (List(text), List(text)),
                "answers": (text, List(text)),
                "frames": ({"intent": text, "tags": List(text)}, {"intent": text, "tags": List(text)}),
            }
            predictions, references = sides[self.plan.problem]
            return evaluate.MetricInfo(
                description=self.plan.about,
                citation="",
                features=Features({"predictions": predictions, "references": references}),
            )

        def add(self, *, prediction: Any = None, reference: Any = None, **others: Any) -> None:
            """Adds one example."""
            self._refuse_fractions(prediction, reference)
            super().add(prediction=prediction, reference=reference, **others)

        def add_batch(self, *, predictions: Any = None, references: Any = None, **others: Any) -> None:
            """Adds a batch of examples."""
            self._refuse_fractions(predictions, references)
            super().add_batch(predictions=predictions, references=references, **others)

        def compute(self, *, predictions: Any = None, references: Any = None, **others: Any) -> Any:
            """Scores what was added, and what is given here."""
            if predictions is None and references is None and self.writer is None:
                predictions, references = [], []  # `evaluate` fails where nothing was ever added
            return super().compute(predictions=predictions, references=references, **others)

        def _refuse_fractions(self, *sides: Any) -> None:
            # `datasets` would cut 0.9 to the class 0, and read "1" as 1, without a word.
            if self.plan.problem not in ("single_label", "multi_label"):
                return
            for side in sides:
                values = np.asarray(side)
                numeric = values.size == 0 or values.dtype.kind in "biuf"
                if not numeric or not np.isfinite(values).all() or np.any(values != np.floor(values)):
                    raise ValueError(f"{self.name} takes class indices, not {values.ravel()[:3].tolist()}")

        def _compute(
            self, *, predictions: list[Any], references: list[Any], label_count: int | None = None
        ) -> dict[str, float]:
            if label_count is None:
                label_count = _shown_label_count(self.plan.problem, predictions, references)
            if self.plan.problem == "frames":
                predictions, references = map(_as_frames, (predictions, references))
            names = list(self.plan.keys.values())
            scores = score(names, predictions, references, problem=self.plan.problem, label_count=label_count)
            return {key: scores[name] for key, name in self.plan.keys.items()}

    return BertkitMetric


def _as_frames(values: list[Any]) -> list[tuple[str, list[str]]]:
    return [(value["intent"], value["tags"]) for value in values]


def _shown_label_count(problem: str, predictions: list[Any], references: list[Any]) -> int:
    if problem not in ("single_label", "multi_label") or not references:
        return 2
    if problem == "multi_label":
        return len(references[0])
    return int(max(chain([1], predictions, references))) + 1
