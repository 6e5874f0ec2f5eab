"""What every task promises, and the lists that must agree."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bertkit.config.names import METRIC_NAMES, PROBLEMS, TASK_NAMES
from bertkit.config.schema import TaskSection
from bertkit.data.rows import Rows
from bertkit.evaluation.metrics import METRICS, default_metrics
from bertkit.evaluation.scoring import score_predictions
from bertkit.models.contract import ModelContract
from bertkit.tasks.base import Limits
from bertkit.tasks.table import TASKS

# (records, label names or None, problem): what each task type can be asked to learn.
SIX = range(6)
PAIR = [
    {"a": f"the film {n}", "b": "it is good", "y": ["entailment", "neutral", "contradiction"][n % 3]}
    for n in range(9)
]
CASES = {
    "one label": (
        "classification", ["a"], [{"a": f"film {n}", "y": "xy"[n % 2]} for n in SIX], "single_label",
    ),
    "pair": ("classification", ["a", "b"], PAIR, "single_label"),
    "several labels": (
        "classification", ["a"], [{"a": f"film {n}", "y": ["x", "y"][: n % 3]} for n in SIX], "multi_label",
    ),
    "number": ("classification", ["a"], [{"a": f"film {n}", "y": n / 4} for n in SIX], "regression"),
    "nli": ("nli", ["a", "b"], PAIR, "single_label"),
}  # fmt: skip


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, make_rows: Callable[..., Rows]):
    name, text, records, problem = CASES[request.param]
    rows = make_rows(records)
    task = TASKS[name].learn(TaskSection(type=name, text=text, label="y"), [rows])
    assert task.labels.problem == problem
    return task, rows


def test_lists_agree() -> None:
    assert set(TASKS) == set(TASK_NAMES) == {task.name for task in TASKS.values()}
    assert set(METRICS) == set(METRIC_NAMES)
    assert {problem for metric in METRICS.values() for problem in metric.problems} == set(PROBLEMS)
    assert {CASES[name][0] for name in CASES} == set(TASKS)


@pytest.mark.parametrize("window", [None, 16])
def test_one_prediction_an_example_and_perfect_ones_score_perfectly(
    case, tokenizer, window: int | None
) -> None:
    task, rows = case
    examples = list(task.examples(rows).examples)
    alone = len(task.text) == 1
    if alone:  # long enough for several windows; pairs here fit into one, and windows read one text only
        examples = [type(e)(e.id, (e.texts[0] + " plot" * 40,), e.target) for e in examples]
    features = task.encode(examples, tokenizer, Limits(24, window, 4))
    assert (len(features) > len(examples)) is (alone and window is not None)
    targets = task.targets(examples, features, label_weights=None)
    np.testing.assert_allclose(np.bincount(features.examples, weights=targets.weights), 1, rtol=1e-6)

    # What a perfect model would give for each feature.
    if task.labels.problem == "single_label":
        kept = np.eye(task.labels.outputs, dtype=np.float32)[targets.values]
    else:
        kept = targets.values.reshape(len(features), -1)
    predictions = task.decode(kept, features, len(examples))
    assert len(predictions) == len(examples)
    predicted, expected = task.compare(examples, predictions)
    np.testing.assert_allclose(predicted, expected)
    scores = score_predictions(
        task, default_metrics(task.labels.problem, task.labels.outputs), examples, predictions
    )
    for name, value in scores.items():
        assert value == pytest.approx(1.0 if METRICS[name].greater_is_better else 0.0, abs=1e-9), name
    assert [task.shown(example.target) for example in examples] == [p.value for p in predictions]


def test_a_task_is_rebuilt_from_its_contract(case, make_rows: Callable[..., Rows]) -> None:
    task, rows = case
    contract = ModelContract(
        task=task.name,
        text=task.text,
        label=task.label,
        problem=task.labels.problem,
        labels=task.labels.names,
    )
    again = TASKS[contract.task].from_contract(ModelContract.model_validate_json(contract.model_dump_json()))
    assert again.labels == task.labels
    assert list(again.examples(rows).examples) == list(task.examples(rows).examples)
    assert again.texts_of(rows.records[0]) == task.examples(rows).examples[0].texts
