from __future__ import annotations

import math
import os
import subprocess
import sys

import numpy as np
import pytest

from bertkit.config.names import PROBLEMS
from bertkit.errors import DataError, RecipeError
from bertkit.evaluation.evaluate_metrics import load
from bertkit.evaluation.metrics import METRICS


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Not the user's: `evaluate` makes a folder for each metric."""
    import evaluate

    monkeypatch.setattr(evaluate.config, "HF_METRICS_CACHE", tmp_path / "metrics")
    return tmp_path


@pytest.mark.parametrize("name", list(METRICS))
def test_each_metric_gives_the_score_of_the_table(name):
    problem = next(p for p in PROBLEMS if p in METRICS[name].problems)
    frames = [{"intent": "play", "tags": ["B-a", "O"]}, {"intent": "stop", "tags": ["O"]}]
    predictions, references = {
        "tags": ([["B-a", "O", "B-b"], ["O"]], [["B-a", "I-a", "B-b"], ["O"]]),
        "answers": (["in 1990", "", "x y"], [["1990"], [], ["y", "x"]]),
        "frames": (frames, [frames[0], {"intent": "stop", "tags": ["B-a"]}]),
        "single_label": ([0, 1, 1, 0, 1], [0, 1, 0, 1, 1]),
        "multi_label": ([[0, 1], [1, 1], [0, 0]], [[0, 1], [1, 0], [0, 0]]),
        "regression": ([0.25, 1.0, 3.5], [0.5, 2.0, 3.0]),
    }[problem]
    metric = load(name)
    assert metric.name == name
    sides = (predictions, references)
    if problem == "frames":
        sides = tuple([(frame["intent"], frame["tags"]) for frame in side] for side in sides)
    expected = METRICS[name].function(*sides, label_count=2)
    assert metric.compute(predictions=predictions, references=references) == {name: pytest.approx(expected)}


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        # predictions 0 1 1 0, references 0 1 0 0: TP 1, FP 1, FN 0, TN 2.
        # accuracy 3/4, F1 2/(2+1), Matthews (1*2 - 1*0) / sqrt(2*1*3*2) = 1/sqrt(3)
        ("cola", {"matthews_correlation": 1 / math.sqrt(3)}),
        ("ax", {"matthews_correlation": 1 / math.sqrt(3)}),
        ("mrpc", {"accuracy": 0.75, "f1": 2 / 3}),
        ("qqp", {"accuracy": 0.75, "f1": 2 / 3}),
        ("sst2", {"accuracy": 0.75}),
        ("mnli", {"accuracy": 0.75}),
        ("mnli_matched", {"accuracy": 0.75}),
        ("mnli_mismatched", {"accuracy": 0.75}),
        ("qnli", {"accuracy": 0.75}),
        ("rte", {"accuracy": 0.75}),
        ("wnli", {"accuracy": 0.75}),
    ],
)
def test_glue(task, expected):
    result = load("glue", task).compute(predictions=[0, 1, 1, 0], references=[0, 1, 0, 0])
    assert result == pytest.approx(expected)
    assert list(result) == list(expected)


def test_glue_stsb_keeps_fractions():
    # Centred: -1 0 1 and -5/6 4/6 1/6 (of 1, 2.5, 2): product 1, squares 2 and 42/36 -> 1/sqrt(7/3)
    # ranks 1 2 3 and 1 3 2: d squared 0 1 1 -> 1 - 6*2/(3*8) = 0.5
    result = load("glue", "stsb").compute(predictions=[0.0, 1.0, 2.0], references=[1.0, 2.5, 2.0])
    assert result == pytest.approx({"pearson": 1 / math.sqrt(7 / 3), "spearmanr": 0.5})


def test_combine():
    import evaluate

    both = evaluate.combine([load("accuracy"), load("matthews"), load("f1_macro")])
    # Classes 0 1 2, right at the first two of three. Matthews with counts 1 1 1 and 1 2 0:
    # (2*3 - (1 + 2)) / sqrt((9 - 3)(9 - 5)) = 3/sqrt(24); F1: 1, 2/3, 0
    result = both.compute(predictions=[0, 1, 2], references=[0, 1, 1], label_count=3)
    assert result == pytest.approx({"accuracy": 2 / 3, "matthews": 3 / math.sqrt(24), "f1_macro": 5 / 9})


