from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from bertkit.config.names import PROBLEMS
from bertkit.data.labels import LabelSet
from bertkit.errors import DataError, RecipeError
from bertkit.evaluation.metrics import METRICS, check_metrics, default_metrics, score

# Problems whose predictions are arrays of numbers, and the others.
NUMERIC = ("single_label", "multi_label", "regression")
WRITTEN = ("tags", "answers", "frames")
ONE_OF_TWO = ("f1", "precision", "recall")

# Worked by hand. References 0 0 1 1 1 0, predictions 0 1 1 1 0 0:
# class 1: 2 right, predicted 3, actual 3 -> precision 2/3, recall 2/3, F1 2*2/(3+3) = 2/3
# class 0: 2 right, predicted 3, actual 3 -> the same.
# Matthews: (TP*TN - FP*FN) / sqrt(3*3*3*3) = (2*2 - 1*1) / 9 = 1/3
TWO_REFERENCES, TWO_PREDICTIONS = [0, 0, 1, 1, 1, 0], [0, 1, 1, 1, 0, 0]

# References 0 0 0 1 1 2, predictions 0 0 1 1 2 1; label 3 of 4 does not occur: no macro average counts it.
#   label  right predicted actual  precision recall  F1
#   0      2     2         3       1         2/3     4/5
#   1      1     3         2       1/3       1/2     2/5
#   2      0     1         1       0         0       0
# macro: precision (1 + 1/3)/3 = 4/9; recall (2/3 + 1/2)/3 = 7/18; F1 (4/5 + 2/5)/3 = 2/5
# weighted F1: (3*4/5 + 2*2/5 + 0)/6 = 16/30; accuracy = micro F1 = 3/6
# Matthews: (3*6 - (2*3 + 3*2 + 1*1)) / sqrt((36 - 14)(36 - 14)) = 5/22
FOUR_REFERENCES, FOUR_PREDICTIONS = [0, 0, 0, 1, 1, 2], [0, 0, 1, 1, 2, 1]

# Three examples, labels A B C; A: right 1, predicted 2, actual 1; B: 1, 1, 2; C: 0, 0, 0 (counts in macro: 0)
# F1: A 2/3, B 2/3, C 0 -> macro 4/9; micro 2*2/(3+3) = 2/3; weighted (1*2/3 + 2*2/3)/3 = 2/3
# precision 1/2, 1, 0 -> 1/2; recall 1, 1/2, 0 -> 1/2; all labels right: the second example only
MULTI_REFERENCES, MULTI_PREDICTIONS = [[1, 1, 0], [0, 1, 0], [0, 0, 0]], [[1, 0, 0], [0, 1, 0], [1, 0, 0]]

# References 1 2 3 4, predictions 2 1 4 3.5: means 2.5 and 2.625.
# Centred: -1.5 -0.5 0.5 1.5 and -0.625 -1.625 1.375 0.875
# products 0.9375 + 0.8125 + 0.6875 + 1.3125 = 3.75
# squares 5 and 0.390625 + 2.640625 + 1.890625 + 0.765625 = 5.6875
# Spearman: ranks 1 2 3 4 and 2 1 4 3, d = 1 each: 1 - 6*4/(4*15) = 0.6
# errors 1 -1 1 -0.5: mse 3.25/4, mae 3.5/4
NUMBER_REFERENCES, NUMBER_PREDICTIONS = [1.0, 2.0, 3.0, 4.0], [2.0, 1.0, 4.0, 3.5]

# Entities: P 0-2, L 3-4 | L 0-1, L 1-2 against P 0-2, Q 3-4 | L 0-2: one is right of 3 predicted and 4.
# F1 of the labels: P 1, L 0, Q 0. Tags: 5 of 7 words; B-P, I-P and O 1, B-L 2*1/(1+3), B-Q and I-L 0.
TAG_REFERENCES = [["B-P", "I-P", "O", "B-L"], ["B-L", "B-L", "O"]]
TAG_PREDICTIONS = [["B-P", "I-P", "O", "B-Q"], ["B-L", "I-L", "O"]]

# Articles do not count: 1; no answer where there is none: 1; one of two words of each: 2*1/(2+2), not exact.
ANSWER_REFERENCES, ANSWER_PREDICTIONS = [["film"], [], ["plot a c", "x"]], ["The film!", "", "plot b"]

