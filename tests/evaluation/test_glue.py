from __future__ import annotations

import math

import pytest

from bertkit.errors import RecipeError
from bertkit.evaluation.evaluate_metrics import load
from bertkit.evaluation.glue import FORMULAS, GLUE_SETS, glue_score
from bertkit.evaluation.metrics import METRICS

SCORES = {
    "cola": {"matthews": 0.5},
    "sst2": {"accuracy": 0.9},
    "mrpc": {"accuracy": 0.8, "f1": 0.9},
    "stsb": {"pearson": 0.7, "spearman": 0.6},
    "qqp": {"accuracy": 0.9, "f1": 0.8},
    "mnli_matched": {"accuracy": 0.8},
    "mnli_mismatched": {"accuracy": 0.7},
    "qnli": {"accuracy": 0.9},
    "rte": {"accuracy": 0.6},
    "wnli": {"accuracy": 0.5},
    "ax": {"matthews": 0.1},
}


def without(*names):
    return {name: scores for name, scores in SCORES.items() if name not in names}


def test_the_average_by_hand():
    # 0.5 + 0.9 + 0.85 + 0.65 + 0.85 + 0.75 + 0.9 + 0.6 + 0.5 = 6.5, of nine tasks
    average = glue_score(SCORES)
    assert average.value == pytest.approx(6.5 / 9, abs=1e-12)
    assert (average.formula, average.about, average.missing) == ("glue", FORMULAS["glue"], ())
    assert average.parts == pytest.approx(
        {
            "cola": 0.5,
            "sst2": 0.9,
            "mrpc": 0.85,
            "stsb": 0.65,
            "qqp": 0.85,
            "mnli": 0.75,
            "qnli": 0.9,
            "rte": 0.6,
            "wnli": 0.5,
        }
    )


def test_the_bert_average_by_hand():
    # 0.8 + 0.7 + 0.8 + 0.9 + 0.9 + 0.5 + 0.6 + 0.9 + 0.6 = 6.7, of nine columns
    average = glue_score(SCORES, formula="bert")
    assert average.value == pytest.approx(6.7 / 9, abs=1e-12)
    assert average.formula == "bert"
    assert "WNLI" in average.about


# Test results in the README of https://github.com/google-research/bert: CoLA SST-2 MRPC STS-B QQP MNLI-m
# MNLI-mm QNLI RTE WNLI AX, and the score that the site gave them.
@pytest.mark.parametrize(
    ("row", "score"),
    [
        ("0.0 83.2 81.1/71.1 74.3/73.6 62.2/83.4 70.2 70.3 81.5 57.2 62.3 21.0", 64.2),
        ("0.0 85.9 81.1/71.8 75.4/73.3 66.4/86.2 74.8 74.3 84.1 57.9 62.3 26.1", 65.8),
        ("27.8 89.7 83.4/76.2 78.8/77.0 68.1/87.0 77.6 77.0 86.4 61.8 62.3 28.6", 71.2),
        ("38.0 89.6 86.6/81.6 80.4/78.4 69.6/87.9 80.0 79.1 87.7 62.2 62.3 30.5", 73.5),
    ],
)
def test_the_scores_of_the_site_come_out(row, score):
    order = [
        "cola",
        "sst2",
        "mrpc",
        "stsb",
        "qqp",
        "mnli_matched",
        "mnli_mismatched",
        "qnli",
        "rte",
        "wnli",
        "ax",
    ]
    pairs = {"mrpc": ("f1", "accuracy"), "qqp": ("f1", "accuracy"), "stsb": ("pearson", "spearman")}
    scores = {}
    for name, values in zip(order, row.split(), strict=True):
        metrics = pairs.get(name, GLUE_SETS[name].metrics)
        scores[name] = dict(zip(metrics, map(float, values.split("/")), strict=True))
    # 0.05 for the rounding of the score, 0.05 for that of the columns
    assert glue_score(scores).value == pytest.approx(score, abs=0.1)


# Table 1 of https://aclanthology.org/N19-1423: MNLI-m MNLI-mm QQP QNLI SST-2 CoLA STS-B MRPC RTE, and the
# Average.
@pytest.mark.parametrize(
    ("row", "average"),
    [
        ("80.6 80.1 66.1 82.3 93.2 35.0 81.0 86.0 61.7", 74.0),
        ("76.4 76.1 64.8 79.8 90.4 36.0 73.3 84.9 56.8", 71.0),
        ("82.1 81.4 70.3 87.4 91.3 45.4 80.0 82.3 56.0", 75.1),
        ("84.6 83.4 71.2 90.5 93.5 52.1 85.8 88.9 66.4", 79.6),
        ("86.7 85.9 72.1 92.7 94.9 60.5 86.5 89.3 70.1", 82.1),
    ],
)
def test_the_averages_of_the_bert_paper_come_out(row, average):
    columns = [
        ("mnli_matched", "accuracy"),
        ("mnli_mismatched", "accuracy"),
        ("qqp", "f1"),
        ("qnli", "accuracy"),
        ("sst2", "accuracy"),
        ("cola", "matthews"),
        ("stsb", "spearman"),
        ("mrpc", "f1"),
        ("rte", "accuracy"),
    ]
    scores = {name: {metric: float(v)} for (name, metric), v in zip(columns, row.split(), strict=True)}
    assert glue_score(scores, formula="bert").value == pytest.approx(average, abs=0.1)


def test_what_is_missing_is_said():
    scores = without("wnli", "mnli_mismatched") | {"mrpc": {"accuracy": 0.8}}
    average = glue_score(scores)
    assert average.value is None
    assert average.missing == ("mrpc f1", "mnli_mismatched accuracy", "wnli accuracy")
    assert average.parts["cola"] == 0.5
    assert not {"mrpc", "mnli", "wnli"} & set(average.parts)
    assert glue_score(without("wnli"), formula="bert").value == pytest.approx(6.7 / 9)
    assert glue_score({}).value is None


def test_ax_and_what_is_no_score_of_a_task_count_nothing():
    scores = SCORES | {"cola": {"accuracy": 0.1, "matthews": 0.5}, "imdb": {"accuracy": 0.0}}
    assert glue_score(scores).value == glue_score(without("ax")).value == pytest.approx(6.5 / 9)


def test_a_score_that_is_nan_makes_the_average_nan():
    assert math.isnan(glue_score(SCORES | {"stsb": {"pearson": math.nan, "spearman": math.nan}}).value)


def test_an_unknown_formula_is_told():
    with pytest.raises(RecipeError, match="'super'") as caught:
        glue_score(SCORES, formula="super")
    assert "glue, bert" in caught.value.hint


def test_the_table_knows_metrics_that_there_are():
    assert len({each.task for each in GLUE_SETS.values()}) == 9 + 1
    for each in GLUE_SETS.values():
        assert set(each.metrics) <= set(METRICS)


def test_results_of_the_modules_can_be_averaged(tmp_path):
    scores = {}
    for name in GLUE_SETS:
        metric = load("glue", name, cache_dir=str(tmp_path))
        scores[name] = metric.compute(predictions=[0, 1, 1, 0], references=[0, 1, 0, 0])
    assert tuple(scores["stsb"]) == GLUE_SETS["stsb"].keys
    # cola 1/sqrt 3, mrpc and qqp (3/4 + 2/3)/2, stsb twice 1/sqrt 3, the others 3/4
    hand = (2 / math.sqrt(3) + (3 / 4 + 2 / 3) + 5 * 3 / 4) / 9
    assert glue_score(scores).value == pytest.approx(hand)
