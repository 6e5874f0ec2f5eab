from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bertkit.config.loader import dump_recipe
from bertkit.config.schema import Recipe
from bertkit.data.labels import LabelSet
from bertkit.errors import DataError, RecipeError, RunError, UsageError
from bertkit.evaluation.intervals import wilson
from bertkit.evaluation.metrics import METRICS, score
from bertkit.evaluation.stored import read_stored
from bertkit.models.contract import ModelContract, write_contract
from bertkit.workflows.compare import compare
from bertkit.workflows.events import Event, Note
from bertkit.workflows.flips import first_flips, write_flips

SENTIMENT = LabelSet("single_label", ("negative", "positive"))
TASKS = {"tags": "ner", "answers": "qa", "frames": "intent_slots"}


def sentiment(predicted: Sequence[int], expected: Sequence[int]) -> list[dict[str, Any]]:
    names = SENTIMENT.names
    return [
        {"id": str(number), "prediction": names[left], "reference": names[right]}
        for number, (left, right) in enumerate(zip(predicted, expected, strict=True))
    ]


def wrong_at(expected: Sequence[int], *places: int) -> list[int]:
    return [1 - value if place in places else value for place, value in enumerate(expected)]


EXPECTED = [0, 1] * 20


def settings(**sections: Any) -> Recipe:
    task = {"type": "classification"} | sections.pop("task", {})
    data = {"source": "some/reviews", "eval": {"validation": "validation"}} | sections.pop("data", {})
    return Recipe.model_validate({"task": task, "data": data, **sections})