# The second text has the wrong intent and lacks its slot: slots 1 right of 1 predicted and 2.
FRAME_REFERENCES = [("play", ["B-P", "O"]), ("play", ["O", "B-P"])]
FRAME_PREDICTIONS = [("play", ["B-P", "O"]), ("stop", ["O", "O"])]

HAND_WORKED = [
    (
        "tags", 7, TAG_PREDICTIONS, TAG_REFERENCES,
        {
            "entity_f1": 2 / 7, "entity_precision": 1 / 3, "entity_recall": 1 / 4, "entity_f1_macro": 1 / 3,
            "tag_accuracy": 5 / 7, "tag_f1_macro": 3.5 / 6,
        },
    ),
    (
        "answers", 2, ANSWER_PREDICTIONS, ANSWER_REFERENCES,
        {
            "answer_f1": 2.5 / 3, "exact_match": 2 / 3, "answerable_f1": 1.5 / 2, "answerable_exact": 1 / 2,
            "unanswerable_accuracy": 1.0,
        },
    ),
    (
        "frames", 5, FRAME_PREDICTIONS, FRAME_REFERENCES,
        {"frame_accuracy": 1 / 2, "intent_accuracy": 1 / 2, "slot_f1": 2 / 3},
    ),
    ("single_label", 2, TWO_PREDICTIONS, TWO_REFERENCES, {"accuracy": 4 / 6, "matthews": 1 / 3}),
    ("single_label", 2, TWO_PREDICTIONS, TWO_REFERENCES, dict.fromkeys(ONE_OF_TWO, 2 / 3)),
    # class 1 right 1, predicted 1, actual 3: the positive class is 1, not the more frequent 0
    ("single_label", 2, [0, 1, 0, 0], [0, 1, 1, 1], {"precision": 1.0, "recall": 1 / 3, "f1": 2 / 4}),
    ("single_label", 4, FOUR_PREDICTIONS, FOUR_REFERENCES, {"accuracy": 0.5, "f1_micro": 0.5}),
    (
        "single_label",
        4,
        FOUR_PREDICTIONS,
        FOUR_REFERENCES,
        {"precision_macro": 4 / 9, "recall_macro": 7 / 18},
    ),
    ("single_label", 4, FOUR_PREDICTIONS, FOUR_REFERENCES, {"f1_macro": 2 / 5, "f1_weighted": 16 / 30}),
    ("single_label", 4, FOUR_PREDICTIONS, FOUR_REFERENCES, {"matthews": 5 / 22, "balanced_accuracy": 7 / 18}),
    # class 2 is predicted, never true: counts for recall_macro (0), not for balanced_accuracy
    ("single_label", 3, [0, 2, 1], [0, 0, 1], {"balanced_accuracy": 0.75, "recall_macro": 0.5}),
    ("multi_label", 3, MULTI_PREDICTIONS, MULTI_REFERENCES, {"f1_macro": 4 / 9, "f1_micro": 2 / 3}),
    ("multi_label", 3, MULTI_PREDICTIONS, MULTI_REFERENCES, {"f1_weighted": 2 / 3, "subset_accuracy": 1 / 3}),
    (
        "multi_label",
        3,
        MULTI_PREDICTIONS,
        MULTI_REFERENCES,
        {"precision_macro": 1 / 2, "recall_macro": 1 / 2},
    ),
    ("regression", 1, NUMBER_PREDICTIONS, NUMBER_REFERENCES, {"pearson": 3.75 / math.sqrt(5 * 5.6875)}),
    ("regression", 1, NUMBER_PREDICTIONS, NUMBER_REFERENCES, {"spearman": 0.6, "mse": 0.8125, "mae": 0.875}),
    # ties: ranks 1.5 1.5 3 and 1 2 3, centred -0.5 -0.5 1 and -1 0 1: 1.5 / sqrt(1.5 * 2)
    ("regression", 1, [5.0, 5.0, 9.0], [1.0, 2.0, 3.0], {"spearman": 1.5 / math.sqrt(3)}),
]  # fmt: skip


