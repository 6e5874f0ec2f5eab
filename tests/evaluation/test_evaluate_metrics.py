from __future__ import annotations

import json
import logging
import math
import os
import subprocess
import sys

import numpy as np
import pytest
import seqeval.metrics
import seqeval.scheme

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
        ("hans", {"accuracy": 0.75}),
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


def test_glue_edges():
    # One class predicted, or in the references: 0 without a warning.  A constant side has no correlation.
    assert load("glue", "cola").compute(predictions=[1, 1], references=[0, 1]) == {
        "matthews_correlation": 0.0
    }
    assert load("glue", "cola").compute(predictions=[0, 1], references=[1, 1]) == {
        "matthews_correlation": 0.0
    }
    for sides in (([2.5, 2.5], [1.0, 2.0]), ([1.0, 2.0], [0.1, 0.1])):
        result = load("glue", "stsb").compute(predictions=sides[0], references=sides[1])
        assert all(map(math.isnan, result.values()))
    assert load("glue", "mrpc").compute(predictions=[0, 0], references=[1, 0]) == {"accuracy": 0.5, "f1": 0.0}


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
    [
        ("accuracy",),
        ("f1",),
        ("f1_macro", "multi_label"),
        ("mse",),
        ("glue", "mrpc"),
        ("glue", "stsb"),
        ("squad",),
        ("seqeval",),
    ],
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


# --- answers by id, in the form of evaluate's squad and squad_v2 ---


def answer(question, text, **others):
    return {"id": question, "prediction_text": text, **others}


def right(question, *texts):
    return {"id": question, "answers": {"text": list(texts), "answer_start": [0] * len(texts)}}


def test_squad_by_id_gives_percent():
    predictions = [answer("b", "Paris"), answer("a", "the red big car")]
    references = [right("a", "a red car", "blue car"), right("b", "paris!")]
    result = load("squad").compute(predictions=predictions, references=references)
    assert result == {"exact_match": 50.0, "f1": pytest.approx(90.0)}
    bare = load("squad").compute(predictions=["Paris"], references=[["paris!"]])
    assert bare == {"exact_match": 1.0, "f1": 1.0}, "bare texts give fractions"


def test_squad_takes_answers_as_a_list_too_and_nothing_but_what_it_needs():
    reference = {"id": 7, "answers": [{"text": "x"}, {"text": "y"}], "question": "Why?", "context": "x y"}
    result = load("squad").compute(predictions=[answer("7", "y", title="T")], references=[reference])
    assert result == {"exact_match": 100.0, "f1": 100.0}


@pytest.mark.parametrize(
    ("predictions", "references", "exact", "remark"),
    [
        ("a", "abc", 100 / 3, "2 of 3 questions have no prediction (first b) and count as wrong"),
        ("abc", "a", 100.0, "2 predictions are for none of the questions (first b) and are ignored"),
        ("", "a", 0.0, "1 of 1 questions have no prediction (first a) and count as wrong"),
    ],
)
def test_ids_of_one_side_only_are_said(predictions, references, exact, remark, caplog):
    caplog.set_level(logging.WARNING)
    result = load("squad").compute(
        predictions=[answer(question, "x") for question in predictions],
        references=[right(question, "x") for question in references],
    )
    assert result["exact_match"] == pytest.approx(exact)
    assert [record.getMessage() for record in caplog.records] == [remark]


def test_squad_edges_of_version_1():
    assert load("squad").compute(predictions=[answer("a", "the")], references=[right("a", "an")]) == {
        "exact_match": 100.0,
        "f1": 0.0,
    }
    with pytest.raises(DataError, match="question a has no reference answer"):
        load("squad").compute(predictions=[answer("a", "x")], references=[right("a")])