def write_lines(path: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def scores_of(path: Path, labels: LabelSet, metrics: Sequence[str]) -> dict[str, float | None]:
    stored = read_stored(path, labels)
    found = score(
        metrics, stored.predicted, stored.expected, problem=labels.problem, label_count=labels.outputs
    )
    return {name: None if math.isnan(value) else value for name, value in found.items()}


MakeRun = Callable[..., Path]


@pytest.fixture
def make_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeRun:
    """Makes a finished run of given predictions, by split, in a folder that one then stands in."""
    monkeypatch.chdir(tmp_path)

    def make(
        name: str,
        splits: Mapping[str, Sequence[Mapping[str, Any]]],
        *,
        labels: LabelSet = SENTIMENT,
        metrics: Sequence[str] = ("accuracy", "f1_macro"),
        recipe: Recipe | None = None,
        environment: Mapping[str, Any] | None = None,
    ) -> Path:
        folder = tmp_path / "runs" / name
        (folder / "model").mkdir(parents=True)
        scores = {}
        for split, lines in splits.items():
            write_lines(folder / "predictions" / f"{split}.jsonl", lines)
            scores[split] = scores_of(folder / "predictions" / f"{split}.jsonl", labels, metrics)
        (folder / "recipe.yaml").write_text(dump_recipe(recipe or settings()), encoding="utf-8")
        described = {"recipe": "reviews", "model": {"name": f"{name}-encoder"}, **(environment or {})}
        (folder / "environment.json").write_text(json.dumps(described), encoding="utf-8")
        content = {"scores": scores, "select": metrics[0]}
        (folder / "metrics.json").write_text(json.dumps(content), encoding="utf-8")
        contract = ModelContract(
            task=TASKS.get(labels.problem, "classification"), text=("text",), problem=labels.problem,
            labels=labels.names, intents=labels.intents,
        )  # fmt: skip
        write_contract(folder / "model", contract)
        return folder

    return make


@pytest.fixture
def make_seeds(make_run: MakeRun) -> MakeRun:
    """Makes a run of several trainings, as `finetune --seeds` and `--folds` leave it."""

    def make(name: str, seeds: Sequence[Sequence[Mapping[str, Any]]], *, by: str = "seeds") -> Path:
        parent = make_run(name, {"validation": seeds[0]})
        children = []
        for number, lines in enumerate(seeds):
            path = parent / "children" / f"{by}-{number}" / "predictions" / "validation.jsonl"
            write_lines(path, lines)
            scores = {"validation": scores_of(path, SENTIMENT, ["accuracy", "f1_macro"])}
            children.append({"path": f"children/{by}-{number}", "state": "finished", "scores": scores})
        children.append({"path": f"children/{by}-9", "state": "failed", "scores": {}})
        metrics = json.loads((parent / "metrics.json").read_text(encoding="utf-8"))
        metrics["repeated"] = {"by": by, "children": children, "out_of_fold": {}}
        (parent / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
        return parent

    return make


def test_the_best_run_leads_and_the_others_are_measured_by_it(make_run: MakeRun) -> None:
    make_run("good", {"validation": sentiment(wrong_at(EXPECTED, 0, 1), EXPECTED)})
    make_run("bad", {"validation": sentiment(wrong_at(EXPECTED, *range(1, 13)), EXPECTED)})
    (found,) = compare(["bad", "good"]).splits
    assert (found.split, found.rows, found.metric) == ("validation", 40, "accuracy")
    assert [standing.run for standing in found.standings] == ["good", "bad"]
    best = found.standings[0]
    assert (best.score.value, best.score.low, best.score.high) == (38 / 40, *wilson(38, 40))
    assert best.model == "good-encoder"
    assert best.scores.keys() == {"f1_macro"}
    assert best.spread is None
    (pair,) = found.pairs
    assert (pair.run, pair.reference, pair.better) == ("bad", "good", "good")
    assert pair.difference.value == pytest.approx(-10 / 40)
    assert pair.difference.high < 0
    # 11 became wrong, 1 right: McNemar's mid-p value is 2 * (1/2 of 12 + 1) / 4096.
    assert pair.p_value == pair.p_examples == pytest.approx(2 * (1 + 12 / 2) / 4096, abs=0.003)
    assert math.isnan(pair.p_seeds)
    assert pair.flips.gained == (0,)
    assert pair.flips.lost == tuple(range(2, 13))
    assert pair.flips.alike == 28


def test_few_changes_show_no_difference(make_run: MakeRun) -> None:
    make_run("one", {"validation": sentiment(wrong_at(EXPECTED, 0, 1), EXPECTED)})
    make_run("two", {"validation": sentiment(wrong_at(EXPECTED, 1, 2, 3), EXPECTED)})
    (pair,) = compare(["one", "two"]).splits[0].pairs
    assert pair.better is None
    assert pair.p_value > 0.05
    assert pair.difference.low < 0 < pair.difference.high


def test_equal_predictions_say_only_so_much(make_run: MakeRun) -> None:
    lines = sentiment(wrong_at(EXPECTED, 0), EXPECTED)
    make_run("one", {"validation": lines})
    make_run("two", {"validation": lines})
    (pair,) = compare(["one", "two"]).splits[0].pairs
    assert (pair.better, pair.p_value, pair.differing) == (None, 1.0, 0)
    assert (pair.flips.gained, pair.flips.lost) == ((), ())
    assert pair.difference.low < 0 < pair.difference.high


def test_all_are_compared_with_the_run_that_is_named(make_run: MakeRun) -> None:
    for name, wrong in (("base", 12), ("new", 1), ("old", 20)):
        make_run(name, {"validation": sentiment(wrong_at(EXPECTED, *range(wrong)), EXPECTED)})
    (found,) = compare(["base", "new", "old"], against="base").splits
    assert [standing.run for standing in found.standings] == ["new", "base", "old"]
    assert [(pair.run, pair.reference) for pair in found.pairs] == [("new", "base"), ("old", "base")]
    assert [pair.better for pair in found.pairs] == ["new", "base"]
    assert found.family == 2
    with pytest.raises(RunError, match="no run 'none'"):
        compare(["base", "new"], against="none")
    with pytest.raises(UsageError, match="old is none of the runs"):
        compare(["base", "new"], against="old")


def test_several_comparisons_are_corrected_for_all_pairs(make_run: MakeRun) -> None:
    # 7 of 7 changes for the worse: p = 1/128, which would be enough in a single comparison.
    make_run("best", {"validation": sentiment(EXPECTED, EXPECTED)})
    for number in range(4):
        wrong = range(7 * number, 7 * number + 7)
        make_run(f"other-{number}", {"validation": sentiment(wrong_at(EXPECTED, *wrong), EXPECTED)})
    (found,) = compare(["best", *(f"other-{number}" for number in range(4))]).splits
    assert found.family == 10
    for pair in found.pairs:
        assert pair.p_examples == pytest.approx(1 / 128, abs=0.004)
        assert pair.p_value == pytest.approx(10 * min(pair.p_examples for pair in found.pairs), rel=0.5)
        assert pair.better is None
    (alone,) = compare(["best", "other-0"]).splits
    assert alone.family == 1
    assert alone.pairs[0].better == "best"


def test_less_is_better_for_errors_and_nearer_takes_the_place_of_right(make_run: MakeRun) -> None:
    draws = np.random.default_rng(0)
    expected = draws.normal(size=60)
    for name, spread in (("near", 0.1), ("far", 1.0)):
        values = expected + spread * draws.normal(size=60)
        lines = [
            {"id": f"r{number}", "prediction": float(left), "reference": float(right)}
            for number, (left, right) in enumerate(zip(values, expected, strict=True))
        ]
        make_run(name, {"validation": lines}, labels=LabelSet("regression"), metrics=("mse", "spearman"))
    (found,) = compare(["far", "near"]).splits
    assert [standing.run for standing in found.standings] == ["near", "far"]
    (pair,) = found.pairs
    assert pair.difference.value > 0
    assert pair.better == "near"
    assert pair.flips.unit == "near"
    assert len(pair.flips.lost) > len(pair.flips.gained) > 0
    (ranked,) = compare(["far", "near"], metric="spearman").splits
    assert ranked.pairs[0].better == "near"
    assert ranked.pairs[0].difference.value < 0
    standing = ranked.standings[0]
    assert standing.score.low < standing.score.value < standing.score.high
    assert standing.scores.keys() == {"mse"}


def test_a_constant_prediction_has_no_correlation_and_comes_last(make_run: MakeRun) -> None:
    expected = [0.5, 1.0, 2.0, 4.0, 3.0]
    for name, values in (("constant", [1.0] * 5), ("other", [0.1, 0.0, 0.4, 0.3, 0.9])):
        lines = [
            {"id": str(number), "prediction": left, "reference": right}
            for number, (left, right) in enumerate(zip(values, expected, strict=True))
        ]
        make_run(name, {"validation": lines}, labels=LabelSet("regression"), metrics=("pearson", "spearman"))
    for metric in ("pearson", "spearman"):
        (found,) = compare(["constant", "other"], metric=metric).splits
        assert [standing.run for standing in found.standings] == ["other", "constant"]
        assert math.isnan(found.pairs[0].p_value)
        assert found.pairs[0].better is None


TAGGED = LabelSet("tags", ("O", "B-PER", "I-PER"))


def tagged(*rows: tuple[list[str], list[str]]) -> list[dict[str, Any]]:
    return [
        {"id": str(number), "prediction": [], "reference": [], "tags": left, "reference_tags": right}
        for number, (left, right) in enumerate(rows)
    ]


def test_tags_are_compared_by_sentence(make_run: MakeRun) -> None:
    right = (["B-PER", "I-PER", "O"], ["B-PER", "I-PER", "O"])
    wrong = (["O", "O", "O"], ["B-PER", "I-PER", "O"])
    make_run("all", {"validation": tagged(*[right] * 12)}, labels=TAGGED, metrics=("entity_f1",))
    make_run("half", {"validation": tagged(*[right, wrong] * 6)}, labels=TAGGED, metrics=("entity_f1",))
    (pair,) = compare(["all", "half"]).splits[0].pairs
    assert pair.better == "all"
    assert pair.flips.lost == (1, 3, 5, 7, 9, 11)


def test_answers_and_frames_are_compared(make_run: MakeRun) -> None:
    answers = LabelSet("answers")
    for name, said in (("one", ["the Film", "x"]), ("two", ["no", ""])):
        lines = [
            {"id": str(number), "prediction": {"text": text}, "reference": [{"text": right}] if right else []}
            for number, (text, right) in enumerate(zip(said, ["film", None], strict=True))
        ]
        make_run(name, {"validation": lines}, labels=answers, metrics=("answer_f1", "exact_match"))
    (pair,) = compare(["one", "two"], against="one").splits[0].pairs
    assert (pair.flips.gained, pair.flips.lost) == ((1,), (0,))

    frames = LabelSet("frames", ("O", "B-x"), ("play", "book"))
    for name, intent in (("three", "play"), ("four", "book")):
        line = {"id": "0", "tags": ["B-x"], "reference_tags": ["B-x"]}
        line |= {"prediction": {"intent": intent}, "reference": {"intent": "play"}}
        make_run(name, {"validation": [line]}, labels=frames, metrics=("frame_accuracy",))
    (pair,) = compare(["three", "four"]).splits[0].pairs
    assert pair.flips.lost == (0,)


def test_several_labels_in_another_order(make_run: MakeRun) -> None:
    rows = [(["a"], ["a", "b"]), (["c"], ["c"]), ([], ["b"])]
    lines = [
        {"id": str(number), "prediction": left, "reference": right}
        for number, (left, right) in enumerate(rows)
    ]
    for name, names in (("one", ("a", "b", "c")), ("two", ("c", "a", "b"))):
        make_run(name, {"validation": lines}, labels=LabelSet("multi_label", names), metrics=("f1_macro",))
    (pair,) = compare(["one", "two"]).splits[0].pairs
    assert (pair.differing, pair.p_value) == (0, 1.0)


def test_labels_in_another_order_are_brought_into_one(make_run: MakeRun) -> None:
    lines = sentiment(wrong_at(EXPECTED, 3), EXPECTED)
    make_run("one", {"validation": lines})
    other = LabelSet("single_label", ("positive", "negative"))
    make_run("two", {"validation": lines}, labels=other)
    (pair,) = compare(["one", "two"]).splits[0].pairs
    assert pair.differing == 0
    make_run("three", {"validation": lines}, metrics=("f1",))
    make_run("four", {"validation": lines}, labels=other, metrics=("f1",))
    with pytest.raises(DataError, match="f1 is of the second label"):
        compare(["three", "four"])


def test_runs_over_seeds_count_by_their_mean(make_seeds: MakeRun) -> None:
    wrong = {"good": (1, 2, 3), "bad": (14, 16, 15)}
    for name, counts in wrong.items():
        make_seeds(name, [sentiment(wrong_at(EXPECTED, *range(count)), EXPECTED) for count in counts])
    (found,) = compare(["good", "bad"]).splits
    best, worst = found.standings
    assert (best.run, worst.run) == ("good", "bad")
    assert best.score.value == pytest.approx(38 / 40)
    assert best.score.low < 38 / 40 < best.score.high
    assert best.spread is not None
    assert (best.spread.n, best.spread.deviation) == (3, pytest.approx(1 / 40))
    (pair,) = found.pairs
    assert pair.difference.value == pytest.approx(-13 / 40)
    assert pair.p_value == max(pair.p_examples, pair.p_seeds) < 0.05
    assert pair.better == "good"
    # Most seeds have the places 2 to 14 wrong in the one, and the places 0 and 1 in both.
    assert pair.flips.lost == tuple(range(2, 15))


def test_what_holds_for_these_seeds_only_is_no_difference(make_seeds: MakeRun) -> None:
    make_seeds("steady", [sentiment(wrong_at(EXPECTED, *range(5)), EXPECTED) for _ in range(2)])
    unsteady = [wrong_at(EXPECTED, *range(6)), wrong_at(EXPECTED, *range(40))]
    make_seeds("unsteady", [sentiment(each, EXPECTED) for each in unsteady])
    (pair,) = compare(["steady", "unsteady"]).splits[0].pairs
    assert pair.p_examples < 0.001
    assert pair.p_seeds > 0.3
    assert pair.better is None


def test_one_training_beside_several(make_run: MakeRun, make_seeds: MakeRun) -> None:
    make_run("one", {"validation": sentiment(wrong_at(EXPECTED, *range(20)), EXPECTED)})
    make_seeds("three", [sentiment(wrong_at(EXPECTED, count), EXPECTED) for count in range(3)])
    (found,) = compare(["one", "three"]).splits
    assert found.standings[0].run == "three"
    (pair,) = found.pairs
    assert pair.difference.value == pytest.approx(20 / 40 - 39 / 40)
    assert math.isnan(pair.p_seeds)
    assert pair.better == "three"


def test_folds_are_compared_by_all_of_their_predictions(make_run: MakeRun, make_seeds: MakeRun) -> None:
    for name, wrong in (("one", 1), ("two", 2)):
        lines = sentiment(wrong_at(EXPECTED, *range(wrong)), EXPECTED)
        parent = make_seeds(name, [lines[:20], lines[20:]], by="folds")
        recipe = settings(data={"eval": {}, "train": "train"})
        (parent / "recipe.yaml").write_text(dump_recipe(recipe), encoding="utf-8")
        write_lines(parent / "predictions" / "out-of-fold.jsonl", lines)
        metrics = json.loads((parent / "metrics.json").read_text(encoding="utf-8"))
        pooled = scores_of(parent / "predictions" / "out-of-fold.jsonl", SENTIMENT, ["accuracy"])
        metrics["repeated"]["out_of_fold"] = pooled
        (parent / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    result = compare(["one", "two"])
    assert [split.split for split in result.splits] == ["out-of-fold"]
    assert result.splits[0].rows == 40


def test_a_split_that_only_some_have_is_said_and_left_out(make_run: MakeRun) -> None:
    lines = sentiment(EXPECTED, EXPECTED)
    make_run("one", {"validation": lines, "extra": lines})
    make_run("two", {"validation": lines})
    heard: list[Event] = []
    result = compare(["one", "two"], listen=heard.append)
    assert [split.split for split in result.splits] == ["validation"]
    assert result.notes == ("extra is left out: only one has scores of it",)
    assert heard == [Note(result.notes[0], warning=True)]
    with pytest.raises(DataError, match="no scores of 'extra' in two"):
        compare(["one", "two"], split="extra")


def test_no_shared_split(make_run: MakeRun) -> None:
    lines = sentiment(EXPECTED, EXPECTED)
    make_run("one", {"validation": lines})
    make_run("two", {"test": lines})
    with pytest.raises(DataError, match="one has validation; two has test"):
        compare(["one", "two"])


def test_other_rows_are_refused_and_the_setting_is_named(make_run: MakeRun) -> None:
    lines = sentiment(EXPECTED, EXPECTED)
    make_run("whole", {"validation": lines}, recipe=settings(data={"limit": 40}))
    make_run("part", {"validation": lines[:30]}, recipe=settings(data={"limit": 30}))
    with pytest.raises(DataError) as caught:
        compare(["whole", "part"])
    assert "40 and 30 rows" in caught.value.message
    assert "part lacks 10 of the rows (the first has the id 30)" in caught.value.message
    assert "data.limit is 40 in whole and 30 in part" in caught.value.message


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"version": 2}, "version of the recipe is 1 in one and 2 in two"),
        (
            {"data": {"source": "other/reviews"}},
            "data.source is some/reviews in one and other/reviews in two",
        ),
        ({"data": {"eval": {"validation": "test"}}}, "data.eval.validation is validation in one and test in"),
        ({"task": {"rename": {"good": "positive"}}}, 'task.rename is empty in one and {"good": "positive"}'),
        ({}, "their settings are alike: did the data change between the two?"),
    ],
)
def test_why_the_data_differs(make_run: MakeRun, changed: dict[str, Any], said: str) -> None:
    make_run("one", {"validation": sentiment(EXPECTED, EXPECTED)})
    make_run("two", {"validation": sentiment(EXPECTED, wrong_at(EXPECTED, 4, 9))}, recipe=settings(**changed))
    with pytest.raises(DataError) as caught:
        compare(["one", "two"])
    assert "of row 4 negative is right in one and positive in the other, as 1 others" in caught.value.message
    assert said in caught.value.message


