from __future__ import annotations

from pathlib import Path

import pytest

from bertkit.config import catalogue
from bertkit.config.catalogue import copy_recipe, describe, find_recipe, list_recipes, recipes_folder
from bertkit.errors import RecipeError


def test_the_shipped_recipes_are_listed_by_name() -> None:
    entries = list_recipes()
    names = [entry.name for entry in entries]
    assert names == sorted(names)
    assert {"sst2", "mnli", "bbc-news", "classification"} <= set(names)
    assert all(entry.about and find_recipe(entry.name) == entry.path for entry in entries)


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("# SST-2: is this good?  A 2013.\nversion: 1\n", "Is this good?  A 2013."),
        ("\n#NLI: a: b\n", "A: b"),
        ("# no name\n", "No name"),
        ("version: 1\n# late: words\n", ""),
        ("", ""),
    ],
)
def test_the_first_comment_line_describes_a_recipe(text: str, about: str) -> None:
    assert describe(text) == about


def test_files_and_run_folders_are_found_by_their_path(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    own = tmp_path / "own.yml"
    for path in (run / "recipe.yaml", own):
        path.write_text("task: {type: nli}\n", encoding="utf-8")
    assert find_recipe(str(run)) == run / "recipe.yaml"
    assert find_recipe(str(own)) == own


@pytest.mark.parametrize(
    ("name", "hint"),
    [("stt2", "did you mean sst2?"), ("multinli", "did you mean multi_nli?"), ("reviews", "--train FILE")],
)
def test_an_unknown_name_gets_the_nearest_one(name: str, hint: str) -> None:
    with pytest.raises(RecipeError, match=f"no recipe is called '{name}'") as caught:
        find_recipe(name)
    assert hint in caught.value.hint


def test_an_absent_file_is_told() -> None:
    with pytest.raises(RecipeError, match=r"no recipe file absent/own\.yaml"):
        find_recipe("absent/own.yaml")


def test_the_wheel_carries_its_recipes_inside_and_a_checkout_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "bertkit"
    (package / "config").mkdir(parents=True)
    monkeypatch.setattr(catalogue, "__file__", str(package / "config" / "catalogue.py"))
    assert recipes_folder() == tmp_path / "recipes"
    (package / "recipes").mkdir()
    assert recipes_folder() == package / "recipes"


def test_a_recipe_is_copied_once_unless_forced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert copy_recipe("sst2", None, force=False) == Path("sst2.yaml")
    shipped = find_recipe("sst2").read_bytes()
    assert Path("sst2.yaml").read_bytes() == shipped
    Path("sst2.yaml").write_text("mine", encoding="utf-8")
    with pytest.raises(RecipeError, match="already exists"):
        copy_recipe("sst2", None, force=False)
    assert Path("sst2.yaml").read_text(encoding="utf-8") == "mine"
    copy_recipe("sst2", None, force=True)
    assert Path("sst2.yaml").read_bytes() == shipped
    with pytest.raises(RecipeError, match="cannot write"):
        copy_recipe("sst2", Path("no/such/folder.yaml"), force=False)