@pytest.mark.parametrize(("problem", "label_count", "predictions", "references", "expected"), HAND_WORKED)
def test_hand_worked(problem, label_count, predictions, references, expected):
    scores = score(list(expected), predictions, references, problem=problem, label_count=label_count)
    assert scores == pytest.approx(expected, abs=1e-12)
    assert list(scores) == list(expected)
    assert all(type(value) is float for value in scores.values())


def test_every_metric_has_a_hand_worked_case():
    worked = {(name, case[0]) for case in HAND_WORKED for name in case[4]}
    in_table = {(name, problem) for name, metric in METRICS.items() for problem in metric.problems}
    assert worked == in_table


def test_table():
    assert all(name == metric.name and metric.about for name, metric in METRICS.items())
    assert all(metric.problems and metric.problems <= set(PROBLEMS) for metric in METRICS.values())
    errors = {name for name, metric in METRICS.items() if not metric.greater_is_better}
    assert errors == {name for name, metric in METRICS.items() if not metric.percent} == {"mse", "mae"}


def test_module_needs_no_heavy_import():
    code = (
        "import sys, bertkit.evaluation.metrics as m; m.score(['spearman', 'mse'], [1., 2.], [2., 1.], "
        "problem='regression', label_count=1); m.score(['f1', 'matthews'], [1], [1], problem='single_label', "
        "label_count=2); print({'sklearn', 'scipy', 'torch', 'evaluate'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


# Oracles: scikit-learn and scipy, which the metrics themselves do not use.


def sklearn_single(name, predictions, references):
    from sklearn import metrics as oracle

    average = name.split("_")[-1] if "_" in name else "binary"
    options = {"average": average, "zero_division": 0}
    if name in ("accuracy", "balanced_accuracy"):
        return getattr(oracle, f"{name}_score")(references, predictions)
    if name == "matthews":
        return oracle.matthews_corrcoef(references, predictions)
    return getattr(oracle, f"{name.split('_')[0]}_score")(references, predictions, **options)


@pytest.mark.parametrize(
    ("name", "label_count"),
    [
        (name, label_count)
        for name, metric in METRICS.items()
        if "single_label" in metric.problems
        for label_count in ((2,) if name in ONE_OF_TWO else (2, 3, 7))
    ],
)
def test_single_label_agrees_with_sklearn(name, label_count):
    generator = np.random.default_rng(label_count)
    for size in (7, 50, 400):
        # Every class is in the references: scikit-learn warns about one that is only predicted.
        references = np.concatenate([np.arange(label_count), generator.integers(0, label_count, size)])
        noise = generator.integers(0, label_count, len(references))
        predictions = np.where(generator.random(len(references)) < 0.6, references, noise)
        ours = METRICS[name].function(predictions, references, label_count=label_count)
        assert ours == pytest.approx(sklearn_single(name, predictions, references), abs=1e-12)


@pytest.mark.parametrize("name", ["f1_macro", "precision_macro", "recall_macro", "f1_weighted"])
def test_single_label_averages_agree_with_sklearn_on_missing_labels(name):
    generator = np.random.default_rng(0)
    for _ in range(30):
        references, predictions = generator.integers(0, 9, (2, 6))
        ours = METRICS[name].function(predictions, references, label_count=9)
        assert ours == pytest.approx(sklearn_single(name, predictions, references), abs=1e-12)


@pytest.mark.parametrize("name", [name for name, m in METRICS.items() if "multi_label" in m.problems])
def test_multi_label_agrees_with_sklearn(name):
    generator = np.random.default_rng(1)
    for share in (0.0, 0.1, 0.5, 1.0):
        references, predictions = (generator.random((2, 20, 4)) < share).astype(int)
        predictions[:5, 0] = 1
        expected = sklearn_single("accuracy" if name == "subset_accuracy" else name, predictions, references)
        assert METRICS[name].function(predictions, references, label_count=4) == pytest.approx(
            expected, abs=1e-12
        )


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e150])
@pytest.mark.parametrize("digits", [0, 9])
def test_regression_agrees_with_scipy_and_plain_formulas(scale, digits):
    from scipy import stats

    generator = np.random.default_rng(2)
    references = np.round(generator.normal(3, 2, 200), digits)  # digits=0 makes many ties
    predictions = np.round(references + generator.normal(0, 1, 200), digits)
    names = ["pearson", "spearman", "mse", "mae"]
    ours = score(names, predictions * scale, references * scale, problem="regression", label_count=1)
    assert ours["pearson"] == pytest.approx(stats.pearsonr(predictions, references).statistic, abs=1e-12)
    assert ours["spearman"] == pytest.approx(stats.spearmanr(predictions, references).statistic, abs=1e-12)
    errors = [prediction - reference for prediction, reference in zip(predictions, references, strict=True)]
    assert ours["mae"] == pytest.approx(sum(map(abs, errors)) / 200 * scale, rel=1e-12)
    assert ours["mse"] == pytest.approx(sum(error**2 for error in errors) / 200 * scale**2, rel=1e-12)