def test_squad_v2():
    predictions = [
        answer("a", "red car", no_answer_probability=0.1),
        answer("b", "sky", no_answer_probability=0.4),
        answer("c", "", no_answer_probability=0.9),
    ]
    references = [right("a", "red"), right("b"), right("c")]
    # Exact 0 0 1, F1 2/3 0 1.  Searched from 2, none answered: exact 2 1 1, F1 8/3 5/3 5/3.
    plain = {"exact": 100 / 3, "f1": 500 / 9, "total": 3}
    parts = {"HasAns_exact": 0.0, "HasAns_f1": 200 / 3, "HasAns_total": 1}
    parts |= {"NoAns_exact": 50.0, "NoAns_f1": 50.0, "NoAns_total": 2}
    best = {"best_exact": 200 / 3, "best_exact_thresh": 0.0, "best_f1": 800 / 9, "best_f1_thresh": 0.1}
    metric = load("squad_v2")
    result = metric.compute(predictions=predictions, references=references)
    assert result == pytest.approx(plain | parts | best)
    result = metric.compute(predictions=predictions, references=references, no_answer_threshold=0.3)
    assert (result["exact"], result["NoAns_f1"], result["best_f1"]) == pytest.approx(
        (200 / 3, 100.0, 800 / 9)
    )
    for each in predictions:
        del each["no_answer_probability"]
    assert metric.compute(predictions=predictions, references=references) == pytest.approx(plain | parts)


def test_answers_added_one_by_one():
    metric = load("squad_v2")
    metric.add(prediction=answer("a", "x"), reference=right("a", "x"))
    metric.add_batch(predictions=[answer("b", "x")], references=[right("b")])
    result = metric.compute()
    assert (result["exact"], result["total"]) == (50.0, 2)


def test_answers_of_other_forms_are_refused():
    with pytest.raises(ValueError, match="unlike 'x'"):
        load("squad").compute(predictions=["x"], references=[right("a", "x")])
    with pytest.raises(ValueError, match="has id and prediction_text, unlike"):
        load("squad").compute(predictions=[{"id": "a", "text": "x"}], references=[right("a", "x")])
    with pytest.raises(ValueError, match="has id and answers, unlike"):
        load("squad").compute(predictions=[answer("a", "x")], references=[{"id": "a"}])
    with pytest.raises(ValueError, match="has id and prediction_text, unlike 'x'"):
        load("squad_v2").compute(predictions=["x"], references=[["x"]])
    with pytest.raises(ValueError, match="an answer is a text, not None"):
        load("squad").compute(predictions=[None], references=[["x"]])
    with pytest.raises(ValueError, match="not the text 'x'"):
        load("squad").compute(predictions=["x"], references=["x"])
    with pytest.raises(ValueError, match="takes texts"):
        load("answer_f1").compute(predictions=[answer("a", "x")], references=[right("a", "x")])
    metric = load("squad")
    metric.add(prediction="x", reference=["x"])
    with pytest.raises(ValueError, match="do not go together"):
        metric.compute(predictions=[answer("a", "x")], references=[right("a", "x")])


# --- tags ---

EXPECTED = [["B-PER", "I-PER", "O", "B-LOC"], ["B-LOC", "B-a-b", "O"]]
PREDICTED = [["B-PER", "I-PER", "O", "B-ORG"], ["I-LOC", "B-a-b", "O"]]


@pytest.mark.parametrize("mode", [None, "strict"])
def test_seqeval_gives_what_evaluate_gives(mode):
    # Right: PER, a-b and, but for strict mode, LOC at I-LOC.  Predicted 4, or 3; in the references 4.
    result = load("seqeval").compute(predictions=PREDICTED, references=EXPECTED, mode=mode, scheme="IOB2")
    right, found = (2, 3) if mode else (3, 4)
    assert result["overall_precision"] == pytest.approx(right / found)
    assert result["overall_recall"] == pytest.approx(right / 4)
    assert result["overall_f1"] == pytest.approx(2 * right / (found + 4))
    assert result["overall_accuracy"] == pytest.approx(5 / 7)
    theirs = seqeval.metrics.classification_report(
        EXPECTED, PREDICTED, output_dict=True, mode=mode, scheme=seqeval.scheme.IOB2, zero_division=0
    )
    labels = {label: each for label, each in theirs.items() if not label.endswith(" avg")}
    assert list(result) == [
        *labels,
        *(f"overall_{name}" for name in ("precision", "recall", "f1", "accuracy")),
    ]
    for label, each in labels.items():
        expected = {"precision": each["precision"], "recall": each["recall"], "f1": each["f1-score"]}
        assert result[label] == pytest.approx(expected | {"number": each["support"]})


