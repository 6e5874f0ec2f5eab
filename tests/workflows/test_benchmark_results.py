"""The table of a benchmark: what stands in it, what stands beside it, what is said below it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertkit.config.loader import load_recipe
from bertkit.workflows.benchmark_plan import Plan
from bertkit.workflows.benchmark_published import GLUE_TASKS, PUBLISHED, average_of
from bertkit.workflows.benchmark_results import BenchmarkResult, TaskResult, as_markdown, result_table
from bertkit.workflows.benchmark_submission import Submission


def finished(name: str, *figures: float, rows: dict[str, int] | None = None) -> TaskResult:
    """A task with these figures, in percent."""
    task = next(task for task in GLUE_TASKS if task.name == name)
    scores: dict[str, dict[str, float]] = {}
    for (split, metric), figure in zip(task.metrics, figures, strict=True):
        scores.setdefault(split, {})[metric] = figure / 100
    whole = {"train": task.train_rows, **task.dev_rows}
    return TaskResult(task, "finished", "", Path("b") / name, scores, whole | (rows or {}), 1.0)


def failed(name: str, message: str) -> TaskResult:
    task = next(task for task in GLUE_TASKS if task.name == name)
    return TaskResult(task, "failed", message, Path("b") / name)


NINE = (
    finished("cola", 50), finished("sst2", 90), finished("mrpc", 80, 90), finished("stsb", 88, 86),
    finished("qqp", 91, 87), finished("mnli", 83, 85), finished("qnli", 91), finished("rte", 66),
    finished("wnli", 56),
)  # fmt: skip


def result_of(
    *tasks: TaskResult, quick: bool = False, submission: Submission | None = None
) -> BenchmarkResult:
    plan = Plan("enc", tuple(found.task.name for found in tasks), quick=quick)
    return BenchmarkResult(Path("b"), plan, tasks, submission)


def test_a_line_a_task_with_published_figures_beside() -> None:
    table = result_table(result_of(*NINE))
    assert table.header == ("task", "metric", "ours", "[1]", "[2]", "[3]", "[4]", "[5]")
    by_title = {line[0]: line for line in table.lines}
    assert by_title["CoLA"][1:5] == ("Matthews", "50.00", "56.53", "56.3")
    assert by_title["MRPC"][1:5] == ("accuracy/F1", "80.00/90.00", "84.07/88.85", "88.6")
    assert by_title["MNLI"][1:4] == ("accuracy m/mm", "83.00/85.00", "83.91/84.1")
    assert by_title["STS-B"][-1] == "-"
    assert any(note.startswith("[1] google-bert/bert-base-cased: run_glue README") for note in table.notes)
    assert any("plain encoder" in note for note in table.notes)
    assert not any("Not the whole data" in note for note in table.notes)


def test_the_average_is_that_of_the_benchmark_and_only_of_all_nine() -> None:
    # 50 + 90 + 85 + 87 + 89 + 84 + 91 + 66 + 56 = 698
    assert result_of(*NINE).average.value == pytest.approx(698 / 9)
    assert result_table(result_of(*NINE)).lines[-1][2] == "77.56"
    assert result_of(*NINE[:-1]).average.value is None
    with_failure = result_of(*NINE[:-1], failed("wnli", "no data"))
    assert with_failure.average.value is None
    assert result_table(with_failure).lines[-1][2] == "-"


def test_published_averages_come_out_as_their_source_prints_them() -> None:
    averages = {row.model.rsplit("/", 1)[-1]: average_of(row.figures).value for row in PUBLISHED}
    assert averages["MiniLM-L6-H384"] is None, "it has no STS-B, QQP and WNLI"
    printed = {"bert-base-uncased": 79.5, "distilbert-base-uncased": 77.0, "roberta-base": 83.2}
    for model, value in printed.items():
        assert averages[model] == pytest.approx(value, abs=0.05)


def test_published_figures_are_those_of_the_recipes() -> None:
    rows = {row.model: row for row in PUBLISHED}
    seen = 0
    for task in GLUE_TASKS:
        for entry in load_recipe(task.name).recipe.published:
            figures = rows[entry.model].figures[task.name]
            split = entry.split or next(iter(task.dev_rows))
            place = task.metrics.index((split, entry.metric)) if len(figures) > 1 else 0
            assert figures[place] == entry.value, (task.name, entry)
            seen += 1
    assert seen > 30


def test_recipes_report_the_metrics_and_splits_of_the_table() -> None:
    for task in GLUE_TASKS:
        recipe = load_recipe(task.name).recipe
        assert list(recipe.data.eval) == list(task.dev_rows)
        assert {metric for _, metric in task.metrics} <= set(recipe.metrics.report or ())


def test_a_failed_task_is_a_line_with_its_reason() -> None:
    result = result_of(finished("cola", 50), failed("rte", "there is no config 'rte'"))
    table = result_table(result)
    assert table.lines[1][:3] == ("RTE", "accuracy", "failed")
    assert "RTE failed: there is no config 'rte'" in table.notes
    assert result.failed == (result.tasks[1],)
    assert result.as_dict()["tasks"][1]["figures"] == []


def test_a_score_that_is_no_number_is_shown_and_not_averaged() -> None:
    tasks = (
        finished("stsb", float("nan"), float("nan")),
        *(task for task in NINE if task.task.name != "stsb"),
    )
    result = result_of(*tasks)
    assert result_table(result).lines[0][2] == "nan/nan"
    assert result_table(result).lines[-1][2] == "nan"


def test_part_of_the_data_is_told_from_the_whole() -> None:
    cut = finished("qqp", 91, 87, rows={"train": 100, "validation": 3_400})
    notes = result_table(result_of(finished("cola", 50), cut)).notes
    told = next(note for note in notes if note.startswith("Not the whole data"))
    assert told.endswith(": QQP: 100 of 363,846 train rows, 3,400 of 40,430 validation rows")


def test_a_smoke_run_is_marked_and_compared_with_nothing() -> None:
    result = result_of(*NINE, quick=True)
    table = result_table(result)
    assert table.header == ("task", "metric", "ours")
    assert table.warning.startswith("SMOKE RUN")
    assert "SMOKE RUN" in as_markdown(result)
    assert result.as_dict()["smoke_run"] is True
    assert result.as_dict()["published"] == []
    assert "56.53" not in as_markdown(result)


def test_other_settings_than_those_of_the_recipes_stand_in_the_title() -> None:
    plan = Plan("enc", ("cola",), seed=7, assignments=("train.max_steps=4",))
    table = result_table(BenchmarkResult(Path("b"), plan, (finished("cola", 50),)))
    assert table.title == "GLUE dev, enc, train.max_steps=4, train.seed=7"


def test_the_markdown_is_a_table_of_as_many_columns_as_its_header() -> None:
    lines = [line for line in as_markdown(result_of(*NINE)).splitlines() if line.startswith("|")]
    assert len(lines) == 2 + 9 + 1
    assert {line.count("|") for line in lines} == {9}


def test_what_the_archive_lacks_is_said_with_its_reason() -> None:
    missing = {"RTE.tsv": "its task failed", "MNLI-m.tsv": "no split", "MNLI-mm.tsv": "no split"}
    submission = Submission(Path("b/glue-submission.zip"), ("CoLA.tsv",), missing)
    notes = result_table(result_of(finished("cola", 50), submission=submission)).notes
    assert "Predictions of the test sets: b/glue-submission.zip" in notes
    assert notes[-1].endswith("missing: RTE.tsv (its task failed); MNLI-m.tsv, MNLI-mm.tsv (no split)")
    nothing = Submission(None, (), {"RTE.tsv": "its task failed"})
    assert result_table(result_of(failed("rte", "x"), submission=nothing)).notes[-1].startswith("No archive")
    whole = Submission(Path("b/glue-submission.zip"), ("CoLA.tsv",), {})
    assert whole.is_whole
    assert not any("missing" in note for note in result_table(result_of(*NINE, submission=whole)).notes)