def test_a_split_that_was_cut_in_another_way(make_run: MakeRun) -> None:
    cut = {"eval": {}, "train": "train"}
    lines = sentiment(EXPECTED, EXPECTED)
    make_run("one", {"validation": lines[:20]}, recipe=settings(data={**cut, "split_seed": 1}))
    make_run("two", {"validation": lines[20:]}, recipe=settings(data={**cut, "split_seed": 2}))
    with pytest.raises(DataError) as caught:
        compare(["one", "two"])
    assert "data.split_seed is 1 in one and 2 in two" in caught.value.message


def test_the_same_rows_in_another_order_are_refused(make_run: MakeRun) -> None:
    lines = sentiment(EXPECTED, EXPECTED)
    make_run("one", {"validation": lines})
    make_run("two", {"validation": lines[::-1]})
    with pytest.raises(DataError, match="the same 40 rows stand in another order"):
        compare(["one", "two"])


def test_another_split_may_still_be_the_same(make_run: MakeRun) -> None:
    lines = sentiment(EXPECTED, EXPECTED)
    make_run("one", {"validation": lines, "test": lines})
    make_run("two", {"validation": lines[:9], "test": lines})
    with pytest.raises(DataError) as caught:
        compare(["one", "two"])
    assert "--split NAME" in caught.value.hint
    assert compare(["one", "two"], split="test").splits[0].rows == 40