def test_seqeval_options():
    turned = [
        [[f"{tag[2:]}-{tag[0]}" if tag != "O" else tag for tag in tags] for tags in side]
        for side in (PREDICTED, EXPECTED)
    ]
    straight = load("seqeval").compute(predictions=PREDICTED, references=EXPECTED)
    assert load("seqeval").compute(predictions=turned[0], references=turned[1], suffix=True) == straight
    bare = load("seqeval").compute(predictions=[["B", "I"]], references=[["B", "I"]], suffix=True)
    assert bare["_"] == {"precision": 1.0, "recall": 1.0, "f1": 1.0, "number": 1}
    nothing = load("seqeval").compute(predictions=[["O"]], references=[["O"]])
    assert nothing == {
        "overall_precision": 0.0,
        "overall_recall": 0.0,
        "overall_f1": 0.0,
        "overall_accuracy": 1.0,
    }
    one = load("seqeval").compute(predictions=[["O"]], references=[["B-X"]], zero_division=1)
    assert (one["overall_precision"], one["overall_recall"]) == (1.0, 0.0)
    with pytest.raises(ValueError, match="'E-X' is none of IOB2"):
        load("seqeval").compute(predictions=[["E-X"]], references=[["B-X"]], mode="strict", scheme="IOB2")


def test_conlleval():
    # Phrases PER, LOC, LOC, a-b; found PER, ORG, LOC, a-b
    result = load("conlleval").compute(predictions=PREDICTED, references=EXPECTED)
    labels = result.pop("labels")
    assert result == pytest.approx(
        {"accuracy": 5 / 7, "precision": 3 / 4, "recall": 3 / 4, "f1": 3 / 4}
        | {"words": 7, "phrases": 4, "found": 4, "correct": 3}
    )
    assert labels["LOC"] == pytest.approx({"precision": 1.0, "recall": 1 / 2, "f1": 2 / 3, "number": 2})
    assert list(labels) == ["LOC", "ORG", "PER", "a-b"]


# --- MultiNLI ---


def test_multi_nli_by_genre():
    predictions, references = [0, 1, 2, 0], [0, 1, 1, 1]
    metric = load("multi_nli", "matched")
    genres = ["travel", "fiction", "travel", "letters"]
    result = metric.compute(predictions=predictions, references=references, genres=genres)
    assert result == {"accuracy": 0.5, "by_genre": {"fiction": 1.0, "letters": 0.0, "travel": 0.5}}
    assert list(result["by_genre"]) == ["fiction", "letters", "travel"]
    assert metric.compute(predictions=predictions, references=references) == {"accuracy": 0.5}
    metric.add(prediction=1, reference=1, genres="travel")
    metric.add_batch(predictions=[0], references=[1], genres=["travel"])
    assert metric.compute() == {"accuracy": 0.5, "by_genre": {"travel": 0.5}}
    assert math.isnan(metric.compute()["accuracy"])


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (("acuracy",), "metric 'acuracy'", "did you mean accuracy?"),
        (("gleu", "mrpc"), "metric 'gleu'", "did you mean glue?"),
        (("glue",), "GLUE task ''", "cola, sst2, mrpc"),
        (("glue", "mrcp"), "GLUE task 'mrcp'", "did you mean mrpc?"),
        (("accuracy", "multi_label"), "'multi_label'", "there are: single_label"),
        (("sqaud_v2",), "metric 'sqaud_v2'", "did you mean squad_v2?"),
        (("multi_nli", "mached"), "MultiNLI set 'mached'", "there are: matched, mismatched"),
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


