from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from bertkit.config.file_names import fault_of_file_name
from bertkit.config.flags import settings_from_flags
from bertkit.config.loader import dump_recipe, load_recipe
from bertkit.config.names import METRIC_NAMES
from bertkit.config.schema import Recipe
from bertkit.config.strict_yaml import parse_document
from bertkit.errors import RecipeError

OWN = """\
task: {type: classification, labels: [no, yes]}
model: first/model
train:
  epochs: 5
metrics: {report: [f1]}
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.yaml"
    path.write_text(OWN, encoding="utf-8")
    return path


def fault(name: str | Path, **given: Any) -> str:
    with pytest.raises(RecipeError) as caught:
        load_recipe(name, **given)
    assert caught.value.hint
    return caught.value.message


def test_each_layer_goes_over_the_one_below(own: Path, tmp_path: Path) -> None:
    over = tmp_path / "over.yaml"
    over.write_text("train: {epochs: 6, batch_size: 6, seed: 6}\n", encoding="utf-8")
    train = load_recipe(own).recipe.train
    assert (train.learning_rate, train.epochs, train.batch_size, train.seed) == (2e-5, 5, 32, 42)
    train = load_recipe(own, config=over).recipe.train
    assert (train.learning_rate, train.epochs, train.batch_size, train.seed) == (2e-5, 6, 6, 6)
    train = load_recipe(own, config=over, flags={"train.batch_size": 7}).recipe.train
    assert (train.epochs, train.batch_size, train.seed) == (6, 7, 6)
    train = load_recipe(
        own, config=over, flags={"train.batch_size": 7}, assignments=["train.seed=8", "train.epochs=8"]
    ).recipe.train
    assert (train.epochs, train.batch_size, train.seed) == (8, 7, 8)


def test_set_goes_over_what_a_flag_gave_at_another_key(own: Path) -> None:
    recipe = load_recipe(own, flags={"model.name": "flag/model"}, assignments=["model.head=new"]).recipe
    assert (recipe.model.name, recipe.model.head) == ("flag/model", "new")


@pytest.mark.parametrize(
    ("flags", "assignments", "message"),
    [
        ({"train.seed": 1}, ["train.seed=2"], "train.seed: given by a flag and by --set"),
        ({"model.name": "a"}, ["model=b"], "model.name: given by a flag and by --set"),
        ({"model.name": "a"}, ["model={name: b}"], "model.name: given by a flag and by --set"),
        ({"data.eval": "a"}, ["data.eval.x=b"], "data.eval.x: given by a flag and by --set"),
        ({}, ["train.seed=1", "train.seed=2"], "train.seed: given twice by --set"),
        ({}, ["train={seed: 1}", "train.seed=2"], "train.seed: given twice by --set"),
    ],
)
def test_one_setting_is_given_once(
    own: Path, flags: dict[str, Any], assignments: list[str], message: str
) -> None:
    assert fault(own, flags=flags, assignments=assignments) == f"{message}; keep one of the two"


def test_an_own_training_file_replaces_the_source_and_set_fills_what_it_emptied() -> None:
    flags = settings_from_flags(train="mine.csv")
    data = load_recipe("sst2", flags=flags).recipe.data
    assert (data.source, data.config, data.train, data.eval, data.test) == (None, None, "mine.csv", {}, None)
    data = load_recipe("sst2", flags=flags, assignments=["data.eval=dev.csv"]).recipe.data
    assert data.eval == {"validation": "dev.csv"}


def test_a_section_given_whole_keeps_its_other_settings(own: Path) -> None:
    recipe = load_recipe(own, assignments=["train={seed: 1}", "model.head=new"]).recipe
    assert (recipe.train.epochs, recipe.train.seed) == (5, 1)
    assert (recipe.model.name, recipe.model.head) == ("first/model", "new")
    assert load_recipe(own, assignments=["model=other"]).recipe.model.name == "other"


def test_a_further_eval_split_stands_beside_a_bare_one(tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    path.write_text("task: {type: classification}\ndata: {eval: dev.csv}\n", encoding="utf-8")
    loaded = load_recipe(path, assignments=["data.eval.hard=hard.csv"])
    assert loaded.recipe.data.eval == {"validation": "dev.csv", "hard": "hard.csv"}


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("[1, 2, 3]", ["1", "2", "3"]),
        ("[true, false]", ["true", "false"]),
        ("[0.5, 1]", ["0.5", "1"]),
        ("[no, yes]", ["no", "yes"]),
        ("['1e3', 'null']", ["1e3", "null"]),
    ],
)
def test_label_names_are_text(own: Path, text: str, labels: list[str]) -> None:
    assert load_recipe(own, assignments=[f"task.labels={text}"]).recipe.task.labels == labels


def test_class_weights_name_labels_in_the_same_way(own: Path) -> None:
    assignments = ["task.labels=[1, true]", "train.class_weights={1: 2.0, true: 0.5}"]
    assert load_recipe(own, assignments=assignments).recipe.train.class_weights == {"1": 2.0, "true": 0.5}


def test_all_faults_are_told_at_once_each_with_its_place(own: Path, tmp_path: Path) -> None:
    over = tmp_path / "over.yaml"
    over.write_text("train:\n  seed: -1\n  batchsize: 8\n", encoding="utf-8")
    message = fault(
        own,
        config=over,
        flags={"train.max_length": 2},
        assignments=["train.epochs=many", "lr=1", "train.precision", "data.limit=[", "metrics.report=[acc]"],
    )
    first, *told = message.split("\n")
    assert first == "8 settings are wrong:"
    starts = (
        "  lr: there is no such setting; did you mean train.learning_rate? (--set)",
        "  --set train.precision: write KEY=VALUE",
        "  data.limit: '[' is not a YAML value",
        "  train.seed: -1 is not a number from 0 on (over.yaml:2)",
        "  train.batchsize: there is no such setting; did you mean train.batch_size? (over.yaml:3)",
        "  train.max_length: 2 is not a number from 8 on (given by a flag)",
        "  train.epochs: 'many' is not a number (--set)",
        "  metrics.report.0: 'acc' is not allowed; one of accuracy,",
    )
    assert [next(start for start in starts if fault.startswith(start)) for fault in told]
    assert sorted(next(start for start in starts if fault.startswith(start)) for fault in told) == sorted(
        starts
    )


@pytest.mark.parametrize(
    ("assignment", "place"),
    [
        ("metrics.report=[acc]", "(--set)"),
        ("train.epochs.x=1", "(--set)"),
        ("train={epochs: -1}", "(--set)"),
        ("model.head=old", "(--set)"),
        ("data.limit=0", "(--set)"),
    ],
)
def test_a_replaced_value_is_told_at_its_new_place(own: Path, assignment: str, place: str) -> None:
    assert fault(own, assignments=[assignment]).endswith(place)


def test_a_replaced_list_is_told_at_its_new_line(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(
        "task: {type: classification}\nmetrics:\n  report:\n    - f1\n", encoding="utf-8"
    )
    (tmp_path / "over.yaml").write_text("metrics: {report: [acc]}\n", encoding="utf-8")
    assert fault(tmp_path / "base.yaml", config=tmp_path / "over.yaml").endswith("(over.yaml:1)")


def test_a_section_that_is_none_is_told_though_a_setting_of_it_is_set(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("task: {type: classification}\ntrain: 5\n", encoding="utf-8")
    told = "train: 5 is not a section with settings (bad.yaml:2)"
    assert fault(path) == told
    assert fault(path, assignments=["train.epochs=1"]) == told


def test_an_unreadable_recipe_says_so(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes("task: {type: é}".encode("latin-1"))
    (tmp_path / "large.yaml").write_text("#" * 1_000_001, encoding="utf-8")
    assert fault(tmp_path / "latin.yaml").endswith("is not UTF-8 text")
    assert fault(tmp_path / "large.yaml").endswith("is too large for a recipe")
    assert fault(tmp_path / "none.yaml").startswith("no recipe file")


def test_a_recipe_is_called_what_it_says_or_else_like_its_file(own: Path, tmp_path: Path) -> None:
    run = tmp_path / "some-run"
    run.mkdir()
    (run / "recipe.yaml").write_text(f"name: sst2\n{OWN}", encoding="utf-8")
    assert load_recipe(own).name == "own"
    assert load_recipe(run).name == load_recipe(run / "recipe.yaml").name == "sst2"


def test_the_hint_shows_the_recipe_that_was_meant(own: Path) -> None:
    for name, shown in (("sst2", "show sst2 "), (own, "show classification ")):
        with pytest.raises(RecipeError) as caught:
            load_recipe(name, assignments=["train.seed=x"])
        assert shown in caught.value.hint


def test_loading_imports_nothing_heavy() -> None:
    script = (
        "import sys\nfrom bertkit.config.loader import load_recipe\nload_recipe('sst2')\n"
        "print(*sorted({'torch', 'transformers', 'datasets', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


# Words that a careless YAML writer gives back as something else.
TRAPS = [
    "no", "yes", "y", "N", "on", "1e3", "010", "0x1F", "null", "~", "true", "é", "", " ", "a: b", "#x",
    "- a", "1_000", "1:30", "2026-11-21", "=", "<<", "&a", "*a", "!x", "{", "'", '"', "\\", "a\nb", "\t",
    "\u2028", "\x00", "\ufeff", "😀", "\x85", ".inf", "x" * 300, "word " * 60,
]  # fmt: skip
WORDS = st.sampled_from(TRAPS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
FILE_NAMES = WORDS.filter(lambda name: fault_of_file_name(name) is None)
FRACTIONS = st.floats(0, 1, exclude_max=True)


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    labels = draw(st.lists(WORDS, min_size=2, max_size=5, unique=True))
    weights = st.dictionaries(st.sampled_from(labels), st.floats(1e-300, 1e300))
    report = draw(st.none() | st.lists(st.sampled_from(METRIC_NAMES), min_size=1, max_size=3))
    settings = {
        "task": {"type": "classification", "text": [draw(WORDS)], "label": draw(WORDS), "labels": labels},
        "data": {
            "source": draw(st.none() | WORDS),
            "eval": draw(st.dictionaries(FILE_NAMES, WORDS, max_size=2)),
        },
        "model": {"name": draw(WORDS), "head": draw(st.sampled_from(["auto", "new"]))},
        "train": {
            "epochs": draw(st.floats(0, 1e300, exclude_min=True)),
            "learning_rate": draw(st.floats(0, 1, exclude_min=True, exclude_max=True)),
            "max_steps": draw(st.none() | st.integers(1, 10**30)),
            "warmup_ratio": draw(FRACTIONS),
            "seed": draw(st.integers(0, 2**32 - 1)),
            "class_weights": draw(st.none() | st.just("auto") | weights),
            "freeze_embeddings": draw(st.booleans()),
        },
        "metrics": {"report": report},
    }
    return Recipe.model_validate(settings)


def with_labels(*labels: str) -> Recipe:
    task = {"type": "classification", "text": list(labels[:1]), "label": labels[0], "labels": list(labels)}
    weights = dict.fromkeys(labels, 1.0)
    return Recipe.model_validate({"task": task, "train": {"class_weights": weights}})


@given(recipes())
@example(with_labels(*TRAPS))
def test_a_dumped_recipe_is_read_back_the_same(recipe: Recipe) -> None:
    values = parse_document(dump_recipe(recipe), origin="recipe.yaml").values
    assert Recipe.model_validate(values) == recipe


@pytest.mark.parametrize("word", TRAPS)
def test_other_yaml_readers_read_a_dumped_word_the_same(word: str) -> None:
    read = yaml.safe_load(dump_recipe(with_labels(word, "other")))
    assert read["task"]["labels"] == [word, "other"]
    assert read["train"]["class_weights"] == {word: 1.0, "other": 1.0}


def test_a_dumped_file_is_loaded_and_easy_to_read(own: Path, tmp_path: Path) -> None:
    recipe = load_recipe(own, assignments=["data.eval={dev: a-b.csv}", "train.learning_rate=3e-5"]).recipe
    text = dump_recipe(recipe)
    assert '"adam_beta1"' not in text
    for line in ("  adam_beta1: 0.9", "  name: first/model", "    dev: a-b.csv", '  - "no"', "  head: auto"):
        assert line in text.splitlines()
    path = tmp_path / "again.yaml"
    path.write_text(text, encoding="utf-8")
    assert load_recipe(path).recipe == recipe