def test_other_texts_of_the_same_rows_are_said(make_run: MakeRun) -> None:
    lines = sentiment(EXPECTED, EXPECTED)
    first, second = ({"data": {"validation": print_}} for print_ in ("aaa", "bbb"))
    make_run("one", {"validation": lines}, environment=first)
    make_run("two", {"validation": lines}, environment=second, recipe=settings(task={"text": ["title"]}))
    make_run("three", {"validation": lines}, environment=second)
    assert compare(["one", "two"]).notes == ("one reads the column text, two title",)
    assert "did the data change" in compare(["one", "three"]).notes[0]
    assert compare(["two", "three"]).notes == ()


def test_other_labels_and_problems_are_refused(make_run: MakeRun) -> None:
    lines = sentiment(EXPECTED, EXPECTED)
    make_run("one", {"validation": lines})
    make_run("two", {"validation": lines}, labels=LabelSet("single_label", (*SENTIMENT.names, "mixed")))
    make_run("three", {"validation": tagged((["O"], ["O"]))}, labels=TAGGED, metrics=("tag_accuracy",))
    with pytest.raises(DataError, match="different labels: only two has mixed"):
        compare(["one", "two"])
    with pytest.raises(DataError, match="single_label and tags"):
        compare(["one", "three"])


def test_a_folder_that_was_changed_by_hand_is_refused(make_run: MakeRun) -> None:
    lines = sentiment(wrong_at(EXPECTED, 0), EXPECTED)
    make_run("one", {"validation": lines})
    folder = make_run("two", {"validation": lines})
    write_lines(folder / "predictions" / "validation.jsonl", sentiment(EXPECTED, EXPECTED))
    with pytest.raises(RunError, match=r"accuracy 1\.000000, metrics\.json says 0\.975000.*by hand"):
        compare(["one", "two"])
    (folder / "predictions" / "validation.jsonl").unlink()
    with pytest.raises(RunError, match="is missing"):
        compare(["one", "two"])