# Edges. Warnings are errors in this test suite, so each of these is silent, too.


@pytest.mark.parametrize("problem", NUMERIC)
@pytest.mark.parametrize("empty", [[], np.empty((0, 2), dtype=int)], ids=["list", "array"])
def test_empty_input_is_nan(problem, empty):
    names = [name for name, metric in METRICS.items() if problem in metric.problems]
    scores = score(names, empty, [], problem=problem, label_count=2)
    assert list(scores) == names
    assert all(math.isnan(value) for value in scores.values())


@pytest.mark.parametrize("problem", WRITTEN)
def test_nothing_written_is_nan(problem):
    names = [name for name, metric in METRICS.items() if problem in metric.problems]
    scores = score(names, [], [], problem=problem, label_count=5)
    assert list(scores) == names
    assert all(math.isnan(value) for value in scores.values())


@pytest.mark.parametrize(("predictions", "references"), [([1, 1, 1], [0, 1, 0]), ([0, 1, 0], [1, 1, 1])])
def test_matthews_of_one_class_is_0(predictions, references):
    assert METRICS["matthews"].function(predictions, references, label_count=2) == 0.0
    assert METRICS["matthews"].function(predictions, references, label_count=5) == 0.0


def test_matthews_does_not_overflow():
    references = np.arange(200_000) % 2
    assert METRICS["matthews"].function(references, references, label_count=2) == pytest.approx(1.0)
    assert METRICS["matthews"].function(1 - references, references, label_count=2) == pytest.approx(-1.0)


@pytest.mark.parametrize("name", ONE_OF_TWO)
def test_no_positives_is_0(name):
    assert METRICS[name].function([0, 0], [0, 0], label_count=2) == 0.0


@pytest.mark.parametrize("name", ["f1_micro", "f1_macro", "f1_weighted", "precision_macro", "recall_macro"])
def test_no_positives_of_any_label_is_0(name):
    nothing = np.zeros((3, 4), dtype=int)
    assert METRICS[name].function(nothing, nothing, label_count=4) == 0.0


@pytest.mark.parametrize("name", ["pearson", "spearman"])
@pytest.mark.parametrize(
    ("predictions", "references"),
    [
        ([0.1, 0.1, 0.1], [1.0, 2.0, 3.0]),
        ([1.0, 2.0, 3.0], [0.7] * 3),
        ([0.0, 0.0], [0.0, 0.0]),
        ([1.0], [2.0]),
    ],
)
def test_correlation_of_a_constant_is_nan(name, predictions, references):
    assert math.isnan(METRICS[name].function(predictions, references, label_count=1))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_regression_of_non_finite_is_nan(bad):
    names = ["pearson", "spearman", "mse", "mae"]
    for values in ([bad, 1.0, 2.0], [1.0, bad, bad]):
        scores = score(names, values, [1.0, 2.0, 4.0], problem="regression", label_count=1)
        assert all(math.isnan(value) for value in scores.values())
        scores = score(names, [1.0, 2.0, 4.0], values, problem="regression", label_count=1)
        assert all(math.isnan(value) for value in scores.values())


def test_half_precision_is_computed_in_double():
    predictions = np.full(10_000, 300, dtype=np.float16)  # 300 squared is over the largest float16, 65504
    references = np.zeros(10_000, dtype=np.float16)
    assert METRICS["mse"].function(predictions, references, label_count=1) == 90_000.0


# What is refused.


def names_for(problems):
    return [name for name, metric in METRICS.items() if metric.problems & set(problems)]


