"""What flags mean as settings."""

from __future__ import annotations

import pytest

from bertkit.config.flags import settings_from_flags
from bertkit.config.loader import load_recipe


@pytest.mark.parametrize(
    ("recipe", "flags", "columns"),
    [
        ("classification", {"text": "a"}, ["a"]),
        ("classification", {"text_pair": "b"}, ["text", "b"]),
        ("classification", {"text": "a", "text_pair": "b"}, ["a", "b"]),
        ("nli", {"text_pair": "b"}, ["premise", "b"]),
        ("mrpc", {"text": "a"}, ["a", "sentence2"]),
        ("sst2", {"text": "a", "text_pair": "b"}, ["a", "b"]),
    ],
)
def test_text_columns_that_are_not_named_are_the_recipes(
    recipe: str, flags: dict, columns: list[str]
) -> None:
    assert load_recipe(recipe, flags=settings_from_flags(**flags)).recipe.task.text == columns


def test_an_own_training_file_replaces_the_whole_source() -> None:
    data = load_recipe("sst2", flags=settings_from_flags(train="my.csv")).recipe.data
    assert (data.source, data.config, data.train, data.eval, data.test) == (None, None, "my.csv", {}, None)


def test_eval_files_are_named() -> None:
    def named(*files: str) -> dict[str, str]:
        return load_recipe("sst2", flags=settings_from_flags(train="t.csv", evals=files)).recipe.data.eval

    assert named("dev.csv") == {"validation": "dev.csv"}
    assert named("x/dev.csv", "y/hard.csv") == {"dev": "x/dev.csv", "hard": "y/hard.csv"}


def test_flags_that_are_not_given_leave_no_key() -> None:
    assert settings_from_flags() == {}
