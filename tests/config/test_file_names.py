"""Names that may not leave a run folder, and names taken from addresses."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertkit.config.file_names import LONGEST_FILE_NAME, fault_of_file_name, file_name_of
from bertkit.config.loader import dump_recipe, load_recipe, secret_settings
from bertkit.errors import RecipeError


@pytest.mark.parametrize(
    "name",
    ["../../x", "/etc/passwd", "a/b", "a\\b", "..", ".", "", "a\nb", "a\0b", "\x1b[2J", "x" * 201, "é" * 101],
)
def test_names_that_are_refused(name: str) -> None:
    assert fault_of_file_name(name)


@pytest.mark.parametrize(
    "name", ["validation", "test[:10%]", "dev 2", "...", "größe", "日本", "x" * LONGEST_FILE_NAME]
)
def test_names_that_are_taken(name: str, tmp_path: Path) -> None:
    assert fault_of_file_name(name) is None
    (tmp_path / f"{name}.jsonl").touch()
    assert [path.name for path in tmp_path.iterdir()] == [f"{name}.jsonl"]


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("data/dev.csv", "dev.csv"),
        ("https://host/a/dev.csv?token=abc#x", "dev.csv"),
        ("s3://bucket/dev.csv.gz", "dev.csv.gz"),
        ("dev?.csv", "dev?.csv"),
    ],
)
def test_names_of_files(place: str, name: str) -> None:
    assert file_name_of(place) == name


def recipe(folder: Path, text: str, *, name: str = "mine.yaml") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("task: {type: classification}\ndata: {eval: {../../x: a.csv}}", "data.eval"),
        ("task: {type: classification}\ndata: {eval: {/tmp/x: a.csv}}", "data.eval"),
        ("task: {type: classification}\nname: ../../x", "name"),
        ("task: {type: classification}\nname: /tmp/x", "name"),
        (f"task: {{type: classification}}\nname: {'x' * 101}", "name"),
        ("task: {type: classification}\ndata: {revision: ../../../x}", "data.revision"),
        ("task: {type: classification}\nmodel: {revision: /tmp/x}", "model.revision"),
    ],
)
def test_recipes_cannot_name_files_elsewhere(text: str, key: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(recipe(tmp_path, text))
    assert caught.value.message.startswith(f"{key}: ")
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("revision", ["main", "refs/pr/1", "refs/convert/parquet", "v1.0", "a" * 40])
def test_revisions(revision: str, tmp_path: Path) -> None:
    text = f"task: {{type: classification}}\nmodel: {{name: a/b, revision: {revision}}}"
    assert load_recipe(recipe(tmp_path, text)).recipe.model.revision == revision


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.system ['x']", "!!python/name:os.system ''", "!x 1"]
)
def test_yaml_makes_no_objects(tag: str, tmp_path: Path) -> None:
    with pytest.raises(
        RecipeError, match=r"mine\.yaml:1: not YAML: could not determine a constructor"
    ) as caught:
        load_recipe(recipe(tmp_path, f"name: {tag}"))
    assert "\n" not in caught.value.message


def test_a_recipe_is_called_like_its_file_as_far_as_a_run_can_be(tmp_path: Path) -> None:
    for name, called in (
        ("my recipe.yaml", "my-recipe"),
        ("...yaml", "recipe"),
        ("a" * 150 + ".yaml", "a" * 100),
    ):
        loaded = load_recipe(recipe(tmp_path, "task: {type: classification}", name=name))
        assert loaded.name == called
        again = loaded.recipe.model_copy(update={"name": loaded.name})
        assert load_recipe(recipe(tmp_path, dump_recipe(again), name="again.yaml")).name == called


def test_secrets_are_found_and_not_written(tmp_path: Path) -> None:
    text = (
        "task: {type: classification}\n"
        "data: {train: 'https://me:word@h/a.csv', eval: {dev: 'https://h/b.csv?sig=abc&x=1'}}\n"
    )
    loaded = load_recipe(recipe(tmp_path, text)).recipe
    assert secret_settings(loaded) == ["data.train", "data.eval.dev"]
    written = load_recipe(recipe(tmp_path, dump_recipe(loaded), name="written.yaml")).recipe
    assert written.data.train == "https://***@h/a.csv"
    assert written.data.eval == {"dev": "https://h/b.csv?sig=***&x=1"}
    assert secret_settings(written) == []