def test_runs_that_cannot_be_compared(make_run: MakeRun) -> None:
    lines = sentiment(EXPECTED, EXPECTED)
    one, two = (make_run(name, {"validation": lines}) for name in ("one", "two"))
    with pytest.raises(UsageError, match="two runs are needed"):
        compare(["one"])
    with pytest.raises(UsageError, match="one is named twice"):
        compare(["one", str(one)])
    with pytest.raises(RunError, match="no run 'three'"):
        compare(["one", "three"])
    (two / "model" / "bertkit.json").unlink()
    with pytest.raises(RunError, match=r"two has no model/bertkit\.json"):
        compare(["one", "two"])
    (two / "metrics.json").unlink()
    with pytest.raises(RunError, match="two is not finished"):
        compare(["one", "two"])


def test_runs_of_one_name_are_told_apart_by_their_paths(make_run: MakeRun, tmp_path: Path) -> None:
    lines = sentiment(EXPECTED, EXPECTED)
    make_run("run", {"validation": lines})
    make_run("old/run", {"validation": lines})
    (found,) = compare(["runs/run", "runs/old/run"]).splits
    assert {standing.run for standing in found.standings} == {"runs/run", "runs/old/run"}


def test_metrics_that_select_differ_or_do_not_fit(make_run: MakeRun) -> None:
    lines = sentiment(wrong_at(EXPECTED, 1), EXPECTED)
    make_run("one", {"validation": lines}, metrics=("accuracy",))
    make_run("two", {"validation": lines}, metrics=("f1_macro", "accuracy"))
    result = compare(["one", "two"])
    assert result.splits[0].metric == "accuracy"
    assert "(accuracy, f1_macro)" in result.notes[0]
    assert result.splits[0].standings[0].scores == {}
    (found,) = compare(["one", "two"], metric="matthews").splits  # reported by none, and yet told
    assert found.standings[0].score.value == pytest.approx(
        METRICS["matthews"].function(wrong_at(EXPECTED, 1), EXPECTED, label_count=2)
    )
    with pytest.raises(RecipeError, match="entity_f1 does not score"):
        compare(["one", "two"], metric="entity_f1")


