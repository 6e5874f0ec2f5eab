"""The metrics as `evaluate.Metric` objects, for code that is built on Hugging Face `evaluate`.

    evaluate.combine([load("accuracy"), load("matthews")]).compute(predictions=[0, 1], references=[0, 1])
    load("glue", "mrpc").compute(predictions=[0, 1], references=[0, 1])      # accuracy and f1
    load("squad").compute(predictions=["in 1990"], references=[["1990", "In 1990"]])   # exact_match and f1
    load("seqeval").compute(predictions=[["B-PER", "O"]], references=[["B-PER", "I-PER"]], mode="strict")

`evaluate.load` downloads its metrics as code and runs them; these come with the package and need no
network. Predictions are held in memory, or in files where several processes add theirs:

    metric = load("accuracy", num_process=2, process_id=rank, experiment_id="run-7", cache_dir=SHARED)
    metric.add_batch(predictions=own_predictions, references=own_references)
    scores = metric.compute()      # of all on process 0, None on the others

docs/metrics.md lists what there is. Importing `evaluate` takes seconds, so it happens in `load`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bertkit.evaluation.evaluate_plans import Plan, plan_of

if TYPE_CHECKING:
    import evaluate


def load(
    name: str,
    config_name: str | None = None,
    *,
    num_process: int = 1,
    process_id: int = 0,
    experiment_id: str | None = None,
    cache_dir: str | None = None,
    keep_in_memory: bool | None = None,
    timeout: float = 100,
) -> evaluate.Metric:
    """A metric of bertkit's table, or one of `evaluate`'s own names, as an `evaluate.Metric`.

    Metrics of the table give fractions, `{"accuracy": 0.5}`; without any examples they are nan. Their
    `compute` takes `label_count`; without it there are as many labels as the values show, and at least two.

    Args:
        name: a metric of `METRICS`; `glue`, `squad`, `squad_v2` and `seqeval`, which take and give what
            those of `evaluate` do, in their units; `conlleval`; `multi_nli`. `squad` also takes bare texts
            and lists of texts (with an empty list among them by the rules of 2.0), and gives fractions then.
        config_name: for `glue` the task, `mrpc`; for a metric the problem, where it scores more than one:
            `single_label` (the default) or `multi_label`.
        num_process: how many processes add predictions to this metric.
        process_id: which of them this is; the scores are computed on process 0.
        experiment_id: the same in all of them and in no other experiment that runs with the same `cache_dir`.
        cache_dir: a folder that all of them see, for the files of predictions while they are collected.
        keep_in_memory: hold the predictions in memory instead; the default with one process.
        timeout: seconds that the processes wait for each other.

    Raises:
        RecipeError: no such metric, task or problem.
        ValueError: several processes, and `keep_in_memory`.
    """
    plan_of(name, config_name)  # a wrong name is told before seconds of importing
    return _metric_class(name)(
        config_name=config_name,
        keep_in_memory=num_process == 1 if keep_in_memory is None else keep_in_memory,
        cache_dir=cache_dir,
        num_process=num_process,
        process_id=process_id,
        experiment_id=experiment_id,
        timeout=timeout,
    )


@cache
def _metric_class(name: str) -> Any:
    # `evaluate` makes a metric's name of its class's name, so each metric is a class of its own.
    camel_case = "".join(word.capitalize() for word in name.split("_"))
    return type(camel_case, (_base_class(),), {"__doc__": f"bertkit's {name}.", "bertkit_name": name})


def _features(plan: Plan) -> Any:
    """What is stored of an example."""
    from datasets import Features, List, Value

    number, text, real = Value("int64"), Value("string"), Value("float64")
    frame = {"intent": text, "tags": List(text)}
    answer = {"kind": text, "id": text, "text": text, "probability": real}
    sides: dict[str, tuple[Any, Any]] = {
        "single_label": (number, number),
        "multi_label": (List(number), List(number)),
        "regression": (real, real),
        "tags": (List(text), List(text)),
        "answers": (answer, {"kind": text, "id": text, "texts": List(text)}),
        "frames": (frame, frame),
    }
    predictions, references = sides[plan.stored]
    return Features(
        {"predictions": predictions, "references": references} | ({"genres": text} if plan.genres else {})
    )


@cache
def _base_class() -> Any:
    import evaluate

    class BertkitMetric(evaluate.Metric):  # type: ignore[misc]
        """Collects values as `evaluate` does and has them scored by its plan."""

        bertkit_name: str
        file_paths: list[str] | None
        filelocks: list[Any] | None

        def _info(self) -> evaluate.MetricInfo:
            self.plan = plan_of(
                self.bertkit_name, None if self.config_name == "default" else self.config_name
            )
            return evaluate.MetricInfo(
                description=self.plan.about, citation="", features=_features(self.plan)
            )

        def add(self, *, prediction: Any = None, reference: Any = None, **others: Any) -> None:
            """Adds one example."""
            predictions, references = self.plan.store([prediction], [reference])
            others = ({"genres": ""} if self.plan.genres else {}) | others
            super().add(prediction=predictions[0], reference=references[0], **others)

        def add_batch(self, *, predictions: Any = None, references: Any = None, **others: Any) -> None:
            """Adds a batch of examples."""
            predictions, references = self.plan.store(predictions, references)
            others = self._with_genres(predictions, others)
            super().add_batch(predictions=predictions, references=references, **others)

        def compute(self, *, predictions: Any = None, references: Any = None, **others: Any) -> Any:
            """Scores what was added, and what is given here."""
            if predictions is None and references is None and self.writer is None:
                predictions, references = [], []  # `evaluate` fails where a process never added anything
            if predictions is not None:
                others = self._with_genres(predictions, others)
            try:
                return super().compute(predictions=predictions, references=references, **others)
            finally:
                self._let_go()

        def _with_genres(self, predictions: Any, others: dict[str, Any]) -> dict[str, Any]:
            unknown = {"genres": [""] * len(predictions)} if self.plan.genres else {}
            return {**unknown, **{key: value for key, value in others.items() if value is not None}}

        def _let_go(self) -> None:
            """Frees the files of all processes: where computing fails, `evaluate` keeps them locked."""
            self.data = None
            for path, lock in zip(self.file_paths or [], self.filelocks or [], strict=True):
                if lock.is_locked:
                    Path(path).unlink(missing_ok=True)
                    lock.release()
            self.file_paths = self.filelocks = None

        def _compute(self, **values: Any) -> dict[str, Any]:
            return self.plan.compute(**values)

    return BertkitMetric