@pytest.mark.parametrize("name", names_for(NUMERIC))
@pytest.mark.parametrize(
    ("predictions", "references"), [([1, 0], [1]), ([[1, 0]], [1]), ([], [1]), ([1], [])]
)
def test_different_lengths_are_refused(name, predictions, references):
    with pytest.raises(ValueError, match=r"predictions"):
        METRICS[name].function(predictions, references, label_count=2)


@pytest.mark.parametrize("name", names_for(WRITTEN))
@pytest.mark.parametrize(("predicted", "expected"), [(2, 1), (1, 2), (0, 1), (1, 0)])
def test_different_numbers_of_texts_are_refused(name, predicted, expected):
    (problem,) = METRICS[name].problems
    _, _, predictions, references, _ = next(case for case in HAND_WORKED if case[0] == problem)
    with pytest.raises(ValueError, match=rf"\b{predicted}\b.*\b{expected}\b"):
        METRICS[name].function(predictions[:predicted], references[:expected], label_count=2)


@pytest.mark.parametrize(
    "name", [name for name in names_for(["tags", "frames"]) if name != "intent_accuracy"]
)
def test_different_numbers_of_words_are_refused(name):
    tags, frames = ([["O", "O"]], [["O"]]), ([("a", ["O", "O"])], [("a", ["O"])])
    sides = tags if "tags" in METRICS[name].problems else frames
    with pytest.raises(ValueError, match=r"2 predicted"):
        METRICS[name].function(*sides, label_count=2)


@pytest.mark.parametrize("name", ONE_OF_TWO)
@pytest.mark.parametrize("values", [[], [0, 1, 2]])
def test_binary_metrics_refuse_other_label_counts(name, values):
    with pytest.raises(RecipeError) as caught:
        METRICS[name].function(values, values, label_count=3)
    assert "exactly 2 labels" in caught.value.message
    assert "f1_macro" in caught.value.hint
    assert all(word in METRICS for word in caught.value.hint.split() if "_" in word)
    with pytest.raises(RecipeError):
        check_metrics(["accuracy", name], problem="single_label", label_count=3)


@pytest.mark.parametrize(
    ("name", "problem", "message", "hint"),
    [
        ("acuracy", "single_label", "no metric 'acuracy'", "did you mean accuracy?"),
        ("pearsonr", "regression", "no metric 'pearsonr'", "did you mean pearson?"),
        ("accuraccy", "multi_label", "no metric", "did you mean subset_accuracy?"),
        ("zzz", "regression", "no metric", "metrics for regression: pearson, spearman, mse, mae"),
        (
            "accuracy",
            "regression",
            "accuracy does not score",
            "metrics for regression: pearson, spearman, mse, mae",
        ),
        ("f1", "multi_label", "f1 does not score", "f1_micro"),
        ("mse", "single_label", "mse does not score", "accuracy"),
        ("entity_f", "tags", "no metric", "did you mean entity_f1?"),
        ("f1_macro", "tags", "f1_macro does not score a tags", "entity_f1_macro"),
        ("accuracy", "answers", "accuracy does not score", "exact_match"),
        ("entity_f1", "frames", "entity_f1 does not score", "slot_f1"),
    ],
)
def test_wrong_names_are_told(name, problem, message, hint):
    for ask in (check_metrics, lambda names, **rest: score(names, [], [], **rest)):
        with pytest.raises(RecipeError) as caught:
            ask([name], problem=problem, label_count=2)
        assert message in caught.value.message
        assert hint in caught.value.hint


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize(
    ("problem", "values", "hint"),
    [
        ("single_label", [0, -1], "hidden"),
        ("single_label", [0, -100], "all labels"),
        ("single_label", [0, 3], "all labels"),
        ("multi_label", [[0, 1, 2]], "all labels"),
        ("multi_label", [[0, -1, 1]], "hidden"),
    ],
)
def test_classes_out_of_range_are_told(side, problem, values, hint):
    sides = [np.zeros_like(values), np.zeros_like(values)]
    sides[side] = np.array(values)
    with pytest.raises(DataError, match=("predictions", "references")[side]) as caught:
        score(default_metrics(LabelSet(problem, ("a", "b", "c"))), *sides, problem=problem, label_count=3)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("problem", "values"),
    [
        ("single_label", [0.0, 1.0]),
        ("single_label", ["0", "1"]),
        ("single_label", [[0, 1], [1, 0]]),
        ("multi_label", [0, 1]),
        ("multi_label", [[0, 1]]),
        ("multi_label", [[0.2, 0.9, 0.4]]),
        ("regression", [[1.0], [2.0]]),
    ],
)
def test_wrong_shapes_and_types_are_refused(problem, values):
    with pytest.raises(ValueError, match=problem):
        score(
            default_metrics(LabelSet(problem, ("a", "b", "c"))),
            values,
            values,
            problem=problem,
            label_count=3,
        )