def test_flips_hold_what_both_said(make_run: MakeRun, tmp_path: Path) -> None:
    make_run("one", {"validation": sentiment(wrong_at(EXPECTED, 0), EXPECTED)})
    make_run("two", {"validation": sentiment(wrong_at(EXPECTED, 1, 2, 3), EXPECTED)})
    result = compare(["one", "two"], flips=True)
    assert [(flip.id, flip.change) for flip in result.flips] == [
        ("0", "wrong to right"), ("1", "right to wrong"), ("2", "right to wrong"), ("3", "right to wrong"),
    ]  # fmt: skip
    assert result.flips[1].reference == "positive"
    assert result.flips[1].predictions == {"one": "positive", "two": "negative"}
    assert [flip.id for flip in first_flips(result, 2).flips] == ["0", "1", "2"]
    assert first_flips(result, 0).flips == ()
    write_flips(tmp_path / "new" / "flips.jsonl", result.flips)
    written = (tmp_path / "new" / "flips.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["id"] for line in written] == ["0", "1", "2", "3"]
    assert json.loads(written[0]) == {
        "split": "validation", "id": "0", "change": "wrong to right", "reference": "negative",
        "predictions": {"one": "positive", "two": "negative"},
    }  # fmt: skip


def test_flips_of_rows_without_a_reference_in_between(make_run: MakeRun) -> None:
    hidden = {"id": "hidden", "prediction": "positive", "reference": None}
    for name, wrong in (("one", 39), ("two", 0)):
        lines = [hidden, *sentiment(wrong_at(EXPECTED, wrong), EXPECTED), hidden]
        make_run(name, {"validation": lines})
    result = compare(["one", "two"], against="one", flips=True)
    assert result.splits[0].rows == 40
    assert [(flip.id, flip.change) for flip in result.flips] == [
        ("39", "wrong to right"), ("0", "right to wrong"),
    ]  # fmt: skip


def test_flips_over_seeds_show_what_most_say(make_run: MakeRun, make_seeds: MakeRun) -> None:
    make_run("one", {"validation": sentiment(wrong_at(EXPECTED, 0), EXPECTED)})
    seeds = [wrong_at(EXPECTED, 1), wrong_at(EXPECTED, 1, 2), wrong_at(EXPECTED, 0)]
    make_seeds("three", [sentiment(each, EXPECTED) for each in seeds])
    result = compare(["one", "three"], against="one", flips=True)
    assert [(flip.id, dict(flip.predictions)) for flip in result.flips] == [
        ("0", {"one": "positive", "three": "negative"}),
        ("1", {"one": "positive", "three": "negative"}),
    ]


def test_texts_of_flips(make_run: MakeRun, tmp_path: Path) -> None:
    rows = "".join(f"text {number},{SENTIMENT.names[label]}\n" for number, label in enumerate(EXPECTED))
    (tmp_path / "dev.csv").write_text(f"text,label\n{rows}", encoding="utf-8")
    data = {"source": None, "train": str(tmp_path / "dev.csv"), "eval": {"dev": str(tmp_path / "dev.csv")}}
    recipe = settings(data=data)
    make_run("one", {"dev": sentiment(EXPECTED, EXPECTED)}, recipe=recipe)
    make_run("two", {"dev": sentiment(wrong_at(EXPECTED, 7), EXPECTED)}, recipe=recipe)
    (flip,) = compare(["one", "two"], flips=True, texts=True).flips
    assert flip.texts == ("text 7",)
    assert flip.as_dict()["texts"] == ["text 7"]
    (tmp_path / "dev.csv").write_text("text,label\nother,positive\n", encoding="utf-8")
    with pytest.raises(DataError, match="now has other rows in dev"):
        compare(["one", "two"], flips=True, texts=True)


def test_all_of_it_is_json(make_run: MakeRun) -> None:
    make_run("one", {"validation": sentiment(EXPECTED, EXPECTED)})
    make_run("two", {"validation": sentiment(wrong_at(EXPECTED, 7), EXPECTED)})
    found = json.loads(json.dumps(compare(["one", "two"], flips=True).as_dict()))
    (split,) = found["splits"]
    assert [standing["run"] for standing in split["standings"]] == ["one", "two"]
    assert split["pairs"][0]["flips"] == {"unit": "right", "gained": 0, "lost": 1, "alike": 39}
    assert len(found["flips"]) == 1