# --- several processes ---

# Each process adds the rows of its share; rank 0 prints the scores of all.
PART = """
import json, sys
from bertkit.evaluation.evaluate_metrics import load
rank, count, folder, work = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], json.loads(sys.argv[4])
for number, (arguments, options, predictions, references, shares) in enumerate(work):
    here = {"num_process": count, "process_id": rank, "experiment_id": f"run-{number}", "cache_dir": folder}
    metric = load(*arguments, **here)
    start, end = sum(shares[:rank]), sum(shares[: rank + 1])
    for place in range(start, end, 2):
        batch = slice(place, min(place + 2, end))
        metric.add_batch(predictions=predictions[batch], references=references[batch])
    result = metric.compute(**options)
    assert (result is None) == (rank > 0), result
    if not rank:
        print(json.dumps(result))
"""


def test_scores_of_several_processes_are_those_of_one(own_cache):
    numbers = list(range(9))
    classes = ([number % 3 for number in numbers], [number % 4 % 3 for number in numbers])
    tags = ([*PREDICTED, ["O"], ["B-LOC", "I-LOC"]], [*EXPECTED, ["B-PER"], ["B-LOC", "I-LOC"]])
    by_id = (
        [answer(str(n), "red car" if n % 2 else "", no_answer_probability=n / 8) for n in numbers],
        [right(str(8 - n), *(["red"] if n % 3 else [])) for n in numbers],
    )
    work = [
        (["accuracy"], {}, *classes, [9, 0]),  # a process that never adds anything
        (["f1_macro"], {"label_count": 4}, *classes, [2, 7]),
        (["seqeval"], {"mode": "strict", "scheme": "IOB2"}, *tags, [1, 3]),
        (["squad_v2"], {"no_answer_threshold": 0.5}, *by_id, [7, 2]),
        (["squad"], {}, ["x", "y z", "z"], [["x"], ["y"], ["z", "y"]], [1, 2]),
        (["glue", "stsb"], {}, [0.5, 1.0, 4.0], [1.0, 0.5, 5.0], [0, 3]),
    ]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    arguments = [str(own_cache / "shared"), json.dumps(work)]
    parts = [
        subprocess.Popen(
            [sys.executable, "-c", PART, str(rank), "2", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for rank in range(2)
    ]
    finished = [part.communicate() for part in parts]
    assert [part.returncode for part in parts] == [0, 0], "\n".join(errors for _, errors in finished)
    found = list(map(json.loads, finished[0][0].splitlines()))
    alone = [
        load(*names).compute(predictions=predictions, references=references, **options)
        for names, options, predictions, references, _ in work
    ]
    assert found == alone
    assert len(found) == len(work)
    assert list((own_cache / "shared").rglob("*.arrow")) == [], "what was collected is cleared away"


def test_several_processes_cannot_keep_in_memory(own_cache):
    with pytest.raises(ValueError, match="keep_in_memory"):
        load("accuracy", num_process=2, keep_in_memory=True)


def test_files_are_let_go_where_scoring_fails(own_cache):
    options = {"keep_in_memory": False, "cache_dir": str(own_cache)}
    metric = load("accuracy", **options)
    with pytest.raises(DataError, match="-1"):
        metric.compute(predictions=[0, 1], references=[-1, -1])
    assert list(own_cache.rglob("*.arrow")) == []
    metric.add(prediction=0, reference=0)
    # Under the same name as before, which it would not get while that were locked.
    assert [path.name for path in own_cache.rglob("*.arrow")] == ["default_experiment-1-0.arrow"]
    assert metric.compute() == {"accuracy": 1.0}