def test_added_piece_by_piece():
    metric = load("accuracy")
    metric.add(prediction=1, reference=1)
    metric.add_batch(predictions=np.array([0, 1]), references=np.array([0, 0]))
    assert metric.compute() == {"accuracy": pytest.approx(2 / 3)}
    assert metric.compute(predictions=[1], references=[1]) == {"accuracy": 1.0}, "nothing is left over"


def test_multi_label_on_request():
    # labels A: right 1, predicted 1, actual 1; B: right 1, predicted 2, actual 1 -> F1 1 and 2/3
    metric = load("f1_macro", "multi_label")
    result = metric.compute(predictions=[[1, 1], [0, 1]], references=[[1, 1], [0, 0]])
    assert result == {"f1_macro": pytest.approx(5 / 6)}


@pytest.mark.parametrize(
    "arguments",
    [("accuracy",), ("f1",), ("f1_macro", "multi_label"), ("mse",), ("glue", "mrpc"), ("glue", "stsb")],
)
def test_empty_input_is_nan(arguments):
    metric = load(*arguments)
    for result in (metric.compute(predictions=[], references=[]), metric.compute()):
        assert result
        assert all(math.isnan(value) for value in result.values())


@pytest.mark.parametrize("wrong", [[0.5, 1.0], ["0", "1"], [None, 1], [math.nan, 1.0], [math.inf, 1.0]])
def test_fractions_are_refused_not_cut(wrong):
    metric = load("accuracy")
    for sides in ((wrong, [0, 1]), ([0, 1], wrong)):
        with pytest.raises(ValueError, match="class indices"):
            metric.compute(predictions=sides[0], references=sides[1])
        with pytest.raises(ValueError, match="class indices"):
            metric.add(prediction=sides[0][0], reference=sides[1][0])
    with pytest.raises(ValueError, match="class indices"):
        load("f1_micro", "multi_label").compute(predictions=[[0.9, 0.1]], references=[[1, 0]])
    assert metric.compute(predictions=[0.0, 1.0], references=[0, 1]) == {"accuracy": 1.0}


def test_hidden_labels_are_refused():
    metric = load("accuracy")
    with pytest.raises(DataError, match="-1"):
        metric.compute(predictions=[0, 1], references=[-1, -1])
    assert metric.compute(predictions=[0, 1], references=[0, 1]) == {"accuracy": 1.0}, "usable after an error"


def test_different_lengths_are_refused():
    with pytest.raises(ValueError, match="Mismatch"):
        load("accuracy").compute(predictions=[0, 1], references=[1])


def test_a_third_class_is_refused_by_binary_metrics():
    with pytest.raises(RecipeError, match="exactly 2 labels"):
        load("f1").compute(predictions=[0, 1], references=[0, 2])


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (("acuracy",), "metric 'acuracy'", "did you mean accuracy?"),
        (("gleu", "mrpc"), "metric 'gleu'", "did you mean glue?"),
        (("glue",), "GLUE task ''", "cola, sst2, mrpc"),
        (("glue", "mrcp"), "GLUE task 'mrcp'", "did you mean mrpc?"),
        (("accuracy", "multi_label"), "'multi_label'", "there are: single_label"),
    ],
)
def test_wrong_names_are_told(arguments, message, hint):
    with pytest.raises(RecipeError, match=message) as caught:
        load(*arguments)
    assert hint in caught.value.hint


def run_python(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1", **environment},
    ).stdout.strip()


def test_importing_the_module_does_not_import_evaluate():
    heavy = {"evaluate", "datasets", "torch", "sklearn", "scipy"}
    code = f"import sys, bertkit.evaluation.evaluate_metrics; print({heavy} & set(sys.modules))"
    assert run_python(code) == "set()"


def test_works_without_network_and_leaves_no_files(own_cache):
    code = """
import socket
def no_network(*arguments, **options):
    raise AssertionError("the network was asked for")
socket.socket.connect = socket.getaddrinfo = no_network
from bertkit.evaluation.evaluate_metrics import load
print(load("glue", "mrpc").compute(predictions=[0, 1], references=[0, 1]))
"""
    assert run_python(code, HF_HOME=str(own_cache)) == "{'accuracy': 1.0, 'f1': 1.0}"
    assert [path for path in own_cache.rglob("*") if path.is_file()] == []