@pytest.mark.parametrize("kind", [np.bool_, np.uint8, np.uint64, np.int32])
def test_any_integer_type_will_do(kind):
    sides = [np.array(values, dtype=kind) for values in (TWO_PREDICTIONS, TWO_REFERENCES)]
    scores = score(["f1", "matthews"], *sides, problem="single_label", label_count=2)
    assert scores == pytest.approx({"f1": 2 / 3, "matthews": 1 / 3})


@pytest.mark.parametrize("label_count", [2, 5])
@pytest.mark.parametrize("problem", PROBLEMS)
def test_default_metrics_serve_their_problem(problem, label_count):
    names = default_metrics(LabelSet(problem, tuple("OBCDE"[:label_count])))
    assert names
    check_metrics(names, problem=problem, label_count=label_count)


def test_tags_that_are_no_entities_have_no_entity_scores():
    assert default_metrics(LabelSet("tags", ("NN", "VB"))) == ("tag_accuracy", "tag_f1_macro")
    assert default_metrics(LabelSet("tags", ("O", "B-P", "I-P")))[0] == "entity_f1"


# Properties.


@st.composite
def classes(draw):
    label_count = draw(st.integers(2, 5))
    side = arrays.arrays(
        np.int64, draw(st.shared(st.integers(1, 12), key="size")), elements=st.integers(0, label_count - 1)
    )
    return label_count, draw(side), draw(side)


@settings(deadline=None)
@given(classes())
def test_single_label_scores_stay_in_range(case):
    label_count, predictions, references = case
    names = [name for name, metric in METRICS.items() if "single_label" in metric.problems]
    names = [name for name in names if label_count == 2 or name not in ONE_OF_TWO]
    scores = score(names, predictions, references, problem="single_label", label_count=label_count)
    assert all(
        (-1 if name == "matthews" else 0) - 1e-12 <= value <= 1 + 1e-12 for name, value in scores.items()
    )
    assert scores["f1_micro"] == pytest.approx(scores["accuracy"])
    # Scores belong to the set of examples, not to their order; the other direction mirrors Matthews and F1.
    backwards = score(
        names, predictions[::-1], references[::-1], problem="single_label", label_count=label_count
    )
    assert backwards == pytest.approx(scores)
    swapped = score(names, references, predictions, problem="single_label", label_count=label_count)
    assert swapped["matthews"] == pytest.approx(scores["matthews"])
    assert swapped["precision_macro"] == pytest.approx(scores["recall_macro"])


@settings(deadline=None)
@given(classes())
def test_perfect_predictions(case):
    label_count, references, _ = case
    names = ["accuracy", "f1_macro", "f1_micro", "f1_weighted", "balanced_accuracy", "matthews"]
    scores = score(names, references, references, problem="single_label", label_count=label_count)
    constant = len(np.unique(references)) == 1
    assert scores == pytest.approx({**dict.fromkeys(names, 1.0), "matthews": 0.0 if constant else 1.0})


@settings(deadline=None)
@given(
    arrays.arrays(np.float64, st.tuples(st.just(2), st.integers(1, 8)), elements=st.floats(width=64)),
)
def test_regression_never_fails(sides):
    scores = score(["pearson", "spearman", "mse", "mae"], *sides, problem="regression", label_count=1)
    finite = bool(np.isfinite(sides).all())
    constant = any(len(np.unique(side)) == 1 for side in sides)
    for name in ("pearson", "spearman"):
        assert math.isnan(scores[name]) == (not finite or constant)
        assert math.isnan(scores[name]) or -1 <= scores[name] <= 1
    assert math.isnan(scores["mse"]) == math.isnan(scores["mae"]) == (not finite)
    assert not finite or (scores["mse"] >= 0 and scores["mae"] >= 0)
